#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a power cut would test, seen in a trace: the order of writing, syncing, naming and announcing.

load fixture

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	command -v strace >/dev/null || skip "there is no strace"
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
}

@test "every file is on the disk before its name, every name before the journal says so" {
	strace -f -y -o trace "$GPUPROV" apply --yes --root "$root" "$profile" >out 2>err
	python3 "$BATS_TEST_DIRNAME/../exec/order.py" trace "$root"
	strace -f -y -o trace "$GPUPROV" rollback --yes --root "$root" >out 2>err
	python3 "$BATS_TEST_DIRNAME/../exec/order.py" trace "$root"
}
