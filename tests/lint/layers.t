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
VALUES = ["profile/profile.h", "facts.h", "catalog.h", "plan.h"]
INTERFACES = ["probes/probe.h", "distros/distro.h", "runtimes/runtime.h", "steps/step.h"]
PURE = ["solve/*.h", "profile/schema*.h", "profile/text.h", "profile/read.h", "render/*.h", "emit/*.h", "why*.h", "compat.h", "operator.h"]
EDIT = ["edit/*.h", "edit/tree.h", "edit/toml_reader.h", "engines/locate.h"]  # text in, text out: a library of our own, pure
ACTING = ["execute/execute.h", "execute/journal.h", "execute/resume.h", "execute/runs.h", "execute/undo.h", "verify/verify.h", "closure/closure.h", "runfile/inside.h", "closure/indexes.h", "closure/index_dates.h", "closure/keys.h"]

# What steps share that run an installer; it acts through struct sys.
INSTALLING = ["runfile/dkms.h", "closure/unfinished.h", "runfile/installer.h", "runfile/uninstall.h", "runfile/driver_record.h", "runfile/record.h", "runfile/look.h", "runfile/runfile.h"]

# libc that only computes. Anything else is a door to the outside.
PLAIN = {"assert.h", "ctype.h", "errno.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h",
         "stdint.h", "stdlib.h", "string.h", "strings.h"}
FORMAT = {"stdio.h"}  # vsnprintf, and the last words of mem.c

# files, our headers they may include, libc they may include (None = any)
PARTS = [
    ("base/*", BASE, PLAIN | FORMAT),
    ("sys/*", BASE + ["sys/*.h", "sys/*.hh"], None),
    ("edit/tree.[ch]", BASE + EDIT, PLAIN),
    ("edit/*.[ch]", BASE + EDIT, PLAIN),
    ("engines/locate.[ch]", BASE + EDIT, PLAIN),
    ("edit/toml_reader.h", BASE, PLAIN),
    ("edit/toml_reader.cc", BASE + EDIT, None),
    ("profile/profile.c", BASE + VALUES + PURE, PLAIN),
    ("profile/load.c", BASE + VALUES + PURE, PLAIN),
    ("profile/read.h", BASE + VALUES, PLAIN),
    ("profile/profile.h", BASE, PLAIN),
    ("facts.c", BASE + VALUES, PLAIN),
    ("facts.h", BASE, PLAIN),
    ("catalog.[ch]", BASE + ["catalog.h"], PLAIN),
    ("plan.[ch]", BASE + ["plan.h"], PLAIN),
    ("runfile/runfile.[ch]", BASE + ["runfile/runfile.h"], PLAIN),
    ("engines/toolkit.[ch]", BASE + EDIT + ["plan.h", "engines/toolkit.h"], PLAIN),
    ("engines/devchar.h", BASE, PLAIN),
    ("engines/devchar.c", BASE + ["engines/devchar.h", "sys/sys.h"], PLAIN),
    # Interface headers say `struct sys;`, so that who holds a drop-in cannot make it act.
    ("probes/probe.h", BASE + VALUES, PLAIN),
    ("distros/distro.h", BASE + VALUES, PLAIN),
    ("runtimes/runtime.h", BASE + VALUES + EDIT, PLAIN),
    ("steps/step.h", BASE + VALUES, PLAIN),
    # Drop-ins never see each other.
    ("probes/*.c", BASE + VALUES + ["sys/sys.h", "sys/cert.h", "probes/probe.h", "runfile/record.h"], PLAIN),
    ("distros/*.c", BASE + VALUES + ["distros/distro.h"], PLAIN),
    ("runtimes/*.c", BASE + VALUES + EDIT + ["runtimes/runtime.h"], PLAIN),
    ("steps/*.c", BASE + VALUES + ["sys/sys.h", "steps/step.h"] + INSTALLING, PLAIN),
    ("registry.[ch]", BASE + INTERFACES + ["registry.h", "gen/tables.inc"], PLAIN),
    # Deciding and showing: pure.
    ("solve/*.[ch]", BASE + VALUES + PURE + ["registry.h", "runfile/runfile.h"] + INTERFACES, PLAIN),
    ("why_part.[ch]", BASE + VALUES + PURE, PLAIN),
    ("compat*.[ch]", BASE + VALUES + PURE, PLAIN),
    ("operator.[ch]", BASE + VALUES + PURE, PLAIN),
    ("solve/rules_*.c", BASE + VALUES + PURE + INTERFACES, PLAIN),
    ("profile/schema*.[ch]", BASE + VALUES + PURE, PLAIN),
    ("profile/text.[ch]", BASE + VALUES + PURE, PLAIN),
    ("render/*.[ch]", BASE + VALUES + PURE, PLAIN),
    ("why.[ch]", BASE + ["why.h"], PLAIN),
    ("doctor/after.[ch]", BASE + VALUES + ["doctor/after.h"], PLAIN),
    ("doctor/cure*.[ch]", BASE + VALUES + PURE + EDIT + ["doctor/after.h", "doctor/cure.h", "doctor/doctor.h", "engines/toolkit.h"], PLAIN),
    ("doctor/*.[ch]", BASE + VALUES + EDIT + ["doctor/*.h", "engines/toolkit.h"], PLAIN),
    ("emit/*.[ch]", BASE + VALUES + PURE + ["registry.h"] + INTERFACES, PLAIN),
    # Acting, through struct sys. Their headers name it and do not include it.
    ("gather.c", BASE + VALUES + ["sys/sys.h", "registry.h"], PLAIN),
    ("runfile/record.[ch]", BASE + ["runfile/record.h"], PLAIN),
    ("runfile/installer.h", BASE + VALUES, PLAIN),
    ("runfile/installer.c", BASE + VALUES + ["runfile/look.h", "runfile/runfile.h", "sys/sys.h", "sys/sealed.h"], PLAIN),
    ("runfile/uninstall.h", BASE, PLAIN),
    ("runfile/uninstall.c", BASE + VALUES + ["runfile/driver_record.h", "runfile/installer.h", "runfile/record.h", "sys/sys.h"], PLAIN),
    ("runfile/driver_record.h", BASE + ["runfile/record.h"], PLAIN),
    ("runfile/driver_record.c", BASE + ["runfile/record.h", "sys/sys.h"], PLAIN),
    ("runfile/look.h", BASE + ["runfile/runfile.h"], PLAIN),
    ("runfile/look.c", BASE + ["runfile/look.h", "runfile/runfile.h", "sys/sys.h", "sys/untrusted.h"], PLAIN),
    ("execute/execute.h", BASE + VALUES + INTERFACES, PLAIN),
    ("execute/journal.h", BASE + VALUES, PLAIN),
    ("execute/saved.[ch]", BASE + VALUES + ["sys/hash.h"], PLAIN),
    ("execute/runs.h", BASE + VALUES, PLAIN),
    ("execute/resume.h", BASE, PLAIN),
    ("execute/resume.c", BASE + VALUES + ACTING + ["sys/sys.h"], PLAIN),
    ("execute/undo.h", BASE + VALUES + ["execute/runs.h"], PLAIN),
    ("verify/verify.h", BASE + VALUES, PLAIN),
    ("verify/priv.h", BASE + VALUES + ["verify/verify.h"], PLAIN),
    ("closure/room.[ch]", BASE + ["facts.h", "plan.h", "closure/room.h"], PLAIN),
    ("closure/candidates.h", BASE + VALUES, PLAIN),
    ("closure/candidates.c", BASE + VALUES + INTERFACES + ["registry.h", "sys/sys.h", "sys/hash.h"], PLAIN),
    ("closure/closure.h", BASE + VALUES, PLAIN),
    ("runfile/inside.h", BASE + VALUES, PLAIN),
    ("runfile/inside.c", BASE + VALUES + ["runfile/inside.h", "runfile/look.h", "runfile/runfile.h", "sys/sys.h"], PLAIN),
    ("closure/indexes.h", BASE + VALUES, PLAIN),
    ("closure/index_dates.[ch]", BASE + ["closure/indexes.h", "sys/sys.h"], PLAIN),
    ("closure/keys.h", BASE + VALUES + ["closure/closure.h"], PLAIN),
    ("closure/keys.c", BASE + VALUES + ACTING + ["sys/sys.h", "sys/openpgp.h"], PLAIN),
    ("execute/execute.c", BASE + VALUES + ACTING + INTERFACES + ["sys/sys.h", "registry.h"], PLAIN),
    ("execute/journal.c", BASE + VALUES + ACTING + ["sys/sys.h", "sys/hash.h"], PLAIN),
    ("execute/runs.c", BASE + VALUES + ACTING + ["sys/sys.h"], PLAIN),
    ("damage.[ch]", BASE + VALUES + ["damage.h", "sys/sys.h"], PLAIN),
    ("drift.h", BASE + VALUES, PLAIN),
    ("drift.c", BASE + VALUES + INTERFACES + ["drift.h", "sys/sys.h", "registry.h"], PLAIN),
    ("execute/undo.c", BASE + VALUES + ACTING + INTERFACES + ["sys/sys.h", "registry.h"], PLAIN),
    ("verify/cluster.c", BASE + VALUES + EDIT + ["verify/verify.h", "verify/priv.h", "cluster/kubectl.h", "sys/sys.h"], PLAIN),
    ("verify/*.c", BASE + VALUES + ACTING + ["verify/priv.h", "sys/sys.h", "sys/driver.h"] + INSTALLING, PLAIN),
    ("engines/engine.h", BASE + VALUES + EDIT + ["runtimes/runtime.h", "sys/sys.h"], PLAIN),
    ("engines/*.c", BASE + VALUES + EDIT + INTERFACES + ["engines/engine.h", "registry.h", "sys/sys.h", "sys/hash.h"],
     PLAIN),
    ("cluster/kubectl.h", BASE, PLAIN),
    ("cluster/kubectl.c", BASE + EDIT + ["cluster/kubectl.h", "sys/sys.h"], PLAIN),
    ("cluster/cluster.h", BASE + ["cluster/kubectl.h", "plan.h"], PLAIN),
    ("cluster/cluster.c", BASE + EDIT + ["cluster/cluster.h", "cluster/kubectl.h", "sys/sys.h"], PLAIN),
    ("cluster/cluster_back.c", BASE + ["cluster/cluster.h", "sys/sys.h"], PLAIN),
    ("cluster/cluster_plan.[ch]", BASE + VALUES + ["cluster/cluster.h", "cluster/cluster_plan.h", "emit/emit.h"], PLAIN),
    ("closure/closure.c", BASE + VALUES + ACTING + INTERFACES + ["closure/predict.h", "closure/room.h", "sys/sys.h"], PLAIN),
    ("closure/unfinished.[ch]", BASE + ["closure/unfinished.h", "sys/sys.h"], PLAIN),
    ("runfile/dkms.[ch]", BASE + VALUES + ["runfile/dkms.h", "sys/sys.h"], PLAIN),
    ("closure/predict.[ch]", BASE + VALUES + ACTING + ["closure/predict.h", "sys/sys.h"], PLAIN),
    ("closure/indexes.c", BASE + VALUES + ACTING + ["sys/sys.h", "sys/hash.h"], PLAIN),
    ("redact.[ch]", BASE + ["redact.h"], PLAIN),
    ("bundle.h", BASE, PLAIN),
    ("bundle.c", BASE + ACTING + ["plan.h", "bundle.h", "redact.h", "sys/sys.h", "sys/hash.h", "sys/tarball.h"], PLAIN),
    # Who talks with the user.
    ("options.[ch]", BASE + PURE + ["options.h"], PLAIN),
    ("manpage.[ch]", BASE + VALUES + PURE + ["options.h", "manpage.h"], PLAIN),
    ("terminal.[ch]", BASE + PURE + ["execute/execute.h", "options.h", "terminal.h"], None),
    ("commands/*", ["*"], None),
    ("main.c", ["*"], None),
]

# (file, header): why it is right that they meet.
EXCEPTIONS = {
    ("base/rec.c", "jansson.h"): "reading JSON is what rec.c is; jansson works on memory only",
    ("profile/profile.c", "yaml.h"): "the one file that sees libyaml; events from memory only",
    ("sys/transfer.c", "curl/curl.h"): "the one file that sees libcurl",
    ("sys/untrusted.c", "archive*.h"): "the one file that sees libarchive, in a child",
    ("sys/hash.c", "openssl/*"): "the file that sees libcrypto's hashes",
    ("sys/cert.c", "openssl/*"): "the file that sees libcrypto's certificates",
    ("sys/tarball.c", "archive*.h"): "the file that sees libarchive write: bundles, in memory",
    ("sys/unpack.c", "archive*.h"): "the file that sees libarchive in our own process: kernel modules of root",
    ("sys/apt*.cc", "apt-pkg/*"): "the back end: it alone sees libapt, in a shared object of its own",
    ("sys/apt*.hh", "apt-pkg/*"): "what the parts of the back end share",
    ("edit/toml_reader.cc", "toml*"): "the one file that sees toml++, which works on bytes in memory",
    ("render/render.h", "doctor/doctor.h"): "findings are values",
    ("render/render.h", "verify/verify.h"): "verdicts are values too; render shows them and cannot check anything",
    ("steps/packages.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("steps/fetch.c", "sys/fetch.h"): "a job for sys_fetch() is a value described there",
    ("steps/step.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("steps/engine.c", "engines/engine.h"): "what a step, a command and an undo of an engine's file share",
    ("probes/engines.c", "engines/engine.h"): "finding a daemon is the same for looking and for telling",
    ("probes/engines.c", "engines/locate.h"): "which file a daemon reads is decided in one place",
    ("steps/toolkit.c", "sys/hash.h"): "edits are known by the hash of what came out",
    ("steps/toolkit.c", "engines/engine.h"): "which file is behind a name, and how it comes back, as for an engine's",
    ("steps/toolkit.c", "engines/toolkit.h"): "what its settings come to is decided in one place",
    ("steps/cdi.c", "engines/toolkit.h"): "what a specification says is read in one place",
    ("steps/cluster.c", "cluster/cluster.h"): "what a step and a plan of a cluster share",
    ("steps/agent.c", "engines/engine.h"): "reading a generated configuration is the same for a step and a check",
    ("steps/devchar.c", "engines/devchar.h"): "which links there must be is the same for a step and a check",
    ("probes/toolkit.c", "engines/toolkit.h"): "where the toolkit has its files stands in one place",
    ("solve/toolkit.c", "engines/toolkit.h"): "whether a file says all already is decided in one place, purely",
    ("verify/containers.c", "engines/toolkit.h"): "what a specification says is read in one place",
    ("verify/engine.c", "engines/toolkit.h"): "what settings come to is decided in one place",
    ("verify/engine.c", "engines/devchar.h"): "which links there must be is the same for a step and a check",
    ("verify/manifests.c", "cluster/cluster.h"): "what is in a cluster is seen the same way by a step and a check",
    ("verify/engine.c", "engines/engine.h"): "asking a daemon is the same for a step and a check",
    ("verify/trial.c", "engines/engine.h"): "where a daemon listens is the same for a step and a check",
    ("verify/engine.c", "registry.h"): "a step knows whether its effect is there",
    ("closure/candidates.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("closure/closure.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("closure/keys.c", "sys/apt.h"): "a job for sys_apt() is a value described there",
    ("probes/keys.c", "sys/openpgp.h"): "reading keyrings works on bytes in memory",
}

# These never see struct sys or libapt's jobs, not even through another header.
DEAF = ["solve/*", "doctor/*", "runfile/runfile.[ch]", "runfile/record.[ch]", "plan.[ch]", "render/*", "emit/*", "profile/schema*", "profile/*", "facts.[ch]", "catalog.[ch]",
        "distros/*", "runtimes/*", "registry.[ch]", "options.[ch]", "edit/*", "edit/tree.[ch]", "engines/toolkit.[ch]"]

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
