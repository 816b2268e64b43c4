#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# sarif.py FILE: is it SARIF 2.1.0? Checks what the standard requires of the parts that gpuprov writes.
"""
The structure is held against a JSON Schema with the standard's names, types and required properties;
additional properties are refused, so that a misspelt one is noticed. Then what a schema cannot say:
ruleIndex and ruleId agree, and columns are in order.
"""
import json
import sys

import jsonschema

TEXT = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}},
        "required": ["text"], "additionalProperties": False}


def thing(required, **properties):
    return {"type": "object", "properties": properties, "required": required,
            "additionalProperties": False}


def natural(least):
    return {"type": "integer", "minimum": least}


RULE = thing(["id"], id={"type": "string", "pattern": "^GP[0-9]{4}$"}, shortDescription=TEXT, help=TEXT)
REGION = thing(["startLine"], startLine=natural(1), startColumn=natural(1), endLine=natural(1),
               endColumn=natural(1), byteOffset=natural(0), byteLength=natural(0))
LOCATION = thing([], message=TEXT, physicalLocation=thing(
    ["artifactLocation"], region=REGION,
    artifactLocation=thing(["uri"], uri={"type": "string", "pattern": "^[A-Za-z0-9._~/%-]+$"})))
RESULT = thing(["message"], ruleId={"type": "string"}, ruleIndex=natural(0), message=TEXT,
               level={"enum": ["none", "note", "warning", "error"]},
               locations={"type": "array", "items": LOCATION, "maxItems": 1},
               relatedLocations={"type": "array", "items": LOCATION})
DRIVER = thing(["name"], name={"type": "string"}, semanticVersion={"type": "string"},
               rules={"type": "array", "items": RULE, "uniqueItems": True})
RUN = thing(["tool", "results"], tool=thing(["driver"], driver=DRIVER),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={"type": "array", "items": RESULT})
SARIF = thing(["version", "runs"], version={"const": "2.1.0"},
              runs={"type": "array", "items": RUN, "minItems": 1})


def check(log):
    jsonschema.Draft7Validator(SARIF).validate(log)
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result
            for location in result["locations"] + result.get("relatedLocations", []):
                region = location["physicalLocation"].get("region")
                assert not region or region["endColumn"] > region["startColumn"], region


with open(sys.argv[1], encoding="utf-8") as f:
    check(json.load(f))
