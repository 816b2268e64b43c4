#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# zshtab.py: press tab in a real zsh. Lines "WHAT IS TYPED<tab>WHAT IT MUST BECOME A PART OF" on stdin;
# functions/ in the current folder is where zsh looks for completions.
import os
import pty
import re
import select
import sys
import time

PROMPT = "READY> "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")


class Shell:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "xterm", "PS1": PROMPT})

    def read(self, until, seconds):
        """What comes until the text is there, without what moves the cursor."""
        seen, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                seen += os.read(self.fd, 65536).decode(errors="replace")
                if until in ESCAPES.sub("", seen):
                    break
        return ESCAPES.sub("", seen)

    def type(self, text):
        os.write(self.fd, text.encode())


def main():
    shell = Shell()
    shell.read(PROMPT, 30)
    shell.type("fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -d $PWD/dump; "
               "echo is''loaded\n")
    assert "isloaded" in shell.read("isloaded", 60), "compinit did not come to an end"
    failed = 0
    for line in sys.stdin:
        typed, wanted = line.strip().split("\t")
        shell.type("\x15" + typed + "\t")
        rest = wanted[len(typed.rsplit(None, 1)[-1].rsplit("=", 1)[-1]):]
        # What was typed, and behind it what the shell put there.
        seen = shell.read(typed + rest, 20)
        if typed + rest not in seen:
            print(f"# typed '{typed}', expected '{typed + rest}', saw {seen[-200:]!r}")
            failed = 1
    shell.type("\x15exit\n")
    sys.exit(failed)


main()
