# SPDX-License-Identifier: Apache-2.0
# What the lints share: the tree to look at, its files, C without comments, and TAP.
"""LINT_ROOT is the tree (default: this one), O the build folder, LINT_OBJ its objects."""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("LINT_ROOT", Path(__file__).resolve().parents[2])).resolve()
BUILD = Path(os.environ.get("O", ROOT / "build")).resolve()
OBJ = Path(os.environ.get("LINT_OBJ", BUILD / "obj"))
MOST = 40  # problems shown for one rule


class Tap:
    """One test a rule: it holds when there is no problem to report."""

    def __init__(self):
        self.number = 0
        self.failed = False

    def rule(self, what, problems):
        problems = list(problems)
        self.number += 1
        print(f"{'not ok' if problems else 'ok'} {self.number} - {what}")
        for problem in problems[:MOST]:
            print(f"# {problem}")
        if len(problems) > MOST:
            print(f"# and {len(problems) - MOST} more")
        self.failed |= bool(problems)

    def skip(self, what, why):
        self.number += 1
        print(f"ok {self.number} # SKIP {what}: {why}")

    def done(self):
        print(f"1..{self.number}")
        sys.exit(1 if self.failed else 0)


def tree():
    """Every file that is ours: what git tracks or would, or all of a tree that is no repository."""
    if (ROOT / ".git").exists():
        out = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"],
            check=True, stdout=subprocess.PIPE).stdout
        names = [n for n in out.decode().split("\0") if n]
    else:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
    return sorted(n for n in set(names) if (ROOT / n).is_file())


def sources(*suffixes):
    """Files of src/ with one of these suffixes, named from src/."""
    src = ROOT / "src"
    return sorted(str(p.relative_to(src)) for p in src.rglob("*")
                  if p.is_file() and p.suffix in suffixes)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def executable(name):
    return os.access(ROOT / name, os.X_OK)


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare(code):
    """C without comments, strings and characters; every line keeps its number."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] * 2
        return " " + "\n" * found.count("\n")
    return TOKEN.sub(blank, code)


def lines_of(code, pattern):
    """(line number, match) of each place where the pattern occurs."""
    for match in re.finditer(pattern, code):
        yield code.count("\n", 0, match.start()) + 1, match
