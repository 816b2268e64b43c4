#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What keeps the driver where the plan put it: preferences, holds, and what apt and unattended-upgrades make of
# them. Packages come from two repositories that both have the driver, as Debian's and NVIDIA's do.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm-upgrades unattended-upgrades)
	export BASE
	"$REAL_LIB/mkrepo.py" make - "$BATS_FILE_TMPDIR/first" --keys "$O/cache/keys" <<<'Suite: x'
}

setup() {
	real_root "$BASE"
	mkdir -p "$REPO/cuda/debian12"
	repo_serve
	debian_has 580.190.01-1~deb12u1
	URI=$URI/debian repo_use
	cp "$O/cache/keys/good.asc" "$WORK"
	GOOD=$(gpg --show-keys --with-colons "$O/cache/keys/good.gpg" 2>/dev/null |
		awk -F: '$1 == "fpr" { print $10; exit }')
	cuda_has 580.178.04
	chroot "$ROOT" apt-get -qq update
}

teardown() {
	real_drop
}

# debian_has VERSION: Debian's own driver of that version, and what it always has.
debian_has() {
	{ debian_suite; driver_packages "$1"; } |
		"$REAL_LIB/mkrepo.py" make - "$REPO/debian" --keys "$O/cache/keys"
}

# cuda_has VERSION...: NVIDIA's repository has these, each with its pinning package.
cuda_has() {
	{
		printf 'Flat: yes\nOrigin: NVIDIA\nLabel: NVIDIA CUDA\n'
		for v in "$@"; do nvidia_debian "$v"; done
	} | "$REAL_LIB/mkrepo.py" make - "$REPO/cuda/debian12/x86_64" --keys "$O/cache/keys"
	# HTTP tells times by the second: one made in the same second would be "not modified".
	TICK=$((${TICK:-0} + 2))
	find "$REPO/cuda" -type f -exec touch -d "+$TICK seconds" {} +
}

# profile LINE-OF-apt...: the driver from NVIDIA's mirror, user space only.
profile() {
	cat >"$WORK/p.yaml" <<-END
		version: 1
		kind: bare-metal
		gpus: ["T4"]
		driver: {source: nvidia, branch: "${BRANCH:-580}", modules: none}
		apt:
		  nvidia-mirror: $URI/cuda
		  keyring: good.asc
		  key-fingerprint: $GOOD
	END
	printf '  %s\n' "$@" >>"$WORK/p.yaml"
}

version_of() {
	chroot "$ROOT" dpkg-query -W -f '${Version}' "$1"
}

candidate_of() {
	chroot "$ROOT" apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'
}

held() {
	chroot "$ROOT" apt-mark showhold | sort | tr '\n' ' '
}

# As a host does it every night, and more: every origin is allowed.
unattended() {
	chroot "$ROOT" apt-get -qq update
	echo 'Unattended-Upgrade::Origins-Pattern { "origin=*"; };' >"$ROOT/etc/apt/apt.conf.d/92origins"
	run chroot "$ROOT" env LC_ALL=C.UTF-8 unattended-upgrade -v
	echo "$output"
	[ "$status" -eq 0 ]
}

back() {
	run --separate-stderr "$GPUPROV" rollback --yes --root "$ROOT"
	show
	[ "$status" -eq 0 ]
}

@test "the driver is pinned to branch and origin: a newer branch and another origin do not take parts of it" {
	profile
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[ -e "$ROOT/etc/apt/preferences.d/gpuprov-pin" ]
	for p in nvidia-smi libcuda1 libnvidia-ml1; do
		[ "$(version_of $p)" = 580.178.04-1 ]
	done
	# Debian's is newer, within the branch: not of this origin. NVIDIA's 590 is of another branch.
	cuda_has 580.178.04 590.48.01
	chroot "$ROOT" apt-get -qq update
	# Without NVIDIA's own package for it, ours alone has to do.
	rm "$ROOT/etc/apt/preferences.d/nvidia-driver-pinning-580"
	for p in nvidia-smi libcuda1 libnvidia-ml1; do
		[ "$(candidate_of $p)" = 580.178.04-1 ]
	done
	# What only Debian has is still on offer.
	[ "$(candidate_of nvidia-support)" = 20220217+3 ]
	# A newer build of the same branch and origin goes through, whole.
	cuda_has 580.178.04 580.200.01 590.48.01
	unattended
	for p in nvidia-smi libcuda1 libnvidia-ml1; do
		[ "$(version_of $p)" = 580.200.01-1 ]
	done
	rm "$ROOT/etc/apt/preferences.d/gpuprov-pin"
	[ "$(candidate_of nvidia-smi)" = 590.48.01-1 ]
}

@test "apt.hold: unattended-upgrades does not move it, status says who held it, rollback lifts it" {
	profile "hold: true"
	chroot "$ROOT" apt-mark hold tar
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[ "$(held)" = "libcuda1 libnvidia-ml1 nvidia-driver-pinning-580 nvidia-smi tar " ]
	cuda_has 580.178.04 580.200.01
	unattended
	[ "$(version_of nvidia-smi)" = 580.178.04-1 ]
	[ "$(version_of libcuda1)" = 580.178.04-1 ]
	# Nor is it moved by who takes no notice of holds.
	chroot "$ROOT" apt-mark unhold libcuda1
	[ "$(candidate_of libcuda1)" = 580.178.04-1 ]
	chroot "$ROOT" apt-mark hold libcuda1
	gp apply --yes "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[[ $output == *"Nothing to do"* ]]
	run -0 "$GPUPROV" status --root "$ROOT"
	echo "$output"
	[[ $output == *"Held: libcuda1 580.178.04-1, by gpuprov: apt.hold in "*"p.yaml, run 1;"* ]]
	[[ $output == *"Pinned: version 580.* at priority 995, in /etc/apt/preferences.d/gpuprov-pin."* ]]
	back
	[ "$(held)" = "tar " ]
	[ ! -e "$ROOT/etc/apt/preferences.d/gpuprov-held" ]
	[ ! -e "$ROOT/etc/apt/preferences.d/gpuprov-pin" ]
	run ! version_of nvidia-smi
}

@test "what gpuprov holds, gpuprov moves: to a newer branch, held again; rollback puts all of that back" {
	profile "hold: true"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	before=$(installed)
	cuda_has 580.178.04 590.48.01
	BRANCH=590 profile "hold: true"
	gp plan --refresh "$WORK/p.yaml" --json
	[ "$status" -eq 0 ]
	planned >"$WORK/planned"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[ "$(version_of libcuda1)" = 590.48.01-1 ]
	[[ $(held) == "libcuda1 libnvidia-ml1 nvidia-driver-pinning-590 nvidia-smi " ]]
	grep -q '^Pin: version 590.48.01-1' "$ROOT/etc/apt/preferences.d/gpuprov-held"
	back
	diff <(echo "$before") <(installed)
	[[ $(held) == "libcuda1 libnvidia-ml1 nvidia-driver-pinning-580 nvidia-smi " ]]
	grep -q '^Pin: version 580.178.04-1' "$ROOT/etc/apt/preferences.d/gpuprov-held"
	grep -q '^Pin: version 580\.\*' "$ROOT/etc/apt/preferences.d/gpuprov-pin"
}

@test "what somebody else holds is not moved: refused, with what lifts it" {
	profile
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	chroot "$ROOT" apt-mark hold libcuda1
	cuda_has 580.178.04 590.48.01
	installed >"$WORK/before"
	BRANCH=590 profile
	gp apply --yes --refresh "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP2015
	says "libcuda1 is held at 580.178.04-1, and this would upgrade it to 590.48.01-1"
	says "apt-mark unhold libcuda1"
	diff "$WORK/before" <(installed)
	run -0 "$GPUPROV" status --root "$ROOT"
	[[ $output == *"Held: libcuda1 580.178.04-1, by somebody else: "*"apt-mark unhold"* ]]
	chroot "$ROOT" apt-mark unhold libcuda1
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[ "$(version_of libcuda1)" = 590.48.01-1 ]
}
