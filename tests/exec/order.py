#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a power cut would test, seen in a trace of an apply: every file is on the disk before it gets its name,
every name before the journal says so, every act after the journal announced it.

    order.py TRACE ROOT        TRACE is of: strace -f -y -e trace=... gpuprov apply; prints what is wrong
"""
import re
import sys

TRACE, ROOT = sys.argv[1:3]
CALL = re.compile(r"^(?:\d+\s+)?(\w+)\((.*)\)\s+=\s+(-?\d+)")
FD = re.compile(r"^(\d+)<([^>]*)>")
wrong = []
unsynced = {}        # path -> written and not yet on the disk
pending_dirs = {}    # directory -> what in it has no lasting name yet
announced = False    # a journal record is on the disk since the last act
locked = renames = appends = 0


def bad(what):
    wrong.append(what)


def fd_path(args):
    m = FD.match(args)
    return m.group(2).removesuffix(" (deleted)") if m else ""


def names(args):
    return re.findall(r'"((?:[^"\\]|\\.)*)"', args)


def ours(path):
    return path.startswith(ROOT)


for line in open(TRACE, errors="replace"):
    m = CALL.match(line)
    if not m or m.group(3).startswith("-"):
        continue
    call, args = m.group(1), m.group(2)
    path = fd_path(args)
    if call == "openat" and "O_CREAT" in args and ours(path):
        if ".gpuprov-" in args and not ("O_EXCL" in args and "O_NOFOLLOW" in args):
            bad(f"a new file is not opened O_EXCL and O_NOFOLLOW: {line.strip()}")
        if not locked and not args.endswith("0600"):
            bad(f"written before the lock was taken: {line.strip()}")
        if names(args)[0] not in ("lock", "log"):  # for people, and for as long as we live
            pending_dirs.setdefault(path, []).append(names(args)[0])
    elif call == "flock":
        locked += 1
    elif call == "write" and ours(path):
        unsynced[path] = True
        if path.endswith("/journal"):
            appends += 1
    elif call in ("fchmod", "fchown", "fsetxattr") and ours(path):
        unsynced[path] = True
    elif call in ("fsync", "fdatasync"):
        unsynced.pop(path, None)
        pending_dirs.pop(path, None)
        if path.endswith("/journal") and call == "fdatasync":
            if pending_dirs:
                bad(f"the journal goes on before these folders are on the disk: {pending_dirs}")
            announced = True
    elif call in ("renameat", "renameat2"):
        renames += 1
        where = path + "/" + names(args)[0]
        if where in unsynced:
            bad(f"renamed before it was on the disk: {line.strip()}")
        if "/var/lib/gpuprov" not in path:
            if not announced:
                bad(f"not announced in the journal: {line.strip()}")
            announced = False
        pending_dirs.setdefault(path, []).append(names(args)[1])
    elif call in ("unlinkat", "mkdirat") and ours(path):
        pending_dirs.setdefault(path, []).append(names(args)[0])
for path in [p for p in unsynced if not p.endswith(("/lock", "/log"))]:
    bad(f"never on the disk: {path}")
for folder, what in pending_dirs.items():
    bad(f"never on the disk: {what} in {folder}")
if renames < 1 or appends < 5 or not locked:
    bad(f"the trace is not of an apply: {renames} renames, {appends} records, {locked} locks")
print("\n".join(wrong))
sys.exit(bool(wrong))
