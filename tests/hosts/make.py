#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write the host fixtures: tests/hosts/*.json and the table in README.md.

    make.py [--check]      --check writes nothing and fails when a file would change

A host is a system, GPUs, and what is special about it.
"""

import os
import sys

sys.dont_write_bytecode = True
from parts import *  # noqa: E402: after the line that keeps the folder clean

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTS = {}
TEXTS = {}


def host(name, text, h):
    finish(h)
    h["host"] = name
    HOSTS[name] = h
    TEXTS[name] = text



# ---- fresh hosts, one of each system and GPU


def fresh():
    for system, text in (("bookworm", "Debian 12"), ("trixie", "Debian 13"),
                         ("jammy", "Ubuntu 22.04"), ("noble", "Ubuntu 24.04"),
                         ("resolute", "Ubuntu 26.04")):
        h = base(system)
        with_gpus(h, "1eb8", T4S, subsystem="10de:12a2")
        host("t4x2-" + system, "%s as it was installed, two Tesla T4" % text, h)

    one = [
        ("p100-bookworm", "bookworm", "15f8", ["04:00.0"], "Debian 12, one Tesla P100 PCIe"),
        ("v100x4-jammy", "jammy", "1db1", ["15:00.0", "16:00.0", "3a:00.0", "3b:00.0"],
         "Ubuntu 22.04, four Tesla V100 SXM2 without NVSwitch"),
        ("a100-pcie-trixie", "trixie", "20b5", ["17:00.0", "65:00.0"],
         "Debian 13, two A100 80GB PCIe"),
        ("l40sx4-noble", "noble", "26b9", ["21:00.0", "41:00.0", "81:00.0", "c1:00.0"],
         "Ubuntu 24.04, four L40S"),
        ("h100-pcie-trixie", "trixie", "2331", ["41:00.0"], "Debian 13, one H100 PCIe"),
        ("kepler-jammy", "jammy", "103a", ["03:00.0"],
         "Ubuntu 22.04, one Quadro K6000 (Kepler): no branch after 470"),
    ]
    for name, system, device, places, text in one:
        h = base(system)
        with_gpus(h, device, places, "030000" if device == "103a" else "030200")
        host(name, text, h)

    h = base("bookworm")
    with_gpus(h, "2b85", ["01:00.0"], "030000")
    host("rtx5090-bookworm", "Debian 12, one GeForce RTX 5090: Debian has no branch for Blackwell", h)

    h = base("noble")
    with_gpus(h, "2684", ["01:00.0"], "030000", subsystem="10de:16f4")
    bound(h, "nouveau")
    h["modules"] = ["nouveau"]
    h["packages"].append(package("xserver-xorg-core", "2:21.1.12-1ubuntu1.5", "Ubuntu",
                                 source="xorg-server"))
    host("rtx4090-noble", "Ubuntu 24.04 desktop, one GeForce RTX 4090, nouveau drives the screen", h)

    h = base("noble")
    with_gpus(h, "1b06", ["0a:00.0"], "030000")
    with_gpus(h, "26b1", ["41:00.0"], "030000")
    host("mixed-pascal-ada-noble",
         "Ubuntu 24.04, GeForce GTX 1080 Ti and RTX 6000 Ada: proprietary modules, at most 580", h)

    h = base("jammy")
    with_gpus(h, "102d", ["05:00.0", "06:00.0"])
    with_gpus(h, "2236", ["81:00.0"])
    host("mixed-kepler-ampere-jammy", "Ubuntu 22.04, Tesla K80 and A10: only 470 drives both", h)

    h = base("noble")
    with_gpus(h, "2fff", ["41:00.0"], unlisted=True)
    host("unknown-id-noble", "Ubuntu 24.04, a GPU whose PCI id no list has", h)

    h = base("trixie")
    host("no-gpu-trixie", "Debian 13 without an NVIDIA GPU", h)


def systems_with_nvswitch():
    h = base("jammy")
    with_gpus(h, "20b2", SXM8)
    with_switches(h, "1af1", ["c4:00.0", "c5:00.0", "c6:00.0", "c7:00.0", "c9:00.0", "ca:00.0"])
    host("a100x8-jammy", "Ubuntu 22.04, HGX A100: eight A100 SXM4 80GB, six NVSwitches", h)

    for name, system, device, text in (("h100x8-noble", "noble", "2330", "H100"),
                                       ("h200x8-noble", "noble", "2335", "H200")):
        h = base(system)
        with_gpus(h, device, HOPPER8)
        with_switches(h, "22a3", ["07:00.0", "08:00.0", "09:00.0", "0a:00.0"])
        host(name, "Ubuntu 24.04, HGX %s: eight GPUs, four NVSwitches" % text, h)

    h = base("noble")
    with_gpus(h, "2901", ["1b:00.0", "43:00.0", "52:00.0", "61:00.0", "9d:00.0", "c3:00.0",
                          "d1:00.0", "df:00.0"])
    host("b200x8-noble",
         "Ubuntu 24.04, HGX B200: eight GPUs; their NVSwitches are no PCI bridges", h)

    h = base("noble", "arm64")
    h["gpus"] = [dict(gpu("01:00.0", "2941"), address=a) for a in
                 ("0008:01:00.0", "0009:01:00.0", "0018:01:00.0", "0019:01:00.0")]
    host("gb200x4-noble", "Ubuntu 24.04 on arm64, four GB200 of an NVL72 rack", h)

    h = base("noble", "arm64")
    h["gpus"] = [dict(gpu("01:00.0", "2342"), address="0009:01:00.0")]
    host("gh200-noble", "Ubuntu 24.04 on arm64, one GH200", h)

    h = base("jammy")
    with_gpus(h, "20b2", ["27:00.0", "2a:00.0", "51:00.0", "57:00.0"])
    host("a100x4-jammy", "Ubuntu 22.04, HGX A100 4-GPU board: SXM, but no NVSwitch", h)


# ---- where it runs


def places():
    h = base("noble")
    h["platform"].update(virt="kvm", cloud="gcp")
    with_gpus(h, "27b8", ["00:03.0"])
    host("l4-cloud-noble", "Ubuntu 24.04 virtual machine in a cloud, one L4", h)

    h = base("resolute")
    h["platform"].update(virt="kvm")
    h["secure_boot"] = dict(enabled=False)
    h["notes"].append({"fact": "secure_boot.enabled", "from": "there is no EFI firmware"})
    with_gpus(h, "26b9", ["07:00.0"])
    host("vm-passthrough-resolute", "Ubuntu 26.04 in a KVM guest without EFI, one L40S passed through",
         h)

    h = base("noble")
    h["kernel"] = "6.6.87.2-microsoft-standard-WSL2"
    h["kernels"] = []
    h["packages"] = [p for p in h["packages"] if not p["name"].startswith("linux-")]
    h["platform"].update(virt="wsl", systemd=True)
    h["secure_boot"] = dict(enabled=False)
    h["notes"].append({"fact": "gpus", "unknown":
                       "WSL: the GPU is Windows's, /dev/dxg stands for it"})
    host("wsl2-noble", "Ubuntu 24.04 under WSL 2: driver and kernel are those of Windows", h)

    h = base("noble")
    h["platform"].update(container="lxc")
    h["kernels"] = []
    h["packages"] = [p for p in h["packages"] if not p["name"].startswith("linux-")]
    with_gpus(h, "1eb8", ["3b:00.0"], driver="nvidia")
    h["modules"] = ["nvidia", "nvidia_modeset", "nvidia_uvm"]
    h["driver"].update(loaded="580.178.04", loaded_flavour="open")
    host("lxc-noble", "Ubuntu 24.04 in an LXC container: the kernel and its modules are the host's", h)

    h = base("bookworm")
    h.update(live=False, kernel=None)
    h["kernels"][0]["running"] = False
    h["platform"] = {}
    h["secure_boot"] = {}
    for fact, why in (("gpus", "an image has no PCI bus"), ("modules", "an image is not running"),
                      ("secure_boot.enabled", "an image has no firmware")):
        h["notes"].append({"fact": fact, "unknown": why})
    host("image-bookworm", "a Debian 12 image that is not running: no GPU can be seen", h)


# ---- Secure Boot


def secure_boot():
    canonical = "Canonical Ltd. Master Certificate Authority"
    h = base("noble")
    with_gpus(h, "26b9", T4S)
    h["secure_boot"] = dict(enabled=True, mok_usable=True,
                            keys=[canonical, "gpu-node Secure Boot Module Signature key"])
    host("secure-boot-key-noble", "Ubuntu 24.04, Secure Boot on, a key for DKMS is enrolled", h)

    for system, key in (("noble", canonical), ("bookworm", "Debian Secure Boot CA")):
        h = base(system)
        with_gpus(h, "1eb8", T4S)
        h["secure_boot"] = dict(enabled=True, mok_usable=True, keys=[key])
        host("secure-boot-" + system,
             "%s, Secure Boot on, no key but the distribution's" % h["os"]["name"], h)

    h = base("noble")
    h["platform"].update(virt="kvm", cloud="azure")
    with_gpus(h, "2331", ["01:00.0"])
    h["secure_boot"] = dict(enabled=True, mok_usable=False, keys=[canonical])
    host("secure-boot-no-console-noble",
         "Ubuntu 24.04 in a cloud, Secure Boot on, no console at which a key could be enrolled", h)


# ---- other kernel drivers


def rivals():
    h = base("bookworm")
    with_gpus(h, "1eb1", ["01:00.0"], "030000")
    bound(h, "nouveau")
    h["modules"] = ["nouveau"]
    host("nouveau-bookworm", "Debian 12, one Quadro RTX 4000, nouveau in use", h)

    h = base("resolute")
    with_gpus(h, "2684", ["01:00.0"], "030000")
    bound(h, "nova_core")
    h["modules"] = ["nova_core", "nova_drm"]
    host("nova-resolute", "Ubuntu 26.04, one GeForce RTX 4090, nova_core bound to it", h)


# ---- what is installed already


def installed():
    h = base("jammy")
    with_gpus(h, "1eb8", T4S)
    h["driver"].update(version="535.161.08", flavour="proprietary", origin="runfile",
                       marks=["/usr/bin/nvidia-uninstall", "/var/lib/nvidia/log",
                              "/var/log/nvidia-installer.log"])
    loaded(h, "535.161.08", "proprietary", made_by="other")
    h["cudas"] = [dict(version="12.2.0", path="/usr/local/cuda-12.2", origin="runfile",
                       toolkit=True, linked=True)]
    host("runfile-jammy", "Ubuntu 22.04, two Tesla T4, driver 535.161.08 and CUDA 12.2 by .run files",
         h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["driver"].update(origin="unknown", marks=["/usr/lib/nvidia/alternate-install-present"])
    host("runfile-leftovers-noble", "Ubuntu 24.04, two Tesla T4, marks of a .run that is gone", h)

    h = base("noble")
    with_gpus(h, "26b9", T4S)
    nvidia_driver(h, "550", "proprietary")
    h["cudas"] = [dict(version="12.4.1", path="/usr/local/cuda-12.4", origin="nvidia", toolkit=True,
                       linked=True)]
    h["packages"].append(package("cuda-toolkit-12-4", "12.4.1-1", "NVIDIA"))
    host("other-branch-noble",
         "Ubuntu 24.04, two L40S, 550 with proprietary modules from NVIDIA's repository", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    ubuntu_driver(h, "580")
    host("installed-noble", "Ubuntu 24.04, two Tesla T4, 580-server open of the archive works", h)

    h = base("bookworm")
    with_gpus(h, "1eb8", T4S)
    debian_installed(h)
    host("installed-bookworm", "Debian 12, two Tesla T4, Debian's own 535 works", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    ubuntu_driver(h, "570", held=True)
    host("held-noble", "Ubuntu 24.04, two Tesla T4, 570-server of the archive, all of it held", h)

    h = base("noble")
    with_gpus(h, "26b9", T4S)
    ubuntu_driver(h, "580")
    with_nvidia_repo(h)
    host("two-sources-noble",
         "Ubuntu 24.04, two L40S, the archive's driver and NVIDIA's repository without a pin", h)

    h = base("bookworm")
    with_gpus(h, "1eb8", T4S)
    with_non_free(h)
    with_nvidia_repo(h)
    h["pins"] = [dict(file="etc/apt/preferences.d/cuda-repository-pin-600", package="nsight-*",
                      pin="origin *ubuntu.com*", priority="-1"),
                 dict(file="etc/apt/preferences.d/cuda-repository-pin-600", package="*",
                      pin="release l=NVIDIA CUDA", priority="600")]
    host("two-sources-bookworm",
         "Debian 12, two Tesla T4, non-free and NVIDIA's repository, pinned to the latter", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    ubuntu_driver(h, "580")
    h["kernels"][0]["next"] = False
    h["kernels"].append(kernel("6.8.0-117-generic", "13", next=True, headers=False))
    h["packages"].append(package("linux-image-6.8.0-117-generic", "6.8.0-117.119", "Ubuntu",
                                 source="linux-signed"))
    host("new-kernel-noble",
         "Ubuntu 24.04, a newer kernel waits for the next boot, without module and headers", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    ubuntu_driver(h, "580", load=False)
    loaded(h, LAST["570"], "open", "Canonical Ltd. Kernel Module Signing")
    h["kernels"][0]["nvidia"] = LAST["580"]
    h["holders"] = [dict(name="nvidia-persistenced", pid=1207, unit="nvidia-persistenced.service"),
                    dict(name="python3", pid=51877, unit="user@1000.service")]
    h["services"] = ["nvidia-persistenced"]
    host("mismatch-noble",
         "Ubuntu 24.04, upgraded to 580 while 570 is still loaded and two programs hold the GPUs", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["kernels"][0]["headers"] = False
    h["packages"] = [p for p in h["packages"] if not p["name"].startswith("linux-headers-")]
    host("no-headers-noble", "Ubuntu 24.04, two Tesla T4, no kernel headers", h)

    h = base("jammy")
    with_gpus(h, "20b2", SXM8, mig=False)
    h["gpus"][0]["mig"] = True
    with_switches(h, "1af1", ["c4:00.0", "c5:00.0", "c6:00.0", "c7:00.0", "c9:00.0", "ca:00.0"])
    nvidia_driver(h, "570")
    h["packages"].append(package("nvidia-fabricmanager-570", LAST["570"] + "-1", "NVIDIA"))
    h["packages"].append(package("datacenter-gpu-manager-4-core", "1:4.4.1-1", "NVIDIA"))
    h["services"] = ["nvidia-fabricmanager", "nvidia-persistenced",
                     "nvidia-dcgm"]
    h["holders"] = [dict(name="nv-fabricmanager", pid=2011, unit="nvidia-fabricmanager.service"),
                    dict(name="nv-hostengine", pid=2145, unit="nvidia-dcgm.service")]
    host("a100x8-mig-jammy",
         "Ubuntu 22.04, HGX A100 with 570, fabric manager and DCGM at work, MIG on one GPU", h)

    h = base("jammy")
    with_gpus(h, "2330", HOPPER8)
    with_switches(h, "22a3", ["07:00.0", "08:00.0", "09:00.0", "0a:00.0"])
    nvidia_driver(h, "550")
    h["packages"].append(package("nvidia-fabricmanager-550", "550.127.08-1", "NVIDIA"))
    host("fabric-mismatch-jammy",
         "Ubuntu 22.04, HGX H100, fabric manager 550.127.08 with driver 550.163.01", h)

    h = base("noble")
    with_gpus(h, "2331", ["41:00.0"])
    bound(h, "nvidia")
    h["modules"] = ["nvidia", "nvidia_modeset", "nvidia_uvm"]
    h["driver"].update(version="580.167.08", flavour="open", origin="container",
                       loaded="580.167.08", loaded_flavour="open")
    h["kubelet"] = dict(version="1.34.2", cgroup_driver="systemd",
                        endpoint="unix:///run/containerd/containerd.sock")
    h["engines"] = [engine("containerd", "2.1.5", "containerd.io", cdi=True, knows_nvidia=True,
                           containers=31, **CONTAINERD)]
    host("driver-container-noble",
         "Ubuntu 24.04 node of a cluster whose GPU operator runs the driver in a container", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["cudas"] = [
        dict(version="11.8.0", path="/usr/local/cuda-11.8", origin="runfile", toolkit=True,
             linked=False),
        dict(version="12.4.1", path="/usr/local/cuda-12.4", origin="nvidia", toolkit=True,
             linked=False),
        dict(version="12.8.1", path="/usr/local/cuda-12.8", origin="nvidia", toolkit=False,
             linked=True)]
    nvidia_driver(h, "580")
    h["packages"] += [package("cuda-toolkit-12-4", "12.4.1-1", "NVIDIA"),
                      package("cuda-libraries-12-8", "12.8.1-1", "NVIDIA")]
    host("three-cudas-noble", "Ubuntu 24.04, three CUDA installations side by side, two origins", h)

    h = base("resolute")
    with_gpus(h, "2b85", ["01:00.0"], "030000")
    nvidia_driver(h, "595")
    host("installed-595-resolute",
         "Ubuntu 26.04, one GeForce RTX 5090, 595 of NVIDIA's repository, names without branch", h)


# ---- engines and Kubernetes


def engines():
    h = base("bookworm")
    with_gpus(h, "1eb8", T4S)
    debian_installed(h)
    h["engines"] = [
        engine("containerd", "1.6.20", "containerd", cdi=False, **CONTAINERD),
        engine("docker", "20.10.24", "docker.io", containers=4, **DOCKER),
        engine("podman", "4.3.1", "podman", program="/usr/bin/podman",
               config="/etc/containers/containers.conf", running=False)]
    h["packages"] += [package("docker.io", "20.10.24+dfsg1-1+deb12u1+b6", "Debian"),
                      package("containerd", "1.6.20~ds1-1+deb12u3", "Debian"),
                      package("podman", "4.3.1+ds1-8+deb12u1+b3", "Debian")]
    h["services"] = ["containerd", "docker"]
    host("old-engines-bookworm",
         "Debian 12, two Tesla T4, Debian's Docker, containerd and Podman: too old for CDI", h)

    h = base("noble")
    with_gpus(h, "26b9", T4S)
    ubuntu_driver(h, "580")
    h["engines"] = [
        engine("containerd", "2.1.5", "containerd.io", cdi=True, **CONTAINERD),
        engine("docker", "28.5.2", "docker-ce", cdi=True, containers=2, **DOCKER)]
    h["packages"] += [package("docker-ce", "5:28.5.2-1~ubuntu.24.04~noble", "Docker"),
                      package("containerd.io", "2.1.5-1~ubuntu.24.04~noble", "Docker")]
    h["services"] = ["containerd", "docker"]
    host("docker-noble", "Ubuntu 24.04, two L40S, driver 580-server, Docker CE without NVIDIA runtime",
         h)

    h = base("noble")
    with_gpus(h, "26b9", T4S)
    ubuntu_driver(h, "580")
    with_toolkit(h, "1.17.7")
    h["engines"] = [
        engine("containerd", "2.1.5", "containerd.io", cdi=True, **CONTAINERD),
        engine("docker", "28.5.2", "docker-ce", cdi=True, knows_nvidia=True, default_nvidia=True,
               containers=6, **DOCKER)]
    h["packages"] += [package("docker-ce", "5:28.5.2-1~ubuntu.24.04~noble", "Docker"),
                      package("containerd.io", "2.1.5-1~ubuntu.24.04~noble", "Docker")]
    h["services"] = ["containerd", "docker"]
    host("bad-toolkit-noble", "Ubuntu 24.04, Docker with container toolkit 1.17.7, known as bad", h)

    h = base("noble")
    with_gpus(h, "26b9", T4S)
    ubuntu_driver(h, "580")
    with_toolkit(h, "1.17.6", lib="1.16.2")
    h["engines"] = [engine("docker", "28.5.2", "docker-ce", cdi=True, knows_nvidia=True, **DOCKER)]
    h["packages"].append(package("docker-ce", "5:28.5.2-1~ubuntu.24.04~noble", "Docker"))
    host("mixed-toolkit-noble", "Ubuntu 24.04, container toolkit 1.17.6 with libraries of 1.16.2", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["engines"] = [engine("docker", "28.4.0", variant="snap", program="/snap/bin/docker",
                           config="/var/snap/docker/current/config/daemon.json", containers=1)]
    host("snap-docker-noble", "Ubuntu 24.04, two Tesla T4, Docker as a snap", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["engines"] = [engine("docker", "28.5.2", "docker-ce", variant="rootless",
                           program="/usr/bin/dockerd",
                           config="/home/ada/.config/docker/daemon.json")]
    h["packages"].append(package("docker-ce", "5:28.5.2-1~ubuntu.24.04~noble", "Docker"))
    host("rootless-docker-noble", "Ubuntu 24.04, two Tesla T4, Docker of a user without root", h)

    h = base("jammy")
    with_gpus(h, "20b5", ["17:00.0", "65:00.0"])
    nvidia_driver(h, "580")
    with_toolkit(h, "1.19.1")
    h["engines"] = [engine("containerd", "1.7.28", "containerd.io", knows_nvidia=True, containers=23,
                           **CONTAINERD)]
    h["packages"] += [package("containerd.io", "1.7.28-1~ubuntu.22.04~jammy", "Docker"),
                      package("kubelet", "1.34.2-1.1", "pkgs.k8s.io", held=True)]
    h["kubelet"] = dict(version="1.34.2", cgroup_driver="systemd",
                        endpoint="unix:///run/containerd/containerd.sock")
    h["services"] = ["containerd", "kubelet"]
    host("k8s-node-jammy",
         "Ubuntu 22.04 Kubernetes 1.34 node, two A100 PCIe, driver 580, toolkit 1.19.1, containerd 1.7",
         h)

    h = base("noble")
    with_gpus(h, "26b9", ["21:00.0", "41:00.0", "81:00.0", "c1:00.0"])
    h["engines"] = [engine("containerd", "2.2.0", "containerd.io", cdi=True, containers=17,
                           **CONTAINERD)]
    h["packages"] += [package("containerd.io", "2.2.0-1~ubuntu.24.04~noble", "Docker"),
                      package("kubelet", "1.36.0-1.1", "pkgs.k8s.io", held=True)]
    h["kubelet"] = dict(version="1.36.0", cgroup_driver="systemd",
                        endpoint="unix:///run/containerd/containerd.sock")
    h["services"] = ["containerd", "kubelet"]
    host("k8s-fresh-noble", "Ubuntu 24.04 Kubernetes 1.36 node, four L40S, nothing of NVIDIA yet", h)

    h = base("jammy")
    with_gpus(h, "1eb8", T4S)
    h["engines"] = [engine("containerd", "1.6.33", "containerd.io", containers=12, **CONTAINERD)]
    h["packages"] += [package("containerd.io", "1.6.33-1", "Docker"),
                      package("kubelet", "1.36.0-1.1", "pkgs.k8s.io")]
    h["kubelet"] = dict(version="1.36.0", cgroup_driver="cgroupfs",
                        endpoint="unix:///run/containerd/containerd.sock")
    host("k8s-old-containerd-jammy",
         "Ubuntu 22.04 Kubernetes 1.36 node with containerd 1.6, which that release does not support",
         h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["engines"] = [engine("crio", "1.34.2", "cri-o", program="/usr/bin/crio",
                           config="/etc/crio/crio.conf", cdi=True, containers=9)]
    h["packages"] += [package("cri-o", "1.34.2-1.1", "download.opensuse.org"),
                      package("kubelet", "1.34.2-1.1", "pkgs.k8s.io")]
    h["kubelet"] = dict(version="1.34.2", cgroup_driver="systemd",
                        endpoint="unix:///var/run/crio/crio.sock")
    host("crio-noble", "Ubuntu 24.04 Kubernetes 1.34 node with CRI-O, two Tesla T4", h)

    h = base("noble")
    with_gpus(h, "27b8", ["c1:00.0"])
    h["engines"] = [engine("k3s", "1.34.1", program="/usr/local/bin/k3s",
                           config="/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
                           containers=11, cdi=True)]
    h["services"] = ["k3s"]
    host("k3s-noble", "Ubuntu 24.04 with k3s, one L4", h)

    h = base("jammy")
    with_gpus(h, "27b8", ["c1:00.0"])
    h["engines"] = [engine("rke2", "1.34.1", program="/usr/local/bin/rke2",
                           config="/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
                           containers=19, cdi=True)]
    h["services"] = ["rke2-server"]
    host("rke2-jammy", "Ubuntu 22.04 with RKE2, one L4", h)


# ---- hosts in trouble


def trouble():
    h = base("trixie")
    with_gpus(h, "1eb8", T4S)
    h["mounts"] = [mount("/", 40), mount("boot", 1), mount("etc", 0.2, True), mount("usr", 40, True),
                   mount("var", 40), mount("var/cache/apt/archives", 40), mount("var/lib/dpkg", 40)]
    host("read-only-etc-trixie", "Debian 13, two Tesla T4, /etc and /usr are read-only", h)

    h = base("jammy")
    with_gpus(h, "1eb8", T4S)
    h["mounts"] = [mount("/", 0.3), mount("boot", 0.02), mount("etc", 0.3), mount("usr", 0.3),
                   mount("var", 0.3), mount("var/cache/apt/archives", 0.3),
                   mount("var/lib/dpkg", 0.3)]
    host("full-disk-jammy", "Ubuntu 22.04, two Tesla T4, 0.3 GiB free and /boot full", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["lock_holder"] = "unattended-upgr (2231)"
    host("locked-noble", "Ubuntu 24.04, unattended-upgrades holds dpkg's lock", h)

    h = base("bookworm")
    with_gpus(h, "1eb8", T4S)
    debian_installed(h)
    for p in h["packages"]:
        if p["name"] == "nvidia-kernel-dkms":
            p["status"] = "half-configured"
    h["dpkg"].update(unfinished=["nvidia-kernel-dkms half-configured"], interrupted=True)
    h["kernels"][0] = kernel(h["kernel"], "12", running=True, next=True)
    h["modules"] = []
    h["driver"] = dict(version="535.309.01", origin="distro")
    for g in h["gpus"]:
        del g["driver"]
    host("half-configured-bookworm", "Debian 12, the build of nvidia-kernel-dkms failed half way", h)

    h = base("noble")
    with_gpus(h, "1eb8", T4S)
    h["proxy"] = "http://proxy.example:3128/"
    h["sources"] = [source("etc/apt/sources.list.d/local.sources", "http://mirror.example/ubuntu/",
                           "noble", ["main"])]
    host("proxy-noble", "Ubuntu 24.04 behind a proxy, only main of the archive", h)

    h = base("jammy")
    with_gpus(h, "1eb8", T4S)
    h["gcc"] = None
    h["packages"] = [p for p in h["packages"] if p["name"] not in ("gcc", "make")]
    h["kernels"] = [kernel("6.8.0-110-generic", "12", running=True, next=True)]
    h["kernel"] = "6.8.0-110-generic"
    for p in h["packages"]:
        if p["name"].startswith("linux-"):
            p["name"] = p["name"].replace("5.15.0-164-generic", "6.8.0-110-generic")
            p["version"] = "6.8.0-110.112~22.04.1"
    host("no-compiler-jammy", "Ubuntu 22.04 with the newer kernel, whose gcc 12 is not installed", h)

    h = base("bookworm")
    with_gpus(h, "1eb8", T4S)
    with_nvidia_repo(h)
    h["keys"] = [dict(file="etc/apt/trusted.gpg.d/cuda.gpg",
                      fingerprint="AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80")]
    del h["sources"][-1]["signed_by"]
    host("retired-key-bookworm", "Debian 12, NVIDIA's repository with the key that was retired in 2022",
         h)


def all_hosts():
    for part in (fresh, systems_with_nvswitch, places, secure_boot, rivals, installed, engines,
                 trouble):
        part()


# ---- writing


def table():
    rows = "".join("| `%s` | %s |\n" % (n, TEXTS[n]) for n in sorted(TEXTS))
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as f:
        head = f.read().split("| host | what |\n")[0]
    return head + "| host | what |\n|---|---|\n" + rows


def main():
    check = sys.argv[1:] == ["--check"]
    all_hosts()
    files = {n + ".json": as_text(h) for n, h in HOSTS.items()}
    files["README.md"] = table()
    stale = [f for f in sorted(os.listdir(HERE)) if f.endswith(".json") and f not in files]
    bad = 0
    for name, text in sorted(files.items()):
        path = os.path.join(HERE, name)
        old = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                old = f.read()
        if old == text:
            continue
        bad = 1
        if check:
            print("%s is not what make.py writes" % name)
        else:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    for name in stale:
        bad = 1
        print("%s belongs to no host" % name)
    return bad if check else 0


if __name__ == "__main__":
    sys.exit(main())
