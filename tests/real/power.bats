#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Power that goes before a write of an apply that configures Docker, or of its rollback, on real file systems.

load ../cli/fixture

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root mounts"
	[ "$(uname -m)" = x86_64 ] || skip "the stepper knows x86_64 only"
	command -v mkfs.xfs >/dev/null || skip "there is no mkfs.xfs"
	fixture
	docker_host "$root" "$profile"
	work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$BATS_TEST_TMPDIR")" gpuprov-power.XXXXXX)
}

teardown() {
	[ -n "${work:-}" ] || return 0
	rm -rf --one-file-system "${work:?}"
}

@test "power lost before a write: the file system is whole, the end and the start are reached" {
	# In a mount namespace of its own: one that another process makes meanwhile would hold the file systems.
	run unshare -m python3 "$BATS_TEST_DIRNAME/../exec/power.py" "${TRIALS:-$([ -n "${LONG:-}" ] && echo 2000 || echo 120)}" \
		"$GPUPROV" "$O/exec/stepper" "$root" "$work/w" "$profile"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"not ok"* ]]
}
