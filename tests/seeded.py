#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Take one protection away at a time, and see a fast test turn red: TAP.

    seeded.py [NAME...]        works on a copy of the tree and of $O, below $O/seeded
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
O = Path(os.environ.get("O", TOP / "build")).resolve()
WORK = O / "seeded"

ORDER = ["bats", "-f", "before the journal says so", "tests/cli/order.bats"]
LASTING = ["bats", "-f", "on the disk at once", "tests/cli/order.bats"]
SAVED = ["bats", "-f", "another user|changed byte|damaged", "tests/cli/saved.bats"]
POWER = ["env", "TRIALS=120", "bats", "tests/real/power.bats"]

# name, file, what stands there, what is put instead, the test that must notice
FAULTS = [
    ("fsync of a new file", "sys/replace.c", " || fsync(new);", ";", ORDER),
    ("fsync of a new file, when the power goes", "sys/replace.c", " || fsync(new);", ";", POWER),
    ("fsync of the folder after a rename", "sys/replace.c", "if (fsync(dir))", "if (0)", ORDER),
    ("fsync of the folder after a removal", "sys/real.c", "	if (fsync(dir))\n		return err_errno(e, errno, "
     "\"syncing the directory of \" SHOWN, SHOW(s, path));\n	return 0;\n}\n\nstatic int make_one",
     "	return 0;\n}\n\nstatic int make_one", ORDER),
    ("fsync of the folder after making one", "sys/real.c", "	return fsync(dir);\n", "	return 0;\n", ORDER),
    ("fsync of the folder after a link", "sys/real.c", "	if (fsync(dir))\n		return err_errno(e, errno, "
     "\"syncing the directory of \" SHOWN, SHOW(s, path));\n	return 0;\n}\n\nstatic int real_append",
     "	return 0;\n}\n\nstatic int real_append", LASTING),
    ("fsync of the folder of a file that is appended to", "sys/real.c", " || (created && fsync(dir))", "",
     LASTING),
    ("fdatasync of the journal", "sys/real.c", "fd_write_all(fd, bytes, len) || fdatasync(fd)",
     "fd_write_all(fd, bytes, len)", ORDER),
    ("fdatasync of the journal, when the power goes", "sys/real.c",
     "fd_write_all(fd, bytes, len) || fdatasync(fd)", "fd_write_all(fd, bytes, len)", POWER),
    ("fsync of the folder after a second name", "sys/store.c", "fsync(into) ?", "0 ?", LASTING),
    ("fsync of the folder after reserving room", "sys/store.c",
     "	if (fsync(dir))\n		return real_open_error(s, path, errno, \"syncing the directory of\", e);\n"
     "	return 0;\n}\n\nint real_rmdir", "	return 0;\n}\n\nint real_rmdir", ORDER),
    ("fsync of the folder after removing one", "sys/store.c",
     "\"removing the directory\", e);\n	if (fsync(dir))", "\"removing the directory\", e);\n	if (0)", ORDER),
    ("fsync of the folder after removing all of one", "sys/prune.c", "if (fsync(dir))", "if (0)", LASTING),
    ("O_EXCL of a new file", "sys/replace.c", "O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW",
     "O_WRONLY | O_CREAT | O_NOFOLLOW", ORDER),
    ("O_NOFOLLOW of a new file", "sys/replace.c", "O_CREAT | O_EXCL | O_NOFOLLOW", "O_CREAT | O_EXCL", ORDER),
    ("mode of the old file", "sys/replace.c", "return fchmod(new, want.mode);", "return 0;", "unit/t_replace"),
    ("owner of the old file", "sys/replace.c", "if (fchown(new, want.uid, want.gid))", "if (0)",
     "unit/t_replace"),
    ("refusal to replace a link", "sys/replace.c", "O_RDONLY | O_NOFOLLOW | O_NONBLOCK", "O_RDONLY | O_NONBLOCK",
     "unit/t_replace"),
    ("fdatasync of the journal", "sys/real.c", "fd_write_all(fd, bytes, len) || fdatasync(fd)",
     "fd_write_all(fd, bytes, len)", ORDER),
    ("journal before the act", "execute/execute.c", 'journal_add(&r->journal, "start", s->id, buf_str(&saved), e) ||',
     "", "exec/t_execute"),
    ("looking whether the effect is there", "execute/execute.c", "	if (!there)\n", "	if (0)\n", "exec/t_execute"),
    ("going on with the run before", "execute/execute.c", "*ret = open ? open->number : 0;", "*ret = 0;",
     "exec/t_rollback"),
    ("going on with a run that is half put back", "execute/execute.c", "open = half ? half : runs_open(&all);",
     "open = runs_open(&all);", "exec/t_rollback"),
    ("the mark on a torn line", "execute/journal.c",
     'return ends_torn(&text) ? journal_add(ret, "torn", NULL, NULL, e) : 0;', "return 0;", "exec/t_execute"),
    ("waiting for a boot", "execute/execute.c", 'bool wait = str_eq(s->when, "boot") && !r->booted;',
     "bool wait = false;", "exec/t_reboot"),
    ("checksum of a record", "execute/journal.c", "if (memcmp(hash, line.at, CHECK) != 0)", "if (0)",
     "exec/t_execute"),
    ("corruption in the middle", "execute/journal.c", "		if (bad) {", "		if (0) {",
     "exec/t_execute"),
    ("format of the state", "execute/journal.c", "format <= FORMAT_NOW", "format", "exec/t_rollback"),
    ("counter of boots", "execute/resume.c", "ret->boots > RESUME_BOOTS", "ret->boots > 99", "exec/t_reboot"),
    ("somebody else's change", "steps/step.c", "if (ours || *ret_back || !*now)", "if (*path)",
     "exec/t_rollback"),
    ("hash of a kept file", "sys/store.c", "if (str_eq(hash, kept->sha256))", "if (*hash)", SAVED),
    ("hash of a saved plan", "execute/saved.c", 
     '		return unusable(what, "was changed after it was saved: its hash differs", e);',
     "		(void)hash;", "unit/t_saved"),
    ("stale facts", "execute/saved.c", "	rec_diff(facts_rows, &then->facts, &now->facts, on_fact, &c);\n",
     "	(void)on_fact;\n", "unit/t_saved"),
    ("stale clock", "execute/saved.c", "if (now->made < then->made)", "if (0)", "unit/t_saved"),
    ("mode of a saved plan", "sys/user.c", "if (st->st_mode & 022)", "if (0)", SAVED),
    ("owner of a saved plan", "sys/user.c", "if (!is_caller(st->st_uid))", "if (0)", SAVED),
    ("links beneath a root", "sys/path.c", "RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS", "RESOLVE_BENEATH",
     "unit/t_path"),
    ("the lock", "sys/lock.c", "if (flock(fd, LOCK_EX | LOCK_NB) == 0)", "if (fd >= 0)", "unit/t_lock"),
    ("lookers are told from holders", "sys/lock.c", "held == HELD_BY_LOOKER && looks--", "0 && looks--", "unit/t_lock"),
    ("byte cap of what is read", "sys/real.c", "if (buf_full(ret)) {", "if (0) {", "unit/t_real"),
    ("environment of children", "sys/spawn.c", "execve(argv[0], (char *const *)(size_t)argv, env);",
     "execve(argv[0], (char *const *)(size_t)argv, env ? environ : env);", "unit/t_spawn"),
]


def copy():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in ("src", "tests", "catalog", "profiles", "templates", "docs", "examples", "units", "Makefile"):
        if (TOP / name).exists():
            subprocess.run(["cp", "-a", str(TOP / name), str(WORK)], check=True)
    (WORK / "build").mkdir()
    for part in O.iterdir():
        if part.name not in ("seeded", "cache", "real", "test.log"):
            subprocess.run(["cp", "-a", str(part), str(WORK / "build")], check=True)
    if (O / "cache/keys").exists():
        (WORK / "build/cache").mkdir()
        subprocess.run(["cp", "-a", str(O / "cache/keys"), str(WORK / "build/cache")], check=True)


def make(*targets):
    # DEVELOPER is left out: what a fault leaves unused is no error.
    return subprocess.run(["make", "-s", "O=build", *targets], cwd=WORK, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def test(which):
    """The targets of a test, and its command."""
    if isinstance(which, str):
        return ["build/" + which], ["build/" + which]
    return ["build/gpuprov", "build/unit/t_lasting"], which


def run(command):
    env = dict(os.environ, O=str(WORK / "build"), GPUPROV=str(WORK / "build/gpuprov"))
    try:
        return subprocess.run(command, cwd=WORK, env=env, stdin=subprocess.DEVNULL, timeout=600, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "timed out\n")


def seed(file, old, new, which):
    """Whether the test noticed; and why not, in words."""
    path = WORK / "src" / file
    text = path.read_text()
    if text.count(old) != 1:
        return False, f"src/{file} has {text.count(old)} times: {old}"
    targets, command = test(which)
    path.write_text(text.replace(old, new))
    try:
        made = make(*targets)
        if made.returncode:
            return False, "does not build: " + made.stdout[-500:]
        done = run(command)
        return done.returncode != 0, "the test stays green: " + " ".join(command)
    finally:
        path.write_text(text)


def main():
    faults = [f for f in FAULTS if not sys.argv[1:] or f[0] in sys.argv[1:]]
    number = failed = 0
    copy()
    for which in {str(f[4]): f[4] for f in faults}.values():
        targets, command = test(which)
        made, done = make(*targets), run(command)
        number += 1
        good = made.returncode == 0 and done.returncode == 0
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - green with all protections: {' '.join(command)}",
              flush=True)
        if not good:
            print("# " + (made.stdout + done.stdout)[-1500:].replace("\n", "\n# "))
    for name, file, old, new, which in faults:
        noticed, why = seed(file, old, new, which)
        number += 1
        failed += not noticed
        print(f"{'ok' if noticed else 'not ok'} {number} - without it a test turns red: {name}", flush=True)
        if not noticed:
            print("# " + why.replace("\n", "\n# "))
    shutil.rmtree(WORK)
    print(f"1..{number}")
    sys.exit(bool(failed))


main()
