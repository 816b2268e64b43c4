#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# engine-host.sh SCRATCH TREE... -- COMMAND...: run a command on what looks to it like a live host with the
# packages unpacked in the TREEs: private /etc, /usr, /var and /run, processes and network of its own. This
# machine's own are below, read and never written; every daemon ends with the command.
set -eu

if [ "${1:-}" != --inside ]; then
	exec unshare -m -n -p -i -f --mount-proc --kill-child=SIGTERM "$0" --inside "$@"
fi
shift
scratch=$1
shift
lower=()
while [ "$1" != -- ]; do
	lower+=("$1")
	shift
done
shift
mkdir -p "$scratch"
mount -t tmpfs -o mode=0755 tmpfs "$scratch"
for top in etc usr var; do
	dirs=
	for tree in "${lower[@]}"; do
		[ ! -d "$tree/$top" ] || dirs=$dirs$tree/$top:
	done
	mkdir -p "$scratch/$top/upper" "$scratch/$top/work"
	mount -t overlay overlay \
		-o "lowerdir=$dirs/$top,upperdir=$scratch/$top/upper,workdir=$scratch/$top/work" "/$top"
done
# Bytes of containers are not kept on an overlay: overlay2 wants a plain file system, and so do sockets.
mkdir -p /var/lib/docker /var/lib/containerd
mount -t tmpfs -o mode=0755 tmpfs /var/lib/docker
mount -t tmpfs -o mode=0755 tmpfs /var/lib/containerd
mount -t tmpfs -o mode=0755 tmpfs /run
ip link set lo up
"$@"
