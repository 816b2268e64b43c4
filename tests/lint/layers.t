#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# Who may include whom, and how includes are written.
"""
A part of the program is a row of PARTS: which files it is, which of our headers they may include, and
whether they may include headers of libc that reach the world. The first row that matches a file counts.
Exceptions stand in EXCEPTIONS, each with its reason; one that is not needed any more is a breach too.
"""
import os
import re
import subprocess
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from lint import ROOT, Tap, lines_of, sources, text

BASE = ["base/*"]
VALUES = ["profile.h", "facts.h", "catalog.h", "plan.h"]
INTERFACES = ["probes/probe.h", "distros/distro.h", "runtimes/runtime.h", "steps/step.h"]
PURE = ["solve*.h", "schema*.h", "profile_text.h", "profile_read.h", "render*.h", "emit*.h", "why*.h", "compat.h", "operator.h"]
EDIT = ["edit*.h", "tree.h", "toml_reader.h", "locate.h"]  # text in, text out: a library of our own, pure
ACTING = ["execute.h", "journal.h", "resume.h", "runs.h", "undo.h", "verify.h", "closure.h", "inside.h", "indexes.h", "index_dates.h", "keys.h"]

# What steps share that run an installer; it acts through struct sys.
INSTALLING = ["dkms.h", "unfinished.h", "installer.h", "uninstall.h", "driver_record.h", "record.h", "look.h", "runfile.h"]

# libc that only computes. Anything else is a door to the outside.
PLAIN = {"assert.h", "ctype.h", "errno.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h",
         "stdint.h", "stdlib.h", "string.h", "strings.h"}
FORMAT = {"stdio.h"}  # vsnprintf, and the last words of mem.c

# files, our headers they may include, libc they may include (None = any)
PARTS = [
    ("base/*", BASE, PLAIN | FORMAT),
    ("sys/*", BASE + ["sys/*.h", "sys/*.hh"], None),
    ("tree.[ch]", BASE + EDIT, PLAIN),
    ("edit*.[ch]", BASE + EDIT, PLAIN),
    ("locate.[ch]", BASE + EDIT, PLAIN),
    ("toml_reader.h", BASE, PLAIN),
    ("toml_reader.cc", BASE + EDIT, None),
    ("profile.c", BASE + VALUES + PURE, PLAIN),
    ("profile_load.c", BASE + VALUES + PURE, PLAIN),
    ("profile_read.h", BASE + VALUES, PLAIN),
    ("profile.h", BASE, PLAIN),
    ("facts.c", BASE + VALUES, PLAIN),
    ("facts.h", BASE, PLAIN),
    ("catalog.[ch]", BASE + ["catalog.h"], PLAIN),
    ("plan.[ch]", BASE + ["plan.h"], PLAIN),
    ("runfile.[ch]", BASE + ["runfile.h"], PLAIN),
    ("toolkit.[ch]", BASE + EDIT + ["plan.h", "toolkit.h"], PLAIN),
    ("devchar.h", BASE, PLAIN),
    ("devchar.c", BASE + ["devchar.h", "sys/sys.h"], PLAIN),
    # Interface headers say `struct sys;`, so that who holds a drop-in cannot make it act.
    ("probes/probe.h", BASE + VALUES, PLAIN),
    ("distros/distro.h", BASE + VALUES, PLAIN),
    ("runtimes/runtime.h", BASE + VALUES + EDIT, PLAIN),
    ("steps/step.h", BASE + VALUES, PLAIN),
    # Drop-ins never see each other.
    ("probes/*.c", BASE + VALUES + ["sys/sys.h", "sys/cert.h", "probes/probe.h", "record.h"], PLAIN),
    ("distros/*.c", BASE + VALUES + ["distros/distro.h"], PLAIN),
    ("runtimes/*.c", BASE + VALUES + EDIT + ["runtimes/runtime.h"], PLAIN),
    ("steps/*.c", BASE + VALUES + ["sys/sys.h", "steps/step.h"] + INSTALLING, PLAIN),
    ("registry.[ch]", BASE + INTERFACES + ["registry.h", "gen/tables.inc"], PLAIN),
    # Deciding and showing: pure.
    ("solve*.[ch]", BASE + VALUES + PURE + ["registry.h", "runfile.h"] + INTERFACES, PLAIN),
    ("why_part.[ch]", BASE + VALUES + PURE, PLAIN),
    ("compat*.[ch]", BASE + VALUES + PURE, PLAIN),
    ("operator.[ch]", BASE + VALUES + PURE, PLAIN),
    ("rules*.c", BASE + VALUES + PURE + INTERFACES, PLAIN),
    ("schema*.[ch]", BASE + VALUES + PURE, PLAIN),
    ("profile_text.[ch]", BASE + VALUES + PURE, PLAIN),
    ("render*.[ch]", BASE + VALUES + PURE, PLAIN),
    ("why.[ch]", BASE + ["why.h"], PLAIN),
    ("doctor*.[ch]", BASE + VALUES + EDIT + ["doctor*.h", "toolkit.h"], PLAIN),
    ("after.[ch]", BASE + VALUES + ["after.h"], PLAIN),
    ("cure*.[ch]", BASE + VALUES + PURE + EDIT + ["after.h", "cure.h", "doctor.h", "toolkit.h"], PLAIN),
    ("emit*.[ch]", BASE + VALUES + PURE + ["registry.h"] + INTERFACES, PLAIN),
    # Acting, through struct sys. Their headers name it and do not include it.
    ("gather.c", BASE + VALUES + ["sys/sys.h", "registry.h"], PLAIN),
    ("record.[ch]", BASE + ["record.h"], PLAIN),
    ("installer.h", BASE + VALUES, PLAIN),
    ("installer.c", BASE + VALUES + ["look.h", "runfile.h", "sys/sys.h", "sys/sealed.h"], PLAIN),
    ("uninstall.h", BASE, PLAIN),
    ("uninstall.c", BASE + VALUES + ["driver_record.h", "installer.h", "record.h", "sys/sys.h"], PLAIN),
    ("driver_record.h", BASE + ["record.h"], PLAIN),
    ("driver_record.c", BASE + ["record.h", "sys/sys.h"], PLAIN),
    ("look.h", BASE + ["runfile.h"], PLAIN),
    ("look.c", BASE + ["look.h", "runfile.h", "sys/sys.h", "sys/untrusted.h"], PLAIN),
    ("execute.h", BASE + VALUES + INTERFACES, PLAIN),
    ("journal.h", BASE + VALUES, PLAIN),
    ("saved.[ch]", BASE + VALUES + ["sys/hash.h"], PLAIN),
    ("runs.h", BASE + VALUES, PLAIN),
    ("resume.h", BASE, PLAIN),
    ("resume.c", BASE + VALUES + ACTING + ["sys/sys.h"], PLAIN),
    ("undo.h", BASE + VALUES + ["runs.h"], PLAIN),
    ("verify.h", BASE + VALUES, PLAIN),
    ("verify_priv.h", BASE + VALUES + ["verify.h"], PLAIN),
    ("room.[ch]", BASE + ["facts.h", "plan.h", "room.h"], PLAIN),
    ("candidates.h", BASE + VALUES, PLAIN),
    ("candidates.c", BASE + VALUES + INTERFACES + ["registry.h", "sys/sys.h", "sys/hash.h"], PLAIN),
    ("closure.h", BASE + VALUES, PLAIN),
    ("inside.h", BASE + VALUES, PLAIN),
    ("inside.c", BASE + VALUES + ["inside.h", "look.h", "runfile.h", "sys/sys.h"], PLAIN),
    ("indexes.h", BASE + VALUES, PLAIN),
    ("index_dates.[ch]", BASE + ["indexes.h", "sys/sys.h"], PLAIN),
    ("keys.h", BASE + VALUES + ["closure.h"], PLAIN),
    ("keys.c", BASE + VALUES + ACTING + ["sys/sys.h", "sys/openpgp.h"], PLAIN),
    ("execute.c", BASE + VALUES + ACTING + INTERFACES + ["sys/sys.h", "registry.h"], PLAIN),
    ("journal.c", BASE + VALUES + ACTING + ["sys/sys.h", "sys/hash.h"], PLAIN),
    ("runs.c", BASE + VALUES + ACTING + ["sys/sys.h"], PLAIN),
    ("damage.[ch]", BASE + VALUES + ["damage.h", "sys/sys.h"], PLAIN),
    ("drift.h", BASE + VALUES, PLAIN),
    ("drift.c", BASE + VALUES + INTERFACES + ["drift.h", "sys/sys.h", "registry.h"], PLAIN),
    ("undo.c", BASE + VALUES + ACTING + INTERFACES + ["sys/sys.h", "registry.h"], PLAIN),
    ("verify_cluster.c", BASE + VALUES + EDIT + ["verify.h", "verify_priv.h", "kubectl.h", "sys/sys.h"], PLAIN),
    ("verify*.c", BASE + VALUES + ACTING + ["verify_priv.h", "sys/sys.h", "sys/driver.h"] + INSTALLING, PLAIN),
    ("engine.h", BASE + VALUES + EDIT + ["runtimes/runtime.h", "sys/sys.h"], PLAIN),
    ("engine*.c", BASE + VALUES + EDIT + INTERFACES + ["engine.h", "registry.h", "sys/sys.h", "sys/hash.h"],
     PLAIN),
    ("kubectl.h", BASE, PLAIN),
    ("kubectl.c", BASE + EDIT + ["kubectl.h", "sys/sys.h"], PLAIN),
    ("cluster.h", BASE + ["kubectl.h", "plan.h"], PLAIN),
    ("cluster.c", BASE + EDIT + ["cluster.h", "kubectl.h", "sys/sys.h"], PLAIN),
    ("cluster_back.c", BASE + ["cluster.h", "sys/sys.h"], PLAIN),
    ("cluster_plan.[ch]", BASE + VALUES + ["cluster.h", "cluster_plan.h", "emit.h"], PLAIN),
    ("closure.c", BASE + VALUES + ACTING + INTERFACES + ["predict.h", "room.h", "sys/sys.h"], PLAIN),
    ("unfinished.[ch]", BASE + ["unfinished.h", "sys/sys.h"], PLAIN),
    ("dkms.[ch]", BASE + VALUES + ["dkms.h", "sys/sys.h"], PLAIN),
    ("predict.[ch]", BASE + VALUES + ACTING + ["predict.h", "sys/sys.h"], PLAIN),
    ("indexes.c", BASE + VALUES + ACTING + ["sys/sys.h", "sys/hash.h"], PLAIN),
    ("redact.[ch]", BASE + ["redact.h"], PLAIN),
    ("bundle.h", BASE, PLAIN),
    ("bundle.c", BASE + ACTING + ["plan.h", "bundle.h", "redact.h", "sys/sys.h", "sys/hash.h", "sys/tarball.h"], PLAIN),
    # Who talks with the user.
    ("options.[ch]", BASE + PURE + ["options.h"], PLAIN),
    ("manpage.[ch]", BASE + VALUES + PURE + ["options.h", "manpage.h"], PLAIN),
    ("terminal.[ch]", BASE + PURE + ["execute.h", "options.h", "terminal.h"], None),
    ("commands/*", ["*"], None),
    ("main.c", ["*"], None),
]

# (file, header): why it is right that they meet.
EXCEPTIONS = {
    ("base/rec.c", "jansson.h"): "reading JSON is what rec.c is; jansson works on memory only",
    ("profile.c", "yaml.h"): "the one file that sees libyaml; events from memory only",
    ("sys/transfer.c", "curl/curl.h"): "the one file that sees libcurl",
    ("sys/untrusted.c", "archive*.h"): "the one file that sees libarchive, in a child",
    ("sys/hash.c", "openssl/*"): "the file that sees libcrypto's hashes",
    ("sys/cert.c", "openssl/*"): "the file that sees libcrypto's certificates",
    ("sys/tarball.c", "archive*.h"): "the file that sees libarchive write: bundles, in memory",
    ("sys/unpack.c", "archive*.h"): "the file that sees libarchive in our own process: kernel modules of root",
    ("sys/apt*.cc", "apt-pkg/*"): "the back end: it alone sees libapt, in a shared object of its own",
    ("sys/apt*.hh", "apt-pkg/*"): "what the parts of the back end share",
    ("toml_reader.cc", "toml*"): "the one file that sees toml++, which works on bytes in memory",
    ("render.h", "doctor.h"): "findings are values",
    ("render.h", "verify.h"): "verdicts are values too; render shows them and cannot check anything",
    ("steps/packages.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("steps/fetch.c", "sys/fetch.h"): "a job for sys_fetch() is a value described there",
    ("steps/step.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("steps/engine.c", "engine.h"): "what a step, a command and an undo of an engine's file share",
    ("probes/engines.c", "engine.h"): "finding a daemon is the same for looking and for telling",
    ("probes/engines.c", "locate.h"): "which file a daemon reads is decided in one place",
    ("steps/toolkit.c", "sys/hash.h"): "edits are known by the hash of what came out",
    ("steps/toolkit.c", "engine.h"): "which file is behind a name, and how it comes back, as for an engine's",
    ("steps/toolkit.c", "toolkit.h"): "what its settings come to is decided in one place",
    ("steps/cdi.c", "toolkit.h"): "what a specification says is read in one place",
    ("steps/cluster.c", "cluster.h"): "what a step and a plan of a cluster share",
    ("steps/agent.c", "engine.h"): "reading a generated configuration is the same for a step and a check",
    ("steps/devchar.c", "devchar.h"): "which links there must be is the same for a step and a check",
    ("probes/toolkit.c", "toolkit.h"): "where the toolkit has its files stands in one place",
    ("solve_toolkit.c", "toolkit.h"): "whether a file says all already is decided in one place, purely",
    ("verify_containers.c", "toolkit.h"): "what a specification says is read in one place",
    ("verify_engine.c", "toolkit.h"): "what settings come to is decided in one place",
    ("verify_engine.c", "devchar.h"): "which links there must be is the same for a step and a check",
    ("verify_manifests.c", "cluster.h"): "what is in a cluster is seen the same way by a step and a check",
    ("verify_engine.c", "engine.h"): "asking a daemon is the same for a step and a check",
    ("verify_trial.c", "engine.h"): "where a daemon listens is the same for a step and a check",
    ("verify_engine.c", "registry.h"): "a step knows whether its effect is there",
    ("candidates.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("closure.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("keys.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("probes/keys.c", "sys/openpgp.h"): "reading keyrings works on bytes in memory",
}

# These never see struct sys or libapt's jobs, not even through another header.
DEAF = ["solve*", "doctor*", "runfile.[ch]", "record.[ch]", "plan.[ch]", "render*", "emit*", "schema*", "profile*", "facts.[ch]", "catalog.[ch]",
        "distros/*", "runtimes/*", "registry.[ch]", "options.[ch]", "edit*", "tree.[ch]", "toolkit.[ch]"]

INCLUDE = re.compile(r'^#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def matches(name, patterns):
    return any(fnmatch(name, p) and name.count("/") == p.count("/") or p == "*" for p in patterns)


def includes(name):
    """(line, header, is ours) of each include."""
    return [(line, m.group(2), m.group(1) == '"')
            for line, m in lines_of(text("src/" + name), INCLUDE)]


def part_of(name):
    for files, ours, libc in PARTS:
        if matches(name, [files]):
            return ours, libc
    return None


def exception(name, header):
    for (file, allowed), _ in EXCEPTIONS.items():
        if matches(name, [file]) and fnmatch(header, allowed):
            return (file, allowed)
    return None


OUTSIDE = re.compile(r"^(yaml\.h|jansson\.h|archive.*|(openssl|curl|apt-pkg)/.*|toml.*)$")


def forbidden(name, header, ours):
    """Why this include is a breach, or None."""
    allowed, libc = part_of(name)
    own = name.rsplit(".", 1)[0] + ".h"
    if ours:
        if header == own or matches(header, allowed):
            return None
        return f"may include of ours only: {' '.join(sorted(allowed))}"
    if OUTSIDE.match(header):
        return "an outside library belongs to the one file that wraps it"
    if libc is not None and header not in libc:
        return "reaches the world; go through struct sys, or through base/"
    return None


def check_parts(files, used):
    for name in files:
        if not part_of(name):
            yield f"src/{name}: belongs to no part; add it to PARTS in tests/lint/layers.t"
            continue
        for line, header, ours in includes(name):
            why = forbidden(name, header, ours)
            if not why:
                continue
            if exception(name, header):
                used.add(exception(name, header))
                continue
            yield f"src/{name}:{line}: includes {header}: {why}"


def check_one_library(files):
    for name in files:
        found = {re.split(r"[/_.]", header)[0] for _, header, ours in includes(name)
                 if not ours and OUTSIDE.match(header)}
        if len(found) > 1:
            yield f"src/{name}: sees {len(found)} outside libraries: {' '.join(sorted(found))}"


def reach(name, seen):
    for _, header, ours in includes(name):
        if ours and header not in seen and (ROOT / "src" / header).is_file():
            seen.add(header)
            reach(header, seen)
    return seen


def check_deaf(files):
    for name in files:
        if not matches(name, DEAF):
            continue
        for header in sorted(reach(name, set()) & {"sys/sys.h", "sys/real.h", "sys/apt.h"}):
            yield f"src/{name}: sees {header} through its includes; it must not be able to act"


def check_alone(headers):
    """Each header compiles by itself."""
    cc = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as tmp:
        for name in headers:
            probe = Path(tmp) / "alone.c"
            probe.write_text(f'#include "{name}"\n')
            done = subprocess.run(
                [cc, "-fsyntax-only", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                 "-Wno-unused-function", "-I", str(ROOT / "src"), str(probe)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                first = next((l for l in done.stdout.splitlines() if "error" in l), done.stdout)
                yield f"src/{name}: does not compile alone: {first.strip()}"


def check_once(headers):
    for name in headers:
        if not re.search(r"^#pragma once$", text("src/" + name), re.M):
            yield f"src/{name}: has no '#pragma once'"


def check_own_first(files):
    for name in files:
        own = re.sub(r"\.cc?$", ".h", name)
        found = includes(name)
        if name.endswith((".c", ".cc")) and (ROOT / "src" / own).is_file() and \
                not name.endswith(".cc") and (not found or found[0][1] != own):
            yield f"src/{name}: its own header {own} comes first, so that it is proven self-contained"


def kind_of(name, index, header, ours):
    if index == 0 and ours:
        return 0  # the own header, or the header of the family
    if ours:
        return 2 if header.startswith("gen/") else 1
    return 3


def check_groups(files):
    """Own header; ours; generated; the system's. Groups are parted by blank lines and sorted."""
    for name in files:
        found = [i for i in includes(name) if not i[1].startswith("base/codes.")]
        previous = None
        for index, (line, header, ours) in enumerate(found):
            kind = kind_of(name, index, header, ours)
            if previous is None:
                previous = (line, header, kind)
                continue
            last_line, last, last_kind = previous
            same_group = line == last_line + 1
            previous = (line, header, kind)
            if last_kind == 0 and kind == 1 and same_group and header > last:
                continue  # no own header: the first is one of the group
            if kind < last_kind:
                yield f"src/{name}:{line}: {header} comes before {last}: ours first, then the system's"
            elif kind != last_kind and same_group:
                yield f"src/{name}:{line}: a blank line between groups, before {header}"
            elif same_group and header <= last:
                yield f"src/{name}:{line}: {header} is sorted before {last}"
            elif not same_group and kind == last_kind == 1:
                yield f"src/{name}:{line}: one group of ours, {header} belongs to it"


def check_exceptions(files, used):
    for file, header in EXCEPTIONS:
        if (file, header) not in used and any(matches(f, [file]) for f in files):
            yield f"tests/lint/layers.t: the exception of {file} for {header} is not needed any more"


def main():
    tap = Tap()
    files = sources(".c", ".h", ".cc", ".hh")
    headers = [f for f in files if f.endswith(".h")]
    used = set()

    tap.rule("every file includes only what its rank may see", check_parts(files, used))
    tap.rule("every exception is in use", check_exceptions(files, used))
    tap.rule("a file sees at most one outside library", check_one_library(files))
    tap.rule("what decides cannot act: no sys.h, not even through other headers", check_deaf(files))
    tap.rule("every header compiles alone", check_alone(headers))
    tap.rule("every header has #pragma once", check_once(headers))
    tap.rule("a .c file includes its own header first", check_own_first(files))
    tap.rule("includes are grouped and sorted", check_groups(files))
    tap.done()


main()
