#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measure a whole `gpuprov configure docker` of a 4 KB daemon.json.

    measure_edit.py GPUPROV RUNS

Each round registers the runtime and takes it out again. Processor time is the kernel's own sum over all
rounds, on a root in memory, where an fsync costs nothing; on the disk that this runs on the wall time has
the fsyncs in it, and is shown apart. No engine is there, so none validates. How long the program takes to
start is in it: with libcrypto as a shared library that was 1.2 ms of 3.0, now it is 0.5 of 2.0 to 2.4.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CPU_MS, MIB = 3, 8


def make_root(top):
    root = pathlib.Path(top) / "root"
    for folder in ("etc/docker", "usr/bin", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    (root / "usr/bin/nvidia-container-runtime").touch()
    (root / "var/lib/dpkg/status").write_text(
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\n\n")
    text = json.dumps({"debug": True, "log-opts": {"max-size": "10m"},
                       "registry-mirrors": [f"https://mirror{i:02}.example/" for i in range(60)],
                       "insecure-registries": [f"r{i:02}.example:5000" for i in range(60)],
                       "labels": [f"key{i:02}=value" for i in range(30)]}, indent=2)
    (root / "etc/docker/daemon.json").write_text(text)
    return root


def used(p):
    """Processor seconds of a process, which must end well."""
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit(f"measure_edit: {' '.join(p.args)}: exit {p.returncode}")
    return usage.ru_utime + usage.ru_stime


def once(gpuprov, root, *more):
    """(wall seconds, processor seconds)"""
    begin = time.perf_counter()
    with subprocess.Popen([gpuprov, "configure", "docker", "--yes", "--root", str(root), *more],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        cpu = used(p)
        return time.perf_counter() - begin, cpu


def rounds(gpuprov, where, runs):
    with tempfile.TemporaryDirectory(dir=where) as top:
        root, found = make_root(top), []
        for _ in range(runs):
            shutil.rmtree(root / "var/lib/gpuprov", ignore_errors=True)
            found.append(once(gpuprov, root))
            once(gpuprov, root, "--remove")
        return found


def main():
    gpuprov, runs = sys.argv[1], int(sys.argv[2])
    memory = rounds(gpuprov, "/dev/shm", runs)
    disk = rounds(gpuprov, None, runs)
    cpu = sorted(r[1] for r in memory)[runs // 2] * 1000
    mib = rss_of(gpuprov)
    start = sorted(used(subprocess.Popen([gpuprov, "--version"], stdout=subprocess.DEVNULL))
                   for _ in range(runs))[runs // 2] * 1000
    print()
    print(f"configure docker, 4 KB daemon.json, median of {runs}: {cpu:.1f} ms of processor ({start:.1f} ms of it"
          f" to start), {mib:.1f} MiB;"
          f" wall {sorted(r[0] for r in memory)[runs // 2] * 1000:.1f} ms in memory,"
          f" {sorted(r[0] for r in disk)[runs // 2] * 1000:.1f} ms with its fsyncs")
    print(f"Goal: at most {CPU_MS} ms and {MIB} MiB:"
          f" {'met' if cpu <= CPU_MS and mib <= MIB else 'MISSED'}")


def rss_of(gpuprov):
    """MiB of one run, by time(1): a child of this interpreter would start as large as it is."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
        done = subprocess.run(["/usr/bin/time", "-q", "-f", "%M", gpuprov, "configure", "docker", "--yes",
                               "--root", str(make_root(top))], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, text=True)
        return int(done.stderr.split()[-1]) / 1024


if __name__ == "__main__":
    main()
