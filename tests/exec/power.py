#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Take the power away before a write of an apply or of its rollback, on ext4 and XFS of their own: TAP.

    power.py TRIALS PROGRAM STEPPER TEMPLATE WORK CONTROL...

The file system is shut down by its own ioctl (what it has not written is lost; its log is flushed first, or not),
mounted again, checked, and must then be brought to the end tree and to the start tree. TRIALS are spread evenly
over all combinations of file system, log, apply or rollback, call, and what is done after the power is back.
"""
import os
import shutil
import subprocess
import sys

import sweep

TRIALS = int(sweep.MODE)
MOUNT = os.path.join(sweep.WORK, "mount")
SIZE = {"ext4": "32M", "xfs": "320M"}
OPTIONS = {"ext4": "loop,noauto_da_alloc", "xfs": "loop"}
CHECK = {"ext4": ["e2fsck", "-fn"], "xfs": ["xfs_repair", "-n"]}


def do(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert done.returncode == 0, (command, done.stdout)


def image(fs, name):
    return os.path.join(sweep.WORK, f"{name}.{fs}")


def mount(fs, name="trial"):
    do("mount", "-o", OPTIONS[fs], image(fs, name), MOUNT)


def umount():
    do("umount", MOUNT)


def make_image(fs, name, fill):
    """A file system that `fill` is called in."""
    path = image(fs, name)
    if not os.path.exists(path):
        with open(path, "wb") as f:
            f.truncate(int(SIZE[fs][:-1]) << 20)
        do("mkfs." + fs, "-q", path)
    mount(fs, name)
    fill()
    umount()


def fresh(fs, name):
    # Another file, not the same one again: the loop device of the trial before may still be letting go of it.
    if os.path.exists(image(fs, "trial")):
        os.unlink(image(fs, "trial"))
    do("cp", "--sparse=always", image(fs, name), image(fs, "trial"))
    mount(fs)


def power_back(fs):
    """What is wrong with the file system after its log was replayed; None when nothing is."""
    umount()
    mount(fs)
    umount()
    done = subprocess.run([*CHECK[fs], image(fs, "trial")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    mount(fs)
    return done.stdout[-300:] if done.returncode else None


def reaches(command, want, what):
    rc, err = command()
    try:
        now = sweep.differ(sweep.tree(), want)
    except OSError as e:
        now = [str(e)]
    return f"{what}: exit {rc} {now} {err[-400:]}" if rc or now else None


def lose_power(t, command, start, end):
    """None, or what was wrong after it."""
    rc, err = command(prefix=(sweep.STEPPER, "down", str(t["at"]), str(t["flag"]), MOUNT))
    # One run may need a call less than the one that was counted.
    if rc == 0 and t["near_end"]:
        return None
    if rc != 137:
        return f"the power did not go: exit {rc} {err[-300:]}"
    broken = power_back(t["fs"])
    if broken:
        return f"file system: {broken}"
    return (None if t["then"] == "back" else reaches(sweep.apply, end, "apply")) or \
        reaches(sweep.rollback, start, "rollback")


def trial(t, start, end):
    fresh(t["fs"], "applied" if t["phase"] == "rollback" else "start")
    try:
        return lose_power(t, sweep.rollback if t["phase"] == "rollback" else sweep.apply, start, end)
    finally:
        umount()


def combinations(phases):
    for phase, names in phases.items():
        for at, name in enumerate(names, 1):
            # All else leaves the disk as the next of these finds it.
            if name not in sweep.CHANGING:
                continue
            for fs in SIZE:
                for flag in (1, 2):
                    for then in ("on", "back"):
                        yield {"fs": fs, "flag": flag, "phase": phase, "at": at, "name": name, "then": then,
                               "near_end": at > len(names) - 4}


def measure():
    """Trees and calls, and the two images that trials begin with."""
    os.makedirs(MOUNT, exist_ok=True)
    sweep.ROOT = os.path.join(MOUNT, "root")
    found = {}

    def begin():
        shutil.copytree(sweep.TEMPLATE, sweep.ROOT, symlinks=True)

    def count():
        found["start"] = sweep.tree()
        found["apply"] = sweep.calls(sweep.apply)
        found["end"] = sweep.tree()

    for fs in SIZE:
        make_image(fs, "start", begin)
        shutil.copyfile(image(fs, "start"), image(fs, "applied"))
        make_image(fs, "applied", count)
    fresh("ext4", "applied")
    found["rollback"] = sweep.calls(sweep.rollback)
    umount()
    return found


def main():
    found = measure()
    every = list(combinations({p: found[p] for p in ("apply", "rollback")}))
    some = [every[i * len(every) // TRIALS] for i in range(TRIALS)]
    notes = []
    for t in some:
        wrong = trial(t, found["start"], found["end"])
        if wrong:
            where = f"{t['fs']} {t['flag']} {t['phase']} {t['at']} {t['name']} {t['then']}"
            notes.append(f"{where}: {wrong}".replace("\n", " "))
    sweep.ok(not notes, f"without power before a write, on ext4 and XFS, checked, then brought to its end and start: "
             f"{len(some) - len(notes)} of {len(some)} ({len(every)} combinations)", notes)
    shutil.rmtree(sweep.WORK)
    print(f"1..{sweep.number}")
    sys.exit(bool(sweep.failed))


main()
