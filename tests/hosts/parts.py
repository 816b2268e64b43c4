# SPDX-License-Identifier: Apache-2.0
"""The parts that host fixtures are put together from.

PCI ids come from catalog/gpus.cat: an id that is not in it is refused, except where a host is about
that. Versions of drivers and of CUDA are the catalog's, those of Debian its archive's; revisions and
kernels of Ubuntu are plausible, nobody read them.
"""

import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
GIB = 1 << 30


def catalog_gpus():
    with open(os.path.join(HERE, "../../catalog/gpus.cat"), encoding="utf-8") as f:
        text = f.read()
    return set(re.findall(r"^gpu ([0-9a-f]{4}) ", text, re.M))


KNOWN = catalog_gpus()

# ---- systems

SYSTEMS = {
    "bookworm": dict(
        os=dict(id="debian", version="12", codename="bookworm",
                name="Debian GNU/Linux 12 (bookworm)", arch="amd64"),
        kernel="6.1.0-56-amd64", kernel_package="6.1.176-1", compiler="12",
        glibc="2.36-9+deb12u14", gcc="12.2.0", gcc_package="4:12.2.0-3", dkms="3.0.10-8+deb12u1"),
    "trixie": dict(
        os=dict(id="debian", version="13", codename="trixie",
                name="Debian GNU/Linux 13 (trixie)", arch="amd64"),
        kernel="6.12.107+deb13-amd64", kernel_package="6.12.107-1", compiler="14",
        glibc="2.41-12+deb13u1", gcc="14.2.0", gcc_package="4:14.2.0-1", dkms="3.2.2-1~deb13u1"),
    "jammy": dict(
        os=dict(id="ubuntu", version="22.04", codename="jammy", name="Ubuntu 22.04.5 LTS",
                arch="amd64"),
        kernel="5.15.0-164-generic", kernel_package="5.15.0-164.174", compiler="11",
        glibc="2.35-0ubuntu3.11", gcc="11.4.0", gcc_package="4:11.2.0-1ubuntu1",
        dkms="2.8.7-2ubuntu2.2"),
    "noble": dict(
        os=dict(id="ubuntu", version="24.04", codename="noble", name="Ubuntu 24.04.4 LTS",
                arch="amd64"),
        kernel="6.8.0-110-generic", kernel_package="6.8.0-110.112", compiler="13",
        glibc="2.39-0ubuntu8.6", gcc="13.3.0", gcc_package="4:13.2.0-7ubuntu1",
        dkms="3.0.11-1ubuntu13"),
    "resolute": dict(
        os=dict(id="ubuntu", version="26.04", codename="resolute", name="Ubuntu 26.04 LTS",
                arch="amd64"),
        kernel="7.0.0-22-generic", kernel_package="7.0.0-22.22", compiler="15",
        glibc="2.43-2ubuntu2", gcc="15.2.0", gcc_package="4:15.2.0-5ubuntu1",
        dkms="3.2.2-1ubuntu1"),
}
NVIDIA_REPO = {"bookworm": "debian12", "trixie": "debian13", "jammy": "ubuntu2204",
               "noble": "ubuntu2404", "resolute": "ubuntu2604"}
CUDA_KEY = "EB693B3035CD5710E231E123A4B469963BF863CC"
CUDA_KEY_13 = "02182E60104FCDC26EAE1B8597A5D4CB8793F200"
TOOLKIT_KEY = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
# The newest release of each branch, as in catalog/drivers.cat.
LAST = {"470": "470.256.02", "535": "535.309.01", "550": "550.163.01", "570": "570.211.01",
        "575": "575.64.05", "580": "580.178.04", "590": "590.48.01", "595": "595.91.07",
        "610": "610.57.04", "615": "615.71.09", "620": "620.70.06"}


def package(name, version, origin=None, held=False, status="installed", arch="amd64", source=None):
    p = dict(name=name, arch=arch, version=version, status=status, held=held,
             source=source or name)
    if origin:
        p["origin"] = origin
    return p


def base(system, arch="amd64"):
    """A fresh host: nothing of NVIDIA on it, compiler and headers there."""
    s = SYSTEMS[system]
    debian = s["os"]["id"] == "debian"
    release = s["kernel"].replace("amd64", arch) if debian else s["kernel"]
    archive = "Debian" if debian else "Ubuntu"
    image = "linux-image-" + release
    h = dict(
        schema="gpuprov.facts/1", host="host", live=True, kernel=release,
        os=dict(s["os"], arch=arch),
        platform=dict(virt="none", systemd=True),
        glibc=s["glibc"], gcc=s["gcc"],
        gpus=[], switches=[],
        kernels=[kernel(release, s["compiler"], running=True, next=True)],
        secure_boot=dict(enabled=False, mok_usable=True),
        modules=[], driver={}, cudas=[], engines=[], kubelet={}, holders=[], services=[],
        dpkg=dict(interrupted=False),
        packages=[
            package(image, s["kernel_package"], archive, arch=arch,
                    source="linux-signed-" + arch if debian else "linux-signed"),
            package("linux-headers-" + release, s["kernel_package"], archive, arch=arch,
                    source="linux"),
            package("gcc", s["gcc_package"], archive, arch=arch, source="gcc-defaults"),
            package("make", "4.3-4.1" if system != "resolute" else "4.4.1-3", archive, arch=arch,
                    source="make-dfsg"),
            package("initramfs-tools", "0.142+deb12u3" if debian else "0.142ubuntu25.8", archive,
                    arch="all"),
        ],
        candidates=[], pins=[], keys=[], sources=archive_sources(system, arch), files=[],
        mounts=[mount("/", 210), mount("boot", 1), mount("etc", 210), mount("usr", 210),
                mount("var", 210), mount("var/cache/apt/archives", 210), mount("var/lib/dpkg", 210)],
        notes=[],
    )
    h["system"] = system
    return h


def kernel(release, compiler, running=False, next=False, headers=True, initramfs="fresh", **more):
    k = dict(release=release, running=running, next=next, compiler=compiler, headers=headers,
             image=True, initramfs=initramfs)
    k.update(more)
    return k


def mount(path, gib, read_only=False):
    return dict(path=path, free_bytes=int(gib * GIB), read_only=read_only)


def source(file, uri, suite, components=None, signed_by=None):
    s = dict(file=file, uri=uri, suite=suite)
    if components:
        s["components"] = components
    if signed_by:
        s["signed_by"] = signed_by
    s["trusted"] = False
    return s


def archive_sources(system, arch):
    if system in ("bookworm", "trixie"):
        main = ["main", "non-free-firmware"]
        file = "etc/apt/sources.list.d/debian.sources"
        ring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        return [
            source(file, "http://mirror.example/debian/", system, main, ring),
            source(file, "http://mirror.example/debian/", system + "-updates", main, ring),
            source(file, "http://mirror.example/debian-security/", system + "-security", main, ring),
        ]
    parts = ["main", "restricted", "universe", "multiverse"]
    where = "http://mirror.example/ubuntu-ports/" if arch == "arm64" else "http://mirror.example/ubuntu/"
    file = "etc/apt/sources.list" if system == "jammy" else "etc/apt/sources.list.d/ubuntu.sources"
    ring = None if system == "jammy" else "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
    return [source(file, where, system + pocket, parts, ring)
            for pocket in ("", "-updates", "-security")]


# ---- what apt would install


def candidate(name, version, origin, suite, transitional=False):
    return dict(name=name, version=version, origin=origin, suite=suite, transitional=transitional)


def ubuntu_candidates(h):
    """The archive of Ubuntu: suffixed names, `server` branches beside the plain ones."""
    system, suite = h["system"], h["os"]["codename"] + "-updates"
    tail = "-0ubuntu0.%s.1" % h["os"]["version"]
    plain = ["535", "550", "570", "580", "590", "595", "610"]
    if system == "resolute":
        plain = ["580", "590", "595", "610"]
    # A kernel has packages of its own only where it is of the archive; the meta-package follows.
    ends = ["generic"] + [k["release"] for k in h["kernels"] if k["release"].endswith("-generic")]
    if h["os"]["arch"] == "arm64":
        ends = ["generic"] + ends[1:]
    out = []

    def add(name, version, transitional=False):
        out.append(candidate(name, version, "Ubuntu", suite, transitional))

    if system != "resolute":
        add("nvidia-driver-470", LAST["535"] + tail, True)
    for branch in plain:
        # 590 is empty and leads to 595.
        empty = branch == "590"
        version = LAST["595" if empty else branch] + tail
        for server in ("", "-server") if branch not in ("590", "610") else ("",):
            b = branch + server
            for name in ("nvidia-driver-%s", "nvidia-driver-%s-open", "nvidia-headless-%s",
                         "nvidia-headless-%s-open", "nvidia-headless-no-dkms-%s",
                         "nvidia-headless-no-dkms-%s-open", "nvidia-utils-%s", "nvidia-dkms-%s",
                         "nvidia-dkms-%s-open", "libnvidia-compute-%s", "nvidia-compute-utils-%s"):
                add(name % b, version, empty)
            if not empty:
                for end in ends:
                    add("linux-modules-nvidia-%s-%s" % (b, end), kernel_of(h))
                    add("linux-modules-nvidia-%s-open-%s" % (b, end), kernel_of(h))
            if server:
                add("nvidia-fabricmanager-" + branch, version)
                add("libnvidia-nscq-" + branch, version)
    add("nvidia-settings", "510.47.03-0ubuntu1" if system == "jammy" else "510.47.03-0ubuntu4")
    add("dkms", SYSTEMS[system]["dkms"])
    add("linux-headers-generic", kernel_of(h))
    for k in h["kernels"]:
        add("linux-headers-" + k["release"], kernel_of(h))
    docker = {"jammy": "28.2.2-0ubuntu1~22.04.1", "noble": "28.2.2-0ubuntu1~24.04.1",
              "resolute": "28.5.2-0ubuntu1"}[system]
    add("docker.io", docker)
    return out


def kernel_of(h):
    return SYSTEMS[h["system"]]["kernel_package"]


def debian_candidates(h):
    """Without contrib and non-free there is no driver; what is in main is."""
    s = SYSTEMS[h["system"]]
    suite = h["system"]
    arch = h["os"]["arch"]
    out = [candidate("dkms", s["dkms"], "Debian", suite),
           candidate("linux-headers-" + arch, s["kernel_package"], "Debian", suite)]
    if h["system"] == "bookworm":
        out += [candidate("docker.io", "20.10.24+dfsg1-1+deb12u1+b6", "Debian", suite),
                candidate("containerd", "1.6.20~ds1-1+deb12u3", "Debian", suite),
                candidate("podman", "4.3.1+ds1-8+deb12u1+b3", "Debian", suite)]
    else:
        out += [candidate("docker.io", "26.1.5+dfsg1-9+deb13u1", "Debian", suite),
                candidate("containerd", "1.7.24~ds1-6+deb13u1", "Debian", suite),
                candidate("podman", "5.4.2+ds1-2+b1", "Debian", suite)]
    if any("non-free" in x.get("components", []) for x in h["sources"]):
        out += debian_driver(h)
    return out


DEBIAN_DRIVER = ["libcuda1", "nvidia-smi", "libnvidia-ml1", "nvidia-driver", "nvidia-kernel-dkms",
                 "nvidia-kernel-support", "nvidia-alternative", "firmware-nvidia-gsp"]


def debian_driver(h):
    version, suite = {"bookworm": ("535.309.01-1~deb12u1", "bookworm-security"),
                      "trixie": ("550.163.01-2", "trixie")}[h["system"]]
    names = DEBIAN_DRIVER + ["nvidia-open-kernel-dkms"]
    out = [candidate(n, version, "Debian", suite) for n in names]
    out.append(candidate("nvidia-persistenced",
                         "535.171.04-1~deb12u1" if h["system"] == "bookworm" else "535.171.04-1",
                         "Debian", h["system"]))
    return out


def nvidia_candidates(h):
    """NVIDIA's repository: suffixed names below 590, plain ones from there on."""
    debian = h["os"]["id"] == "debian"
    out = []

    def add(name, version):
        out.append(candidate(name, version, "NVIDIA", "/"))

    def driver_version(branch):
        tail = "-1" if debian else "-0ubuntu1" if int(branch) < 590 else "-1ubuntu1"
        return LAST[branch] + tail

    newest = driver_version("620")
    if debian:
        for name in ("nvidia-driver", "nvidia-driver-cuda", "nvidia-open", "nvidia-kernel-open-dkms",
                     "libnvidia-ml1", "libcuda1", "nvidia-persistenced", "nvidia-settings"):
            add(name, newest)
        add("cuda-drivers", newest)
    else:
        for b in ("535", "550", "570", "575", "580"):
            for name in ("nvidia-driver-%s", "nvidia-driver-%s-open", "nvidia-open-%s",
                         "cuda-drivers-%s", "libnvidia-compute-%s", "nvidia-utils-%s",
                         "nvidia-dkms-%s", "nvidia-dkms-%s-open", "nvidia-headless-%s",
                         "nvidia-headless-%s-open"):
                add(name % b, driver_version(b))
            if int(b) < 580:
                add("nvidia-fabricmanager-" + b, LAST[b] + "-1")
                add("libnvidia-nscq-" + b, LAST[b] + "-1")
        for name in ("nvidia-open", "cuda-drivers", "libnvidia-compute", "nvidia-dkms-open",
                     "libnvidia-gl", "nvidia-persistenced", "nvidia-settings"):
            add(name, newest)
    for b in ("580", "590", "595", "610", "615", "620"):
        add("nvidia-driver-pinning-" + b, LAST[b] + ("-1" if debian else "-1ubuntu1"))
    for name in ("nvidia-fabricmanager", "libnvidia-nscq", "nvidia-imex"):
        add(name, newest)
    for v in ("11.8.0", "12.2.2", "12.4.1", "12.6.3", "12.8.1", "12.9.2", "13.0.3", "13.3.1",
              "13.5.0"):
        dash = "-".join(v.split(".")[:2])
        if h["system"] == "resolute" and v < "13.3":
            continue
        for name in ("cuda-toolkit-", "cuda-libraries-", "cuda-compat-"):
            add(name + dash, v + "-1")
    add("cuda-toolkit", "13.5.0-1")
    return out


def with_nvidia_repo(h):
    arch = {"amd64": "x86_64", "arm64": "sbsa"}[h["os"]["arch"]]
    repo = NVIDIA_REPO[h["system"]]
    ring = "/usr/share/keyrings/cuda-archive-keyring.gpg"
    h["sources"].append(source(
        "etc/apt/sources.list.d/cuda-%s-%s.list" % (repo, arch),
        "https://developer.download.nvidia.com/compute/cuda/repos/%s/%s/" % (repo, arch), "/",
        None, ring))
    h["keys"].append(dict(file=ring.lstrip("/"),
                          fingerprint=CUDA_KEY_13 if h["system"] == "trixie" else CUDA_KEY))
    h["packages"].append(package("cuda-keyring", "1.1-1", "NVIDIA", arch="all"))
    h["nvidia_repo"] = True


def with_toolkit_repo(h):
    ring = "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg"
    h["sources"].append(source(
        "etc/apt/sources.list.d/nvidia-container-toolkit.list",
        "https://nvidia.github.io/libnvidia-container/stable/deb/%s/" % h["os"]["arch"], "/", None,
        ring))
    h["keys"].append(dict(file=ring.lstrip("/"), fingerprint=TOOLKIT_KEY))
    h["toolkit_repo"] = True


TOOLKIT = ["nvidia-container-toolkit", "nvidia-container-toolkit-base",
           "libnvidia-container-tools", "libnvidia-container1"]


def with_toolkit(h, version, lib=None):
    if not h.get("toolkit_repo"):
        with_toolkit_repo(h)
    for name in TOOLKIT:
        v = lib if lib and name.startswith("lib") else version
        h["packages"].append(package(name, v + "-1", "nvidia.github.io", arch=h["os"]["arch"]))


def with_non_free(h):
    for s in h["sources"]:
        s["components"] = ["main", "contrib", "non-free", "non-free-firmware"]


# ---- hardware


def gpu(address, device, class_id="030200", subsystem=None, **more):
    if device not in KNOWN and not more.pop("unlisted", False):
        raise SystemExit("make.py: %s is not in catalog/gpus.cat" % device)
    g = dict(address="0000:" + address, vendor="10de", device=device, class_id=class_id)
    if subsystem:
        g["subsystem"] = subsystem
    g.update(more)
    return g


def with_gpus(h, device, addresses, class_id="030200", **more):
    h["gpus"] += [gpu(a, device, class_id, **more) for a in addresses]


def with_switches(h, device, addresses):
    h["switches"] += [dict(address="0000:" + a, vendor="10de", device=device, class_id="068000")
                      for a in addresses]


T4S = ["3b:00.0", "86:00.0"]
SXM8 = ["07:00.0", "0b:00.0", "48:00.0", "4c:00.0", "88:00.0", "8b:00.0", "c8:00.0", "cb:00.0"]
HOPPER8 = ["19:00.0", "3b:00.0", "4c:00.0", "5d:00.0", "9b:00.0", "bb:00.0", "cb:00.0", "db:00.0"]


# ---- an installed driver


def bound(h, name):
    for g in h["gpus"]:
        g["driver"] = name


def loaded(h, version, flavour, signer=None, made_by="package"):
    bound(h, "nvidia")
    h["modules"] = ["nvidia", "nvidia_modeset", "nvidia_uvm"]
    h["driver"].update(loaded=version, loaded_flavour=flavour)
    for k in h["kernels"]:
        if k["running"]:
            k.update(nvidia=version, flavour=flavour, made_by=made_by)
            if signer:
                k["signer"] = signer


def ubuntu_driver(h, branch, flavour="open", server="-server", held=False, load=True):
    """The driver of Ubuntu's archive, with modules that Canonical signed."""
    v = LAST[branch] + "-0ubuntu0.%s.1" % h["os"]["version"]
    open_ = "-open" if flavour == "open" else ""
    b = branch + server
    names = ["nvidia-headless-no-dkms-%s%s" % (b, open_), "nvidia-utils-" + b,
             "libnvidia-compute-" + b, "nvidia-compute-utils-" + b, "nvidia-kernel-common-" + b]
    for n in names:
        h["packages"].append(package(n, v, "Ubuntu", held, source="nvidia-graphics-drivers-" + b))
    h["packages"].append(package("linux-modules-nvidia-%s%s-%s" % (b, open_, h["kernel"]),
                                 kernel_of(h), "Ubuntu", held,
                                 source="linux-restricted-modules"))
    h["driver"].update(version=LAST[branch], flavour=flavour, origin="distro")
    if load:
        loaded(h, LAST[branch], flavour,
               "Canonical Ltd. Kernel Module Signing")


def nvidia_driver(h, branch, flavour="open", held=False):
    """The driver of NVIDIA's repository for Ubuntu, built by DKMS."""
    if not h.get("nvidia_repo"):
        with_nvidia_repo(h)
    suffix = "-" + branch if int(branch) < 590 else ""
    tail = "-0ubuntu1" if int(branch) < 590 else "-1ubuntu1"
    open_ = "-open" if flavour == "open" else ""
    names = ["nvidia-dkms%s%s" % (suffix, open_), "libnvidia-compute" + suffix,
             "nvidia-utils" + suffix if suffix else "nvidia-utils"]
    for n in names:
        h["packages"].append(package(n, LAST[branch] + tail, "NVIDIA", held,
                                     source="nvidia-graphics-drivers"))
    h["packages"].append(package("dkms", SYSTEMS[h["system"]]["dkms"], "Ubuntu", arch="all"))
    h["driver"].update(version=LAST[branch], flavour=flavour, origin="nvidia")
    loaded(h, LAST[branch], flavour, made_by="dkms")


def debian_installed(h):
    """Debian's own driver, built by DKMS."""
    with_non_free(h)
    version = {"bookworm": "535.309.01-1~deb12u1", "trixie": "550.163.01-2"}[h["system"]]
    for n in DEBIAN_DRIVER:
        h["packages"].append(package(n, version, "Debian", source="nvidia-graphics-drivers"))
    h["packages"].append(package("dkms", SYSTEMS[h["system"]]["dkms"], "Debian", arch="all"))
    h["packages"].append(package("nvidia-persistenced", "535.171.04-1~deb12u1" if h["system"] ==
                                 "bookworm" else "535.171.04-1", "Debian"))
    h["packages"].append(package("linux-headers-amd64", SYSTEMS[h["system"]]["kernel_package"],
                                 "Debian", source="linux-signed-amd64"))
    short = version.split("-")[0]
    h["driver"].update(version=short, flavour="proprietary", origin="distro")
    loaded(h, short, "proprietary", made_by="dkms")


# ---- engines


def engine(name, version, package=None, **more):
    d = dict(name=name, version=version)
    if package:
        d["package"] = package
    d.update(running=True, knows_nvidia=False, default_nvidia=False, cdi=False, containers=0)
    d.update(more)
    return d


DOCKER = dict(program="/usr/bin/dockerd", config="/etc/docker/daemon.json")
CONTAINERD = dict(program="/usr/bin/containerd", config="/etc/containerd/config.toml")


# ---- writing


def finish(h):
    arch = h["os"]["arch"]
    if h["os"]["id"] == "ubuntu":
        h["candidates"] += ubuntu_candidates(h)
    else:
        h["candidates"] += debian_candidates(h)
    if h.pop("nvidia_repo", False):
        # apt shows one candidate a name: the higher version wins where nothing is pinned.
        names = {c["name"]: i for i, c in enumerate(h["candidates"])}
        for c in nvidia_candidates(h):
            if c["name"] not in names:
                h["candidates"].append(c)
            else:
                old = h["candidates"][names[c["name"]]]
                if higher(c["version"], old["version"]):
                    h["candidates"][names[c["name"]]] = c
    if h.pop("toolkit_repo", False):
        for name in TOOLKIT:
            h["candidates"].append(candidate(name, "1.20.0-1", "nvidia.github.io", "/"))
    h["candidates"].sort(key=lambda c: c["name"])
    h["packages"].sort(key=lambda p: p["name"])
    del h["system"]
    if arch != "amd64":
        for p in h["packages"]:
            if p["arch"] == "amd64":
                p["arch"] = arch
    known = {n["fact"] for n in h["notes"]}
    for fact, where in (("gpus", "sys/bus/pci/devices"), ("packages", "var/lib/dpkg/status")):
        if fact not in known:
            h["notes"].append({"fact": fact, "from": where})


def higher(a, b):
    """Upstream versions of drivers, part by part; enough for the names that two origins share."""
    def parts(v):
        return [int(x) for x in re.findall(r"\d+", v.split("-")[0])]
    return parts(a) >= parts(b)


def is_empty(v):
    return v is None or v in ([], {})


def slim(item):
    """Without what a reader takes for granted: false, and a source named like its package."""
    return {k: v for k, v in item.items()
            if not (k in ("transitional", "held", "trusted", "read_only", "running", "next", "toolkit",
                          "linked") and v is False)
            and not (k == "source" and v == item.get("name"))}


def as_text(h):
    """JSON with one item of a list on a line."""
    lines = []
    for key, v in h.items():
        if is_empty(v):
            continue
        if isinstance(v, list) and isinstance(v[0], dict):
            items = ",\n    ".join(json.dumps(slim(i), ensure_ascii=False) for i in v)
            lines.append('  "%s": [\n    %s\n  ]' % (key, items))
        else:
            lines.append('  "%s": %s' % (key, json.dumps(v, ensure_ascii=False)))
    return "{\n" + ",\n".join(lines) + "\n}\n"
