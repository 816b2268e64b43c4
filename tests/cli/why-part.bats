#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the parts of a host are, and why a setting fits or not.

load fixture

setup() {
	fixture
	hosts=$BATS_TEST_DIRNAME/../hosts
}

@test "a part: what it is, who needs it, what it needs, and whether this host has it" {
	gpuprov why nvidia-smi --facts "$hosts/installed-bookworm.json"
	ends_with 0
	says "Who needs it"
	says "nvidia-smi 535.309.01"
	gpuprov why cudnn --facts "$hosts/installed-bookworm.json"
	ends_with 0
	says "none of it by package"
}

@test "by the other names people have for it" {
	for name in cuda nvcc fabricmanager nvidia-docker2 dcgm libnvidia-container1; do
		gpuprov why "$name" --facts "$hosts/no-gpu-trixie.json"
		ends_with 0
		says "What it needs"
	done
}

@test "with a profile: why it is in, or left out" {
	write_profile dev.yaml 'purpose: develop'
	gpuprov why cuda-toolkit dev.yaml --facts "$hosts/nouveau-bookworm.json"
	ends_with 0
	says "CUDA toolkit: nvcc, headers, libraries"
	gpuprov why cuda-toolkit "$profile" --facts "$hosts/nouveau-bookworm.json"
	says "left out"
}

@test "a setting that does not fit says what speaks against it" {
	gpuprov why driver=470 --facts "$hosts/rtx5090-bookworm.json"
	ends_with 0
	says "does not fit this host"
	says "R36"
	gpuprov why driver=535 --facts "$hosts/nouveau-bookworm.json"
	ends_with 0
	says "fits this host"
	says "taken"
}

@test "a setting of a profile is judged within it" {
	write_profile dev.yaml 'purpose: develop' 'driver: {source: distro}'
	gpuprov why cuda=13.0 dev.yaml --facts "$hosts/nouveau-bookworm.json"
	ends_with 0
	says "does not fit this host"
	says "GP1101"
}

@test "what is neither code nor part nor setting" {
	gpuprov why nothing-known
	ends_with 64
	complains "no code, rule or part"
	gpuprov why driver.brunch=580 --facts "$hosts/nouveau-bookworm.json"
	ends_with 65
	complains "driver.branch"
}

@test "plan --explain shows which drivers were looked at" {
	gpuprov plan --explain --facts "$hosts/nouveau-bookworm.json" "$profile"
	ends_with 0
	says "Drivers looked at"
	says "taken"
}
