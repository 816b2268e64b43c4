#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The ready profiles: each is right, and is planned for a host that it fits.

load fixture

# PROFILE HOST [FOLLOWED BY WHAT ITS PLAN OR ITS OUTPUT MUST SAY]
fits() {
	cat <<-'EOF'
		bare-metal t4x2-bookworm driver
		bare-metal h100-pcie-trixie driver
		desktop nouveau-bookworm nouveau
		inference l40sx4-noble 580
		workstation rtx4090-noble 13-0
		runfile rtx5090-bookworm 580.126.20
		hgx h100x8-noble fabric
		secure-boot secure-boot-noble 580
		air-gapped t4x2-noble mirror
		docker docker-noble docker
		docker-default-runtime docker-noble docker
		podman t4x2-noble podman
		containerd docker-noble containerd
		k8s k8s-fresh-noble containerd
		k8s-crio crio-noble crio
		k3s k3s-noble toolkit
		k8s-time-slicing k8s-fresh-noble containerd
		gpu-operator k8s-fresh-noble toolkit
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

# A profile that is not planned yet is only linted, and is named with the reason: the solver says what it
# does not plan (GP1010) or does not know (GP1002).
@test "every ready profile is planned for its host, or it is said why it is only linted" {
	while read -r name host word; do
		gpuprov plan --facts "$BATS_TEST_DIRNAME/../hosts/$host.json" "$ready/$name.yaml"
		if [ "$status" -eq 0 ]; then
			[[ "$stdout" == *"$word"* ]] || { echo "$name: expected '$word' in its plan"; show; return 1; }
			continue
		fi
		[ "$status" -eq 3 ] || [ "$status" -eq 4 ] || { echo "$name"; show; return 1; }
		reason=$(grep -oE 'error\[GP[0-9]+\]: .*' err | head -n 1)
		echo "# $name: linted only: $reason" >&3
	done < <(fits)
}

@test "what is planned today stays planned" {
	for pair in "bare-metal t4x2-bookworm" "bare-metal h100-pcie-trixie" "desktop nouveau-bookworm" \
		"inference l40sx4-noble" "workstation rtx4090-noble" "hgx h100x8-noble" "secure-boot secure-boot-noble" \
		"docker docker-noble" "docker-default-runtime docker-noble" "containerd docker-noble" \
		"k8s k8s-fresh-noble" "k8s-crio crio-noble" "k3s k3s-noble" "runfile rtx5090-bookworm"; do
		gpuprov plan --facts "$BATS_TEST_DIRNAME/../hosts/${pair#* }.json" "$ready/${pair% *}.yaml"
		[ "$status" -eq 0 ] || { echo "$pair"; show; return 1; }
	done
}
