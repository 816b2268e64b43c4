#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD: make a scratch Debian root with two Tesla T4 on its bus and provision it for real.
# FULL=1 takes profiles/bare-metal.yaml on a root with a kernel, and builds the kernel module.
set -eu

build=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tests/lib/scratch.sh"

if [ "$(id -u)" -ne 0 ]; then
	echo "demo: it makes a root with mmdebstrap and installs into it; run it as root" >&2
	exit 77
fi
if [ -n "${FULL:-}" ]; then
	profile=profiles/bare-metal.yaml base=$build/cache/bookworm-kernel
	"$here/../tests/lib/base-root.sh" bookworm "$base" linux-image-amd64 initramfs-tools
else
	profile=examples/demo.yaml base=$build/cache/bookworm
	"$here/../tests/lib/base-root.sh" bookworm "$base"
fi
root=$build/demo/root
scratch_make "$base" "$build/demo"
scratch_gpu "$root" 0000:3b:00.0 1eb8
scratch_gpu "$root" 0000:86:00.0 1eb8

run() {
	printf '\n$ gpuprov %s\n' "$*"
	"$build/gpuprov" "$@" --cache "$build/cache/gpuprov"
}
run plan --root "$root" "$profile"
run apply --yes --root "$root" "$profile" >"$build/demo/apply.out"
printf '\n$ gpuprov verify --root %s %s\n' "$root" "$profile"
"$build/gpuprov" verify --root "$root" "$profile"
printf '\n$ chroot %s dpkg-query -W nvidia-smi\n' "$root"
chroot "$root" dpkg-query -W nvidia-smi
