#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of catalog/rules.cat is explained by `gpuprov why`, and the golden cases show it: at least one
case in which it refuses, warns or adds something, and one that it allows. A case in which it speaks names it
in what is expected: GP11nn, or (Rnn) as a reason; where a rule decides on names of packages only, the case
says '# shows: Rnn' and a reader must look. A case that a rule allows says '# allows: Rnn', and must end in a
plan without that rule's GP11nn, and without its (Rnn) when all it ever does is add something. The rules that
cannot have such a pair are listed with the reason in rules.txt, and nowhere else."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
GPUPROV = os.environ.get("GPUPROV", HERE.parent.parent / "build" / "gpuprov")
failed = 0
n = 0


def report(good, what, notes=()):
    global failed, n
    n += 1
    print(f"{'ok' if good else 'not ok'} {n} - {what}")
    for note in [] if good else notes:
        print(f"# {note}")
    failed |= not good


def read_rules():
    rules = {}
    for line in (HERE.parent.parent / "catalog" / "rules.cat").read_text().splitlines():
        if line.startswith("rule "):
            words = shlex.split(line)
            rules[words[1]] = dict(word.split("=", 1) for word in words[2:])
    return rules


def read_exceptions():
    found = {}
    for line in (HERE / "rules.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            rule, how, reason = line.split(None, 2)
            found[rule] = (how, reason)
    return found


class Case:
    def __init__(self, path):
        text = path.read_text()
        head, _, expect = text.partition("\n--- expect\n")
        self.name = path.stem
        self.expect = expect
        self.allows = set(re.findall(r"R\d\d", " ".join(re.findall(r"^# allows: (.*)$", head, re.M))))
        self.shows = set(re.findall(r"R\d\d", " ".join(re.findall(r"^# shows: (.*)$", head, re.M))))
        self.said = {"R" + nn for nn in re.findall(r"\[GP11(\d\d)\]", expect)}
        self.added = set(re.findall(r"\((R\d\d)\)", expect))

    def fires(self, rule):
        return rule in self.said or rule in self.added or rule in self.shows

    def wrong_allowance(self, rule, severity):
        if not self.expect.rstrip("\n").endswith("exit 0"):
            return f"{self.name} allows {rule}, and is refused"
        if rule in self.said:
            return f"{self.name} allows {rule}, which warns"
        if severity == "fix" and rule in self.added:
            return f"{self.name} allows {rule}, which adds something"
        return None


def explained(rule, text):
    out = subprocess.run([GPUPROV, "why", rule], capture_output=True, text=True, check=False)
    plain = " ".join(out.stdout.split())
    notes = [f"'gpuprov why {rule}' does not print its {what}" for what, words in
             (("text", text["text"]), ("source", text["from"]), ("code", "GP11" + rule[1:]))
             if " ".join(words.split()) not in plain]
    return notes if out.returncode == 0 else [f"'gpuprov why {rule}' exits {out.returncode}"] + notes


def main():
    rules, exceptions = read_rules(), read_exceptions()
    cases = [Case(path) for path in sorted((HERE / "cases").glob("*.case"))]
    report(set(rules) == {f"R{i:02}" for i in range(1, 68)}, "R01 to R67 are in the catalog",
           [f"there are {len(rules)}"])
    report(set(exceptions) <= set(rules), "exceptions are rules", sorted(set(exceptions) - set(rules)))
    unknown = [f"{c.name}: {r}" for c in cases for r in c.allows | c.shows if r not in rules]
    report(not unknown, "cases name rules that are there", unknown)
    for rule, text in sorted(rules.items()):
        how, _ = exceptions.get(rule, ("pair", None))
        notes = explained(rule, text)
        fires = [c.name for c in cases if c.fires(rule)]
        allows = [c for c in cases if rule in c.allows]
        notes += [w for w in (c.wrong_allowance(rule, text["severity"]) for c in allows) if w]
        if how in ("pair", "shown") and not fires:
            notes.append(f"no case in which {rule} refuses, warns or adds something")
        if how != "none" and not allows:
            notes.append(f"no case that says '# allows: {rule}'")
        if how != "shown":
            notes += [f"{c.name} shows {rule}, which names itself" for c in cases if rule in c.shows]
        if how not in ("pair", "shown", "allowed", "none"):
            notes.append(f"rules.txt says '{how}' of {rule}")
        if how in ("none", "allowed") and fires:
            notes.append(f"rules.txt says '{how}' of {rule}, but it speaks in {', '.join(fires[:3])}")
        report(not notes, f"{rule} ({text['severity']}): {how}, {len(fires)} and {len(allows)} cases", notes)
    print(f"1..{n}")
    return failed


sys.exit(main())
