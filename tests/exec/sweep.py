#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill an apply and its rollback at every system call, or fail every call: TAP.

    sweep.py kill|errno PROGRAM STEPPER TEMPLATE WORK CONTROL...

TEMPLATE is a small root, CONTROL... what follows `gpuprov apply --yes --root ROOT`. Each trial works on a
fresh copy of TEMPLATE. LONG=1 tries every call; else, of a run of calls that change nothing, only the last
before one that does: killing at any of them leaves the same disk behind.
"""
import errno
import hashlib
import os
import shutil
import stat
import subprocess
import sys

MODE, PROGRAM, STEPPER, TEMPLATE, WORK = sys.argv[1:6]
CONTROL = sys.argv[6:]
LONG = bool(os.environ.get("LONG"))
ROOT = os.path.join(WORK, "root")
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": WORK}
CHANGING = {"write", "fsync", "fdatasync", "renameat", "renameat2", "rename", "unlinkat", "unlink", "mkdirat",
            "mkdir", "fchmod", "fchown", "ftruncate", "fallocate", "linkat", "symlinkat", "fsetxattr",
            "openat-new", "flock", "exit_group"}
number = failed = 0


def ok(good, what, notes=()):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {what}", flush=True)
    for note in list(notes)[:20] if not good else ():
        print(f"# {note}")
    return good


def fresh():
    shutil.rmtree(ROOT, ignore_errors=True)
    shutil.copytree(TEMPLATE, ROOT, symlinks=True)


def gpuprov(*args, prefix=()):
    done = subprocess.run([*prefix, PROGRAM, *args], env=ENV, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stderr.decode(errors="replace")


def apply(prefix=()):
    return gpuprov("apply", "--yes", "--root", ROOT, "--cache", WORK + "/cache", *CONTROL, prefix=prefix)


def rollback(prefix=()):
    return gpuprov("rollback", "--yes", "--root", ROOT, prefix=prefix)


def tree():
    """Path, type, mode, owner, attributes and hash of all but our own state."""
    seen = {}
    for top, folders, files in os.walk(ROOT):
        rel = os.path.relpath(top, ROOT)
        if rel == "var/lib":
            folders[:] = [f for f in folders if f != "gpuprov"]
        for name in folders + files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            what = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid]
            if stat.S_ISLNK(st.st_mode):
                what.append(os.readlink(path))
            else:
                what += [(n, os.getxattr(path, n)) for n in sorted(os.listxattr(path))]
            if stat.S_ISREG(st.st_mode):
                what.append(hashlib.sha256(open(path, "rb").read()).hexdigest())
            seen[os.path.join(rel, name)] = tuple(what)
    return seen


def differ(got, want):
    return sorted(p for p in got.keys() | want.keys() if got.get(p) != want.get(p))


def calls(run):
    rc, err = run(prefix=(STEPPER, "list"))
    assert rc == 0, err
    return [line.split()[1] for line in err.splitlines() if line.startswith("@")]


def points(names):
    """Which calls to die before."""
    at = range(1, len(names) + 1)
    return list(at) if LONG else [k for k in at if names[k - 1] in CHANGING]


def measure():
    fresh()
    start = tree()
    names = calls(apply)
    end = tree()
    assert end != start, "the apply changes nothing: nothing would be tested"
    back = calls(rollback)
    ok(not differ(tree(), start), "an undisturbed rollback reaches the start", differ(tree(), start))
    return start, end, names, back


def keep_killed():
    """A copy of the tree as death left it, for a second way on from there."""
    saved = WORK + "/killed"
    shutil.rmtree(saved, ignore_errors=True)
    shutil.copytree(ROOT, saved, symlinks=True)
    return saved


def bring_killed(saved):
    shutil.rmtree(ROOT)
    os.rename(saved, ROOT)


def kill_apply(start, end, names):
    again = back = alone = 0
    notes = []
    at = points(names)
    for k in at:
        fresh()
        rc, _ = apply(prefix=(STEPPER, "kill", str(k)))
        assert rc == 137, (k, rc)
        saved = keep_killed()
        rc, err = apply()
        good = rc == 0 and not differ(tree(), end)
        again += good
        if not good:
            notes.append(f"{k} {names[k - 1]}: apply again: {rc} {differ(tree(), end)} {err[-300:]}")
        rc, err = rollback()
        good = rc == 0 and not differ(tree(), start)
        back += good
        if not good:
            notes.append(f"{k} {names[k - 1]}: then rollback: {rc} {differ(tree(), start)} {err[-300:]}")
        bring_killed(saved)
        rc, err = rollback()
        good = rc == 0 and not differ(tree(), start)
        alone += good
        if not good:
            notes.append(f"{k} {names[k - 1]}: rollback at once: {rc} {differ(tree(), start)} {err[-300:]}")
    n = len(at)
    ok(again == n, f"killed at a system call, the next apply reaches the end tree: {again} of {n}", notes)
    ok(back == n, f"and rollback then reaches the start tree: {back} of {n}", notes)
    ok(alone == n, f"killed at a system call, rollback at once reaches the start tree: {alone} of {n}", notes)


def kill_rollback(start, end, names):
    back = again = start_again = 0
    notes = []
    at = points(names)
    for k in list(at):
        fresh()
        assert apply()[0] == 0
        rc, _ = rollback(prefix=(STEPPER, "kill", str(k)))
        # One run may need a call or two less than the one that was counted.
        if rc == 0 and k > len(names) - 4:
            at.remove(k)
            continue
        assert rc == 137, (k, rc)
        saved = keep_killed()
        rc, err = rollback()
        good = rc == 0 and not differ(tree(), start)
        back += good
        if not good:
            notes.append(f"{k} {names[k - 1]}: rollback again: {rc} {differ(tree(), start)} {err[-300:]}")
        rc, err = apply()
        good = rc == 0 and not differ(tree(), end)
        again += good
        if not good:
            notes.append(f"{k} {names[k - 1]}: then apply: {rc} {differ(tree(), end)} {err[-300:]}")
        bring_killed(saved)
        rc, err = apply()
        good = rc == 0 and not differ(tree(), end)
        if good:
            rc, err = rollback()
            good = rc == 0 and not differ(tree(), start)
        start_again += good
        if not good:
            notes.append(f"{k} {names[k - 1]}: apply at once, then rollback: {rc} {differ(tree(), start)} "
                         f"{err[-300:]}")
    n = len(at)
    ok(back == n, f"rollback killed at a system call, the next one reaches the start: {back} of {n}", notes)
    ok(again == n, f"and apply then reaches the end tree: {again} of {n}", notes)
    ok(start_again == n, f"rollback killed, apply at once reaches the end, and rollback the start: "
       f"{start_again} of {n}", notes)


# ---- every call fails once ----

REAL = {
    "openat": "EIO ENOMEM EMFILE EACCES EINTR",
    "openat-new": "EIO ENOSPC EDQUOT EROFS ENOMEM EMFILE EACCES EINTR",
    "say": "EIO ENOSPC EPIPE",
    "openat2": "EIO ENOSPC EROFS ENOMEM EMFILE EACCES ENOSYS EPERM",
    "read": "EIO EINTR",
    "pread64": "EIO",
    "write": "EIO ENOSPC EDQUOT EINTR EROFS",
    "fsync": "EIO ENOSPC EDQUOT EROFS",
    "fdatasync": "EIO ENOSPC EDQUOT EROFS",
    "renameat": "EIO ENOSPC EDQUOT EROFS EACCES EBUSY EXDEV ENOMEM",
    "unlinkat": "EIO EROFS EACCES EBUSY",
    "mkdirat": "EIO ENOSPC EDQUOT EROFS EACCES",
    "fchmod": "EIO EROFS EACCES",
    "fchown": "EIO EDQUOT EROFS EACCES",
    "flock": "EIO ENOMEM EINTR",
    "ftruncate": "EIO EROFS",
    "fallocate": "EIO ENOSPC EDQUOT EOPNOTSUPP EINTR",
    "linkat": "EIO ENOSPC EXDEV EACCES",
    "getdents64": "EIO",
    "fstat": "EIO ENOMEM",
    "newfstatat": "EIO EACCES ENOMEM",
    "fgetxattr": "EIO",
    "flistxattr": "EIO",
    "fsetxattr": "EIO ENOSPC EDQUOT",
    "getrandom": "EINTR ENOSYS",
    "mmap": "ENOMEM",
}
DOCUMENTED = {0, 1, 3, 4, 5, 6, 64, 65, 69, 70, 75, 77}
OUT_OF_MEMORY = {134}  # aborts with a message, see CONTRIBUTING: the journal makes any death resumable


def errno_trial(k, name, word, start, end):
    """None, or what was wrong."""
    fresh()
    rc, err = apply(prefix=(STEPPER, "fail", str(k), str(getattr(errno, word))))
    where = f"{k} {name} {word}: exit {rc}"
    if rc not in DOCUMENTED and not (word == "ENOMEM" and rc in OUT_OF_MEMORY):
        return f"{where}: not documented: {err[-300:]}"
    now = tree()
    torn = [p for p in differ(now, start) if now.get(p) != end.get(p)]
    if torn:
        return f"{where}: neither old nor new: {torn}"
    if rc == 0 and differ(now, end):
        return f"{where}: says it is done, and is not: {differ(now, end)}"
    if rc not in (0, 134) and "error[GP" not in err:
        return f"{where}: no message: {err[-300:]}"
    if rc not in (0, 134) and "/" not in err and "'" not in err and "standard output" not in err:
        return f"{where}: the message names nothing: {err[-300:]}"
    rc, err = apply()
    if rc or differ(tree(), end):
        return f"{where}: the next apply does not mend it: {rc} {differ(tree(), end)} {err[-300:]}"
    return None


def errno_sweep(start, end, names):
    trials = [(k, n, w) for k, n in enumerate(names, 1) for w in REAL.get(n, "").split()]
    if not LONG:
        # A call of one kind in one place of the program comes again and again: every 3rd reaches all.
        trials = [t for i, t in enumerate(trials) if i % 3 == 0]
    notes = [note for note in (errno_trial(*t, start, end) for t in trials) if note]
    ok(len(trials) > 100 and not notes,
       f"a failing system call ends documented, old or new, mended by the next apply: "
       f"{len(trials) - len(notes)} of {len(trials)}", notes)


def main():
    os.makedirs(WORK, exist_ok=True)
    start, end, names, back = measure()
    print(f"# apply makes {len(names)} system calls, rollback {len(back)}")
    if MODE == "kill":
        kill_apply(start, end, names)
        kill_rollback(start, end, back)
    else:
        errno_sweep(start, end, names)
    shutil.rmtree(WORK)
    print(f"1..{number}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
