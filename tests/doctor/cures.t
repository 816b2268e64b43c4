#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# The cure of every finding, on every case: what the plan must hold to mend it is said here a second time,
# without the program's own idea of the host as it will be; and when it is done nothing of it is left.
"""
A row of CURES says what the plan of a symptom must hold: a function of the plan's steps and of the facts. A
symptom that is in no row must say why it is mended by hand. Every case of tests/doctor/cases/ is asked.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "hosts"))
from patch import merge  # noqa: E402

GPUPROV = os.environ.get("GPUPROV") or str(HERE.parents[1] / "build/gpuprov")


def args(plan, kind, key):
    return [a["value"] for s in plan["steps"] if s["kind"] == kind and s["op"] != "keep"
            for a in s.get("args", []) if a["key"] == key]


def acts(plan, step):
    return any(s["id"] == step and s["op"] != "keep" for s in plan["steps"])


def wants(plan, *heads):
    """Packages that are asked for begin so, each once at least."""
    asked = args(plan, "packages", "want")
    return all(any(w.startswith(h) for w in asked) for h in heads)


def removes(plan, head):
    return any(w.startswith(head) for w in args(plan, "packages", "away"))


def written(plan, path):
    return next((a["value"] for s in plan["steps"] if s["op"] != "keep" and
                 {"key": "path", "value": path} in s.get("args", [])
                 for a in s["args"] if a["key"] == "content"), "")


def module_for(plan, facts):
    """A package with a kernel module, or what builds one."""
    names = args(plan, "packages", "want")
    return any("linux-modules-nvidia" in n or "dkms" in n or n.startswith("nvidia-open") for n in names)


def toolkit(plan, facts):
    asked = [w for w in args(plan, "packages", "want") if "nvidia-container" in w]
    return len(asked) == 4 and len({w.split()[1] for w in asked}) == 1


def engine(plan, facts):
    return args(plan, "engine", "name") == ["nvidia"] and len(args(plan, "engine", "config")) == 1


def reboot(plan):
    return plan["totals"].get("reboot", False)


CURES = {
    "S01": lambda p, f: reboot(p),
    "S02": lambda p, f: all(any(k["release"] in w for w in args(p, "packages", "want"))
                            for k in f["kernels"] if k.get("next")),
    "S03": module_for,
    "S05": lambda p, f: module_for(p, f) and reboot(p) and
        any(w.endswith((" 580", " 470", " 390")) for w in args(p, "packages", "want")),
    "S06": lambda p, f: module_for(p, f) and reboot(p) and
        any("open" in w for w in args(p, "packages", "want")) != (f["driver"]["flavour"] == "open"),
    "S07": lambda p, f: reboot(p) and "blacklist nouveau\n" in written(p, "etc/modprobe.d/gpuprov-nouveau.conf")
        and any(s["kind"] == "initramfs" and s["op"] == "change" for s in p["steps"]),
    "S08": lambda p, f: reboot(p) and "blacklist nova_core\n" in written(p, "etc/modprobe.d/gpuprov-nova-core.conf")
        and any(s["kind"] == "initramfs" and s["op"] == "change" for s in p["steps"]),
    "S09": lambda p, f: any("linux-modules-nvidia" in w for w in args(p, "packages", "want")),
    "S10": lambda p, f: sorted("/" + x for x in args(p, "file-away", "path")) == sorted(f["driver"]["marks"]),
    "S11": lambda p, f: "Pin-Priority" in written(p, "etc/apt/preferences.d/gpuprov-pin"),
    "S15": lambda p, f: acts(p, "devchar:nvidia") and
        "create-dev-char-symlinks" in written(p, "etc/udev/rules.d/71-nvidia-dev-char.rules"),
    "S16": engine,
    "S18": lambda p, f: any(s["kind"] == "agent" and s["op"] != "keep" for s in p["steps"]),
    "S20": lambda p, f: acts(p, "cdi:nvidia") and args(p, "file-away", "path") == ["etc/cdi/nvidia.yaml"],
    "S21": lambda p, f: any(w.startswith("nvidia-fabricmanager") and w.endswith(" " + f["driver"]["version"])
                            for w in args(p, "packages", "want")),
    "S23": engine,
    "S27": lambda p, f: removes(p, "cuda-compat-"),
    "S29": lambda p, f: reboot(p) and "nvidia-uvm\n" in written(p, "etc/modules-load.d/gpuprov-nvidia.conf"),
    "S31": lambda p, f: wants(p, "libnvidia-compute-") or wants(p, "libcuda1"),
    "S32": lambda p, f: module_for(p, f) and reboot(p),
    "S33": toolkit,
    "S34": toolkit,
    "S35": toolkit,
    "S37": lambda p, f: acts(p, "dpkg:repair"),
    "S39": lambda p, f: set(args(p, "initramfs", "kernel")) >=
        {k["release"] for k in f["kernels"] if k.get("initramfs") == "stale"},
    "S42": lambda p, f: wants(p, "nvidia-fabricmanager"),
    "S43": lambda p, f: removes(p, "nvidia-fabricmanager"),
    "S44": lambda p, f: engine(p, f) and args(p, "toolkit", "set") == ["nvidia-container-cli.no-cgroups = true"],
}


def section(text, name):
    lines, on = [], False
    for line in text.splitlines(True):
        if line.startswith("--- "):
            on = line == "--- %s\n" % name
        elif on:
            lines.append(line)
    return "".join(lines)


def facts_of(case):
    text = section(case.read_text(), "facts")
    head, _, rest = text.partition("\n")
    if not head.startswith("host "):
        return json.loads(text)
    host = json.loads((HERE.parent / "hosts" / (head[5:] + ".json")).read_text())
    return merge(host, json.loads(rest)) if rest.strip() else host


def ask(facts, *words):
    done = subprocess.run([GPUPROV, "doctor", "--json", "--facts", facts, *words], text=True,
                          capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 5):
        return {"trouble": done.stderr}
    return json.loads(done.stdout)


def check(case, path, seen):
    """What is wrong with the cures of one case; nothing is fine."""
    facts = facts_of(case)
    path.write_text(json.dumps(facts))
    report, fixed = ask(str(path)), ask(str(path), "--fix")
    if "trouble" in report or "trouble" in fixed:
        return [report.get("trouble", "") + fixed.get("trouble", "")]
    wrong = []
    planned = [f for f in report.get("findings", []) if f["fix"].startswith("plan")]
    for f in report.get("findings", []):
        if f in planned:
            seen.add(f["symptom"])
        if f["fix"] == "by hand" and f["severity"] != "note" and not f.get("by_hand"):
            wrong.append("%s is mended by hand, and nothing says why" % f["symptom"])
        if f["fix"] == "unknown":
            wrong.append("%s: nobody looked for its cure" % f["symptom"])
    if not planned:
        return wrong + (["--fix has a plan, and there is nothing to mend"] if "plan" in fixed else [])
    plan = fixed["plan"]
    left = {f["symptom"] for f in fixed.get("left", [])}
    for f in planned:
        if f["symptom"] not in CURES:
            wrong.append("%s has a plan, and this test does not know what must be in it" % f["symptom"])
        elif not CURES[f["symptom"]](plan, facts):
            wrong.append("the plan does not hold what mends %s: %s" %
                         (f["symptom"], [s["id"] for s in plan["steps"] if s["op"] != "keep"]))
        if f["symptom"] in left:
            wrong.append("%s is left" % f["symptom"])
    if any(f["fix"] == "plan and boot" for f in planned) and not reboot(plan):
        wrong.append("a boot was promised, and the plan has none")
    return wrong


def main():
    cases = sorted((HERE / "cases").glob("*.case"))
    seen = set()
    print("1..%d" % (len(cases) + 1))
    with tempfile.TemporaryDirectory() as work:
        for n, case in enumerate(cases, 1):
            wrong = check(case, Path(work) / "facts.json", seen)
            print("%s %d - %s" % ("not ok" if wrong else "ok", n, case.stem))
            for line in wrong:
                print("# " + line)
    missing = sorted(set(CURES) - seen)
    print("%s %d - each cure of this test is some case's" % ("not ok" if missing else "ok", len(cases) + 1))
    for line in missing:
        print("# %s: no case has a plan for it" % line)


main()
