#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Putting back for real: files, repositories and packages on a real Debian root, with the real dpkg.

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

# Files that belong to no package and are not gpuprov's state, apt's cache or a log.
own_files() {
	(
		cd "$ROOT" || exit 1
		find etc usr/share/keyrings usr/sbin/policy-rc.d opt srv -xdev \( -type f -o -type l -o -type d \) \
			! -path etc/ld.so.cache -printf '%P %H %y %m %U:%G %l\n' 2>/dev/null | sort
		find etc -xdev -type f ! -path etc/ld.so.cache -print0 | sort -z | xargs -0 sha256sum
		sha256sum var/lib/apt/extended_states 2>/dev/null || :
	)
}

rollback() {
	run --separate-stderr "$GPUPROV" rollback --yes --root "$ROOT" "$@"
	show
}

before() {
	installed >"$WORK/installed"
	own_files >"$WORK/files"
}

is_as_before() {
	diff "$WORK/installed" <(installed)
	diff "$WORK/files" <(own_files)
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	no_mounts
}

@test "apply and rollback: the same packages and files as before, and history tells it" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	mkdir -p "$ROOT/etc/modprobe.d"
	echo "options mine x=1" >"$ROOT/etc/modprobe.d/mine.conf"
	before
	apply
	[ "$status" -eq 0 ]
	installed | grep -qx "nvidia-smi $VERSION"
	rollback
	[ "$status" -eq 0 ]
	[[ $output == *"- packages"*nvidia-smi* ]]
	is_as_before
	[ ! -s "$ROOT/var/lib/dpkg/updates/0000" ]
	run -0 "$GPUPROV" history --root "$ROOT"
	[[ ${lines[0]} == *"apply $DEMO: rolled back, 3 steps done"* ]]
	[[ ${lines[1]} == *"rollback to before run 1: done"* ]]
	run -0 "$GPUPROV" status --root "$ROOT" --json
	[[ $output == *'"state": "done"'* ]]
	rollback
	[ "$status" -eq 0 ]
	says "nothing to put back"
}

# nvidia-support in an older version, installed by hand; the driver needs a newer one.
older_support() {
	{ debian_suite; printf '\nPackage: nvidia-support\nVersion: 1\nArchitecture: all\nComponent: contrib\n'; } |
		repo_make
	repo_use
	sed -i 's/ main$/ main contrib/' "$ROOT/etc/apt/sources.list"
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq -y install nvidia-support
	installed | grep -qx 'nvidia-support 1'
}

newer_support() {
	{ debian_suite; driver_packages "$VERSION" |
		sed 's/^Depends: nvidia-support$/& (>= 2022)/'; } | repo_make
	touch -d '+2 seconds' "$REPO"/dists/bookworm/*
}

@test "an upgrade is rolled back to the version before, without a repository" {
	older_support
	before
	newer_support
	apply "$DEMO" --refresh
	[ "$status" -eq 0 ]
	installed | grep -qx 'nvidia-support 20220217+3'
	# Whatever cleans apt's folder does not take the old version from us.
	chroot "$ROOT" apt-get clean
	kill "$(cat "$WORK/server")"
	rollback
	[ "$status" -eq 0 ]
	[[ $output == *"20220217+3 -> 1"* ]]
	is_as_before
}

@test "an old version that is nowhere any more: the rollback says so beforehand, and which" {
	older_support
	newer_support
	chroot "$ROOT" apt-get clean
	apply "$DEMO" --refresh
	[ "$status" -eq 0 ]
	rollback
	[ "$status" -eq 1 ]
	[[ $output == *"nvidia-support 1 is not kept here"* ]]
	says "apt-get install nvidia-support=1"
	# Nothing of the set was touched.
	installed | grep -qx "nvidia-smi $VERSION"
}

@test "cut off in the middle of dpkg: rollback puts everything back" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: touch /tmp/here
 test ! -e /tmp/slow || sleep 60'; } | repo_make
	repo_use
	touch "$ROOT/tmp/slow"
	before
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO" >"$WORK/out" 2>&1 3>&- &
	APPLY=$!
	until_there "$ROOT/tmp/here"
	kill_all "$APPLY"
	run -0 "$GPUPROV" status --root "$ROOT"
	[[ $output == *"begun and not ended: packages:nvidia"* ]]
	rm "$ROOT/tmp/slow"
	rollback
	[ "$status" -eq 0 ]
	is_as_before
}

@test "a package that needs ours stops the rollback in dpkg's words; without it, it goes on" {
	{ debian_suite; driver_packages "$VERSION"; printf '\nPackage: mine\nVersion: 1\nDepends: libcuda1\n'; } |
		repo_make
	repo_use
	before
	apply
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq -y install mine
	rollback
	[ "$status" -eq 1 ]
	says "mine depends on libcuda1"
	says "run the same rollback again"
	chroot "$ROOT" dpkg --purge mine
	rollback
	[ "$status" -eq 0 ]
	is_as_before
}

@test "a file that somebody edited is left alone, and said so" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	apply
	file=$(grep -rl nouveau "$ROOT/etc/modprobe.d" | head -n 1)
	echo "# mine" >>"$file"
	rollback
	[ "$status" -eq 1 ]
	says GP3004
	says "$file"
	grep -q '# mine' "$file"
	rm "$file"
	rollback
	[ "$status" -eq 0 ]
}
