#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A link between this network namespace and another that delays packets and loses some of them.

    lossy.py PID READY-FILE [--delay MS] [--loss PERCENT]

Two TUN devices, 10.9.9.1 here and 10.9.9.2 in the namespace of process PID; every packet comes DELAY
milliseconds later, LOSS percent of them never. TCP meets that as on a real path: it sees the round
trip, and slows down when packets are lost. For kernels that have no netem. It ends with the process.
"""

import argparse
import collections
import fcntl
import os
import random
import select
import struct
import subprocess
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def ip(*args, pid=None):
    inside = ["nsenter", "-t", str(pid), "-n"] if pid else []
    subprocess.run([*inside, "ip", *args], check=True)


def carry(ends, delay, loss):
    waiting = collections.deque()  # (when, to, packet); the delay is the same for all, so in order
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for fd in select.select(ends, [], [], left)[0]:
            try:
                while True:
                    packet = os.read(fd, 2048)
                    if random.random() >= loss:
                        other = ends[1] if fd == ends[0] else ends[0]
                        waiting.append((time.monotonic() + delay, other, packet))
            except BlockingIOError:
                pass
        while waiting and waiting[0][0] <= time.monotonic():
            _, to, packet = waiting.popleft()
            try:
                os.write(to, packet)
            except OSError:
                pass  # a full queue loses it, as queues do


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pid", type=int)
    parser.add_argument("ready_file")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--loss", type=float, default=0)
    args = parser.parse_args()
    random.seed(1)
    here, there = f"here{os.getpid()}", f"there{os.getpid()}"
    ends = [tun(here), tun(there)]
    ip("link", "set", there, "netns", str(args.pid))
    ip("addr", "add", "10.9.9.1", "peer", "10.9.9.2", "dev", here)
    ip("link", "set", here, "up")
    ip("addr", "add", "10.9.9.2", "peer", "10.9.9.1", "dev", there, pid=args.pid)
    ip("link", "set", there, "up", pid=args.pid)
    open(args.ready_file, "w", encoding="ascii").close()
    carry(ends, args.delay / 1000, args.loss / 100)


main()
