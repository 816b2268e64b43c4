#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The ready profiles: each is right, and is planned for a host that it fits.

load fixture

# PROFILE HOST WHAT ITS PLAN MUST SAY: an extended regular expression, in one line of the plan
fits() {
	cat <<-'EOF'
		bare-metal t4x2-bookworm nvidia-kernel-dkms: kernel modules
		bare-metal h100-pcie-trixie nvidia-smi: nvidia-smi
		desktop nouveau-bookworm nvidia-settings: NVIDIA X Server Settings
		inference l40sx4-noble cuda-libraries-12-8: CUDA runtime libraries
		workstation rtx4090-noble cuda-toolkit-12-8: CUDA toolkit
		workstation rtx4090-noble cuda-toolkit-13-0: CUDA toolkit
		workstation rtx4090-noble cudnn9-cuda-13: cuDNN
		runfile rtx5090-bookworm NVIDIA driver 580.126.20 by NVIDIA-Linux-x86_64-580.126.20.run
		hgx h100x8-noble nvidia-fabricmanager: fabric manager, of the driver's version
		secure-boot secure-boot-noble kernel modules, open, signed by Canonical
		air-gapped t4x2-noble NVIDIA's CUDA repository, from its mirror
		docker docker-noble ~ engine +/etc/docker/daemon.json
		docker-default-runtime docker-noble ~ engine +/etc/docker/daemon.json
		podman t4x2-trixie nvidia-container-toolkit-base: NVIDIA Container Toolkit
		containerd docker-noble ~ engine +/etc/containerd/config.toml
		k8s k8s-fresh-noble ~ engine +/etc/containerd/config.toml
		k8s-crio crio-noble ~ engine +/etc/crio/crio.conf.d/99-gpuprov-nvidia.conf 
		k3s k3s-noble k3s finds nvidia-container-runtime by itself
		k8s-time-slicing k8s-fresh-noble ~ engine +/etc/containerd/config.toml
		gpu-operator k8s-fresh-noble ~ engine +/etc/containerd/config.toml
	EOF
}

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	top=$BATS_TEST_DIRNAME/../..
	ready=$top/profiles
}

@test "every ready profile and every example is right" {
	for profile in "$ready"/*.yaml "$top"/examples/*.yaml; do
		gpuprov lint "$profile"
		[ "$status" -eq 0 ] && [ "$stdout" = "The profile is right." ] || { echo "$profile"; show; return 1; }
	done
}

@test "every ready profile says in its first line what it is for, and has a host" {
	for profile in "$ready"/*.yaml; do
		name=$(basename "$profile" .yaml)
		head -n 1 "$profile" | grep -q '^# [A-Z]' || { echo "$name has no first line"; return 1; }
		fits | grep -q "^$name " || { echo "$name has no host here"; return 1; }
	done
}

@test "every ready profile is planned for its host, with what it is there for" {
	while read -r name host expected; do
		gpuprov plan --facts "$BATS_TEST_DIRNAME/../hosts/$host.json" "$ready/$name.yaml"
		# container-toolkit.cdi is the one key of them that may still be refused, by name and alone.
		[ "$status" -eq 0 ] || { echo "$name for $host"; show; return 1; }
		grep -qE -- "$expected" out || { echo "$name: expected '$expected' in its plan"; show; return 1; }
		grep -qE '^[1-9][0-9]* to add' out || { echo "$name: expected something to do"; show; return 1; }
	done < <(fits)
}

@test "the default runtime is that of its profile, and of no other" {
	host=$BATS_TEST_DIRNAME/../hosts/docker-noble.json
	asks() {
		gpuprov plan --json --facts "$host" "$ready/$1.yaml"
		ends_with 0
		python3 - out <<-'EOF'
			import json, sys
			step, = [s for s in json.load(open(sys.argv[1]))["steps"] if s["kind"] == "engine"]
			print({a["key"]: a["value"] for a in step["args"]}.get("default", "no"))
		EOF
	}
	[ "$(asks docker-default-runtime)" = yes ]
	[ "$(asks docker)" = no ]
}

@test "the plans of all of them fit terminals of 80 and of 110 columns" {
	cp "$ready"/*.yaml .
	for columns in 80 110; do
		while read -r name host _; do
			COLUMNS=$columns gpuprov plan --facts "$BATS_TEST_DIRNAME/../hosts/$host.json" "$name.yaml"
			[ -s out ] || { echo "$name"; show; return 1; }
			awk -v most=$columns 'length($0) > most { print "wider than " most ": " $0; bad = 1 } END { exit bad }' \
				out err || { echo "$name"; return 1; }
		done < <(fits)
	done
}
