#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# What holds for every plan, whatever host and profile: over all of tests/hosts, the ready profiles, the golden cases.
import json
import random
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cases import cases, hosts, ready, GPUPROV  # noqa: E402  pylint: disable=wrong-import-position

CATALOG = HERE.parents[1] / "catalog"
# What the plan asks for besides roles: headers, what a .run installer needs to compile, container toolkit.
BESIDES = re.compile(r"linux-headers-.*|linux-kbuild-.*|gcc(-\d+)?|make|dkms|libc6-dev|kmod|openssl|mokutil|"
                     r"pkg-config|libglvnd-dev|nvidia-container-.*|libnvidia-container.*|"
                     r"raspberrypi-kernel-headers")
WORLDS = {"debian": {"debian", "nvidia-debian", "nvidia-cuda"},
          "ubuntu": {"ubuntu", "ubuntu-server", "nvidia-ubuntu", "nvidia-ubuntu-590", "nvidia-cuda"}}
HOLES = {"branch": r"(?P<branch>\d+)", "version": r"[\d.]+", "kernel": r"[\w.+~-]+?", "flavour": r"[a-z]+",
         "cuda": r"\d+-\d+", "cuda-major": r"\d+"}


def read_roles():
    """[(world, role, pattern of a package name, carries the driver's version)]"""
    out = []
    for line in (CATALOG / "packages.cat").read_text(encoding="utf-8").splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0] != "role":
            continue
        world, role = words[1].split("/")
        values = dict(w.split("=", 1) for w in words[2:])
        for package in values["packages"].split(","):
            pattern = re.escape(package).replace(r"\{", "{").replace(r"\}", "}").replace(r"\-", "-")
            for hole, text in HOLES.items():
                pattern = pattern.replace("{" + hole + "}", text)
            out.append((world, role, re.compile(pattern + "$"), values.get("versioned") != "no"))
    return out


ROLES = read_roles()


def args(step, key):
    return [a["value"] for a in step.get("args", []) if a["key"] == key]


def wants(plan):
    """{package: version head or None} of the packages step."""
    return {w.split()[0]: (w.split() + [None])[1] for s in plan["steps"] if s["kind"] == "packages"
            for w in args(s, "want")}


# ---- what each property says is wrong with a plan; an empty list is good ----

def follow_from_steps(plan, facts):
    kinds = {s["kind"] for s in plan["steps"]}
    paths = {p for s in plan["steps"] for p in args(s, "path")}
    asked = wants(plan)
    kernels = {k["release"] for k in facts.get("kernels", [])}
    installs = bool(asked) or "driver-run" in kinds
    wrong = []
    for post in plan["posts"]:
        kind, subject, of = post["kind"], post["subject"], post.get("of")
        if kind == "package":
            good = subject in asked and post.get("wanted") == asked[subject]
        elif kind == "dpkg":
            good = "packages" in kinds
        elif kind == "file":
            good = subject in paths
        elif kind == "module":
            good = installs and subject in kernels
        elif kind in ("library", "program", "loaded", "module-source", "gpus", "driver-record", "persistence"):
            good = installs
        elif kind == "nvcc-run":
            good = "cuda-run" in kinds
        elif kind == "cdi-refresh":
            good = "cdi" in kinds
        elif kind == "toolkit-settings":
            good = "toolkit" in kinds
        elif kind == "dev-char":
            good = kinds & {"dev-char", "devchar"} or any("dev-char" in s["id"] for s in plan["steps"])
        elif kind in ("container-run", "cdi"):
            good = kinds & {"engine", "cdi", "packages"}
        else:
            # A kind of a step has postconditions of the step's own name.
            good = any(s["id"] in (post["id"], f"{kind}:{subject}") or s["kind"] == kind or subject in
                       [a["value"] for a in s.get("args", [])] for s in plan["steps"])
        if not good or (of and of not in asked and "driver-run" not in kinds):
            wrong.append(f"{post['id']} follows from no step")
    return wrong


def are_known(plan, facts):
    allowed = WORLDS.get(facts["os"]["id"], set())
    return [f"{name} is in no world of {facts['os']['id']}" for name in wants(plan)
            if not BESIDES.match(name) and
            not any(world in allowed and pattern.match(name) for world, _, pattern, _ in ROLES)]


def are_one(plan, facts):
    """One origin, one flavour, one version for the whole driver."""
    allowed = WORLDS.get(facts["os"]["id"], set()) - {"nvidia-cuda"}
    asked = wants(plan)
    parts = {n: h for n, h in asked.items()
             if any(w in allowed and v and p.match(n) for w, _, p, v in ROLES) and h}
    wrong = []
    if len(set(parts.values())) > 1:
        wrong.append(f"versions are mixed: {parts}")
    if parts and not any(all(any(w == world and p.match(n) for w, _, p, _ in ROLES) for n in parts)
                         for world in allowed):
        wrong.append(f"no one world has all of {sorted(parts)}")
    flavours = set()
    for name in parts:
        roles = {r for w, r, p, _ in ROLES if w in allowed and p.match(name)}
        if roles <= {"module-open", "prebuilt-open", "desktop-open"}:
            flavours.add("open")
        elif roles <= {"module-proprietary", "prebuilt-proprietary", "desktop-proprietary"}:
            flavours.add("proprietary")
    if len(flavours) > 1:
        wrong.append(f"flavours are mixed: {sorted(parts)}")
    return wrong


def have_reasons(plan, _):
    return [f"{s['id']} gives no reason" for s in plan["steps"]
            if not any(r.get("text") for r in s.get("reasons", []))]


def needs_come_first(plan, _):
    seen, wrong = set(), []
    ids = {s["id"] for s in plan["steps"]}
    for step in plan["steps"]:
        wrong += [f"{step['id']} is before {n}" for n in step.get("needs", []) if n in ids and n not in seen]
        seen.add(step["id"])
    return wrong


def wait_for_the_boot(plan, facts):
    """What takes effect after a boot only has a second sitting that loads and proves it; nothing else has."""
    second = [s for s in plan["steps"] if s["kind"] == "module"]
    loaded = [p for p in plan["posts"] if p["kind"] == "loaded"]
    driver = facts.get("driver", {})
    taken = any(m in ("nouveau", "nova_core") for m in facts.get("modules", [])) or \
        any(s["op"] == "remove" for s in plan["steps"])
    right = driver.get("loaded", "").startswith(loaded[0]["wanted"]) if loaded else False
    reboot, wrong = plan["reboot_required"], []
    if second and not reboot:
        wrong.append("a second sitting without a boot")
    if second and right and not taken and driver.get("loaded_flavour") in (None, *args(second[0], "flavour")):
        wrong.append("a second sitting for a driver that is in effect")
    if any(s.get("when") != "boot" or not loaded or loaded[0].get("needs") != "boot" for s in second):
        wrong.append("the second sitting does not wait, or proves nothing")
    if reboot and loaded and facts.get("live") and facts.get("gpus") and (taken or not right) and not second:
        wrong.append("the driver takes effect after the boot, and no second sitting proves it")
    return wrong


OF_A_PLAN = [("every postcondition follows from a step", follow_from_steps),
             ("every package is in the catalog's world of that distribution", are_known),
             ("origins, flavours and versions are not mixed", are_one),
             ("every step says why", have_reasons),
             ("a step comes after what it needs", needs_come_first),
             ("a second sitting where the driver takes effect after a boot, and only there", wait_for_the_boot)]


# ---- running ----

def shuffled(value, rng):
    """The same JSON, the keys of its objects in another order."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {k: shuffled(value[k], rng) for k in keys}
    return [shuffled(v, rng) for v in value] if isinstance(value, list) else value


def with_unrelated(facts):
    out = json.loads(json.dumps(facts))
    out.setdefault("packages", []).append({"name": "cowsay", "arch": "all", "version": "3.03+dfsg2-8",
                                           "status": "installed"})
    # Where nobody looked at them, one more would say that somebody did.
    if "modules" in out:
        out["modules"].append("zram")
    return out


def plan(folder, profile, facts):
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    (folder / "profile.yaml").write_text(profile, encoding="utf-8")
    run = subprocess.run([GPUPROV, "plan", "--json", "--facts", "facts.json", "profile.yaml"], cwd=folder,
                         capture_output=True, text=True, check=False)
    return run.stdout


def main():
    rng = random.Random(4)
    todo = [(f"{host}, {p.stem}", p.read_text(encoding="utf-8"), facts) for host, facts in hosts() for p in ready()]
    todo += list(cases())
    names = [n for n, _ in OF_A_PLAN] + ["the same input gives the same bytes, in any order of keys",
                                         "an unrelated fact changes nothing"]
    wrong = {name: [] for name in names}
    planned = 0
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for what, profile, text in todo:
            facts = json.loads(text)
            first = plan(folder, profile, facts)
            if not first.startswith("{"):
                continue
            answer = json.loads(first)
            if "steps" in answer:
                planned += 1
                for name, judge in OF_A_PLAN:
                    wrong[name] += [f"{what}: {w}" for w in judge(answer, facts)]
            # Refusals too are made of the input alone; every fourth is enough.
            if rng.randrange(4):
                continue
            if plan(folder, profile, shuffled(facts, rng)) != first:
                wrong[names[-2]].append(what)
            if plan(folder, profile, with_unrelated(facts)) != first:
                wrong[names[-1]].append(what)
    print(f"1..{len(names) + 1}")
    print(f"{'' if planned > 500 else 'not '}ok 1 - {planned} plans were looked at")
    for n, name in enumerate(names, 2):
        print(f"{'not ' if wrong[name] else ''}ok {n} - {name}")
        for line in wrong[name][:15]:
            print("# " + line)
    sys.exit(any(wrong.values()) or planned <= 500)


main()
