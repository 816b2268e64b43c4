#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a power cut would test, seen in a trace: the order of writing, syncing, naming and announcing.

load fixture

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	command -v strace >/dev/null || skip "there is no strace"
	fixture
	O=${O:-$(dirname "$GPUPROV")}
}

in_order() {
	python3 "$BATS_TEST_DIRNAME/../exec/order.py" "$@"
}

@test "every file is on the disk before its name, every name before the journal says so" {
	docker_host "$root" "$profile"
	rmdir "$root/etc/modprobe.d"
	strace -f -y -o trace "$GPUPROV" apply --yes --root "$root" "$profile" >out 2>err
	in_order trace "$root"
	strace -f -y -o trace "$GPUPROV" rollback --yes --root "$root" >out 2>err
	in_order trace "$root"
	[ ! -e "$root/etc/modprobe.d" ]
}

@test "links, second names, and folders with all that is in them are on the disk at once" {
	strace -f -y -o trace "$O/unit/t_lasting" >/dev/null
	grep -q '^[0-9]* *symlinkat(' trace
	grep -q '^[0-9]* *linkat(' trace
	in_order trace
}
