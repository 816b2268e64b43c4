#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
# Table, parser, JSON Schema and help agree: what the schema refuses gpuprov refuses too, and every key with
# its default, with each of its words, and with values of its type is taken by both.
"""
A profile is seen by the schema in two ways: as a YAML program reads it, with numbers and truth values, and
as text only.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/lint"))
from lint import Tap  # noqa: E402  pylint: disable=wrong-import-position

BUILD = Path(os.environ.get("O", ROOT / "build")).resolve()
PROGRAM = os.environ.get("GPUPROV", str(BUILD / "gpuprov"))


def gpuprov(*args):
    return subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


SCHEMA = json.loads(gpuprov("help", "profile", "--json-schema").stdout)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def seen(text):
    """What a validator gets to see: nothing when the text is no YAML to a YAML program."""
    for loader in (yaml.SafeLoader, yaml.BaseLoader):
        try:
            value = yaml.load(text, Loader=loader)
            yield json.loads(json.dumps(value, default=str))
        except (yaml.YAMLError, ValueError, TypeError, RecursionError, UnicodeError):
            pass


def schema_takes(text):
    return all(VALIDATOR.is_valid(value) for value in seen(text))


def lint(texts):
    """name: takes gpuprov it? All in one run, so that thousands are no matter."""
    takes = {}
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in texts.items():
            path = Path(folder) / f"{len(names)}.yaml"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            names.append((name, path.name))
        for start in range(0, len(names), 60):
            part = names[start:start + 60]
            done = subprocess.run([PROGRAM, "lint", "--format", "json", *(p for _, p in part)], cwd=folder,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            bad = {d["at"]["file"] for d in json.loads(done.stdout).get("diagnostics", [])
                   if d["severity"] == "error"}
            takes |= {name: path not in bad for name, path in part}
    return takes


# ---- the table, as help prints it ----

def table():
    """(path, kinds, words, default, takes) of each row."""
    rows = []
    for block in re.split(r"\n\n", gpuprov("help", "profile").stdout.strip())[1:]:
        path = block.split("\n", 1)[0].split(" ")[0]
        field = {name: (re.search(rf"^    {name}:? (.*)$", block, re.M) or [None, None])[1]
                 for name in ("kind", "one of", "default", "takes")}
        kinds = field["kind"].split(", ") if field["kind"] else ["bare-metal", "docker", "k8s"]
        rows.append((path, kinds, (field["one of"] or "").split(), field["default"], field["takes"]))
    return rows


GOOD = {
    "a driver branch": ['"535"', "580"], "a version: digits": ['"12.8"', "535.129.03", "12", "12.10"],
    "a version, or a list": ['"12.8"', "12.10", '["12.8", 13.0]'], "true or false": ["true", "no", '"on"'],
    "auto, true or false": ["auto", "false"], "none, auto or a version": ["none", "auto", '"9.1"'],
    "a whole number": ["1", '"7"', "1000000"], "auto, or a list of GPU": ["auto", '["Tesla T4"]', "[10de:1eb8]"],
    "a URL": ['"https://mirror.example/x"', "http://mirror.example:80/", '"file:///srv/x"'],
    "an absolute path": ["/opt/x"], "a path, relative": ["x.run", '"/opt/x.run"'],
    "a SHA-256": ["a" * 64, '"' + "1" * 64 + '"', "1" * 64], "an MD5": ["0" * 32], "an OpenPGP": ["A" * 40],
    "a name": ["nvidia", "a.b-c_d", "1"], "a list of names": ["[a, b]"], "a container image": ["r.example/a/b:1"],
    "a Kubernetes quantity": ["512Mi", "2", "500m"], "text": ["x", "12.5", '"#"'], "a map of names": ["{a: b, c: 1}"],
    "any value": ["[1, {a: null}]", "x"],
}


def samples(row):
    path, _, words, default, takes = row
    if words:
        return [f"[{w}]" for w in words] if path.endswith("features") else list(words)
    for head, values in GOOD.items():
        if takes and takes.startswith(head):
            return values + ([default] if default else [])
    return []


def nested(path, value, kind):
    """The profile in which only this key is given."""
    body = value
    for key in reversed(path.split(".")):
        body = f"{{{key[:-2]}: [{body}]}}" if key.endswith("[]") else f"{{{key}: {body}}}"
    head = f"version: 1, kind: {kind}, "
    if kind == "docker" and path.split(".")[0] in ("containerd", "crio", "podman"):
        head += f"engine: {path.split('.')[0]}, "
    if path in ("version", "kind"):
        head = head.replace(f"{path}: 1, " if path == "version" else f"{path}: {kind}, ", "")
    return "{" + head + body[1:] + "\n"


def single(rows):
    """Profiles with one key each, that both must take: name, text."""
    texts = {}
    for row in rows:
        if row[0] in ("extends", "kind"):
            continue
        for kind in row[1]:
            for value in samples(row):
                texts[f"{kind}: {row[0]}: {value}"] = nested(row[0], value, kind)
    return texts


NEEDS_MORE = ("sharing.kind: mps", "sharing.kind: time-slicing", "sharing.replicas", "cuda.default", ".runfile",
              "engine:", "driver.runfile", "bare-metal: container-toolkit")


def check_both_take(texts):
    takes = lint(texts)
    for name, text in texts.items():
        if not schema_takes(text):
            yield f"the schema refuses {text.strip()}"
        if not takes[name] and not any(n in name for n in NEEDS_MORE):
            yield f"gpuprov refuses {text.strip()}"


WRONG = ["[[x]]", "{a: {b: c}}", '"\\u00e4 \\u00f6"', "-1", '""']


def check_refusals(rows):
    """Values of every form for every key: where the schema says no, gpuprov does."""
    texts = {f"{kind}: {row[0]}: {value}": nested(row[0], value, kind)
             for row in rows if row[0] != "extends" for kind in ("bare-metal", "docker", "k8s")
             for value in WRONG + ["null", "[]"]}
    takes = lint(texts)
    refused = 0
    for name, text in texts.items():
        if not schema_takes(text):
            refused += 1
            if takes[name]:
                yield f"the schema refuses what gpuprov takes: {text.strip()}"
    if refused < len(texts) // 2:
        yield f"the schema refuses only {refused} of {len(texts)} wrong values"


def check_corpus():
    texts = {p.name: p.read_bytes() for p in sorted((ROOT / "tests/bad").glob("*.yaml"))}
    refused = 0
    for name, text in texts.items():
        # gpuprov refuses them all (bad.t); here it is about what the schema can say about them.
        try:
            refused += not schema_takes(text)
        except jsonschema.exceptions.RefResolutionError as error:
            yield f"{name}: {error}"
    if refused < 60:
        yield f"the schema refuses only {refused} of {len(texts)} bad profiles"


def check_ready():
    for path in [*sorted(ROOT.glob("profiles/*.yaml")), *sorted(ROOT.glob("examples/**/*.yaml"))]:
        text = path.read_text()
        for value in seen(text):
            for error in VALIDATOR.iter_errors(value):
                yield f"{path.relative_to(ROOT)}: {'.'.join(map(str, error.path))}: {error.message}"


def check_keys(rows):
    """Every key of the table is in the schema, with its help and its default, and no other."""
    def walk(node, path):
        for part in [node, *node.get("anyOf", [])]:
            for key, child in part.get("properties", {}).items():
                yield f"{path}{key}", child
                yield from walk(child, f"{path}{key}.")
            if "items" in part:
                yield from walk(part["items"], path[:-1] + "[].")

    for kind in ("bare-metal", "docker", "k8s"):
        in_schema = dict(walk(SCHEMA["definitions"][kind], ""))
        in_table = {row[0]: row for row in rows if kind in row[1]}
        for path in sorted(in_schema.keys() ^ in_table.keys()):
            yield f"{kind}: {path} is in only one of schema and table"
        for path in in_schema.keys() & in_table.keys():
            if in_schema[path].get("default") != in_table[path][3]:
                yield f"{kind}: {path}: default {in_schema[path].get('default')}, in the table {in_table[path][3]}"


def main():
    tap = Tap()
    rows = table()
    tap.rule("the schema is one of draft-07", [] if jsonschema.Draft7Validator.check_schema(SCHEMA) is None else [1])
    tap.rule("the table has rows", [] if len(rows) > 100 else [f"{len(rows)} rows"])
    tap.rule("schema and table have the same keys and defaults", check_keys(rows))
    tap.rule("both take every key with its words, default and type", check_both_take(single(rows)))
    tap.rule("what the schema refuses gpuprov refuses", check_refusals(rows))
    tap.rule("the schema refuses much of tests/bad", check_corpus())
    tap.rule("ready profiles and examples are valid", check_ready())
    layer = {"extends": "base.yaml", "driver": {"branch": None}, "kubernetes": {"namespace": "x"}}
    tap.rule("a profile that extends another may leave out and remove",
             [e.message for e in VALIDATOR.iter_errors(layer)] +
             ([] if not VALIDATOR.is_valid({**layer, "driver": {"brunch": None}}) else ["a wrong key is taken"]))
    tap.done()


main()
