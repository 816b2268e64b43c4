#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Everything killed while dpkg works, in a real root: at every step, and at random system calls.

load ../lib/real

setup() {
	real_need
	[ "$(uname -m)" = x86_64 ] || skip "the stepper knows x86_64 only"
	BASE=$(real_base bookworm)
	real_root "$BASE"
	mountpoint -q "$ROOT" || skip "no overlay here, and copies are too slow"
	mkdir "$REPO"
	repo_serve
	memory=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$BATS_TEST_TMPDIR")" gpuprov-dpkg.XXXXXX)
}

teardown() {
	real_drop
	[ -z "${memory:-}" ] || rm -rf --one-file-system "${memory:?}"
}

# One package is upgraded, three are new; there are scripts, a conffile, and a trigger's library cache.
@test "killed inside dpkg: the next apply ends it, and rollback brings the start back" {
	{ debian_suite; printf '\nPackage: nvidia-support\nVersion: 1\nArchitecture: all\nComponent: contrib\n'; } |
		repo_make
	repo_use
	sed -i 's/ main$/ main contrib/' "$ROOT/etc/apt/sources.list"
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq -y install nvidia-support
	{
		debian_suite
		driver_packages "$VERSION" 'Conffile: /etc/toy.conf x = 1
Preinst: test ! -e /etc/never
Postinst: echo made by a script >/etc/toy.made
Prerm: rm -f /etc/toy.made' | sed 's/^Depends: nvidia-support$/& (>= 2022)/'
	} | repo_make
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	umount "$ROOT"
	run unshare -m python3 "$BATS_TEST_DIRNAME/../exec/dpkg_kill.py" "$([ -n "${LONG:-}" ] && echo 1000 || echo "${POINTS:-100}")" \
		"$GPUPROV" "$O/exec/stepper" "$WORK/upper" "$memory/w" "$BASE" "$DEMO"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"not ok"* ]]
}
