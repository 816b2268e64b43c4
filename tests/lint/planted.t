#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# Every lint catches the breach it is there for: a small clean tree passes, with one breach planted it fails.
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lint import BUILD, ROOT, Tap

HERE = Path(__file__).resolve().parent
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
# In two parts, so that house.t does not find them here.
LEFTOVER = "TO" + "DO"
REGISTRY = "deb." + "debian.org"
MACHINE = "/wo" + "rk/main"


def c_file(purpose, *lines):
    return LICENCE + f"/* {purpose} */\n" + "".join(line + "\n" for line in lines)


def header(purpose, *lines):
    return c_file(purpose, "#pragma once", *(["", *lines] if lines else []))


# ---- running a lint ----

def write(tree, files):
    for name, content in files.items():
        path = Path(tree) / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755 if content.startswith("#!") else 0o644)


def lint(name, **env):
    done = subprocess.run([str(HERE / name)], env={**os.environ, **env}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def outcome(name, wanted, **env):
    """Problems when the lint does not fail, or fails without saying what is wanted."""
    status, out = lint(name, **env)
    if wanted is None:
        return [] if status == 0 else [f"expected {name} to pass, it says:", *out.splitlines()]
    if status == 0:
        return [f"expected {name} to fail and to say: {wanted}"]
    named = any(wanted in line for line in out.splitlines() if line.startswith("#"))
    return [] if named else [f"expected {name} to say: {wanted}", *out.splitlines()]


def in_tree(tap, name, what, clean, breach, wanted, **env):
    with tempfile.TemporaryDirectory() as tree:
        write(tree, clean)
        write(tree, breach)
        tap.rule(f"{name}: {what}", outcome(name, wanted, LINT_ROOT=tree, **env))


# ---- layers ----

LAYERS = {
    "src/base/str.h": header("Strings.", "#include <stddef.h>", "", "size_t str_len(const char *s);"),
    "src/base/str.c": c_file("Strings.", '#include "base/str.h"', "", "#include <string.h>"),
    "src/plan.h": header("A plan.", '#include "base/str.h"'),
    "src/sys/sys.h": header("The door.", "struct sys;"),
    "src/sys/real.c": c_file("The world.", '#include "sys/sys.h"', "", "#include <unistd.h>"),
    "src/solve/solve.h": header("The solver.", '#include "plan.h"'),
    "src/solve/solve.c": c_file("The solver.", '#include "solve/solve.h"', "", '#include "base/str.h"'),
    "src/probes/probe.h": header("A probe.", "struct sys;"),
    "src/probes/pci.c": c_file("PCI.", '#include "probes/probe.h"', "", '#include "base/str.h"',
                               '#include "sys/sys.h"'),
    "src/distros/distro.h": header("A distro.", '#include "base/str.h"'),
    "src/distros/debian.c": c_file("Debian.", '#include "distros/distro.h"'),
    "src/steps/step.h": header("A step.", '#include "plan.h"'),
    "src/steps/file.c": c_file("A file.", '#include "steps/step.h"', "", '#include "sys/sys.h"'),
    "src/commands/plan.c": c_file("The command.", '#include "solve/solve.h"', "", "#include <unistd.h>"),
}

LAYER_BREACHES = [
    ("base/ includes what is above it", {"src/base/str.c": c_file(
        "x", '#include "base/str.h"', "", '#include "plan.h"')}, "src/base/str.c:5: includes plan.h"),
    ("base/ reaches the world", {"src/base/str.c": c_file(
        "x", '#include "base/str.h"', "", "#include <unistd.h>")}, "src/base/str.c:5: includes unistd.h"),
    ("a value includes sys.h", {"src/plan.h": header("x", '#include "sys/sys.h"')},
     "src/plan.h:5: includes sys/sys.h"),
    ("the solver includes sys.h", {"src/solve/solve.c": c_file(
        "x", '#include "solve/solve.h"', "", '#include "sys/sys.h"')}, "src/solve/solve.c:5: includes sys/sys.h"),
    ("the solver sees sys.h through another header", {
        "src/steps/step.h": header("x", '#include "sys/sys.h"'),
        "src/solve/solve.c": c_file("x", '#include "solve/solve.h"', "", '#include "steps/step.h"')},
     "src/solve/solve.c: sees sys/sys.h through its includes"),
    ("the solver asks for the time", {"src/solve/solve.c": c_file(
        "x", '#include "solve/solve.h"', "", "#include <time.h>")}, "src/solve/solve.c:5: includes time.h"),
    ("an interface header includes sys.h", {"src/probes/probe.h": header("x", '#include "sys/sys.h"')},
     "src/probes/probe.h:5: includes sys/sys.h"),
    ("a drop-in includes another folder's", {"src/probes/pci.c": c_file(
        "x", '#include "probes/probe.h"', "", '#include "steps/step.h"')},
     "src/probes/pci.c:5: includes steps/step.h"),
    ("a distro sees the world", {"src/distros/debian.c": c_file(
        "x", '#include "distros/distro.h"', "", '#include "sys/sys.h"')},
     "src/distros/debian.c:5: includes sys/sys.h"),
    ("a step opens files by itself", {"src/steps/file.c": c_file(
        "x", '#include "steps/step.h"', "", "#include <fcntl.h>")},
     "src/steps/file.c:5: includes fcntl.h"),
    ("a second file sees libyaml", {"src/solve/solve.c": c_file(
        "x", '#include "solve/solve.h"', "", "#include <yaml.h>")}, "src/solve/solve.c:5: includes yaml.h"),
    ("a file sees two libraries", {"src/sys/real.c": c_file(
        "x", '#include "sys/sys.h"', "", "#include <archive.h>", "#include <curl/curl.h>")},
     "src/sys/real.c: sees 2 outside libraries"),
    ("a file that is no part of anything", {"src/utils.c": c_file("x")}, "src/utils.c: belongs to no part"),
    ("an exception that is stale", {"src/closure/closure.h": header("x"), "src/closure/closure.c": c_file(
        "x", '#include "closure/closure.h"')}, "the exception of closure/closure.c for sys/apt.h is not needed"),
    ("a header that needs another", {"src/plan.h": header("x", "size_t plan_size(void);")},
     "src/plan.h: does not compile alone"),
    ("a header without #pragma once", {"src/plan.h": c_file("x", '#include "base/str.h"')},
     "src/plan.h: has no '#pragma once'"),
    ("the own header comes second", {"src/solve/solve.c": c_file(
        "x", '#include "base/str.h"', "", '#include "solve/solve.h"')},
     "src/solve/solve.c: its own header solve/solve.h comes first"),
    ("includes that are not sorted", {"src/solve/solve.c": c_file(
        "x", '#include "solve/solve.h"', "", '#include "plan.h"', '#include "base/str.h"')},
     "src/solve/solve.c:6: base/str.h is sorted before plan.h"),
    ("the system's before ours", {"src/solve/solve.c": c_file(
        "x", '#include "solve/solve.h"', "", "#include <string.h>", "", '#include "plan.h"')},
     "src/solve/solve.c:7: plan.h comes before string.h"),
    ("groups without a blank line", {"src/solve/solve.c": c_file(
        "x", '#include "solve/solve.h"', "", '#include "plan.h"', "#include <string.h>")},
     "src/solve/solve.c:6: a blank line between groups"),
]


# ---- purity ----

OBJECTS = {
    "base/str.c": "int str_len(void) { return 1; }",
    "sys/sys.c": "int sys_read(void) { return 1; }",
    "solve/solve.c": "int str_len(void); int solve(void) { return str_len(); }",
    "steps/file.c": "int sys_read(void); int apply(void) { return sys_read(); }",
}

PURITY_BREACHES = [
    ("the solver asks for the time", "solve/solve.c", "#include <time.h>\nlong solve(void) { return time(0); }",
     "solve/solve.o: uses time"),
    ("the solver reads the environment", "solve/solve.c",
     "#include <stdlib.h>\nvoid *solve(void) { return getenv(\"X\"); }", "solve/solve.o: uses getenv"),
    ("the solver reads a file", "solve/solve.c", "int sys_read(void); int solve(void) { return sys_read(); }",
     "solve/solve.o: uses sys_read of sys/sys.o"),
    ("a renderer prints", "render/plan.c",
     "#include <stdio.h>\nint render(int n) { return printf(\"%d\", n); }", "render/plan.o: uses printf"),
    ("a distro opens a file", "distros/debian.c",
     "#include <fcntl.h>\nint find(void) { return open(\"x\", 0); }", "distros/debian.o: uses open"),
    ("a step opens a file by itself", "steps/file.c",
     "#include <fcntl.h>\nint apply(void) { return open(\"x\", 0); }", "steps/file.o: uses open"),
    ("base/ prints", "base/str.c",
     "#include <stdio.h>\nint str_len(void) { return printf(\"%d\", 1); }", "base/str.o: uses printf"),
]


def build_objects(folder, files):
    for name, code in files.items():
        obj = Path(folder) / (name[:-2] + ".o")
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([os.environ.get("CC", "cc"), "-c", "-x", "c", "-o", str(obj), "-"],
                       input=code.encode(), check=True)


def purity(tap, what, files, wanted):
    with tempfile.TemporaryDirectory() as folder:
        build_objects(folder, files)
        tap.rule(f"purity.t: {what}", outcome("purity.t", wanted, LINT_OBJ=folder))


# ---- banned calls ----

BANNED_CLEAN = {"src/a.c": c_file(
    "It may speak of strcpy() and exit() in words.", "/* strcpy(a, b); */",
    'const char *text = "free(p); // sprintf(x)";', "int my_exit(int n);",
    "int f(struct ops *o) { return my_exit(1) + o->free(1); }"),
    "src/base/str.c": c_file("It is made of strtoull().", "int n = strtoull(s, 0, 10);"),
    "src/base/mem.c": c_file("It wraps malloc().", "void *p = malloc(1);")}

BANNED_BREACHES = """strcpy strcat strncpy sprintf vsprintf strtok atoi atol strtol strtoul strtoull gets system
popen tmpnam mktemp alloca basename dirname exit malloc calloc realloc free strdup asprintf
setlocale""".split()


# ---- manners ----

MANNERS = [
    ("help that fails", '"facts --help") exit 1', "facts --help: ends with 1"),
    ("help on stderr", '"facts --help") "$REAL" facts --help >&2; exit 0', "prints no help on stdout"),
    ("a line of 81 columns", '"help facts") printf "%081d\\n" 0; exit 0', "has 81 columns"),
    ("an option that help hides", '"plan --help") "$REAL" plan --help | grep -v -e --offline; exit 0',
     "does not mention --offline"),
    ("an option that help invents", '"help --help") "$REAL" plan --help; exit 0',
     "mentions --offline, which it does not take"),
    ("a command that help hides", '"--help") "$REAL" --help | grep -v " verify "; exit 0',
     "does not list the command verify"),
    ("an option that the parser forgot", '"plan --json --help") exit 64', "but plan takes --json"),
    ("an option too many", '"facts --yes --help") exit 0', "expected 64: it does not take it"),
    ("a wrong exit status", '"xyzzy") echo "no \'xyzzy\'" >&2; exit 1', "gpuprov xyzzy: ends with 1"),
    ("an error on stdout", '"xyzzy") echo "no \'xyzzy\'"; exit 64', "gpuprov xyzzy: prints on stdout"),
    ("the whole help after an error", '"xyzzy") echo "no \'xyzzy\'" >&2; "$REAL" --help >&2; exit 64',
     "expected one"),
    ("no suggestion for a command", '"veify") echo "no such command" >&2; exit 64',
     "did you mean 'verify'?"),
    ("no suggestion for an option", '"plan --ofline") echo "no such option" >&2; exit 64',
     "did you mean --offline?"),
    ("an abbreviation that is taken", '"plan --roo x --help") exec "$REAL" plan --help',
     "plan --roo x --help: ends with 0"),
    ("a value that is not asked for", '"plan --json=1") exit 0', "plan --json=1: ends with 0"),
    ("an argument that is ignored", '"facts a a a"*) exit 0', "facts a a a"),
]


def manners(tap, what, case, wanted):
    """The real program behind a script that misbehaves in one case."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "gpuprov"
        script.write_text(f'#!/bin/sh\nREAL="{BUILD}/gpuprov"\ncase $* in\n{case} ;;\nesac\n'
                          'exec "$REAL" "$@"\n')
        script.chmod(0o755)
        tap.rule(f"manners.t: {what}", outcome("manners.t", wanted, LINT_GPUPROV=str(script)))


# ---- the house ----

HOUSE = {
    "src/a.c": c_file("A.", "", "int a;"),
    "src/b/c.h": header("C."),
    "src/README.md": "# Map\n\n## Spine\n\n| file | what |\n|---|---|\n| `a.c` | a |\n\n"
                     "## `b/`\n\n| file | what |\n|---|---|\n| `c.h` | c |\n",
    "tests/x.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n# A script.\necho x\n",
    "tests/lint/x.t": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n# A test.\necho 1..0\n",
    "profiles/x.yaml": "version: 1\n",
}

HOUSE_BREACHES = [
    ("code without licence", {"src/a.c": "/* A. */\n/* It is a. */\n"}, "src/a.c:1: expected"),
    ("code that does not say what it is", {"src/a.c": LICENCE + "\nint a;\n"}, "src/a.c:2: expected"),
    ("a script without licence", {"tests/x.sh": "#!/bin/sh\n# A script.\necho x\n"},
     "tests/x.sh:2: expected"),
    ("a script that does not say what it is", {
        "tests/x.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nset -eu\n"},
     "tests/x.sh:3: expected"),
    ("a test that cannot be run", {
        "tests/lint/x.t": "# SPDX-License-Identifier: Apache-2.0\n# A test.\necho 1..0\n"},
     "tests/lint/x.t: is a test and not executable"),
    ("a file of 601 lines", {"src/a.c": c_file("A.", *["int a;"] * 599)}, "src/a.c: 601 lines"),
    ("a leftover", {"src/a.c": c_file("A.", f"/* {LEFTOVER}: later */")}, f"src/a.c:3: {LEFTOVER}"),
    ("a registry's name", {"profiles/x.yaml": f"mirror: http://{REGISTRY}/debian\n"},
     f"profiles/x.yaml:1: {REGISTRY}"),
    ("a path of one machine", {"profiles/x.yaml": f"root: {MACHINE}\n"}, "profiles/x.yaml:1: /wo"),
    ("a file that the map lacks", {"src/d.c": c_file("D.")}, "src/README.md: does not name d.c"),
    ("a file that only the map has", {"src/b/c.h": None}, "src/README.md: names c.h"),
    ("a map that is missing", {"src/README.md": None}, "src/README.md: is not there"),
]
HOUSE_TOOLS = [
    ("clang-format-14", "code laid out by hand", {"src/a.c": c_file("A.", "", "int   a;")},
     "src/a.c:4: clang-format-14 wants it otherwise"),
    ("shellcheck", "a shell script with a hole", {
        "tests/x.sh": HOUSE["tests/x.sh"] + "rm $1\n"}, "tests/x.sh:5:4"),
]


def house(tap):
    skip = {"LINT_SKIP_TOOLS": "1"}
    layout = {".clang-format": (ROOT / ".clang-format").read_text()}
    in_tree(tap, "house.t", "a clean tree passes", {**HOUSE, **layout}, {}, None)
    for what, breach, wanted in HOUSE_BREACHES:
        in_tree(tap, "house.t", what, HOUSE, breach, wanted, **skip)
    for tool, what, breach, wanted in HOUSE_TOOLS:
        if shutil.which(tool):
            in_tree(tap, "house.t", what, {**HOUSE, **layout}, breach, wanted)
        else:
            tap.skip(f"house.t: {what}", f"there is no {tool} on this machine")


def main():
    tap = Tap()
    in_tree(tap, "layers.t", "a clean tree passes", LAYERS, {}, None)
    for what, breach, wanted in LAYER_BREACHES:
        in_tree(tap, "layers.t", what, LAYERS, breach, wanted)
    purity(tap, "clean objects pass", OBJECTS, None)
    purity(tap, "no objects at all", {}, "no pure object")
    for what, name, code, wanted in PURITY_BREACHES:
        purity(tap, what, {**OBJECTS, name: code}, wanted)
    in_tree(tap, "banned.t", "a clean tree passes", BANNED_CLEAN, {}, None)
    for name in BANNED_BREACHES:
        in_tree(tap, "banned.t", f"a call of {name}()", BANNED_CLEAN,
                {"src/b.c": c_file("B.", f"int n = {name}(x);")}, f"src/b.c:3: {name}(): ")
    manners(tap, "the program as it is passes", '"no such case")', None)
    for what, case, wanted in MANNERS:
        manners(tap, what, case, wanted)
    house(tap)
    tap.done()


main()
