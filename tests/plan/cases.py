# SPDX-License-Identifier: Apache-2.0
"""What tests over all hosts and golden cases share: the hosts, the ready profiles, the cases as texts."""
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "hosts"))
from patch import merge  # noqa: E402  pylint: disable=wrong-import-position

BUILD = Path(os.environ.get("O", HERE.parents[1] / "build")).resolve()
GPUPROV = os.environ.get("GPUPROV", str(BUILD / "gpuprov"))


def hosts():
    """(name, facts as text) of every host."""
    for file in sorted((HERE.parent / "hosts").glob("*.json")):
        yield file.stem, file.read_text(encoding="utf-8")


def ready():
    """The ready profiles."""
    return sorted((HERE.parents[1] / "profiles").glob("*.yaml"))


def sections(text):
    """The sections of a case by name."""
    out, now = {}, None
    for line in text.splitlines(keepends=True):
        if line.startswith("--- ") and line[4:].strip() in ("profile", "facts", "command", "expect"):
            now = line[4:].strip()
            out[now] = ""
        elif now:
            out[now] += line
    return out


def facts_of(section):
    """Facts of a case: its own, or those of a host with a merge patch."""
    head, _, rest = section.partition("\n")
    if not head.startswith("host "):
        return section
    host = json.loads((HERE.parent / "hosts" / (head[5:].strip() + ".json")).read_text(encoding="utf-8"))
    return json.dumps(merge(host, json.loads(rest)) if rest.strip() else host)


def cases():
    """(name, profile, facts) of every golden case that is a plan."""
    for file in sorted((HERE / "cases").glob("*.case")):
        part = sections(file.read_text(encoding="utf-8"))
        if part.get("profile") and "command" not in part:
            yield file.stem, part["profile"], facts_of(part["facts"])
