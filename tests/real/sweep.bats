#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Death and failure at every system call of an apply that configures Docker (file, keyring, two sources,
# daemon.json), and of its rollback.

load ../cli/fixture

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	[ "$(uname -m)" = x86_64 ] || skip "the stepper knows x86_64 only"
	fixture
	docker_host "$root" "$profile"
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
