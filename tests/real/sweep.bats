#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Death and failure at every system call of an apply that writes files, and of its rollback.

load ../cli/fixture

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	[ "$(uname -m)" = x86_64 ] || skip "the stepper knows x86_64 only"
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	# Something to change, not only to add: mode, owner and an attribute must come back too.
	mkdir -p "$root/etc/modprobe.d"
	echo '# of an earlier hand' >"$root/etc/modprobe.d/gpuprov-nouveau.conf"
	chmod 640 "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	chown 7:8 "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.mine", b"a b")' "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	# Thousands of trials: in memory where there is room. Power loss is another test.
	work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$BATS_TEST_TMPDIR")" gpuprov-sweep.XXXXXX)
}

teardown() {
	[ -z "${work:-}" ] || rm -rf "${work:?}"
}

sweep() {
	python3 "$BATS_TEST_DIRNAME/../exec/sweep.py" "$1" "$GPUPROV" "$O/exec/stepper" "$root" \
		"$work/w" "${2:-$profile}"
}

@test "killed at every system call of apply and of rollback: always the end, always the start" {
	run sweep kill
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"not ok"* ]]
}

@test "every system call fails once with every errno it may have" {
	run sweep errno
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"not ok"* ]]
}
