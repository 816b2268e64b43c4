#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What can be wrong around us: repositories, downloads, dependencies, disks. Each fault has its exit code,
# names what is wrong in plain words, and leaves the root as it was.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	export BASE
}

setup() {
	real_root "$BASE"
	mkdir "$REPO"
	repo_serve
}

teardown() {
	real_drop
}

good() {
	debian_suite
	driver_packages "$VERSION" "$@"
}

# A plan on a repository with this fault fails with 69 and says each of the texts.
plan_fails() {
	local fault=$1 text
	good | repo_make --fault "$fault"
	repo_use
	tree_of "$ROOT" >"$WORK/tree"
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	[ -z "$output" ]
	says "$URI"
	for text in "${@:2}"; do says "$text"; done
	# Every one of these has something the reader can do.
	says "   1. "
	diff "$WORK/tree" <(tree_of "$ROOT")
}

# ---- indexes ----

@test "a repository that is not signed" {
	plan_fails unsigned GP2003 "is not signed"
}

@test "an index that was changed after it was signed" {
	plan_fails bad-signature GP2003 "changed or damaged after it was signed" BADSIG
}

@test "a key that is not trusted" {
	plan_fails unknown-key GP2003 "signed with a key that is not trusted" NO_PUBKEY "Signed-By"
}

@test "an index that has expired" {
	plan_fails expired GP2003 "is expired" "clock"
}

@test "an index from the future" {
	plan_fails future GP2003 "is not valid yet" "clock: it is probably behind"
}

@test "an index with weak hashes only" {
	plan_fails weak GP2003 "only weak security information"
}

@test "no Release file" {
	plan_fails no-release GP2003 "bookworm Release" "it does not have this file"
}

@test "a list of packages with another hash" {
	plan_fails bad-hash GP2003 "Packages" "not those that the signed index names" "Hash Sum mismatch"
	# Hashes and dates are in libapt's words; one line is enough.
	[[ $stderr != *Filesize* ]]
}

@test "a list of packages with another size" {
	plan_fails bad-size GP2003 "Packages" "Mirror sync in progress" "again in a few minutes"
}

@test "no list of packages" {
	plan_fails no-packages GP2003 "Packages" "it does not have this file"
}

@test "a list of packages that is none, and again from what was kept of it" {
	plan_fails garbage GP2003 "'$URI bookworm/non-free amd64 Packages'" "no index of packages"
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	says "no index of packages"
	good | repo_make
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
}

@test "a repository that turned bad after a good one is not silently kept" {
	good | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	good | repo_make --fault bad-signature
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	gp plan --refresh "$DEMO"
	[ "$status" -eq 69 ]
	says BADSIG
	gp plan --offline "$DEMO"
	[ "$status" -eq 0 ]
}

@test "nobody answers" {
	good | repo_make
	repo_use
	kill "$(cat "$WORK/server")"
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	says GP2002
	says "$URI"
	says "Connection refused"
	says "http_proxy"
}

@test "a name that does not exist" {
	good | repo_make
	URI=http://mirror.invalid/debian
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	says GP2002
	says "mirror.invalid"
	says "DNS"
}

@test "a mirror that never answers: Ctrl-C ends plan at once, and nothing goes on behind it" {
	good | repo_make
	/usr/bin/python3 - "$WORK/mute" 3>&- <<-'END' &
		import socket, sys, time
		s = socket.create_server(("127.0.0.1", 0))
		open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]))
		import os
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		time.sleep(60)
	END
	mute=$!
	until_there "$WORK/mute"
	URI=http://127.0.0.1:$(cat "$WORK/mute")
	repo_use
	# A background job of a shell ignores Ctrl-C unless it is told otherwise.
	/usr/bin/env --default-signal=INT "$GPUPROV" plan --root "$ROOT" --cache "$CACHE" "$DEMO" \
		>"$WORK/out" 2>&1 3>&- &
	plan=$!
	for _ in $(seq 200); do
		[ "$(descendants "$plan" | wc -l)" -lt 3 ] || break
		sleep 0.02
	done
	all=$(descendants "$plan")
	[ "$(wc -l <<<"$all")" -ge 3 ]
	kill -INT "$plan"
	wait "$plan" || :
	for _ in $(seq 100); do
		left=
		for pid in $all; do
			! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$pid/status" || left=$pid
		done
		[ -n "$left" ] || break
		sleep 0.02
	done
	kill "$mute"
	[ -z "$left" ]
}

@test "one of two repositories is dead: it is named, the other is not" {
	good | repo_make
	repo_use
	echo "deb http://dead.invalid/docker bookworm stable" >>"$ROOT/etc/apt/sources.list"
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	says "http://dead.invalid/docker bookworm"
	[[ $stderr != *"$URI"* ]]
}

@test "a repository that turns bad between plan and apply: 69, and resumed when it is mended" {
	good | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	good | repo_make --fault bad-signature
	installed >"$WORK/before"
	apply
	[ "$status" -eq 69 ]
	says GP2003
	says BADSIG
	diff "$WORK/before" <(installed)
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	run -0 journal 1
	[[ $output == *"failed packages:nvidia"*"end failed" ]]
	good | repo_make
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	apply
	[ "$status" -eq 0 ]
}

@test "sources that cannot be read: the root's own fault, not the network's" {
	good | repo_make
	repo_use
	echo "nonsense" >>"$ROOT/etc/apt/sources.list"
	gp plan "$DEMO"
	[ "$status" -eq 1 ]
	says GP2010
	says "Malformed"
	says "line 2"
}

# ---- which set ----

@test "a package that no repository has" {
	good | sed 's/^Package: nvidia-smi/Package: other/' | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 3 ]
	says GP2004
	says "'nvidia-smi'"
}

@test "only another version" {
	good | sed 's/535\.309/530.309/g' | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 3 ]
	says "no version of 'libcuda1' fits 535; on offer: 530.309.01-1~deb12u1"
}

@test "a dependency that is missing further down: the chain in words" {
	good | sed 's/^Package: nvidia-support/Package: other/' | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 3 ]
	says GP2005
	says "nvidia-smi $VERSION needs libnvidia-ml1 (= $VERSION), libnvidia-ml1 $VERSION needs nvidia-support, but nvidia-support is in no repository"
}

@test "a dependency of the wrong version" {
	good | sed 's/^Depends: nvidia-support/Depends: libc6 (>= 9)/' | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 3 ]
	says "libcuda1 $VERSION needs libc6 (>= 9), but libc6 2.36"
	says "is on offer"
}

@test "two that conflict" {
	good | sed 's/^Provides: libcuda.so.1/Conflicts: libnvidia-ml1/' | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 3 ]
	says "libcuda1 $VERSION conflicts with libnvidia-ml1 $VERSION"
}

@test "one that conflicts with what the system needs" {
	good | sed 's/^Provides: libcuda.so.1/Conflicts: dpkg/' | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 3 ]
	says "libcuda1 $VERSION conflicts with dpkg"
}

# ---- downloads ----

# An apply with a damaged .deb fails with 69, installs nothing, and goes on when it is mended.
download_fails() {
	local fault=$1 text
	good | repo_make --fault "$fault"
	repo_use
	installed >"$WORK/before"
	apply
	[ "$status" -eq 69 ]
	says GP2009
	says "$URI/pool/non-free/libcuda1"
	for text in "${@:2}"; do says "$text"; done
	says "run the same apply again"
	diff "$WORK/before" <(installed)
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	no_mounts
	good | repo_make
	apply
	[ "$status" -eq 0 ]
	run -0 journal 2
	[[ $output != *"start file:nouveau"* ]]
}

@test "a package that is not there" {
	download_fails missing-deb:libcuda1 "it does not have this file" 404
}

@test "a package that is cut short" {
	download_fails short-deb:libcuda1 "unexpected size"
}

@test "a package with other bytes" {
	download_fails bad-deb:libcuda1 "Hash Sum mismatch"
}

# ---- disks ----

# Nothing of ours may be there by half: no temporary file, no policy, no mount.
nothing_by_half() {
	[ -z "$(find "$ROOT" -xdev -name '.gpuprov-*')" ]
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	no_mounts
}

# A root with little room, on a tmpfs.
small() {
	real_drop
	UPPER_SIZE=$1 real_root "$BASE"
	mkdir "$REPO"
	repo_serve
}

fill() {
	dd if=/dev/zero of="$ROOT/fill" bs=64k 2>/dev/null || :
	dd if=/dev/zero of="$ROOT/fill2" bs=1k 2>/dev/null || :
}

more_room() {
	mount -o remount,size=400m "$WORK/small"
}

@test "the disk is full while dpkg unpacks: dpkg's words, then resumed" {
	small 40m
	good "Zeros: /usr/share/big 60000000" | repo_make
	repo_use
	# Known beforehand, where the package says how much it is; this one belittles itself.
	apply
	[ "$status" -eq 3 ]
	says "error[GP0004]: the plan takes 60.3 MB, and / has "
	good $'Installed-Size: 100\nZeros: /usr/share/big 60000000' | repo_make
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	gp plan --refresh "$DEMO"
	[ "$status" -eq 0 ]
	apply
	[ "$status" -eq 1 ]
	says GP0004
	says "nvidia-smi"
	says "No space left on device"
	says "make room"
	nothing_by_half
	run -0 journal 1
	[[ $output == *"failed packages:nvidia"*"end failed" ]]
	more_room
	apply
	[ "$status" -eq 0 ]
	run -0 "$GPUPROV" verify --root "$ROOT" "$DEMO"
}

@test "the disk is full while indexes are read: not the repository's fault" {
	small 6m
	good | repo_make
	repo_use
	apply
	[ "$status" -eq 1 ]
	says GP0004
	says "No space left on device"
	nothing_by_half
	# No room at all is seen in the plan.
	fill
	apply
	[ "$status" -eq 3 ]
	says GP0004
	says "/ has 0 B"
	nothing_by_half
	rm "$ROOT"/fill*
	more_room
	apply
	[ "$status" -eq 0 ]
	run -0 journal 2
	[[ $output == *"end done" ]]
}

@test "the disk is full before anything is begun" {
	small 6m
	good | repo_make
	repo_use
	fill
	apply
	[ "$status" -eq 1 ]
	says GP0004
	says "$ROOT/var/lib/gpuprov"
	nothing_by_half
	rm "$ROOT"/fill*
	more_room
	apply
	[ "$status" -eq 0 ]
	[ "$(ls "$ROOT/var/lib/gpuprov/runs")" = 000001 ]
}

# The root's writable layer on an ext4 of its own in $WORK/disk.
mount_disk() {
	mkdir -p "$WORK/small"
	mount -o loop "$WORK/disk" "$WORK/small" || skip "no loop devices here"
	mkdir -p "$WORK/small/upper" "$WORK/small/work"
	mount -t overlay overlay -o \
		"lowerdir=$BASE,upperdir=$WORK/small/upper,workdir=$WORK/small/work" "$ROOT"
}

@test "a small ext4, full at one place or another: always said so, always resumed" {
	umount "$ROOT"
	good "Zeros: /usr/share/big 4000000" | repo_make
	for kilobytes in 700 2300 8500 9000 9500 10000; do
		rm -f "$WORK/disk"
		truncate -s "${kilobytes}K" "$WORK/disk"
		mkfs.ext4 -q -F -m 0 -O ^has_journal "$WORK/disk"
		mount_disk
		scratch_gpu "$ROOT" 0000:3b:00.0 1eb8
		repo_use
		apply
		[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && says GP0004; }
		nothing_by_half
		umount "$ROOT" "$WORK/small"
		truncate -s 100M "$WORK/disk"
		e2fsck -fp "$WORK/disk" >/dev/null
		resize2fs "$WORK/disk" >/dev/null 2>&1
		mount_disk
		apply
		[ "$status" -eq 0 ]
		run -0 "$GPUPROV" verify --root "$ROOT" "$DEMO"
		umount "$ROOT" "$WORK/small"
	done
}

@test "a read-only /etc: the file is named, and nothing is changed" {
	good | repo_make
	repo_use
	mount --bind "$ROOT/etc" "$ROOT/etc"
	mount -o remount,ro,bind "$ROOT/etc"
	apply
	[ "$status" -eq 3 ]
	says "error[GP0005]: /etc is read-only"
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	says "warning[GP0005]: /etc is read-only"
	installed >"$WORK/after"
	run ! grep nvidia "$WORK/after"
	umount "$ROOT/etc"
	apply
	[ "$status" -eq 0 ]
}

@test "a read-only /usr: refused, applied when it is writable" {
	good | repo_make
	repo_use
	mount --bind "$ROOT/usr" "$ROOT/usr"
	mount -o remount,ro,bind "$ROOT/usr"
	apply
	[ "$status" -eq 3 ]
	says "error[GP0005]: /usr is read-only"
	umount "$ROOT/usr"
	apply
	[ "$status" -eq 0 ]
}

# ---- between plan and apply, and what users changed ----

@test "a package that vanished between plan and apply: exit 6, named, nothing installed" {
	good | repo_make
	repo_use
	gp plan "$DEMO" --out "$WORK/saved.plan"
	[ "$status" -eq 0 ]
	good | sed 's/535\.309\.01/535.400.02/g' | repo_make
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	installed >"$WORK/before"
	gp apply --yes "$WORK/saved.plan"
	[ "$status" -eq 6 ]
	says GP2006
	says "libcuda1: 535.309.01-1~deb12u1 in the plan, 535.400.02-1~deb12u1 now"
	says "--refresh"
	diff "$WORK/before" <(installed)
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
}

@test "a package that held packages need to stay: the one that is held is named" {
	good | sed 's/^Depends: nvidia-support/&, toy-lib (>= 2)/' >"$WORK/repo.txt"
	printf '\nPackage: toy-lib\nVersion: 1\nComponent: main\n' >>"$WORK/repo.txt"
	repo_make <"$WORK/repo.txt"
	repo_use
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq -y install toy-lib
	chroot "$ROOT" apt-mark hold toy-lib
	sed -i '/^Package: toy-lib/,$s/^Version: 1/Version: 2/' "$WORK/repo.txt"
	repo_make <"$WORK/repo.txt"
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
	gp plan --refresh "$DEMO"
	[ "$status" -eq 3 ]
	says GP2005
	says "toy-lib 1 is held"
	chroot "$ROOT" apt-mark unhold toy-lib
	apply
	[ "$status" -eq 0 ]
}

@test "a conffile that the user has written is kept, and the new one lies beside it" {
	good "Conffile: /etc/toy.conf x = 1" | repo_make
	repo_use
	echo "x = mine" >"$ROOT/etc/toy.conf"
	apply
	[ "$status" -eq 0 ]
	[ "$(cat "$ROOT/etc/toy.conf")" = "x = mine" ]
	[ "$(cat "$ROOT/etc/toy.conf.dpkg-dist")" = "x = 1" ]
}

@test "a kernel that the set would leave without its headers: refused, and named" {
	mkdir -p "$ROOT/boot" "$ROOT/lib/modules/6.1.0-99-amd64"
	touch "$ROOT/boot/vmlinuz-6.1.0-99-amd64"
	{
		good
		cat <<-END

			Package: nvidia-kernel-dkms
			Version: $VERSION
			Source: nvidia-graphics-drivers
			Component: non-free
			Depends: linux-image-6.1.0-100-amd64

			Package: linux-image-6.1.0-100-amd64
			Version: 1
			Component: main

			Package: linux-headers-6.1.0-99-amd64
			Version: 1
			Component: main

			Package: linux-headers-amd64
			Version: 1
			Component: main
			Depends: linux-headers-6.1.0-99-amd64

			Package: nvidia-persistenced
			Version: 535.171.04-1
			Component: contrib
		END
	} | repo_make
	repo_use
	sed 's/modules: none/modules: proprietary/' "$DEMO" >"$WORK/p.yaml"
	installed >"$WORK/before"
	apply "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP2016
	says "kernel 6.1.0-100-amd64 would be left without an NVIDIA module"
	[[ $stderr != *"kernel 6.1.0-99-amd64 would"* ]]
	diff "$WORK/before" <(installed)
}
