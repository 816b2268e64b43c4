#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run commands in turns, several times, and print a table of time and memory.

    measure.py COMMANDS RUNS PACKAGES

COMMANDS has one command a line, its name first. Each round runs every command once, so that what
else the machine does meets them all. Wall time is the median, processor time its median too; memory
is the largest process (/usr/bin/time) and, from one more run each, the peak of the sum over the tree
(proportional set size, sampled). Lines "timing: STAGE N us" on stderr are put together by stage.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

BASELINE = "apt-get-s"
GOAL = 0.2
AGAIN_MS = 50
WHAT = {
    "plan": "gpuprov plan, with the exact set",
    "apt-get-s": "apt-get -s install",
    "apt-get-uris": "apt-get --print-uris install",
    "python-apt": "python-apt: Cache, mark_install",
    "apply-again": "gpuprov apply, nothing to do",
    "plan-again": "gpuprov plan, nothing to do",
    "facts": "gpuprov facts, without apt",
    "facts-with-apt": "gpuprov facts, with candidates",
    "ansible-check": "ansible-playbook --check, module apt",
}


def once(command):
    """(wall seconds, processor seconds, KiB of the largest process, stderr)"""
    with tempfile.NamedTemporaryFile("r") as out:
        argv = ["/usr/bin/time", "-q", "-f", "%U %S %M", "-o", out.name, *command]
        begin = time.perf_counter()
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        wall = time.perf_counter() - begin
        if done.returncode:
            sys.exit(f"measure: {' '.join(command)}: exit {done.returncode}\n{done.stderr.decode()}")
        user, system, kib = out.read().split()[-3:]
        return wall, float(user) + float(system), int(kib), done.stderr.decode()


def tree(pid):
    found = [pid]
    for one in found:
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as f:
                found += [int(p) for p in f.read().split()]
        except OSError:
            pass
    return found


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return sum(int(m) for m in re.findall(r"^Pss: +(\d+)", f.read(), re.M))
    except OSError:
        return 0


def peak_of_tree(command):
    """KiB: the largest sum over all processes of the command that was seen."""
    peak = 0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        while p.poll() is None:
            peak = max(peak, sum(pss(one) for one in tree(p.pid)))
            time.sleep(0.002)
    return peak


def stages(texts):
    """{stage: median microseconds}, in the order printed."""
    found = {}
    for text in texts:
        for name, us in re.findall(r"^timing: (\S+) +(\d+) us$", text, re.M):
            found.setdefault(name, []).append(int(us))
    return {name: statistics.median(us) for name, us in found.items()}


def main():
    commands, rounds = {}, int(sys.argv[2])
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            name, *command = line.split()
            commands[name] = command
    for command in commands.values():
        once(command)  # warms caches, and fails early
    runs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(once(command))
    table(runs, {name: peak_of_tree(command) for name, command in commands.items()})


def table(runs, trees):
    middle = {n: [statistics.median(r[i] for r in rs) for i in range(3)] for n, rs in runs.items()}
    base = middle[BASELINE]
    print(f"Planning {sys.argv[3]} packages on one root, warm caches, median of {sys.argv[2]} runs"
          f" in turns, {os.cpu_count()} processors")
    print()
    print(f"{'':34} {'wall ms':>8} {'min..max':>13} {'cpu ms':>8} {'ratio':>6}"
          f" {'process MiB':>12} {'tree MiB':>9}")
    for name, rs in runs.items():
        wall, cpu, kib = middle[name]
        walls = [r[0] * 1000 for r in rs]
        print(f"{WHAT.get(name, name):34} {wall * 1000:8.0f} {min(walls):6.0f}..{max(walls):<5.0f}"
              f" {cpu * 1000:8.0f} {wall / base[0]:6.3f} {kib / 1024:12.1f} {trees[name] / 1024:9.1f}")
    print()
    print("Where the time of plan goes, ms: " + ", ".join(
        f"{name} {us / 1000:.1f}" for name, us in stages(r[3] for r in runs["plan"]).items()))
    ratio = middle["plan"][0] / base[0]
    lighter = trees["plan"] <= trees[BASELINE]
    again = middle["plan-again"][0] * 1000
    print(f"Goal: a plan that finds nothing to do in less than {AGAIN_MS} ms: {again:.0f} ms,"
          f" {again / 1000 / middle['plan'][0]:.3f} of one with packages: {'met' if again < AGAIN_MS else 'MISSED'}")
    print(f"Goal: plan in at most {GOAL} of apt-get -s, with no more memory: {ratio:.3f},"
          f" {trees['plan'] / 1024:.0f} of {trees[BASELINE] / 1024:.0f} MiB:"
          f" {'met' if ratio <= GOAL and lighter else 'MISSED'}")


if __name__ == "__main__":
    main()
