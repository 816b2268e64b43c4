#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""writes.py TRACE PREFIX...: files that the calls of an `strace -f -y` could write, but those beneath a PREFIX.

Prints each once, and how many calls were looked at. Ends with 1 when there is one, or no call at all.
"""
import os.path
import re
import sys

CALL = re.compile(r"^(?:\[pid +)?(\d+)\]? +(\w+)\((.*)")
CHANGES = re.compile(r"^(mkdir|rename|unlink|link|symlink|chmod|fchmod|chown|lchown|fchown|truncate|ftruncate|mknod|utime|"
                     r"futimesat|utimensat|rmdir|setxattr|lsetxattr|fsetxattr|removexattr|creat)(at|at2)?$")
OPENS = re.compile(r"^open(at2?)?$")
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE")
NAME = re.compile(r'(?:(?:\d+|AT_FDCWD)<([^>]*)>, )?"([^"]*)"')
DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")


def names(args):
    for folder, name in NAME.findall(args):
        yield os.path.normpath(os.path.join(folder or "/", name))
    if not NAME.search(args) and DESCRIPTOR.match(args):
        yield DESCRIPTOR.match(args).group(1)


def main(trace, *prefixes):
    calls, found = 0, set()
    with open(trace, encoding="utf-8", errors="replace") as f:
        for line in f:
            call = CALL.match(line)
            if not call:
                continue
            calls += 1
            name, args = call.group(2, 3)
            writes = CHANGES.match(name) or OPENS.match(name) and WRITES.search(args)
            if not writes or re.search(r"\) += -1 E", args):
                continue
            # Where a symbolic link points is text; the last name is the link.
            paths = list(names(args))[-1:] if name.startswith("symlink") else names(args)
            for path in paths:
                if not any(path == p or path.startswith(p + "/") for p in prefixes):
                    found.add(f"{name} {path}")
    for one in sorted(found):
        print(one)
    print(f"{calls} calls", file=sys.stderr)
    return 1 if found or not calls else 0


sys.exit(main(*sys.argv[1:]))
