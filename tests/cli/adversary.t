#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Odd spellings of daemon.json and config.toml, judged by Python's own parsers.

Each text is configured by the real program on a scratch root. Either it is refused with a place in the file
and nothing is written; or what another parser reads afterwards is what it read before, plus our keys, every
byte of before is still there in its order, a second run changes nothing, and rollback gives the bytes back.
"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

GPUPROV = os.environ.get("GPUPROV", "build/gpuprov")
BINARY = "/usr/bin/nvidia-container-runtime"
CRI2, CRI3 = "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"
DEEP = 60

# (text, must it be refused: None = whichever other parsers say)
JSON = [
    (b"", False), (b" \t\r\n", False), (b"null", False), (b"{}", False), (b"{ }", False), (b"{\n\n}\n", False),
    (b"\xef\xbb\xbf{\"debug\": true}", False), (b"{\"debug\":true}\r\n", False),
    (b"{\r\n\t\"debug\" : true\r\n}", False), (b"\n\n\n{\"debug\":true}\n\n\n", False),
    (b"{\"runtimes\":{}}", False), (b"{\"runtimes\": {\n}}", False), (b"{\"runtimes\":{\"x\":{\"path\":\"/x\"}}}", False),
    (b"{\"runt\\u0069mes\": {\"x\": {\"path\": \"/x\"}}}", False),
    (b"{\"runtimes\": {\"nvid\\u0069a\": {\"path\": \"/usr/bin/nvidia-container-runtime\", \"runtimeArgs\": []}}}", False),
    (b"{\"labels\": [\"a=\\ud83d\\ude00\", \"b=\xf0\x9f\x98\x80\"]}", False),
    (b"{\"max-concurrent-downloads\": 9007199254740993}", False),
    (b"{\"x\": 12345678901234567890123456789, \"y\": 1e400, \"z\": -0.0, \"w\": 1E+2}", False),
    (b"{\"log-opts\": {\"runtimes\": \"x\", \"}\": \"{\", \"\\\"\": \"\\\\\"}}", False),
    (b"{\"a\":\"\\\\\",\"b\":\"\\\"}\"}", False), (b"{\"\": {\"\": {\"\": []}}}", False),
    (b"{\"x\":" + b"[" * DEEP + b"]" * DEEP + b"}", False),
    (b"{\"features\": {\"buildkit\": true, \"containerd-snapshotter\": false}}", False),
    (b"{\n  \"a\": 1\n, \"b\": 2\n}", False), (b"{\n\"a\":\n1\n}", False), (b"{\"a\": 1   ,   \"b\": 2   }   ", False),
    (b"{\"runtimes\": null}", None), (b"{\"runtimes\": []}", True), (b"{\"runtimes\": \"x\"}", True),
    (b"{\"runtimes\": {\"nvidia\": {\"path\": \"/other\"}}}", True),
    (b"{\"runtimes\": {\"nvidia\": {\"path\": \"/a\", \"path\": \"/usr/bin/nvidia-container-runtime\"}}}", True),
    (b"{\"runtimes\": {}, \"runtimes\": {}}", True), (b"{\"runtimes\": {}, \"runt\\u0069mes\": {}}", True),
    (b"{\"runtimes\": {\"runc\": {\"path\": \"/x\"}}}", True), (b"{\"default-runtime\": \"nowhere\"}", True),
    (b"{\"a\":1,}", True), (b"{\"a\":1}{\"b\":2}", True), (b"{\"a\":1} x", True), (b"[]", True), (b"1", True),
    (b"{'a': 1}", True), (b"{a: 1}", True), (b"// c\n{}", True), (b"{} /* c */", True), (b"{\"a\": 01}", True),
    (b"{\"a\": +1}", True), (b"{\"a\": .5}", True), (b"{\"a\": NaN}", True), (b"{\"a\": \"\t\"}", True),
    (b"{\"a\": \"\\x41\"}", True), (b"{\"a\": \"\xff\"}", True), (b"{\"a\": \"\xed\xa0\x80\"}", True),
    (b"{\"a\": \"\xc0\x80\"}", True), (b"{\"a\": 1\0}", True), (b"{\"a\"", True), (b"{\"a\": tru", True),
    (b"\xff\xfe{\0}\0", True), (b"\xef\xbb\xbf\xef\xbb\xbf{}", True), (b"{\"x\":" + b"[" * 100000, True),
]

HEAD = b"version = 2\n"
T = b"[plugins.\"%s\".containerd.runtimes.runc]\n" % CRI2.encode()
TOML = [
    (b"", False), (b"\n", False), (b"# only a comment", False), (b"# c\r\n# d\r\n", None), (HEAD, False),
    (b"version = 2", False), (b"version=2 # c", False), (b"\t version\t=\t2\t# c\n\n\n", False),
    (b"version = 0x2\n", None), (b"version = 0b10\n", None), (b"version = +2\n", None), (b"\"version\" = 2\n", False),
    (b"'version' = 2\n", False), (b"version = 2\r\nroot = 'x'\r\n", False),
    (HEAD + b"[plugins]\n", False), (HEAD + b"[ plugins . \"" + CRI2.encode() + b"\" ]\n  # c\n", False),
    (HEAD + b"[plugins.'" + CRI2.encode() + b"']\nsandbox_image = '''a\n\n[b]\n'''\n", False),
    (HEAD + b"[plugins.\"io.containerd.grpc.v1.\\u0063ri\"]\nx = 1\n", False),
    (HEAD + b"plugins.\"" + CRI2.encode() + b"\".sandbox_image = \"x\"\n", None),
    (HEAD + b"plugins = {}\n", None), (HEAD + b"plugins = { \"" + CRI2.encode() + b"\" = { x = 1 } }\n", None),
    (HEAD + T + b"runtime_type = \"io.containerd.runc.v2\"\n", False),
    (HEAD + T + b"runtime_type = \"io.containerd.runc.v2\"\n" + T[:-2] + b".options]\nSystemdCgroup = true", False),
    (HEAD + T + b"options = { SystemdCgroup = true }\n", None), (HEAD + T + b"options.SystemdCgroup = true\n", None),
    (HEAD + b"[[proxy]]\nx = 1\n[[proxy]]\nx = 2\n[proxy.y]\nz = 3\n", False),
    (HEAD + b"x = 9223372036854775807\ny = -0.0\nz = 1e400\nw = nan\nv = 1_000\n", None),
    (HEAD + b"d = 1979-05-27T07:32:00.999999-07:00\nt = 07:32:00\n", False),
    (HEAD + b"a = \"\"\"x\\\n   y\"\"\"\nb = '''\n#no comment\n'''\n", False),
    (HEAD + b"a = [\n 1, # one\n\n 2, # two\n] # end\nimports = [ # c\n \"/x/*.toml\" # d\n , # e\n]\n", False),
    (HEAD + b"imports = [\"/x/*.toml\"] # last", False), (HEAD + b"imports = []\n", False),
    (HEAD + b"a = \"\\U0001F600 \xf0\x9f\x98\x80\" # \xc3\xa4\n", False),
    (HEAD + b"x = " + b"[" * DEEP + b"]" * DEEP + b"\n", False),
    (HEAD + b"[a.b.c]\n[a]\n[a.b]\n", False), (HEAD + b"[x]\n\n\n\n\n# end\n\n", False),
    (b"\xef\xbb\xbf" + HEAD, None), (HEAD + b"[plugins]\n[plugins]\n", True), (HEAD + b"version = 2\n", True),
    (HEAD + b"[a]\nb = 1\n[a.b]\n", True), (HEAD + b"a.b = 1\n[a]\nc = 1\n", True), (HEAD + b"a = 01\n", True),
    (HEAD + b"a = \"\\q\"\n", True), (HEAD + b"a = 1 b = 2\n", True), (HEAD + b"[a\n", True), (HEAD + b"a = \n", True),
    (HEAD + b"a = 'x\ny'\n", True), (HEAD + b"a = {x = 1\n}\n", True), (HEAD + b"a = \"\xff\"\n", True),
    (HEAD + b"a\0 = 1\n", True), (HEAD + b"# \x01\n", True), (HEAD + b"a = 1\rb = 2\n", True),
    (HEAD + b"[[a]]\n[a]\n", True), (HEAD + b"a = [1]\n[[a]]\n", True), (HEAD + b"a = {b = 1}\n[a.c]\n", True),
    (HEAD + b"x = " + b"[" * 100000, True), (b"version = 1\n", True), (b"version = \"2\"\n", True),
    (b"disabled_plugins = [\"cri\"]\n", True), (HEAD + b"disabled_plugins = ['c\\u0072i']\n", None),
    (HEAD + T.replace(b".runc]", b".nvidia]") + b"runtime_type = \"x\"\n", True),
]


def loads(engine, text):
    """What another parser says: (readable, tree)."""
    def twice(pairs):
        keys = [k for k, _ in pairs]
        if len(keys) != len(set(keys)):
            raise ValueError("a key is there twice")
        return dict(pairs)
    try:
        if engine == "docker":
            plain = text.decode("utf-8-sig")
            tree = json.loads(plain, object_pairs_hook=twice, parse_int=str, parse_float=str) if plain.strip() else {}
            return True, {} if tree is None else tree
        return True, tomllib.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False, None


def ours(engine, version, tree):
    """The tree with what we were asked for; the runtime's own keys are compared apart."""
    want = copy.deepcopy(tree)
    if engine == "docker":
        want["runtimes"] = want.get("runtimes") or {}
        want["runtimes"].setdefault("nvidia", {"path": BINARY, "runtimeArgs": []})
        return want
    want.setdefault("version", 3 if version.startswith("2") else 2)
    if version.startswith("2"):
        pattern = "/etc/containerd/conf.d/*.toml"
        want["imports"] = want.get("imports", []) + [pattern]
        return want
    runtimes = want.setdefault("plugins", {}).setdefault(CRI2, {}).setdefault("containerd", {})
    runtimes = runtimes.setdefault("runtimes", {})
    cgroup = runtimes.get("runc", {}).get("options", {}).get("SystemdCgroup", False)
    if not runtimes:
        runtimes["runc"] = {"runtime_type": "io.containerd.runc.v2", "options": {"SystemdCgroup": cgroup}}
    runtimes["nvidia"] = {"runtime_type": "io.containerd.runc.v2",
                          "options": {"BinaryName": BINARY, "SystemdCgroup": cgroup}}
    return want


def subsequence(old, new):
    """Are the bytes of old in new, in their order, with at most three runs put between?"""
    i = 0
    for byte in new:
        if i < len(old) and old[i] == byte:
            i += 1
    return i == len(old)


def same(x, y):
    """nan is nan; 1 is not True."""
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(same(x[k], y[k]) for k in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(same(a, b) for a, b in zip(x, y))
    return type(x) is type(y) and (x == y or (x != x and y != y))


class World:
    def __init__(self, top):
        self.root = Path(top)
        for folder in ("usr/bin", "var/lib/dpkg", "etc"):
            (self.root / folder).mkdir(parents=True)
        (self.root / BINARY[1:]).touch()
        (self.root / "var/lib/dpkg/status").write_text(
            "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\n\n")

    def run(self, *words):
        return subprocess.run([GPUPROV, *words, "--yes", "--root", str(self.root)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)

    def check(self, engine, version, text, refused):
        path = self.root / {"docker": "etc/docker/daemon.json", "containerd": "etc/containerd/config.toml"}[engine]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
        words = ["configure", engine, "--engine-version", version]
        done = self.run(*words)
        now = path.read_bytes()
        readable, tree = loads(engine, text)
        if done.returncode in (3, 65):
            if now != text:
                return "refused, and written"
            if refused is False:
                return f"refused: {done.stdout.decode(errors='replace')[:300]}"
            if not readable and done.returncode == 65 and b"daemon.json:" not in done.stdout \
                    and b"config.toml:" not in done.stdout:
                return "refused without a place"
            return None
        if done.returncode:
            return f"exit {done.returncode}: {done.stdout.decode(errors='replace')[:300]}"
        if refused or not readable:
            return "taken, and another parser or the engine would not"
        good, result = loads(engine, now)
        if not good:
            return "the result cannot be read"
        if not same(result, ours(engine, version, tree)):
            return f"another tree: {result}"
        if not subsequence(text, now) and text.strip() not in (b"", b"null"):
            return "bytes of the user are gone"
        again = self.run(*words)
        if again.returncode or path.read_bytes() != now:
            return "a second run changes something"
        if now == text:
            return None
        back = self.run("rollback")
        if back.returncode or path.read_bytes() != text:
            return f"rollback: {back.stdout.decode(errors='replace')[-300:]}"
        return None


def main():
    if os.geteuid():
        print("1..0 # SKIP writing as root needs root")
        return
    n = bad = 0
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # fsync is proved elsewhere
    with tempfile.TemporaryDirectory(dir=memory) as top:
        for engine, version, texts in (("docker", "26.1.5", JSON), ("containerd", "1.7.24", TOML),
                                       ("containerd", "2.1.9", TOML)):
            for text, refused in texts:
                n += 1
                if engine == "containerd" and version[0] == "2":
                    # Whatever is in our way there is in a file of its own.
                    refused = None if b"nvidia" in text or text.startswith(b"\xef") or not refused else refused
                wrong = World(f"{top}/{n}").check(engine, version, text, refused)
                bad += wrong is not None
                name = text[:60].decode("utf-8", "backslashreplace").encode("unicode_escape").decode()
                print(f"{'not ok' if wrong else 'ok'} {n} - {engine} {version}: {name.replace('#', '.')}")
                if wrong:
                    print("# " + wrong.replace("\n", "\n# "))
    print(f"1..{n}")
    sys.exit(bad > 0)


main()
