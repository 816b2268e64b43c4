#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What gpuprov ends with: every exit status is produced, the message says the same, and the page lists them.

load fixture

setup() {
	fixture
	hosts=$BATS_TEST_DIRNAME/../hosts
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "only root gets that far"
}

# User space is there, one file of ours is not: a plan for which apt is not needed.
almost_satisfied() {
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	satisfy "$root" "$profile"
	rm "$root/etc/modprobe.d/gpuprov-nouveau.conf"
}

# The code of the message leads to the same status.
explained() {
	local code
	code=$(grep -oE 'error\[GP[0-9]+\]' err | head -n 1)
	code=${code:6:6}
	"$GPUPROV" why "$code" | grep -qx "Exit status: $status" || {
		echo "expected 'why $code' to say: Exit status: $status"
		show
		return 1
	}
}

@test "exit 0: fine, also when there is something to do" {
	almost_satisfied
	gpuprov plan --root "$root" "$profile"
	ends_with 0
	says "1 to add"
}

@test "exit 1: failed, and nothing was begun" {
	need_root
	almost_satisfied
	# A folder stands where the file goes.
	mkdir -p "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	gpuprov apply --root "$root" --yes "$profile"
	ends_with 1
	explained
	gpuprov init "$profile"
	ends_with 1
	explained
}

@test "exit 2: changes pending, when it is asked for" {
	almost_satisfied
	gpuprov plan --root "$root" --detailed-exitcode "$profile"
	ends_with 2
	our_files "$root" "$profile"
	gpuprov plan --root "$root" --detailed-exitcode "$profile"
	ends_with 0
}

@test "exit 3: no plan satisfies the profile" {
	write_profile "$profile" 'driver: {branch: "580", source: distro}'
	for command in plan apply verify; do
		[ $command != apply ] || [ "$(id -u)" -eq 0 ] || continue
		gpuprov $command --root "$root" "$profile"
		ends_with 3
		explained
	done
}

@test "exit 4: this host cannot be provisioned" {
	gpuprov plan --facts "$hosts/no-gpu-trixie.json" "$profile"
	ends_with 4
	explained
	sed -i 's/^ID=.*/ID=plan9/; s/^VERSION_ID=.*/VERSION_ID=4/' "$root/etc/os-release"
	gpuprov plan --root "$root" "$profile"
	ends_with 4
	explained
}

@test "exit 5: the host is not what the profile says" {
	almost_satisfied
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	our_files "$root" "$profile"
	gpuprov verify --root "$root" "$profile"
	ends_with 0
}

@test "exit 6: the plan is stale" {
	need_root
	almost_satisfied
	gpuprov plan --root "$root" --out a.plan "$profile"
	ends_with 0
	kernel "$root" 6.1.0-99-amd64
	gpuprov apply --root "$root" --yes a.plan
	ends_with 6
	explained
}

@test "exit 64: wrong usage" {
	gpuprov plan --xyzzy "$profile"
	ends_with 64
	explained
	almost_satisfied
	need_root
	gpuprov apply --root "$root" "$profile"
	ends_with 64
	explained
}

@test "exit 65: a bad profile, bad facts, a bad plan" {
	echo 'kind: bare-metal' >bad.yaml
	for command in lint plan verify "emit shell"; do
		# shellcheck disable=SC2086 # words
		gpuprov $command bad.yaml
		ends_with 65
		[ -s err ] || cp out err # lint says it on stdout
		explained
	done
	echo '{' >bad.json
	gpuprov plan --facts bad.json "$profile"
	ends_with 65
	explained
}

@test "exit 69: a mirror that cannot be reached" {
	[ -x "$O/apt-backend/apt.so" ] || ls "$O"/apt-backend* >/dev/null || skip "there is no apt back end"
	# Nothing listens there.
	echo 'deb http://127.0.0.1:9/debian bookworm main' >"$root/etc/apt/sources.list"
	gpuprov plan --root "$root" --cache cache "$profile"
	ends_with 69
	explained
	complains "127.0.0.1:9"
	says_not "Nothing has been changed."
}

@test "exit 70: what should not happen" {
	echo 'not a catalog' >bad.cat
	gpuprov plan --facts "$hosts/t4x2-bookworm.json" --catalog bad.cat "$profile"
	ends_with 70
	explained
}

@test "exit 75: another run holds the lock" {
	need_root
	almost_satisfied
	mkdir -p "$root/var/lib/gpuprov"
	(
		flock -x 9
		gpuprov apply --root "$root" --yes "$profile"
		ends_with 75
		explained
	) 9>"$root/var/lib/gpuprov/lock"
	[ ! -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ]
	gpuprov apply --root "$root" --yes "$profile"
	ends_with 0
}

@test "exit 77: the rights of root are needed" {
	almost_satisfied
	copy_program
	status=0
	as_nobody "$GPUPROV" apply --root "$root" --yes "$profile" >out 2>err || status=$?
	stdout=$(cat out)
	stderr=$(cat err)
	ends_with 77
	explained
}

@test "these are all of them: in the source, in the manual page, in the README, and here" {
	top=$BATS_TEST_DIRNAME/../..
	sed -n 's/^\tSTATUS_[A-Z_]* = \([0-9]*\),.*/\1/p' "$top/src/base/code.h" | sort -n >source
	sed -n 's/^@test "exit \([0-9]*\):.*/\1/p' "$BATS_TEST_FILENAME" | sort -n >here
	sed -n 's/^\*\([0-9]*\)\*$/\1/p' "$top/docs/man/gpuprov-exit.7.scd" | sort -n >page
	sed -n '/^Exit statuses:/,/^$/p' "$top/README.md" | grep -oE '(: |, |^)[0-9]+ ' | grep -oE '[0-9]+' | sort -n >readme
	[ "$(wc -l <source)" -eq 13 ]
	same source here
	same source page
	same source readme
}
