# SPDX-License-Identifier: Apache-2.0
# Scratch roots for tests and the demo; to be sourced. A fresh host is an overlay over a cached base.
# shellcheck shell=sh

# scratch_make BASE DIR: DIR/root becomes a fresh copy of BASE. What was there before goes.
scratch_make() {
	scratch_drop "$2"
	mkdir -p "$2/upper" "$2/work" "$2/root"
	if mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" \
		2>/dev/null; then
		return 0
	fi
	cp -a --reflink=auto "$1/." "$2/root/"
}

# scratch_drop DIR: unmount and remove what scratch_make made, and nothing else.
scratch_drop() {
	[ -d "$1" ] || return 0
	if mountpoint -q "$1/root"; then umount "$1/root"; fi
	rm -rf --one-file-system "${1:?}/upper" "$1/work" "$1/root"
	rmdir "$1" 2>/dev/null || :
}

# scratch_gpu ROOT ADDRESS DEVICE [CLASS]: a PCI device of vendor 10de, as sysfs shows it.
scratch_gpu() {
	mkdir -p "$1/sys/bus/pci/devices/$2"
	(
		cd "$1/sys/bus/pci/devices/$2" || exit 1
		echo 0x10de >vendor
		echo "0x$3" >device
		echo "0x${4:-030200}" >class
		echo 0x10de >subsystem_vendor
		echo 0x12a2 >subsystem_device
	)
}
