#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Spot values of the catalog, written by hand from notes about the source that each line of spot.txt names. The catalog
was made from the same sources; this table was not made from the catalog."""

import pathlib
import shlex
import sys

HERE = pathlib.Path(__file__).resolve().parent


def read_catalog():
    records = {}
    for path in sorted((HERE.parent.parent / "catalog").glob("*.cat")):
        for line in path.read_text().splitlines():
            if line.startswith("#") or not line:
                continue
            kind, key, *attrs = shlex.split(line)
            records.setdefault((kind, key), dict(a.split("=", 1) for a in attrs if "=" in a))
    return records


def main():
    records = read_catalog()
    failed = n = 0
    for number, line in enumerate((HERE / "spot.txt").read_text().splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        kind, key, attr, value, source = shlex.split(line)
        got = records.get((kind, key), {}).get(attr)
        # '-' is a value that must not be there.
        good = got == (None if value == "-" else value)
        n += 1
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {n} - {kind} {key} {attr} ({source})")
        if not good:
            print(f"# spot.txt:{number}: the source says {value}, the catalog {got}")
    print(f"1..{n}")
    return failed


sys.exit(main())
