#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill an apply inside dpkg, and its rollback, in a real root: TAP.

    dpkg_kill.py POINTS PROGRAM STEPPER TEMPLATE WORK BASE PROFILE

Each trial works on a fresh overlay over TEMPLATE and BASE. The whole process tree dies at every record of the
journal, before programs that dpkg and its scripts run, and at POINTS random system calls once
dpkg has begun (LONG: after the first record).
Then the next apply must reach the packages and files of an undisturbed one, and rollback those of the start; for
every fourth point rollback alone must do so too.
"""
import hashlib
import os
import random
import re
import resource
import shutil
import stat
import subprocess
import sys
import threading

import sweep

POINTS = int(sweep.MODE)
BASE, PROFILE = sweep.CONTROL
# What is no part of the outcome: logs, caches, locks, copies that dpkg and apt keep of their own files, and the
# scratch files of dpkg, which its next run begins with removing.
BESIDES = re.compile(r"var/lib/gpuprov(/|$)|var/log/|var/cache/|var/lib/apt/lists/|run/|tmp/"
                     r"|var/lib/dpkg/(.*-old|lock.*|triggers/Lock|updates/tmp\.i|tmp\.ci(/.*)?)$|etc/ld\.so\.cache$")
BACK_POINTS = max(10, POINTS // 10)
rng = random.Random(8)
# Programs that close all they might have open do so one by one where there is no /proc.
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


class Host:
    """An overlay of its own; one for each worker."""

    def __init__(self, name):
        self.at = os.path.join(sweep.WORK, name)
        self.root = self.at + "/root"
        self.upper = self.at + "/upper"
        self.cache = self.at + "/cache"
        self.mounted = False

    def fresh(self):
        self.drop()
        for folder in (self.root, self.upper, self.at + "/work"):
            os.makedirs(folder)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={sweep.TEMPLATE}:{BASE},upperdir={self.upper},workdir={self.at}/work", self.root],
                       check=True)
        self.mounted = True

    def drop(self):
        if self.mounted:
            subprocess.run(["umount", self.root], check=True)
            self.mounted = False
        for folder in (self.root, self.upper, self.at + "/work"):
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, *args, prefix=()):
        done = subprocess.run([*prefix, sweep.PROGRAM, *args], env=sweep.ENV, stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stderr.decode(errors="replace")

    def apply(self, prefix=()):
        return self.run("apply", "--yes", "--root", self.root, "--cache", self.cache, PROFILE, prefix=prefix)

    def rollback(self, prefix=()):
        return self.run("rollback", "--yes", "--root", self.root, prefix=prefix)

    def changed(self):
        """What the upper layer has; the rest is as below it."""
        seen = set()
        for top, folders, files in os.walk(self.upper):
            rel = os.path.relpath(top, self.upper)
            seen.update(os.path.normpath(os.path.join(rel, name)) for name in folders + files)
        return {path for path in seen if not BESIDES.match(path)}

    def state(self, path):
        return state_of(self.root, path)

    def wrong(self, want, start):
        """Paths that are not as in `want`; what `want` does not name has to be as in the start."""
        bad = [p for p in self.changed() | want.keys() if self.state(p) != (want[p] if p in want else start(p))]
        return sorted(bad)

    def leftovers(self):
        out = [p for p in self.changed() if "/.gpuprov-" in p or p == "usr/sbin/policy-rc.d"]
        with open("/proc/mounts", encoding="utf-8") as mounts:
            return out + [line for line in mounts if f" {self.root}/" in line]


def state_of(root, path):
    """None, or type, mode, owner and bytes. dpkg keeps its packages in no fixed order."""
    at = os.path.join(root, path)
    try:
        st = os.lstat(at)
    except FileNotFoundError:
        return None
    what = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid]
    if stat.S_ISLNK(st.st_mode):
        what.append(os.readlink(at))
    elif stat.S_ISREG(st.st_mode):
        with open(at, "rb") as f:
            text = f.read()
        if path in ("var/lib/dpkg/status", "var/lib/apt/extended_states"):
            text = b"\n\n".join(sorted(text.strip().split(b"\n\n")))
        what.append(hashlib.sha256(text).hexdigest())
    return tuple(what)


def list_calls(host, run):
    rc, err = run(prefix=(sweep.STEPPER, "list"))
    assert rc == 0, err
    return [line.split()[1] for line in err.splitlines() if line.startswith("@")]


def points_of(names, random_ones):
    """Every record of the journal, and programs begun after the first (LONG: each); random calls after that."""
    records = [k for k, n in enumerate(names, 1) if n == "fdatasync"]
    # The last step of the apply, the first of the rollback, is that of the packages.
    begin = records[0]
    out = [f"fdatasync:{n}" for n in range(1, len(records) + 1)]
    programs = [k for k, n in enumerate(names, 1) if n == "execve"]
    inside = [f"execve:{n}" for n, k in enumerate(programs, 1) if k > begin]
    out += inside if sweep.LONG else inside[::3]
    # Before dpkg is begun there are downloads, and the reading of indexes.
    inside_dpkg = begin if sweep.LONG or "chroot" not in names[begin:] else names.index("chroot", begin)
    return out, [str(rng.randint(inside_dpkg, len(names))) for _ in range(random_ones)]


class Trials:
    """What came of them, counted under a lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts, self.of, self.notes = {}, {}, []
        self.alive = 0

    def note(self, what, good, text):
        with self.lock:
            self.of[what] = self.of.get(what, 0) + 1
            self.counts[what] = self.counts.get(what, 0) + good
            if not good:
                self.notes.append(text)


AGAIN, BACK, ALONE = ("killed inside dpkg, the next apply reaches the same packages and files",
                      "and rollback then reaches the start", "killed inside dpkg, rollback at once reaches the start")
R_BACK, R_AGAIN = "rollback killed inside dpkg, the next one reaches the start", "and apply then reaches the end"


def judge(trials, what, host, done, want, start, where):
    rc, err = done
    wrong = host.wrong(want, start) + host.leftovers()
    trials.note(what, rc == 0 and not wrong, f"{where}: {what}: exit {rc}, {wrong[:8]} {err[-900:]}")


def kill_apply(trials, host, point, number, world):
    end, start, _ = world
    host.fresh()
    rc, _ = host.apply(prefix=(sweep.STEPPER, "kill", point))
    if rc != 137:
        # A random call beyond the last of this run.
        with trials.lock:
            trials.alive += 1
        return
    if number % 4 == 0:
        judge(trials, ALONE, host, host.rollback(), {}, start, point)
    judge(trials, AGAIN, host, host.apply(), end, start, point)
    judge(trials, BACK, host, host.rollback(), {}, start, point)


def kill_rollback(trials, host, point, number, world):
    end, start, applied = world
    del number
    host.fresh()
    bring(host, applied)
    rc, _ = host.rollback(prefix=(sweep.STEPPER, "kill", point))
    if rc != 137:
        with trials.lock:
            trials.alive += 1
        return
    judge(trials, R_BACK, host, host.rollback(), {}, start, point)
    judge(trials, R_AGAIN, host, host.apply(), end, start, point)


def keep(host):
    """The upper layer after an apply, for the rollbacks to begin with."""
    kept = os.path.join(sweep.WORK, "applied")
    subprocess.run(["umount", host.root], check=True)
    host.mounted = False
    subprocess.run(["cp", "-a", host.upper, kept], check=True)
    return kept


def bring(host, kept):
    subprocess.run(["umount", host.root], check=True)
    shutil.rmtree(host.upper)
    shutil.rmtree(host.at + "/work")
    subprocess.run(["cp", "-a", kept, host.upper], check=True)
    os.makedirs(host.at + "/work")
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={sweep.TEMPLATE}:{BASE},upperdir={host.upper},workdir={host.at}/work", host.root],
                   check=True)
    host.mounted = True


def work(host, todo, lock, trials, world):
    while True:
        with lock:
            if not todo:
                break
            what, point, number = todo.pop()
        what(trials, host, point, number, world)
    host.drop()


def main():
    os.makedirs(sweep.WORK, exist_ok=True)
    hosts = [Host("a"), Host("b")]
    first = hosts[0]
    untouched = Host("untouched")
    untouched.fresh()

    def start(path):
        return state_of(untouched.root, path)

    # Once to fill the cache, and once to count.
    for host in hosts:
        host.fresh()
        rc, err = host.apply()
        assert rc == 0, err
    end = {p: hosts[1].state(p) for p in hosts[1].changed()}
    sweep.ok(not first.wrong(end, start), "two undisturbed applies come to the same", first.wrong(end, start))
    sweep.ok(len([p for p in end if start(p) != end[p]]) > 20, "which is more than the start")
    rc, err = first.rollback()
    sweep.ok(rc == 0 and not first.wrong({}, start), "an undisturbed rollback reaches the start",
             [err] + first.wrong({}, start))
    applied = keep(hosts[1])
    first.fresh()
    calls = list_calls(first, first.apply)
    back = list_calls(first, first.rollback)
    fixed, chance = points_of(calls, POINTS)
    fixed_back, chance_back = points_of(back, BACK_POINTS)
    print(f"# apply makes {len(calls)} system calls, rollback {len(back)}; {len(fixed)} + {len(chance)} and "
          f"{len(fixed_back)} + {len(chance_back)} points")
    todo = [(kill_apply, p, n) for n, p in enumerate(fixed + chance)]
    todo += [(kill_rollback, p, n) for n, p in enumerate(fixed_back + chance_back)]
    trials, lock = Trials(), threading.Lock()
    workers = [threading.Thread(target=work, args=(h, todo, lock, trials, (end, start, applied))) for h in hosts]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    untouched.drop()
    for what in (AGAIN, BACK, ALONE, R_BACK, R_AGAIN):
        n = trials.of.get(what, 0)
        sweep.ok(n > 5 and trials.counts.get(what) == n, f"{what}: {trials.counts.get(what, 0)} of {n}",
                 [note for note in trials.notes if f": {what}: " in note])
    sweep.ok(trials.alive * 20 < len(fixed + chance + fixed_back + chance_back),
             f"hardly any run was over before its point: {trials.alive}")
    shutil.rmtree(sweep.WORK)
    print(f"1..{sweep.number}")
    sys.exit(bool(sweep.failed))


main()
