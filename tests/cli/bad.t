#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# Bad profiles: tests/bad/*.yaml, and what is no file of text at all. Each is answered with the codes and
# places in expected.txt, with advice, with exit 65, in 50 ms and 32 MiB.
"""
expected.txt has a line for each complaint: FILE CODE LINE:COLUMN [(LINE:COLUMN)] ADVICE, where the second
place is one that disagrees, and the advice is the first way out. `bad.t --accept` rewrites it from what the
program says; read the diff like code.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
BAD = HERE.parent / "bad"
BUILD = Path(os.environ.get("O", HERE.parents[1] / "build")).resolve()
PROGRAM = os.environ.get("GPUPROV", str(BUILD / "gpuprov"))
SANITIZED = b"__asan_init" in Path(PROGRAM).read_bytes()
MOST_SECONDS, MOST_BYTES = 0.05, 32 << 20

# What git should not carry: made here.
MADE = {
    "made-257-kib": b"#" * (257 << 10),
    "made-256-kib-of-items": b"version: 1\nkind: bare-metal\ngpus: [" + b"a," * 130000 + b"]\n",
    "made-256-kib-of-brackets": b"version: 1\nkind: " + b"[" * 262000,
    "made-256-kib-of-braces": b"version: 1\nkind: " + b"{" * 262000,
    "made-256-kib-of-dashes": b"version: 1\nkind: " + b"- " * 131000,
    "made-256-kib-of-quotes": b"version: 1\nkind: " + b"\"" * 262000,
    "made-256-kib-of-questions": b"version: 1\nkind:\n" + b"? " * 131000,
    "made-256-kib-of-lines": b"version: 1\nkind: bare-metal\n" + b"\n" * 262000 + b"x: 1\n",
    "made-one-long-line": b"version: 1\nkind: bare-metal\n" + b"gpus: [" + b"\"a\", " * 9000 + b"{b: c}]\n",
}


# What is given on standard input has no end.
ENDLESS = "special-stdin-without-end.yaml"
# Larger than it says: to stat() it is empty.
SYMBOLS = "/proc/kallsyms"


def special(folder):
    """What is no file of text, and the file whose owner is somebody else."""
    folder = Path(folder)
    (folder / "special-directory.yaml").mkdir()
    os.mkfifo(folder / "special-fifo.yaml")
    (folder / "special-device.yaml").symlink_to("/dev/zero")
    (folder / "special-null.yaml").symlink_to("/dev/null")
    (folder / "special-loop.yaml").symlink_to("special-loop-2.yaml")
    (folder / "special-loop-2.yaml").symlink_to("special-loop.yaml")
    (folder / "special-dangling.yaml").symlink_to("nothing")
    (folder / "special-unreadable.yaml").write_text("version: 1\nkind: bare-metal\n")
    (folder / "special-unreadable.yaml").chmod(0)
    # Not made in memory: what a process has at its beginning is what its parent had.
    with open(folder / "special-64-gib-of-holes.yaml", "wb") as f:
        f.truncate(64 << 30)
    with open(folder / "special-16-mib.yaml", "wb") as f:
        f.write(b"version: 1\nkind: bare-metal\n")
        for _ in range(16 << 4):
            f.write(b"# " + b"x" * 65533 + b"\n")
    if os.path.exists(SYMBOLS):
        (folder / "special-size-0-growing.yaml").symlink_to(SYMBOLS)
    (folder / ENDLESS).write_bytes(b"")


def measured(argv, **how):
    """Exit status, stdout, stderr, and what it cost: the processor's time, since the clock is others' too."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how) as child:
        late = threading.Timer(20, child.kill)
        late.start()
        out, err = child.stdout.read(), child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        late.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, out, err.decode(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def run(folder, name):
    how = {"cwd": folder, "stdin": subprocess.DEVNULL}
    program = PROGRAM
    if name == "special-unreadable.yaml" and os.geteuid() == 0:
        how["user"] = how["group"] = 65534
        how["extra_groups"] = []
        program = shutil.copy(PROGRAM, Path(folder) / "gpuprov")
    argv = [program, "lint", "--format", "json", name]
    with contextlib.ExitStack() as stack:
        if name == ENDLESS:
            argv[-1] = "-"
            how["stdin"] = stack.enter_context(
                subprocess.Popen(["yes", "version: 1"], stdout=subprocess.PIPE)).stdout
        status, out, err, seconds, memory = measured(argv, **how)
        if name == ENDLESS:
            how["stdin"].close()
    found = json.loads(out)["diagnostics"] if out else []
    return status, found, err, seconds, memory


def line_of(name, d):
    def place(at):
        return f"{at.get('line', 0)}:{at.get('column', 0)}"

    ways = d.get("ways", [])
    also = f" ({place(d['also'])})" if "also" in d else ""
    return f"{name} {d['code']} {place(d['at'])}{also} {ways[0]['text'] if ways else '-'}"


def problems(folder, name, expected):
    status, found, err, seconds, memory = run(folder, name)
    for _ in range(3):  # what else runs on this machine is no fault of ours
        if seconds <= MOST_SECONDS:
            break
        seconds = min(seconds, run(folder, name)[3])
    got = [line_of(name, d) for d in found]
    if status != 65:
        yield f"expected exit 65, got {status}"
    if err:
        yield f"on stderr: {err.splitlines()[0]}"
    if got != expected:
        yield from (f"- {line}" for line in expected)
        yield from (f"+ {line}" for line in got)
    for d in found:
        if not d.get("ways"):
            yield f"no advice: {d['what']}"
        text = json.dumps(d, ensure_ascii=False)
        if any(ord(c) < 32 or 0x7f <= ord(c) < 0xa0 for c in text) or "secret" in d["what"]:
            yield f"a control character or a secret is echoed: {text!r}"
    if not SANITIZED and seconds > MOST_SECONDS:
        yield f"took {seconds * 1000:.0f} ms"
    if not SANITIZED and memory > MOST_BYTES:
        yield f"took {memory >> 20} MiB"


def corpus(folder):
    for name, content in MADE.items():
        (Path(folder) / f"{name}.yaml").write_bytes(content)
    special(folder)
    for path in BAD.glob("*.yaml"):
        (Path(folder) / path.name).write_bytes(path.read_bytes())
    return sorted(p.name for p in Path(folder).glob("*.yaml"))


def main():
    index = BAD / "expected.txt"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        names = corpus(folder)
        if sys.argv[1:] == ["--accept"]:
            lines = [line_of(n, d) for n in names for d in run(folder, n)[1]]
            index.write_text("".join(line + "\n" for line in lines))
            return 0
        expected = {}
        for line in index.read_text().splitlines():
            expected.setdefault(line.split()[0], []).append(line)
        if not os.path.exists(SYMBOLS):
            expected.pop("special-size-0-growing.yaml", None)
            print(f"# not tried: a file that grows, for want of {SYMBOLS}")
        failed = False
        for number, name in enumerate(names, 1):
            wrong = list(problems(folder, name, expected.pop(name, [])))
            failed |= bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
            for line in wrong:
                print(f"# {line}")
        print(f"{'not ok' if expected else 'ok'} {len(names) + 1} - nothing is expected of a file that is not there")
        print(f"1..{len(names) + 1}")
        return 1 if failed or expected else 0


sys.exit(main())
