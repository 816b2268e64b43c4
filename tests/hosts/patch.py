#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""patch.py HOST.json <PATCH: a host with a JSON merge patch (RFC 7386); no patch is the host itself."""

import json
import sys


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        host = f.read()
    patch = sys.stdin.read()
    if patch.strip():
        host = json.dumps(merge(json.loads(host), json.loads(patch)), indent=1) + "\n"
    sys.stdout.write(host)


if __name__ == "__main__":
    sys.exit(main())
