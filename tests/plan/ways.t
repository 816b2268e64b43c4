#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# Ways out: each that names settings is applied to the profile, and the plan made again. It must be a plan.
"""
Over every host of tests/hosts: the ready profiles, and profiles that ask for one thing each; over the golden
cases: their own. Where a host has several refusals at once, a way out ends its own and brings no other one.
"""
import json
import os
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cases import hosts, cases, ready, GPUPROV  # noqa: E402  pylint: disable=wrong-import-position

LONG = os.environ.get("LONG")

# One wish each: what people pin, and what does not go with every host.
WISHES = [f"driver: {{branch: \"{b}\"}}\n" for b in (390, 470, 535, 550, 570, 580, 590, 595)]
WISHES += [f"driver: {{branch: \"{b}\", source: {s}}}\n"
           for b in (470, 535, 550, 580) for s in ("distro", "nvidia", "runfile")]
WISHES += [f"driver: {{modules: {m}, source: {s}}}\n"
           for m in ("open", "proprietary", "none") for s in ("auto", "distro", "nvidia")]
WISHES += ["driver: {version: 535.161.08}\n", "driver: {version: 550.54.14, source: distro}\n",
           "driver: {build: prebuilt}\n", "driver: {build: dkms}\n",
           "driver: {branch: \"535\", modules: open, source: distro}\n",
           "driver: {features: [gds], modules: proprietary}\n"]
WISHES += [f"purpose: develop\ncuda: {{version: \"{v}\"}}\n"
           for v in ("8.0", "10.2", "11.4", "11.8", "12.4", "12.8", "13.0")]
WISHES += ["purpose: develop\ncuda: {version: \"12.8\", source: distro}\n",
           "purpose: develop\ncuda: {version: \"13.0\"}\ndriver: {branch: \"535\"}\n",
           "cuda: {version: \"12.8\", compat: true}\n",
           "gpus: [Tesla K80, B200]\n"]


def plan(folder, profile):
    """The exit status and the plan as JSON (None without one)."""
    run = subprocess.run([GPUPROV, "plan", "--json", "--facts", folder / "facts.json", folder / profile],
                         capture_output=True, text=True, check=False)
    return run.returncode, json.loads(run.stdout) if run.stdout.startswith("{") else None


def way_profile(sets):
    """A profile that changes these settings of profile.yaml; the same branch of keys is written once."""
    tree = {}
    for one in sets:
        path, value = one.split("=", 1)
        node = tree
        *keys, last = path.split(".")
        for key in keys:
            node = node.setdefault(key, {})
        node[last] = value

    def lines(node, depth):
        out = ""
        for key, value in node.items():
            pad = "  " * depth
            out += (f"{pad}{key}:\n" + lines(value, depth + 1)) if isinstance(value, dict) else \
                f"{pad}{key}: {value}\n"
        return out

    return "extends: profile.yaml\n" + lines(tree, 0)


def name_of(diag):
    return diag.get("rule") or diag["code"]


def errors(answer):
    return [d for d in answer.get("diagnostics", []) if d["severity"] == "error"] if answer else []


def said(answer):
    return "; ".join(f"{name_of(d)} {d['what']}" for d in errors(answer))


def judge(status, answer, first, diag):
    """What is wrong with the plan that a way out led to; None when it is as promised."""
    if answer is None:
        return f"exit {status}, no answer"
    if not errors(answer):
        return None
    before = [(name_of(d), d["what"]) for d in errors(first)]
    now = [(name_of(d), d["what"]) for d in errors(answer)]
    if len(before) == 1:
        return f"still refused: {said(answer)}"
    if (name_of(diag), diag["what"]) in now:
        return f"it is still there: {said(answer)}"
    new = [n for n in now if n not in before]
    return f"it brings others: {new}" if new else None


def try_ways(what, profile, facts):
    """[(name, ways tried, complaints)] of one host and one profile."""
    bad, tried = [], 0
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "facts.json").write_text(facts, encoding="utf-8")
        (folder / "profile.yaml").write_text(profile, encoding="utf-8")
        _, answer = plan(folder, "profile.yaml")
        for diag in errors(answer):
            if not diag.get("ways"):
                bad.append(f"{what}: {name_of(diag)} {diag['what']}: there is no way out")
            ways = [w for w in diag.get("ways", []) if w.get("sets")]
            for way in ways:
                tried += 1
                (folder / "way.yaml").write_text(way_profile(way["sets"]), encoding="utf-8")
                wrong = judge(*plan(folder, "way.yaml"), answer, diag)
                if wrong:
                    bad.append(f"{what}: {name_of(diag)} {diag['what']}: way '{way['text']}': {wrong}")
    return tried, bad


def all_of_them():
    for host, facts in hosts():
        for profile in ready():
            yield f"{host}, {profile.stem}", profile.read_text(encoding="utf-8"), facts
        for n, wish in enumerate(WISHES):
            # A third of them each time, another one for each host; LONG=1 tries all.
            if LONG or n % 3 == zlib.crc32(host.encode()) % 3:
                yield f"{host}, {wish!r}", "version: 1\nkind: bare-metal\n" + wish, facts
    for case, profile, facts in cases():
        yield case, profile, facts


def main():
    todo = list(all_of_them())
    tried, bad, led = 0, [], 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for n, complaints in pool.map(lambda t: try_ways(*t), todo):
            tried += n
            led += n - len(complaints)
            bad += complaints
    print("1..2")
    print(f"{'not ' if tried < 300 else ''}ok 1 - {tried} ways out were tried, of {len(todo)} profiles on hosts")
    for line in bad[:60]:
        print("# " + line)
    if len(bad) > 60:
        print(f"# and {len(bad) - 60} more")
    print(f"{'not ' if bad else ''}ok 2 - {led} of them lead to a plan, {len(bad)} refusals or ways do not")
    sys.exit(bool(bad))


main()
