#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tests are tested: each protection is taken out of the source once, and a test must turn red.

@test "every protection that is taken away turns a test red" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	[ -n "${LONG:-}" ] || skip "builds and tests the program some forty times: LONG=1, or tests/seeded.py"
	run python3 "$BATS_TEST_DIRNAME/../seeded.py"
	echo "$output"
	[ "$status" -eq 0 ]
}
