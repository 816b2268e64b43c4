#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# On a machine with an NVIDIA GPU and its driver: what is only faked elsewhere. Nothing is changed.

setup_file() {
	if [ ! -e /proc/driver/nvidia/version ] || [ ! -e /dev/nvidiactl ]; then
		export NO_GPU="there is no GPU with its driver on this machine"
	fi
}

setup() {
	load ../cli/fixture
	load_libs
	[ -z "${NO_GPU:-}" ] || skip "$NO_GPU"
	cd "$BATS_TEST_TMPDIR" || return
	profile=$BATS_TEST_TMPDIR/p.yaml
	write_profile "$profile" 'driver: {modules: none}'
	version=$(cat /sys/module/nvidia/version)
}

# finds RESULT ID [TEXT]: the line of a check.
finds() {
	grep -q "^ $1  *$2  .*${3:-}" out || { echo "expected $1 $2 ${3:-}:"; show; return 1; }
}

@test "verify loads NVML: driver version, CUDA level, every GPU of the bus" {
	gpuprov verify "$profile"
	finds PASS driver.nvml "driver $version"
	for address in /proc/driver/nvidia/gpus/*; do
		address=${address##*/}
		grep -q "$address" out || { echo "expected $address"; show; return 1; }
	done
}

@test "verify calls cuInit() and sees the devices" {
	gpuprov verify "$profile"
	finds PASS driver.cuda "cuInit() is fine"
}

@test "verify --run runs a kernel on every GPU" {
	gpuprov verify --run "$profile"
	finds PASS cuda.kernel "its result right"
}

@test "libraries and module are of one version" {
	gpuprov verify "$profile"
	finds PASS driver.one-version "$version"
}

@test "verify is done in 300 ms, without the kernel" {
	begin=$(date +%s%N)
	gpuprov verify "$profile"
	took=$((($(date +%s%N) - begin) / 1000000))
	echo "verify took $took ms" >&3
	[ "$took" -lt 300 ] || { echo "expected less than 300 ms, not $took"; return 1; }
}

@test "doctor finds no fault on a machine whose GPUs work" {
	gpuprov doctor
	ends_with 0
}
