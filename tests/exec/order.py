#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a power cut would test, seen in a trace: every file is on the disk before it gets its name, every name
before the journal says so, every act after the journal announced it.

    order.py TRACE ROOT        TRACE is of: strace -f -y gpuprov apply --root ROOT; prints what is wrong
    order.py TRACE             of anything: every name and every byte is on the disk in the end
"""
import re
import sys

TRACE, ROOT = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
CALL = re.compile(r"^(?:\d+\s+)?(\w+)\((.*)\)\s+=\s+(-?\d+)")
FD = re.compile(r"(?:^|\s)\d+<([^>]*)>")
NAME = re.compile(r'"((?:[^"\\]|\\.)*)"')
wrong = []
unsynced = set()     # paths that were written and are not yet on the disk
pending = {}         # folder -> what in it has no lasting name yet
announced = False    # a journal record is on the disk since the last act
locked = renames = appends = 0


def is_ours(path):
    return path.startswith(ROOT) if ROOT else True


def may_be_lost(path):
    """For people, and for as long as we live."""
    return path.rsplit("/", 1)[-1] in ("lock", "log")


def add_name(folder, name):
    if not may_be_lost(name):
        pending.setdefault(folder, []).append(name)


def opened(line, args, folder):
    if ROOT and ".gpuprov-" in args and not ("O_EXCL" in args and "O_NOFOLLOW" in args):
        wrong.append(f"a new file is not opened O_EXCL and O_NOFOLLOW: {line}")
    if ROOT and not locked and not args.endswith("0600"):
        wrong.append(f"written before the lock was taken: {line}")
    add_name(folder, NAME.findall(args)[0])


def synced(path, data_only):
    global announced
    unsynced.discard(path)
    pending.pop(path, None)
    if ROOT and path.endswith("/journal") and data_only:
        if pending:
            wrong.append(f"the journal goes on before these folders are on the disk: {pending}")
        announced = True


def renamed(line, args, folders):
    global announced, renames
    renames += 1
    old, new = NAME.findall(args)[:2]
    if folders[0] + "/" + old in unsynced:
        wrong.append(f"renamed before it was on the disk: {line}")
    if ROOT and "/var/lib/gpuprov" not in folders[-1]:
        if not announced:
            wrong.append(f"not announced in the journal: {line}")
        announced = False
    if old in pending.get(folders[0], []):
        pending[folders[0]].remove(old)
    add_name(folders[-1], new)


def look(line, call, args):
    global locked, appends
    # Names are in folders that are open; a path from nowhere is none of our calls.
    folders = [p.removesuffix(" (deleted)") for p in FD.findall(args)]
    if not folders or not is_ours(folders[0]):
        locked += call == "flock"
        return
    if call == "openat" and "O_CREAT" in args:
        opened(line, args, folders[0])
    elif call == "flock":
        locked += 1
    elif call in ("write", "fchmod", "fchown", "fsetxattr") and folders[0].startswith("/"):
        if not may_be_lost(folders[0]):
            unsynced.add(folders[0])
        appends += call == "write" and folders[0].endswith("/journal")
    elif call in ("fsync", "fdatasync"):
        synced(folders[0], call == "fdatasync")
    elif call in ("renameat", "renameat2"):
        renamed(line, args, folders)
    elif call in ("mkdirat", "symlinkat", "linkat"):
        add_name(folders[-1], NAME.findall(args)[-1])
    elif call == "unlinkat":
        gone = folders[0] + "/" + NAME.findall(args)[0]
        pending.pop(gone, None)
        unsynced.discard(gone)
        add_name(folders[0], NAME.findall(args)[0])


for text in open(TRACE, errors="replace"):
    m = CALL.match(text)
    if m and not m.group(3).startswith("-"):
        look(text.strip(), m.group(1), m.group(2))
for path in unsynced:
    if ROOT or not path.startswith("/dev/"):
        wrong.append(f"never on the disk: {path}")
for folder, what in pending.items():
    if what:
        wrong.append(f"never on the disk: {what} in {folder}")
if ROOT and (renames < 1 or appends < 5 or not locked):
    wrong.append(f"the trace is not of an apply: {renames} renames, {appends} records, {locked} locks")
print("\n".join(wrong))
sys.exit(bool(wrong))
