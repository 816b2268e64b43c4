#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Make a root from a description, as a captured host would look to the probes.

    tree.py make FILE.tree DIR     the root; prints what uname says there: KERNEL HOST

A line of a description is one of

    uname KERNEL HOST
    dir PATH
    link PATH TARGET
    line PATH TEXT...              a file of one line
    file PATH <<                   the lines up to one that is "<<"
    pci ADDRESS DEVICE [DRIVER [CLASS]]
    module PATH KEY=VALUE...       a .ko, or .ko.xz, .ko.zst; signed-by=NAME appends a signature
    secure-boot on|off KEY...      the variables of the firmware, with certificates of these names
    cert PATH NAME                 a certificate in DER
    lock PATH PID                  a file, and a line in proc/locks that says who holds it
    open PID NAME UNIT PATH...     a program and the files that it has open

"_" in a NAME stands for a blank. Every file is as old as the others; "old PATH" makes it older.
"""

import lzma
import os
import shlex
import struct
import subprocess
import sys
import tempfile

TIME = 1700000000
X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"


class Maker:
    def __init__(self, root):
        self.root = root
        self.uname = "- -"
        self.locks = []
        self.keys = tempfile.TemporaryDirectory()

    def place(self, path):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    def write(self, path, data):
        with open(self.place(path), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    def pair(self, name):
        """A key and a certificate of that name; made once."""
        base = os.path.join(self.keys.name, name.replace("/", "-"))
        if not os.path.exists(base + ".pem"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-keyout",
                            base + ".key", "-out", base + ".pem", "-subj",
                            "/O=Test/CN=" + name.replace("/", "\\/")],
                           check=True, capture_output=True)
        return base

    def der(self, name):
        return subprocess.run(["openssl", "x509", "-in", self.pair(name) + ".pem", "-outform",
                               "DER"], check=True, capture_output=True).stdout

    def signed(self, ko, name):
        """As the kernel's sign-file does: PKCS#7 without certificates, then a trailer."""
        base = self.pair(name)
        sig = subprocess.run(["openssl", "cms", "-sign", "-binary", "-nocerts", "-nosmimecap",
                              "-noattr", "-outform", "DER", "-signer", base + ".pem", "-inkey",
                              base + ".key"], input=ko, check=True, capture_output=True).stdout
        return (ko + sig + bytes([0, 0, 2, 0, 0, 0, 0, 0]) + struct.pack(">I", len(sig)) +
                b"~Module signature appended~\n")

    # ---- one method a directive

    def do_uname(self, kernel, host):
        self.uname = kernel + " " + host

    def do_dir(self, path):
        os.makedirs(os.path.join(self.root, path), exist_ok=True)

    def do_link(self, path, target):
        os.symlink(target, self.place(path))

    def do_line(self, path, *words):
        self.write(path, " ".join(words) + "\n")

    def do_old(self, path):
        os.utime(os.path.join(self.root, path), (TIME - 60, TIME - 60))

    def do_pci(self, address, device, driver=None, pci_class="030200"):
        at = "sys/bus/pci/devices/0000:" + address
        for name, value in (("vendor", "10de"), ("device", device), ("class", pci_class)):
            self.write(at + "/" + name, "0x" + value + "\n")
        if driver:
            self.do_link(at + "/driver", "../../../../bus/pci/drivers/" + driver)

    def do_module(self, path, *pairs):
        keys = dict(p.replace("_", " ").split("=", 1) for p in pairs)
        signer = keys.pop("signed-by", None)
        ko = elf("".join("%s=%s\0" % p for p in keys.items()).encode())
        if signer:
            ko = self.signed(ko, signer)
        if path.endswith(".xz"):
            ko = lzma.compress(ko, check=lzma.CHECK_CRC32)
        elif path.endswith(".zst"):
            ko = subprocess.run(["zstd", "-q", "-c"], input=ko, check=True,
                                capture_output=True).stdout
        self.write(path, ko)

    def do_secure_boot(self, state, *names):
        efi = "sys/firmware/efi/efivars/"
        self.write(efi + "SecureBoot-" + GLOBAL, struct.pack("<IB", 6, state == "on"))
        lists = b""
        for name in names:
            der = self.der(name.replace("_", " "))
            one = 16 + len(der)
            lists += X509 + struct.pack("<III", 28 + one, 0, one) + bytes(16) + der
        if lists:
            self.write(efi + "MokListRT-" + SHIM, struct.pack("<I", 6) + lists)

    def do_cert(self, path, name):
        self.write(path, self.der(name.replace("_", " ")))

    def do_lock(self, path, pid):
        self.write(path, "")
        st = os.stat(os.path.join(self.root, path))
        self.locks.append("%d: POSIX  ADVISORY  WRITE %s %02x:%02x:%d 0 EOF\n" % (
            len(self.locks) + 1, pid, os.major(st.st_dev), os.minor(st.st_dev), st.st_ino))

    def do_open(self, pid, name, unit, *paths):
        at = "proc/" + pid
        self.do_line(at + "/comm", name)
        self.do_line(at + "/cgroup", "0::/system.slice/" + unit if unit != "-" else "0::/")
        self.write(at + "/maps", "")
        self.do_link(at + "/fd/0", "/dev/null")
        for i, path in enumerate(paths):
            self.do_link("%s/fd/%d" % (at, i + 3), path)


def elf(modinfo):
    """The least that has a section .modinfo."""
    names = b"\0.modinfo\0.shstrtab\0"
    data = modinfo + names
    sections = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0, 64, len(modinfo), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", 10, 3, 0, 0, 64 + len(modinfo), len(names), 0, 0, 1, 0)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64 + len(data), 0, 64, 0, 0, 64, 3, 2)
    return head + data + sections


def make(description, root):
    m = Maker(root)
    with open(description, encoding="utf-8") as f:
        lines = f.read().split("\n")
    olds = []
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if not line.strip() or line.startswith("#"):
            continue
        words = shlex.split(line)
        if words[0] == "file":
            end = lines.index("<<", at)
            m.write(words[1], "\n".join(lines[at:end] + [""]))
            at = end + 1
        elif words[0] == "old":
            olds.append(words[1])
        else:
            getattr(m, "do_" + words[0].replace("-", "_"))(*words[1:])
    if m.locks:
        m.write("proc/locks", "".join(m.locks))
    for folder, _, files in os.walk(root):
        for name in files:
            os.utime(os.path.join(folder, name), (TIME, TIME), follow_symlinks=False)
    for path in olds:
        m.do_old(path)
    print(m.uname)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "make":
        sys.exit(__doc__)
    make(sys.argv[2], sys.argv[3])
