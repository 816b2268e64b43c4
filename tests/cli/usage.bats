#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Wrong usage, missing rights, output that cannot be written; and that looking changes nothing. How help
# looks is in tests/lint/manners.t.

load fixture

setup() {
	fixture
}

@test "no command, an unknown command, a mistyped one: exit 64" {
	gpuprov
	ends_with 64
	silent
	complains "Usage: gpuprov COMMAND"
	gpuprov xyzzy
	ends_with 64
	complains "there is no command 'xyzzy'; see gpuprov help"
	gpuprov verfy
	ends_with 64
	complains "did you mean 'verify'?"
}

@test "an unknown option, one of another command, a beginning of one: exit 64" {
	gpuprov plan --xyzzy "$profile"
	ends_with 64
	silent
	complains "'plan' has no option --xyzzy"
	gpuprov facts --yes
	ends_with 64
	gpuprov plan --roo "$root" "$profile"
	ends_with 64
	complains "did you mean --root?"
}

@test "a missing argument, one too many, a missing value: exit 64" {
	gpuprov plan
	ends_with 64
	complains "'plan' needs PROFILE"
	gpuprov plan "$profile" again.yaml
	ends_with 64
	complains "'plan' does not take 'again.yaml'"
	gpuprov plan "$profile" --root
	ends_with 64
	complains "--root needs a value"
}

@test "a mistyped value, argument, topic, part or GPU gets the one that was meant" {
	mistyped() {
		local meant=$1
		shift
		gpuprov "$@"
		[ "$status" -eq 64 ] || [ "$status" -eq 3 ] || { show; return 1; }
		complains "did you mean $meant?"
	}
	for format in tetx jsn htlm; do
		mistyped "'$(sed 's/tetx/text/; s/jsn/json/; s/htlm/html/' <<<$format)'" plan --format $format "$profile"
	done
	mistyped "'k8s'" init --kind k8
	mistyped "'never'" plan --color nver "$profile"
	mistyped "'ec2'" emit cloud-init --platform ec "$profile"
	mistyped "'docker'" configure dokcer
	mistyped "'cloud-init'" emit cloudinit "$profile"
	mistyped "'zsh'" completion zhs
	mistyped "'profile'" help profil
	mistyped "'verify'" help verfy
	mistyped "'cudnn'" why cudn
	mistyped "--help" --hlep
	mistyped "--version" --vesion
	mistyped '"Tesla T4" (10de:1eb8)' plan --root "$root" --gpu Tesla-T4 "$profile"
	grep -qF '1. did you mean "Tesla T4"' err || { show; return 1; }
	# What is near nothing gets no guess.
	for args in "plan --format xyzzy $profile" "configure xyzzy" "completion xyzzy" "help xyzzy" "why xyzzy" --xyzzy; do
		# shellcheck disable=SC2086 # words
		gpuprov $args
		ends_with 64
		says_not "did you mean"
	done
}

@test "a file of facts or a folder that is not there: what to do about it" {
	gpuprov plan --facts missing.json "$profile"
	ends_with 1
	complains "gpuprov facts --json >FILE"
	gpuprov init missing/p.yaml
	ends_with 1
	complains "name a folder that is there"
	gpuprov init "$profile"
	ends_with 1
	complains "choose another name"
}

@test "after -- everything is an argument" {
	cp "$profile" ./--json
	gpuprov facts --root "$root" --json
	cp out f.json
	gpuprov plan --facts f.json -- --json
	ends_with 0
	says "2 to add."
}

@test "apply without root's rights: exit 77, and how to get them" {
	satisfy "$root" "$profile"
	copy_program
	status=0
	as_nobody "$GPUPROV" apply --root "$root" --yes "$profile" >out 2>err || status=$?
	stderr=$(cat err)
	ends_with 77
	complains "needs root"
	complains "sudo gpuprov apply"
}

@test "apply without --yes and without a terminal: exit 64, nothing is done" {
	[ "$(id -u)" -eq 0 ] || skip "only root gets as far as being asked"
	# The packages are there, the file is not: a plan for which apt is not needed.
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	satisfy "$root" "$profile"
	rm "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	gpuprov apply --root "$root" "$profile"
	ends_with 64
	complains "there is no terminal to ask on"
	complains "--yes"
	says "+ file       /etc/modprobe.d/gpuprov-nouveau.conf"
	[ ! -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ] || { echo "expected no file"; return 1; }
	gpuprov apply --root "$root" --yes "$profile"
	ends_with 0
	[ -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ] || { echo "expected the file"; show; return 1; }
}

@test "apply of a root that has all of it: exit 0, and no run is written down" {
	[ "$(id -u)" -eq 0 ] || skip "apply needs root"
	satisfy "$root" "$profile"
	gpuprov apply --root "$root" "$profile"
	ends_with 0
	says "Nothing to do"
	[ ! -e "$root/var/lib/gpuprov/runs" ] || { echo "expected no run"; find "$root/var/lib"; return 1; }
}

@test "output that cannot be written is an error, not silence" {
	[ -e /dev/full ] || skip "there is no /dev/full"
	satisfy "$root" "$profile"
	for args in --version --help "help profile" "plan --help" "facts --root $root" \
		"facts --root $root --json" "plan --root $root $profile" "verify --root $root $profile"; do
		for to in full closed; do
			status=0
			# shellcheck disable=SC2086 # words
			if [ $to = full ]; then
				"$GPUPROV" $args >/dev/full 2>err || status=$?
			else
				"$GPUPROV" $args >&- 2>err || status=$?
			fi
			[ "$status" -eq 1 ] && grep -q "writing to standard output" err || {
				echo "expected 'gpuprov $args' on a $to stdout to end with 1 and say so:"
				echo "status $status"
				cat err
				return 1
			}
		done
	done
}

@test "with all standard streams closed it ends by itself, and writes nowhere" {
	satisfy "$root" "$profile"
	before=$(sum_tree "$root")
	status=0
	"$GPUPROV" plan --root "$root" "$profile" <&- >&- 2>&- || status=$?
	[ "$status" -eq 1 ] || { echo "expected exit 1, got $status"; return 1; }
	[ "$(sum_tree "$root")" = "$before" ] || { echo "expected the root unchanged"; return 1; }
}

@test "facts, plan and verify change nothing beneath the root" {
	satisfy "$root" "$profile"
	kernel "$root" 6.1.0-56-amd64
	before=$(sum_tree "$root")
	for args in "facts" "facts --json"; do
		# shellcheck disable=SC2086 # words
		gpuprov $args --root "$root"
		ends_with 0
	done
	for args in "plan" "plan --json" "verify" "verify --json"; do
		# shellcheck disable=SC2086 # words
		gpuprov $args --root "$root" "$profile"
		ends_with 0
	done
	[ "$(sum_tree "$root")" = "$before" ] || { echo "expected the root unchanged"; return 1; }
}

@test "a plan that asks apt changes nothing beneath the root either" {
	before=$(sum_tree "$root")
	# Without a network it fails; what it must not do is the same.
	gpuprov plan --root "$root" --offline --cache "$BATS_TEST_TMPDIR/cache" "$profile"
	[ "$(sum_tree "$root")" = "$before" ] || { echo "expected the root unchanged"; show; return 1; }
}

@test "a root that is read-only is enough to look at" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	satisfy "$root" "$profile"
	mkdir ro
	mount --bind "$root" ro 2>/dev/null || skip "mount is not allowed here"
	mount -o remount,bind,ro ro || { umount ro; skip "mount is not allowed here"; }
	gpuprov plan --root ro "$profile"
	umount ro
	ends_with 0
	says "Nothing to do"
}

@test "colours only when asked for" {
	satisfy "$root" "$profile"
	gpuprov plan --root "$root" "$profile"
	[[ "$stdout" != *$'\e'* ]] || { echo "expected no colours:"; cat -v out; return 1; }
	gpuprov plan --root "$root" --color always "$profile"
	[[ "$stdout" == *$'\e['* ]] || { echo "expected colours:"; cat -v out; return 1; }
}

@test "--version is one line" {
	gpuprov --version
	ends_with 0
	[[ "$stdout" =~ ^gpuprov\ [0-9.]+$ ]] || { echo "expected 'gpuprov VERSION':"; show; return 1; }
}

@test "what is typed is not echoed as more than text" {
	for args in $'plan \e[31mx.yaml' $'pl\e[31man' $'plan --ro\e[31mot' $'facts --root \e[31m' $'why \e[31m' \
		$'facts --facts \e[31m.json' $'plan --facts \e[31m.json '"$profile"; do
		# shellcheck disable=SC2086 # words
		gpuprov $args
		[ "$status" -ne 0 ] || { echo "expected an error of: $args"; return 1; }
		[[ "$stdout$stderr" != *$'\e'* ]] || { echo "expected no escape:"; cat -v err; return 1; }
	done
}
