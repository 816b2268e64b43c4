#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The whole driver: profiles/bare-metal.yaml on a root with a kernel, the module built by DKMS for real. That
# is 8 minutes of processor time and half a gigabyte, so only when asked for: LONG=1 make check-real.

load ../lib/real

PROFILE=$TOP/profiles/bare-metal.yaml

setup_file() {
	[ -n "${LONG:-}" ] || return 0
	real_need
	BASE=$(real_base bookworm-kernel linux-image-amd64 initramfs-tools)
	real_root "$BASE"
	export BASE WORK ROOT CACHE
}

teardown_file() {
	[ -z "${LONG:-}" ] || real_drop
}

setup() {
	[ -n "${LONG:-}" ] || skip "8 minutes of DKMS; run it with: LONG=1 tests/run.sh real"
	# The kernels that can be booted from the root.
	KERNELS=("$ROOT"/boot/vmlinuz-*)
	KERNELS=("${KERNELS[@]##*/vmlinuz-}")
}

@test "plan: headers for each kernel, modules by DKMS, the initramfs last" {
	gp plan "$PROFILE" --json
	[ "$status" -eq 0 ]
	echo "$output" >"$WORK/plan.json"
	planned >"$WORK/planned"
	grep -q '^nvidia-kernel-dkms 535\.' "$WORK/planned"
	grep -q '^linux-headers-amd64 ' "$WORK/planned"
	grep -q '^nvidia-persistenced ' "$WORK/planned"
	run ! grep -E '^(nvidia-settings|xserver-xorg-core) ' "$WORK/planned"
	/usr/bin/python3 -c '
import json, sys
steps = [s["id"] for s in json.load(sys.stdin)["steps"]]
for kernel in sys.argv[1:]:
    assert steps.index("packages:nvidia") < steps.index("initramfs:" + kernel), steps
' "${KERNELS[@]}" <"$WORK/plan.json"
}

@test "apply: exactly that, compiled" {
	installed >"$WORK/before"
	start=$EPOCHSECONDS
	apply "$PROFILE"
	[ "$status" -eq 0 ]
	echo "# full apply: $((EPOCHSECONDS - start)) s" >&3
	installed >"$WORK/after"
	diff <(sort "$WORK/before" "$WORK/planned") "$WORK/after"
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	no_mounts
}

@test "verify: a module of the right version for each kernel, its source, the initramfs" {
	run --separate-stderr "$GPUPROV" verify --root "$ROOT" "$PROFILE" --json
	show
	[ "$status" -eq 0 ]
	/usr/bin/python3 -c '
import json, sys
result = {c["id"]: c["result"] for c in json.load(sys.stdin)["checks"]}
for kernel in sys.argv[1:]:
    assert result["driver.module." + kernel] == "PASS", result
assert result["driver.module-source"] == "PASS", result
assert {i for i, r in result.items() if r != "PASS"} <= {"gpu.count", "driver.loaded"}, result
' "${KERNELS[@]}" <<<"$output"
	for kernel in "${KERNELS[@]}"; do
		chroot "$ROOT" modinfo -k "$kernel" -F version nvidia-current | grep '^535\.'
		[ "$ROOT/boot/initrd.img-$kernel" -nt "$ROOT/etc/modprobe.d/gpuprov-nouveau.conf" ]
		chroot "$ROOT" lsinitramfs "/boot/initrd.img-$kernel" >"$WORK/initramfs"
		grep -q 'modprobe.d/gpuprov-nouveau.conf' "$WORK/initramfs"
	done
}

@test "apply again: nothing to do" {
	tree_of "$ROOT" >"$WORK/tree"
	apply "$PROFILE"
	[ "$status" -eq 0 ]
	diff "$WORK/tree" <(tree_of "$ROOT")
}
