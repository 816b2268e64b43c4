#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make a signed apt repository from a small description, damage it on demand, serve it.

    mkrepo.py make DESCRIPTION DIR --keys KEYS [--fault NAME[:PACKAGE]]...
    mkrepo.py serve DIR PORT-FILE [--log FILE] [--manners FILE]

The description ("-" is standard input) is stanzas in the style of a control file. A stanza without
"Package" begins a suite; the packages after it belong to it:

    Suite: bookworm              or "Flat: yes": Packages and debs lie in DIR itself
    Components: main contrib     the first is the default of its packages
    Origin, Label, Codename, Version, NotAutomatic, ...: go into Release as they are
    Date: -1h                    relative to now; the default is now
    Valid-Until: +7d

    Package: nvidia-smi
    Version: 535.1-1
    Component: non-free
    Depends, Provides, Conflicts, Source, Multi-Arch, ...: go into control as they are
    File: /usr/share/x some text         Elf: /usr/lib/libx.so.1 text that it contains
    Zeros: /usr/share/big 30000000       Link: /usr/lib/libx.so libx.so.1
    Conffile: /etc/x.conf some text      Postinst: shell text, also in continuation lines

File, Elf, Zeros, Link and Conffile may come several times; "\\n" in their text is a newline.

Faults of a suite: unsigned, bad-signature, unknown-key, expired, future, no-release, weak,
bad-hash, bad-size, no-packages, garbage. Of a package's .deb: missing-deb:NAME, short-deb:NAME,
bad-deb:NAME. How .debs are served is in the file of manners, a word or two a line, read at each
request: "login NAME:PASSWORD", "redirect" (once for each request), "cut BYTES" (the first answer for
each file), "dead COUNT" (after so many answers no connection is answered), "pause SECONDS". With that
file each request for a .deb is a line of FILE.debs: path, range, connections at work, client's port.
Everything is written in one process: fifty packages take a tenth of a second, most of
it gpg's.
"""

import argparse
import base64
import collections
import email.utils
import functools
import gzip
import hashlib
import http.server
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Fields that say how to make the package, not what is written into its control file.
PARTS = ("File", "Elf", "Zeros", "Link", "Conffile")
SCRIPTS = ("Preinst", "Postinst", "Prerm", "Postrm")
SUITE_ONLY = ("Flat", "Date", "Valid-Until", "Components", "Architectures")


# ---- the description


def stanzas(text):
    """Lists of (field, value) in the order written; continuation lines keep their newlines."""
    for block in re.split(r"\n[ \t]*\n", text):
        fields = []
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and fields:
                fields[-1][1] += "\n" + line.strip()
                continue
            name, colon, value = line.partition(":")
            if not colon:
                raise SystemExit(f"mkrepo: not a field: {line}")
            fields.append([name.strip(), value.strip()])
        if fields:
            yield fields


def suites(text):
    """(fields of the suite, its packages as field lists), in order."""
    found = []
    for fields in stanzas(text):
        names = dict(fields)
        if "Package" not in names:
            found.append((names, []))
        else:
            if not found:
                found.append(({"Flat": "yes"}, []))
            found[-1][1].append(fields)
    return found


def moment(text):
    """ "+3d" as the seconds since the epoch."""
    m = re.fullmatch(r"([+-]\d+)([smhd])", text)
    if not m:
        raise SystemExit(f"mkrepo: not a time relative to now: {text}")
    return int(time.time()) + int(m[1]) * UNITS[m[2]]


# ---- packages


def ar_member(name, data):
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
    return head + data + b"\n" * (len(data) % 2)


def elf(text):
    """What a reader takes for a 64-bit shared object: a header, no segments, the text."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00\x01\x00\x00\x00" + bytes(24)
    return head + bytes(4) + b"\x40\x00" + bytes(10) + text + b"\n"


class Tree:
    """A tar archive that makes the directories above each member."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.GNU_FORMAT)
        self.dirs = set()
        self.size = 0

    def member(self, path, kind, mode):
        info = tarfile.TarInfo("./" + path)
        info.type, info.mode, info.mtime = kind, mode, 1700000000
        info.uname = info.gname = "root"
        return info

    def parents(self, path):
        parts = path.split("/")[:-1]
        for n in range(len(parts) + 1):
            part = "/".join(parts[:n])
            if part not in self.dirs:
                self.dirs.add(part)
                self.tar.addfile(self.member(part, tarfile.DIRTYPE, 0o755))

    def file(self, path, data, mode=0o644):
        self.parents(path)
        info = self.member(path, tarfile.REGTYPE, mode)
        info.size = len(data)
        self.size += len(data)
        self.tar.addfile(info, io.BytesIO(data))

    def link(self, path, target):
        self.parents(path)
        info = self.member(path, tarfile.SYMTYPE, 0o777)
        info.linkname = target
        self.tar.addfile(info)

    def close(self):
        self.tar.close()
        return self.bytes.getvalue()


def content(kind, text):
    raw = text.replace("\\n", "\n").encode()
    if kind == "Elf":
        return elf(raw)
    if kind == "Zeros":
        return bytes(int(text))
    return raw + b"\n"


def data_tree(fields):
    tree, conffiles = Tree(), []
    names = dict(fields)
    tree.file(f"usr/share/doc/{names['Package']}/version", names["Version"].encode() + b"\n")
    for kind, value in fields:
        if kind not in PARTS:
            continue
        path, _, text = value.partition(" ")
        if kind == "Link":
            tree.link(path[1:], text)
            continue
        tree.file(path[1:], content(kind, text), 0o755 if "/bin/" in path else 0o644)
        if kind == "Conffile":
            conffiles.append(path)
    return tree, conffiles


def control_text(fields, size):
    kept = [f for f in fields if f[0] not in PARTS + SCRIPTS + ("Component",)]
    names = dict(kept)
    for name, value in (
        ("Architecture", "amd64"),
        ("Maintainer", "Tests <tests@example.invalid>"),
        ("Section", "misc"),
        ("Priority", "optional"),
        ("Installed-Size", str(size // 1024 + 8)),
        ("Description", "a package for tests"),
    ):
        if name not in names:
            kept.append([name, value])
    return "".join(f"{name}: {value}\n" for name, value in kept)


def script(text):
    return ("#!/bin/sh\nset -e\n" + text + "\n").encode()


def deb(fields):
    """The bytes of a .deb and the text of its control file."""
    data, conffiles = data_tree(fields)
    text = control_text(fields, data.size)
    control = Tree()
    control.file("control", text.encode())
    if conffiles:
        control.file("conffiles", "".join(c + "\n" for c in conffiles).encode())
    for name, value in fields:
        if name in SCRIPTS:
            control.file(name.lower(), script(value), 0o755)
    members = (
        ("debian-binary", b"2.0\n"),
        ("control.tar", control.close()),
        ("data.tar.gz", gzip.compress(data.close(), 1, mtime=0)),
    )
    return b"!<arch>\n" + b"".join(ar_member(n, d) for n, d in members), text


# ---- the repository


class Suite:
    def __init__(self, top, fields, faults):
        self.top, self.fields, self.faults = top, dict(fields), faults
        self.flat = self.fields.get("Flat") == "yes"
        name = self.fields.get("Suite", "stable")
        self.dir = top if self.flat else os.path.join(top, "dists", name)
        self.arch = self.fields.get("Architectures", "amd64")
        self.components = [""] if self.flat else self.fields.get("Components", "main").split()
        self.packages = {c: [] for c in self.components}

    def add(self, fields):
        names = dict(fields)
        component = "" if self.flat else names.get("Component", self.components[0])
        body, text = deb(fields)
        arch = names.get("Architecture", "amd64")
        # An epoch is not part of a file's name.
        version = names["Version"].split(":", 1)[-1]
        name = f"{names['Package']}_{version}_{arch}.deb"
        path = name if self.flat else f"pool/{component}/{name}"
        self.packages[component].append(
            text
            + f"Filename: {'./' if self.flat else ''}{path}\nSize: {len(body)}\n"
            + f"SHA256: {hashlib.sha256(body).hexdigest()}\n"
        )
        self.write_deb(path, body, names["Package"])

    def write_deb(self, path, body, package):
        if f"missing-deb:{package}" in self.faults:
            return
        if f"short-deb:{package}" in self.faults:
            body = body[: len(body) // 2]
        if f"bad-deb:{package}" in self.faults:
            body = body[:-16] + b"damaged damaged "
        put(os.path.join(self.top, path), body)

    def indexes(self):
        """{path below the suite: bytes} of all Packages files."""
        found = {}
        for component, texts in self.packages.items():
            path = "Packages" if self.flat else f"{component}/binary-{self.arch}/Packages"
            found[path] = "\n".join(texts).encode()
            if "garbage" in self.faults and texts:
                found[path] = b"Package nvidia\nthis is : no index\n\x00\xff\n" * 9
        return found

    def release(self, indexes):
        f = self.fields
        date = moment(f.get("Date", "+3d" if "future" in self.faults else "-1s"))
        until = f.get("Valid-Until", "-2d" if "expired" in self.faults else None)
        if "expired" in self.faults:
            date = moment("-9d")
        lines = [f"{n}: {v}" for n, v in f.items() if n not in SUITE_ONLY]
        lines.append("Date: " + email.utils.formatdate(date, usegmt=True))
        if until:
            lines.append("Valid-Until: " + email.utils.formatdate(moment(until), usegmt=True))
        lines.append(f"Architectures: {self.arch}")
        if not self.flat:
            lines.append("Components: " + " ".join(self.components))
        lines.append("Description: a repository for tests")
        algorithm = "md5" if "weak" in self.faults else "sha256"
        lines.append("MD5Sum:" if "weak" in self.faults else "SHA256:")
        for path, body in indexes.items():
            lines.append(f" {hashlib.new(algorithm, body).hexdigest()} {len(body)} {path}")
        return "\n".join(lines) + "\n"

    def write(self, keys):
        indexes = self.indexes()
        release = self.release(indexes)
        for path, body in indexes.items():
            self.write_index(path, body)
        if "no-release" in self.faults:
            return
        put(os.path.join(self.dir, "Release"), release.encode())
        if "unsigned" in self.faults:
            return
        signed = keys.clearsign(release, "other" if "unknown-key" in self.faults else "good")
        if "bad-signature" in self.faults:
            signed = signed.replace(b"a repository for tests", b"a repository for thefts")
        put(os.path.join(self.dir, "InRelease"), signed)

    def write_index(self, path, body):
        if "no-packages" in self.faults and body:
            return
        if "bad-hash" in self.faults:
            body = body.replace(b"tests@example", b"thefts@exampl")
        if "bad-size" in self.faults and body:
            body += b"\n"
        put(os.path.join(self.dir, path), body)


def put(path, body):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(body)


def make(text, top, keys, faults):
    """Write the repository beside the old one and change places: nobody sees half of it."""
    new = top + ".new"
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    for fields, packages in suites(text):
        suite = Suite(new, fields, faults)
        for package in packages:
            suite.add(package)
        suite.write(keys)
    shutil.rmtree(top, ignore_errors=True)
    os.rename(new, top)


# ---- keys


class Keys:
    """Two ed25519 keys, "good" and "other", made once and kept in a folder."""

    def __init__(self, folder):
        self.folder = folder
        if os.path.exists(folder):
            return
        os.makedirs(os.path.dirname(folder) or ".", exist_ok=True)
        new = tempfile.mkdtemp(prefix=os.path.basename(folder), dir=os.path.dirname(folder) or ".")
        for name in ("other", "good"):
            self.generate(new, name)
        try:
            os.rename(new, folder)
        except OSError:  # somebody else was faster
            shutil.rmtree(new)

    def generate(self, folder, name):
        with Agent() as agent:
            agent.gpg("--quick-gen-key", f"{name} <{name}@example.invalid>", "ed25519", "sign", "0")
            put(os.path.join(folder, name + ".gpg"), agent.gpg("--export"))
            put(os.path.join(folder, name + ".asc"), agent.gpg("--armor", "--export"))
            put(os.path.join(folder, name + ".secret"), agent.gpg("--export-secret-keys"))

    def clearsign(self, text, name):
        with Agent() as agent:
            agent.gpg("--import", os.path.join(self.folder, name + ".secret"))
            return agent.gpg("--clearsign", stdin=text.encode())


class Agent:
    """gpg with a home of its own in a short path: an agent's socket has 108 bytes for its name."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="mkrepo-")
        return self

    def __exit__(self, *_):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        # The agent takes its sockets away while it ends; what is gone already is fine.
        shutil.rmtree(self.home, ignore_errors=True)

    def gpg(self, *args, stdin=b""):
        head = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--no-tty", "--yes"]
        secret = ["--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run(
            head + secret + list(args), input=stdin, stdout=subprocess.PIPE, check=True
        ).stdout


# ---- serving


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log = None
    manners = None
    seen, at_work, lock = collections.Counter(), 0, threading.Lock()

    def do_GET(self):
        path = self.path.partition("?")[0]
        if not self.manners or not path.endswith(".deb"):
            super().do_GET()
            return
        with open(self.manners, encoding="utf-8") as f:
            manners = dict((line.split(maxsplit=1) + [""])[:2] for line in f.read().splitlines())
        with self.lock:
            Handler.at_work += 1
            Handler.seen[path] += 1
            Handler.seen["*"] += 1
            first = Handler.seen[path] == 1
            with open(self.manners + ".debs", "a", encoding="utf-8") as out:
                ask = self.headers.get("Range", "-")
                out.write(f"{self.path} {ask} {Handler.at_work} {self.client_address[1]}\n")
        try:
            time.sleep(float(manners.get("pause", "0")))
            self.send_deb(path, manners, first)
        except ConnectionError:
            self.close_connection = True
        finally:
            with self.lock:
                Handler.at_work -= 1

    def send_deb(self, path, manners, first):
        if "dead" in manners and Handler.seen["*"] > int(manners["dead"]):
            self.close_connection = True
            return
        if "login" in manners:
            login = base64.b64encode(manners["login"].encode()).decode()
            if self.headers.get("Authorization") != "Basic " + login:
                self.send_error(401)
                return
        if "redirect" in manners and "?" not in self.path:
            self.send_response(302)
            self.send_header("Location", self.path + "?again")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if not os.path.isfile(self.translate_path(path)):
            self.send_error(404)
            return
        with open(self.translate_path(path), "rb") as f:
            data = f.read()
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(start[1]) if start else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if first and "cut" in manners:
            self.wfile.write(data[: int(manners["cut"])])
            self.close_connection = True
        else:
            self.wfile.write(data[start:])

    def translate_path(self, path):
        # Asked as a proxy: whoever that address is, it is us.
        if path.startswith("http://"):
            path = "/" + path.split("/", 3)[3]
        return super().translate_path(path)

    def log_message(self, fmt, *args):
        if self.log:
            with open(self.log, "a", encoding="utf-8") as out:
                out.write(fmt % args + "\n")


def serve(top, port_file, log, manners):
    Handler.log, Handler.manners = log, manners
    handler = functools.partial(Handler, directory=top)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        with open(port_file + ".new", "w", encoding="utf-8") as out:
            out.write(f"{server.server_address[1]}\n")
        os.rename(port_file + ".new", port_file)
        server.serve_forever()


def main():
    p = argparse.ArgumentParser(description="make, damage and serve an apt repository")
    sub = p.add_subparsers(dest="verb", required=True)
    m = sub.add_parser("make")
    m.add_argument("description")
    m.add_argument("dir")
    m.add_argument("--keys", required=True)
    m.add_argument("--fault", action="append", default=[])
    s = sub.add_parser("serve")
    s.add_argument("dir")
    s.add_argument("port_file")
    s.add_argument("--log")
    s.add_argument("--manners")
    a = p.parse_args()
    if a.verb == "make":
        with open(0 if a.description == "-" else a.description, encoding="utf-8") as f:
            make(f.read(), a.dir.rstrip("/"), Keys(a.keys), a.fault)
    else:
        serve(a.dir, a.port_file, a.log, a.manners)


if __name__ == "__main__":
    main()
