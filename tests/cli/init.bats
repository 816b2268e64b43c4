#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov init: the profile it writes is right, fits the host, and leads to a plan by what is printed alone.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	hosts=$BATS_TEST_DIRNAME/../hosts
}

@test "a new user: init, then what it prints, gives a plan" {
	fixture
	gpuprov init --root "$root" mine.yaml
	ends_with 0
	silent
	complains "Written to mine.yaml."
	hint=$(sed -n 's/^See what it means: //p' err)
	[ "$hint" = "gpuprov plan mine.yaml" ] || { show; return 1; }
	# What was said is what works; --root is this test's.
	gpuprov plan --root "$root" --offline --cache cache mine.yaml
	complains_of_packages_only
}

# A scratch root has no package indexes; anything but that is a fault of the profile.
complains_of_packages_only() {
	! grep -qE 'error\[GP(0|1)' err || { show; return 1; }
}

@test "without a file it goes to standard output, with a hint on standard error" {
	fixture
	gpuprov init --root "$root"
	ends_with 0
	says "# Made by 'gpuprov init' for: debian 12"
	says "kind: bare-metal"
	complains "gpuprov plan FILE"
}

@test "a file that is there is not overwritten, nor is what a link points to" {
	fixture
	echo mine >mine.yaml
	gpuprov init --root "$root" mine.yaml
	ends_with 1
	complains "writing 'mine.yaml': File exists"
	[ "$(cat mine.yaml)" = mine ]
	ln -s elsewhere link.yaml
	gpuprov init --root "$root" link.yaml
	ends_with 1
	[ ! -e elsewhere ]
}

@test "for every host: it is right, and says truly whether it plans" {
	planned=0
	for facts in "$hosts"/*.json; do
		gpuprov init --facts "$facts"
		ends_with 0
		cp out p.yaml
		cp err said
		gpuprov lint p.yaml
		[ "$status" -eq 0 ] || { echo "$facts"; cat p.yaml; show; return 1; }
		gpuprov plan --facts "$facts" p.yaml
		if grep -q '^See what it means' said; then
			[ "$status" -eq 0 ] || { echo "$facts: expected a plan"; cat p.yaml; show; return 1; }
			planned=$((planned + 1))
		else
			[ "$status" -ge 3 ] || { echo "$facts: expected none"; cat p.yaml; show; return 1; }
		fi
		! grep -qE '.{79}' p.yaml || { echo "$facts: wider than 78"; cat p.yaml; return 1; }
	done
	[ "$planned" -ge 8 ] || { echo "expected more plans than $planned"; return 1; }
}

@test "what stands in the way is settled as the solver proposes" {
	gpuprov init --facts "$hosts/no-gpu-trixie.json"
	ends_with 0
	says 'gpus: ["Tesla T4"]'
	says "# There is no NVIDIA GPU in this machine"
	gpuprov init --facts "$hosts/nouveau-bookworm.json"
	says "# nouveau drives the GPUs now"
	gpuprov init --facts "$hosts/h100x8-noble.json"
	says "# There are NVSwitches"
}

@test "the kind is that of the engines that are there, or what is said" {
	for expected in "docker docker-noble" "k8s k3s-noble" "k8s k8s-fresh-noble" "bare-metal t4x2-bookworm"; do
		gpuprov init --facts "$hosts/${expected#* }.json"
		says "
kind: ${expected% *}
"
	done
	gpuprov init --facts "$hosts/k3s-noble.json"
	says "  engine: k3s"
	for kind in bare-metal docker k8s; do
		gpuprov init --facts "$hosts/t4x2-bookworm.json" --kind $kind
		ends_with 0
		says "kind: $kind"
		cp out p.yaml
		gpuprov lint p.yaml
		ends_with 0
	done
}
