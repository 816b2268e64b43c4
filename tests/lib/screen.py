#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# screen.py COLUMNSxROWS [--raw FILE] [--type TEXT] COMMAND...: run it on a terminal and print what stands there.
"""
The terminal is a pty with pyte, a terminal emulator, behind it. FILE gets what was written: one line of JSON
for each read, [seconds since the start, text]. Ends with the command's exit status.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

import pyte


def main():
    args = sys.argv[1:]
    columns, rows = map(int, args.pop(0).split("x"))
    raw, typed = None, None
    while args[0] in ("--raw", "--type"):
        option, value = args.pop(0), args.pop(0)
        raw, typed = (value, typed) if option == "--raw" else (raw, value)
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execvp(args[0], args)
    screen = pyte.HistoryScreen(columns, rows, history=10000)
    stream = pyte.ByteStream(screen)
    chunks, start = [], time.monotonic()
    while time.monotonic() - start < 60:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
        chunks.append([time.monotonic() - start, data.decode(errors="replace")])
        if typed and "[y/N]" in chunks[-1][1]:
            os.write(fd, typed.encode())
            typed = None
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    lines = ["".join(line[x].data for x in range(columns)).rstrip() for line in screen.history.top]
    lines += [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    print("\n".join(lines))
    if raw:
        with open(raw, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(c) + "\n" for c in chunks)
    sys.exit(status)


main()
