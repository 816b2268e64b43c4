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
    "doctor*.o",
    "edit*.o",
    "emit*.o",
    "facts.o",
    "locate.o",
    "manpage.o",
    "operator.o",
    "options.o",
    "plan.o",
    "profile*.o",
    "record.o",
    "render*.o",
    "rules*.o",
    "runfile.o",
    "runtimes/*.o",
    "schema*.o",
    "solve*.o",
    "toolkit.o",
    "tree.o",
    "why*.o",
]
STEPS = ["steps/*.o"]

# Whose names they may use: objects that are pure themselves, and base/.
# toml_reader.o is the wrapped toml++: C++, so its own symbols are not looked at.
OWN = PURE + ["base/*.o", "registry.o", "toml_reader.o"]
# Steps act, but only through these; sys/apt.o is words and comparisons, no libapt.
STEPS_OWN = ["base/*.o", "plan.o", "steps/*.o", "sys/sys.o", "sys/apt.o", "sys/hash.o",
             "engine*.o", "kubectl.o", "cluster*.o", "edit*.o", "runfile.o", "record.o", "look.o", "installer.o",
             "uninstall.o", "driver_record.o", "toolkit.o", "devchar.o", "dkms.o", "unfinished.o"]

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
    ("profile.o", r"yaml_\w+", "libyaml works on bytes in memory; profile.c is the file that wraps it"),
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
