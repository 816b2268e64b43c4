#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The repositories that these tests are made of: real apt and dpkg take them for real ones.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	export BASE
}

setup() {
	real_root "$BASE"
	mkdir "$REPO"
}

teardown() {
	real_drop
}

in_root() {
	chroot "$ROOT" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

@test "a flat repository like NVIDIA's is made within a second, and apt resolves in it" {
	start=${EPOCHREALTIME/./}
	nvidia_repo | repo_make
	took=$((${EPOCHREALTIME/./} - start))
	echo "took $took us"
	[ "$took" -lt 1000000 ]
	[ "$(find "$REPO" -name '*.deb' | wc -l)" -ge 45 ]
	repo_serve
	repo_use
	echo "deb [signed-by=/usr/share/keyrings/local.gpg] $URI ./" >"$ROOT/etc/apt/sources.list"
	in_root apt-get -qq update
	in_root apt-get -s install cuda-drivers-550 | grep '^Inst nvidia-dkms-550 (550.163.01-1 '
	in_root apt-get -s install nvidia-container-toolkit | grep 'libnvidia-container1 (1.17.8-1 '
	run in_root apt-get -s install nvidia-container-toolkit=1.17.0-1
	[ "$status" -ne 0 ]
	in_root apt-cache policy cuda-drivers | grep 'o=NVIDIA\|1001\|580.178.04-1'
}

@test "dpkg-deb reads a package, dpkg installs it with its scripts, links and conffiles" {
	repo_make <<-'END'
		Suite: bookworm

		Package: toy
		Version: 2:1.0-1
		Architecture: all
		Provides: plaything
		File: /usr/share/toy/a two words\nand a line
		Link: /usr/share/toy/b a
		Zeros: /usr/share/toy/zeros 5000
		Conffile: /etc/toy.conf x = 1
		Postinst: echo "$1" >/tmp/postinst
	END
	deb=$REPO/pool/main/toy_1.0-1_all.deb
	[ "$(dpkg-deb -f "$deb" Version)" = 2:1.0-1 ]
	cp "$deb" "$ROOT/tmp/"
	in_root dpkg -i "/tmp/${deb##*/}"
	[ "$(cat "$ROOT/tmp/postinst")" = configure ]
	[ "$(tail -n 1 "$ROOT/usr/share/toy/b")" = "and a line" ]
	[ "$(stat -c %s "$ROOT/usr/share/toy/zeros")" -eq 5000 ]
	in_root dpkg-query -W -f '${Conffiles}' toy | grep '/etc/toy.conf'
	in_root dpkg --audit
}

@test "several suites in one repository" {
	repo_serve
	{
		debian_suite
		printf '\nPackage: a\nVersion: 1\n\nSuite: bookworm-security\nComponents: main\n'
		printf 'Label: Debian-Security\n\nPackage: a\nVersion: 1.1\n'
	} | repo_make
	repo_use
	sed 's/bookworm main/bookworm-security main/' "$ROOT/etc/apt/sources.list" \
		>"$ROOT/etc/apt/sources.list.d/security.list"
	in_root apt-get -qq update
	in_root apt-cache policy a | grep 'Candidate: 1.1'
	in_root apt-cache policy | grep 'n=bookworm\|l=Debian-Security'
}
