#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# How the program talks on the command line: help, errors, suggestions.
"""
The program is $LINT_GPUPROV (default $O/gpuprov); which options a command takes is read from the tables in
src/options.c and src/commands/, so that help and parser are held against the source of both.
"""
import os
import re
import subprocess
from pathlib import Path

from lint import BUILD, ROOT, Tap, bare, text

PROGRAM = os.environ.get("LINT_GPUPROV", str(BUILD / "gpuprov"))
USAGE = 64
ALWAYS = ["OPT_HELP", "OPT_COLOR"]  # what every command takes


def run(*args):
    """Exit status, stdout, stderr. No terminal, no colours, nothing on stdin."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    try:
        done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, env=env, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except subprocess.TimeoutExpired:
        return 124, "", "did not end in a minute"
    return (done.returncode, done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"))


def shown(args):
    return " ".join(["gpuprov", *args])


def allowed(key, words):
    """A value that the option takes."""
    special = {"OPT_FORMAT": "json", "OPT_KIND": "docker", "OPT_PLATFORM": "ec2"}
    if key in special:
        return special[key]
    return "auto" if words != "NULL" else "x"


def option_table():
    """OPT_X: (name, takes a value, one allowed value) from src/options.c."""
    code = text("src/options.c")
    rows = re.findall(r'\[(OPT_\w+)\] =\s*\{\s*OPT_\w+,\s*"([^"]+)",\s*(NULL|"[^"]*"),\s*(\w+)', code)
    return {key: (name, arg != "NULL", allowed(key, words)) for key, name, arg, words in rows}


def hidden():
    """Options without help are for our own tools: taken, not mentioned, not suggested."""
    code = text("src/options.c")
    return set(re.findall(r"\[(OPT_\w+)\] =\s*\{[^{}]*,\s*NULL\s*\}", code))


def commands():
    """Name of each command: the options it takes."""
    found = {}
    for path in sorted((ROOT / "src/commands").glob("*.c")):
        code = path.read_text()
        row = re.search(r'const struct command command_\w+ = \{.*?\n\};', code, re.S)
        if not row:
            continue
        name = re.search(r'\.name = "([^"]+)"', row.group(0)).group(1)
        found[name] = [o for o in re.findall(r"OPT_\w+", bare(row.group(0))) if o != "OPT_COUNT"]
    return found


def help_problems(args, status, out, err):
    if status != 0:
        yield f"{shown(args)}: ends with {status}, expected 0"
    if not out.strip():
        yield f"{shown(args)}: prints no help on stdout"
    if err:
        yield f"{shown(args)}: prints on stderr: {err.splitlines()[0]}"
    for number, line in enumerate(out.splitlines(), 1):
        if len(line) > 80:
            yield f"{shown(args)}: line {number} has {len(line)} columns, at most 80: {line[:40]}..."
        if line != line.rstrip():
            yield f"{shown(args)}: line {number} ends in blanks"


def check_help(names):
    for args in [["--help"], ["help"]] + [[n, "--help"] for n in names] + [["help", n] for n in names]:
        yield from help_problems(args, *run(*args))


def check_listed(names):
    _, out, _ = run("--help")
    listed = re.findall(r"^  (\S+)  +\S", out.split("Commands:")[-1], re.M)
    for name in sorted(set(names) - set(listed)):
        yield f"gpuprov --help: does not list the command {name}"
    for name in sorted(set(listed) - set(names)):
        yield f"gpuprov --help: lists {name}, which is no command"


def check_options(table, takes):
    for name, options in takes.items():
        _, out, _ = run(name, "--help")
        mentioned = set(re.findall(r"^  --([\w-]+)", out, re.M))
        wanted = {table[o][0] for o in options + ALWAYS if o in table and o not in hidden()}
        for option in sorted(wanted - mentioned):
            yield f"gpuprov {name} --help: does not mention --{option}, which it takes"
        for option in sorted(mentioned - wanted):
            yield f"gpuprov {name} --help: mentions --{option}, which it does not take"


def check_parser(table, takes):
    """What help says is what the parser does."""
    for name, options in takes.items():
        for key, (option, valued, value) in table.items():
            args = [name, f"--{option}"] + ([value] if valued else [])
            if key != "OPT_HELP":
                args.append("--help")
            status, _, err = run(*args)
            if key in options + ALWAYS and status != 0:
                yield f"{shown(args)}: ends with {status}, but {name} takes --{option}: {err.strip()}"
            if key not in options + ALWAYS and status != USAGE:
                yield f"{shown(args)}: ends with {status}, expected {USAGE}: it does not take it"


def error_problems(args, wanted=None):
    """One line on stderr, nothing on stdout, exit 64, and what the line must hold."""
    status, out, err = run(*args)
    if status != USAGE:
        yield f"{shown(args)}: ends with {status}, expected {USAGE}"
    if out:
        yield f"{shown(args)}: prints on stdout: {out.splitlines()[0]}"
    if err.count("\n") != 1 or not err.endswith("\n"):
        yield f"{shown(args)}: wrote {err.count(chr(10))} lines on stderr, expected one"
    if wanted and wanted not in err:
        yield f"{shown(args)}: expected \"{wanted}\" in: {err.strip()}"


def typo(word):
    """The word with one letter left out, which is what hands do."""
    return word[:2] + word[3:]


def check_commands(names):
    for name in names:
        if len(name) > 4:
            yield from error_problems([typo(name)], f"did you mean '{name}'?")
    yield from error_problems(["xyzzy"], "'xyzzy'")
    yield from error_problems(["--xyzzy"], "'--xyzzy'")


def check_typos(table, takes):
    for name, options in takes.items():
        for key in options + ALWAYS:
            option = table[key][0]
            if len(option) > 4 and key not in hidden():
                yield from error_problems([name, f"--{typo(option)}"], f"did you mean --{option}?")
        yield from error_problems([name, "--xyzzy"], "--xyzzy")
        yield from error_problems([name, "-x"], "'-x'")


def check_no_abbreviations(table, takes):
    """getopt would take --roo for --root: a trap for scripts when an option is added."""
    for name, options in takes.items():
        for key in options + ALWAYS:
            option, valued, value = table[key]
            args = [name, f"--{option[:-1]}"] + ([value] if valued else []) + ["--help"]
            yield from error_problems(args)


def check_values(table, takes):
    for name, options in takes.items():
        for key in options + ALWAYS:
            option, valued, _ = table[key]
            if valued:
                yield from error_problems([name, f"--{option}"], f"--{option} needs a value")
            else:
                yield from error_problems([name, f"--{option}=1"], f"--{option} takes no value")


def check_arguments(takes):
    for name in takes:
        yield from error_problems([name, *["a"] * 65], "--help")


# In quotes, after "sudo" or a colon, or on a line of its own: not what a sentence says about gpuprov.
NAMED = re.compile(r"(?:'|`|sudo |: |\n {4,})gpuprov ([a-z][a-z-]+)")


# Commands that messages may name before they are there.
COMING = set()


def check_named(names):
    """What a message tells the user to run can be run."""
    for path in sorted([*ROOT.glob("src/**/*.c"), *ROOT.glob("src/**/*.inc"), *ROOT.glob("docs/**/*")]):
        if not path.is_file():
            continue
        body = path.read_text()
        strings = [body]
        if path.suffix in (".c", ".inc"):
            whole = re.sub(r'"\s*\n\s*"', "", body)  # a sentence goes on in the next literal
            strings = re.findall(r'"((?:\\.|[^"\\\n])*)"', whole)
        for word in NAMED.findall("\0".join(strings)):
            if word not in names and word not in COMING:
                yield f"{path.relative_to(ROOT)}: says 'gpuprov {word}', which is no command"


def main():
    tap = Tap()
    if not Path(PROGRAM).is_file():
        tap.rule("there is a program", [f"{PROGRAM} is not there; run make first"])
        tap.done()
    table, takes = option_table(), commands()
    tap.rule("the tables of options and commands are found",
             [] if table and takes and all(o in table for os in takes.values() for o in os)
             else ["cannot read src/options.c or src/commands/*.c the way this lint does"])
    tap.rule("help ends with 0, goes to stdout only, and fits 80 columns", check_help(takes))
    tap.rule("the program's help lists every command", check_listed(takes))
    tap.rule("a command's help mentions exactly the options it takes", check_options(table, takes))
    tap.rule("the parser takes exactly these options", check_parser(table, takes))
    tap.rule("an unknown command gets one line, a suggestion, exit 64", check_commands(takes))
    tap.rule("an unknown option gets one line, a suggestion, exit 64", check_typos(table, takes))
    tap.rule("options are not abbreviated", check_no_abbreviations(table, takes))
    tap.rule("a missing or needless value gets one line, exit 64", check_values(table, takes))
    tap.rule("every command that a message or a page names is there", check_named(takes))
    tap.rule("a needless argument gets one line, exit 64", check_arguments(takes))
    tap.done()


main()
