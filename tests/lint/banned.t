#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# Calls that src/ does without, and what to use instead.
import re

from lint import Tap, bare, lines_of, sources, text

# Banned names: what to use instead. Files where it is right: why.
BANNED = [
    ("strcpy|strcat|stpcpy|strncpy|strncat", "use a struct buf (base/buf.h) or arena_printf()", {}),
    ("sprintf|vsprintf", "use buf_addf() or arena_printf()", {}),
    ("strtok|strtok_r|strsep", "use str_word() or str_line() (base/str.h)", {}),
    ("atoi|atol|atoll|atof", "use str_to_u64(): it refuses what is no number", {}),
    (r"strto[a-z]+", "use str_to_u64() or str_to_hex()",
     {"base/str.c": "str_to_u64() and str_to_hex() are made of it"}),
    ("gets", "read into a struct buf with a limit", {}),
    ("system|popen", "use sys_run(): argv, no shell, a timeout", {}),
    ("tmpnam|tmpnam_r|tempnam|mktemp|tmpfile", "use sys_replace(): it makes its own temporary file", {}),
    ("alloca", "use an arena, or a struct buf", {}),
    ("basename|dirname", "they write into their argument; use strrchr() and arena_strn()", {}),
    ("exit", "return a status; only main() ends the process", {"main.c": "it is main"}),
    ("malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf|reallocarray",
     "use mem_alloc(), mem_printf(), an arena or a struct buf",
     {"base/mem.c": "it wraps them", "base/arena.c": "its chunks", "base/buf.c": "its bytes",
      "base/err.c": "its texts"}),
    ("setlocale|newlocale", "plans are the same everywhere; characters are measured by base/utf8.c", {}),
]


def main():
    tap = Tap()
    files = {name: bare(text("src/" + name)) for name in sources(".c", ".h", ".cc", ".hh")}

    for names, instead, allowed in BANNED:
        call = re.compile(rf"(?<![\w.>])(?:::|std::)?({names})\s*\(")
        problems = [f"src/{name}:{line}: {m.group(1)}(): {instead}"
                    for name, code in files.items() if name not in allowed
                    for line, m in lines_of(code, call)]
        shown = names.replace("|", " ").replace("[a-z]+", "*")
        tap.rule(f"nobody calls {shown}", problems)
    tap.done()


main()
