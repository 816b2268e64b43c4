#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# The house itself: first lines, length, leftovers, the map in src/README.md, layout, shell scripts.
"""
The tree is what git tracks or would track. LINT_SKIP_TOOLS=1 leaves clang-format and shellcheck out.
"""
import os
import re
import shutil
import subprocess

from lint import ROOT, Tap, executable, sources, text, tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
LONGEST = 600

CODE = (".c", ".h", ".cc", ".hh", ".inc")
SCRIPT = (".sh", ".t", ".bats", ".bash", ".py")


def is_script(name):
    if name.startswith("tests/fuzz/corpus/"):
        return False  # inputs, whatever they look like
    if name.endswith(SCRIPT):
        return True
    with open(ROOT / name, "rb") as f:
        return f.read(2) == b"#!"


def commented(names):
    """Files that begin with a licence and a purpose: code and scripts."""
    return [n for n in names if n.endswith(CODE) or is_script(n)]


# ---- first lines ----

def c_head(name, lines):
    if lines[0] != f"/* {SPDX} */":
        yield f"{name}:1: expected /* {SPDX} */"
    second = lines[1] if len(lines) > 1 else ""
    if second == "/*":
        third = lines[2] if len(lines) > 2 else ""
        good = re.match(r" \* \S", third)
    else:
        good = re.match(r"/\* \S", second)
    if not good:
        yield f"{name}:2: expected a comment that says what this file is"


def script_head(name, lines):
    at = 1 if lines[0].startswith("#!") else 0
    if (lines[at] if len(lines) > at else "") != f"# {SPDX}":
        yield f"{name}:{at + 1}: expected # {SPDX}"
    purpose = lines[at + 1] if len(lines) > at + 1 else ""
    if not re.match(r'# [A-Za-z$]|"""\S', purpose):
        yield f"{name}:{at + 2}: expected a comment that says what this file is"


def check_heads(names):
    for name in commented(names):
        lines = text(name).splitlines() or [""]
        yield from (c_head if name.endswith(CODE) else script_head)(name, lines)


def check_executable(names):
    """prove runs tests by themselves."""
    for name in names:
        is_test = name.startswith("tests/") and name.endswith((".t", ".bats"))
        if is_test and not executable(name):
            yield f"{name}: is a test and not executable"
        if is_test and not text(name).startswith("#!"):
            yield f"{name}: is a test and has no #! line"


# ---- length and leftovers ----

def check_length(names):
    for name in names:
        if not name.startswith(("src/", "tests/")):
            continue
        lines = text(name).count("\n")
        if lines > LONGEST:
            yield f"{name}: {lines} lines, at most {LONGEST}: it is two modules"


LEFT = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
TAP_WORD = "# TO" "DO/"  # run.sh looks for TAP's directive


def check_leftovers(names):
    for name in names:
        if not name.startswith(("src/", "tests/", "catalog/", "profiles/", "examples/", "Makefile")):
            continue
        for number, line in enumerate(text(name).splitlines(), 1):
            found = LEFT.search(line)
            if found and not (name == "tests/run.sh" and TAP_WORD in line):
                yield f"{name}:{number}: {found.group(1)}: do it, or open an issue"


# ---- names of places ----

REGISTRIES = re.compile(
    r"\b(?:(?:deb|ftp|security|archive|snapshot|httpredir|cdn-fastly)\.debian\.org|"
    r"(?:archive|security|ports|old-releases)\.ubuntu\.com|developer\.download\.nvidia\.com|"
    r"nvidia\.github\.io|pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org|"
    r"(?:registry-1|index|download)\.docker\.(?:io|com)|ghcr\.io|quay\.io|registry\.k8s\.io|nvcr\.io|"
    r"crates\.io|pkgs\.k8s\.io)\b")
MACHINE = re.compile(r"(?<![\w.})-])/(?:work|root)/[\w.*$-]")

# What only looks like one: file, part of the line, and why it is none.
LOOKS_ALIKE = [
    ("tests/unit/t_lock.c", '"/ro' "ot/run/lock", "the end of a path beneath a folder named root"),
]

# Where a registry is a fact with a source, not a place we go to by ourselves.
FACTS = ("catalog/", "tests/hosts/", "tests/plan/cases/", "tests/doctor/cases/")


def check_places(names):
    for name in names:
        for number, line in enumerate(text(name).splitlines(), 1):
            found = MACHINE.search(line)
            if found and not any(name == file and part in line for file, part, _ in LOOKS_ALIKE):
                yield f"{name}:{number}: {found.group(0)}...: an absolute path of one machine"
            found = REGISTRIES.search(line)
            if found and not name.startswith(FACTS):
                yield f"{name}:{number}: {found.group(0)}: a registry's host name; take it from the host"


# ---- the map ----

def readme_sections():
    """(folders, names) of each section of src/README.md that has a table."""
    heading, names = "", set()
    for line in text("src/README.md").splitlines() + ["## end"]:
        if line.startswith("## "):
            if names:
                yield re.findall(r"`(\w+)/`", heading) or ["."], names
            heading, names = line, set()
        elif line.startswith("|"):
            names |= set(re.findall(r"`([\w.-]+\.(?:c|h|cc|hh|inc))`", line.split("|")[1]))


def check_map():
    if not (ROOT / "src/README.md").is_file():
        yield "src/README.md: is not there"
        return
    listed = set()
    for folders, names in readme_sections():
        for name in sorted(names):
            paths = [name if f == "." else f"{f}/{name}" for f in folders]
            there = [p for p in paths if (ROOT / "src" / p).is_file()]
            if not there:
                yield f"src/README.md: names {name}, which is not in {' '.join(folders)}"
            listed |= set(there)
    for name in sources(*CODE):
        if name not in listed:
            yield f"src/README.md: does not name {name}"


# ---- layout ----

def check_layout(names):
    ours = [n for n in names if n.startswith(("src/", "tests/")) and n.endswith(CODE)]
    if not ours:
        return
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *ours], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seen = set()
    for line in done.stdout.splitlines():
        found = re.match(r"([^:\s]+):(\d+):\d+: error", line)
        if found and found.group(1) not in seen:
            seen.add(found.group(1))
            yield f"{found.group(1)}:{found.group(2)}: clang-format-14 wants it otherwise; make format"
    if done.returncode and not seen:
        yield f"clang-format-14: {done.stdout.strip()}"


# What shellcheck cannot know when it looks at one file of several.
QUIET = [
    ("SC1091", ("sh", "bash", "bats")),  # that another file is sourced
    ("SC2317", ("sh", "bash", "bats")),  # that a function is called by its name in a variable
    ("SC2119", ("sh", "bash", "bats")),  # the same
    ("SC2120", ("sh", "bash", "bats")),  # the same
    ("SC2034", ("bash", "bats")),  # that the other file uses a variable
    ("SC2154", ("bash", "bats")),  # that the other file sets it
    ("SC2016", ("bash", "bats")),  # that what single quotes hold is for another program to expand
    ("SC2030", ("bats",)),  # that each test is a process of its own, and means to be
    ("SC2031", ("bats",)),  # the same
]


def shell_of(name):
    if not is_script(name):
        return None
    first = text(name).split("\n", 1)[0]
    if name.endswith(".bats"):
        return "bats"
    if name.endswith(".bash") or re.match(r"#!.*\bbash", first):
        return "bash"
    if name.endswith(".sh") or re.match(r"#!.*\bsh\b", first):
        return "sh"
    return None


def check_shell(names):
    for shell in ("sh", "bash", "bats"):
        files = [n for n in names if shell_of(n) == shell]
        if not files:
            continue
        quiet = ",".join(code for code, where in QUIET if shell in where)
        done = subprocess.run(["shellcheck", "-f", "gcc", "-e", quiet, "-s", shell, *files],
                              cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            yield from done.stdout.splitlines()


def tool_rule(tap, what, tool, check, names):
    if os.environ.get("LINT_SKIP_TOOLS"):
        return
    if not shutil.which(tool):
        tap.skip(what, f"there is no {tool} on this machine")
    else:
        tap.rule(what, check(names))


def main():
    tap = Tap()
    names = tree()
    tap.rule("code and scripts begin with the licence, then with what they are", check_heads(names))
    tap.rule("tests can be run by themselves", check_executable(names))
    tap.rule(f"no file of src/ or tests/ is longer than {LONGEST} lines", check_length(names))
    tap.rule("nothing is left to be done in a comment", check_leftovers(names))
    tap.rule("no registry's host name and no path of one machine", check_places(names))
    tap.rule("src/README.md names every file of src/ and no other", check_map())
    tool_rule(tap, "clang-format-14 is content", "clang-format-14", check_layout, names)
    tool_rule(tap, "shellcheck is content", "shellcheck", check_shell, names)
    tap.done()


main()
