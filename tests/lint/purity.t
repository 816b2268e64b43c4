#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# What decides and shows is pure: its objects need nothing but memory, strings and our own names.
"""
Reads the undefined symbols of objects in $LINT_OBJ (default $O/obj). No time, no getenv, no open: plans
do not depend on the weather.
"""
import re
import shutil
import subprocess
from fnmatch import fnmatch

from lint import OBJ, Tap

# One a line, so that adding one touches nothing else.
PURE = [
    "catalog.o",
    "compat*.o",
    "distros/*.o",
    "doctor/*.o",
    "edit/*.o",
    "emit/*.o",
    "facts.o",
    "engines/locate.o",
    "manpage.o",
    "operator.o",
    "options.o",
    "plan.o",
    "profile/*.o",
    "runfile/record.o",
    "render/*.o",
    "solve/rules_*.o",
    "runfile/runfile.o",
    "runtimes/*.o",
    "profile/schema*.o",
    "solve/*.o",
    "engines/toolkit.o",
    "edit/tree.o",
    "why*.o",
]
STEPS = ["steps/*.o"]

# Whose names they may use: objects that are pure themselves, and base/.
OWN = PURE + ["base/*.o", "registry.o"]
# Steps act, but only through these; sys/apt.o is words and comparisons, no libapt.
STEPS_OWN = ["base/*.o", "plan.o", "steps/*.o", "sys/sys.o", "sys/apt.o", "sys/hash.o",
             "engines/*.o", "cluster/kubectl.o", "cluster/cluster*.o", "edit/*.o", "runfile/runfile.o", "runfile/record.o", "runfile/look.o", "runfile/installer.o",
             "runfile/uninstall.o", "runfile/driver_record.o", "engines/toolkit.o", "engines/devchar.o", "runfile/dkms.o", "closure/unfinished.o"]

MEMORY = """bcmp memchr memcmp memcpy memmem memmove mempcpy memrchr memset qsort bsearch abort
strcasecmp strcasestr strchr strchrnul strcmp strcspn strlen strncasecmp strncmp strnlen strpbrk strrchr
strspn strstr __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc tolower toupper vsnprintf snprintf
__assert_fail""".split()
# base/ is what takes memory from libc, and says on stderr that there is none.
HEAP = """calloc malloc realloc free strdup vasprintf __vasprintf_chk strtoull __isoc23_strtoull
__errno_location strerror_r fwrite fputs stderr""".split()

# Not ours and not a call we wrote: hardening, sanitizers, coverage, the linker.
RUNTIME = re.compile(
    r"__stack_chk_fail|__(mem|str|v?sn)\w+_chk|__(asan|ubsan|sanitizer|lsan)_\w+|__gcov_\w+|"
    r"__llvm_\w+|_GLOBAL_OFFSET_TABLE_|__popcountdi2")

# object, symbols: why it is right.
EXCEPTIONS = [
    ("edit/toml_reader.o", r"_Z\w+|__cxa_pure_virtual|__libc_single_threaded",
     "toml++ works on bytes in memory; this is the file that wraps it"),
    ("profile/profile.o", r"yaml_\w+", "libyaml works on bytes in memory; profile/profile.c is the file that wraps it"),
    ("manpage.o", r"command_table", "data: the table of commands that the Makefile makes"),
    ("options.o", r"command_table", "data: the table of commands that the Makefile makes"),
    ("base/rec.o", r"json_\w+", "jansson works on bytes in memory; rec.c is the file that wraps it"),
]


def symbols(obj, *options):
    out = subprocess.run(["nm", "-P", *options, str(obj)], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[0].split("@")[0] for line in out.splitlines() if line.strip()}


def objects(patterns):
    return [(str(p.relative_to(OBJ)), p) for p in sorted(OBJ.rglob("*.o"))
            if any(fnmatch(str(p.relative_to(OBJ)), q) and str(p.relative_to(OBJ)).count("/") ==
                   q.count("/") for q in patterns)]


def names_of(patterns):
    """Who defines what, so that a message can say where a forbidden name comes from."""
    found = set()
    for _, path in objects(patterns):
        found |= symbols(path, "-g", "--defined-only")
    return found


def excepted(name, symbol):
    return any(fnmatch(name, obj) and re.fullmatch(allowed, symbol) for obj, allowed, _ in EXCEPTIONS)


def breaches(which, own, others, libc):
    for name, path in objects(which):
        for symbol in sorted(symbols(path, "-u")):
            if symbol in own or symbol in libc or RUNTIME.fullmatch(symbol) or \
                    excepted(name, symbol):
                continue
            where = f" of {others[symbol]}" if symbol in others else ""
            yield f"{name}: uses {symbol}{where}"


def main():
    tap = Tap()
    if not shutil.which("nm"):
        tap.skip("purity", "there is no nm")
        tap.done()
    others = {}
    for name, path in objects(["*.o", "*/*.o"]):
        for symbol in symbols(path, "-g", "--defined-only"):
            others.setdefault(symbol, name)
    pure = objects(PURE)
    tap.rule("there are objects to look at", [] if pure else [f"no pure object in {OBJ}"])
    tap.rule("what decides and shows uses memory, strings and pure names only",
             breaches(PURE, names_of(OWN), others, set(MEMORY)))
    tap.rule("base/ needs memory and strings, and does no input or output",
             breaches(["base/*.o"], names_of(["base/*.o"]), others, set(MEMORY + HEAP)))
    tap.rule("steps act through sys_* only",
             breaches(STEPS, names_of(STEPS_OWN), others, set(MEMORY)))
    tap.done()


main()
