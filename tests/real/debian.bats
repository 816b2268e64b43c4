#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The real thing: examples/demo.yaml on a fresh Debian 12 root, packages from this machine's own mirror.
# The tests of this file are one story and build on each other.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	real_root "$BASE"
	scratch_gpu "$ROOT" 0000:86:00.0 1eb8
	export BASE WORK ROOT CACHE
}

teardown_file() {
	real_drop
}

# For every test but the first few: what came before must have worked.
applied() {
	[ -e "$WORK/applied" ] || skip "nothing was applied: see the failed test above"
}

@test "plan twice: the same bytes, and nothing in the root is changed" {
	tree_of "$ROOT" >"$WORK/tree"
	gp plan "$DEMO" --json
	[ "$status" -eq 0 ]
	echo "$output" >"$WORK/plan.json"
	gp plan "$DEMO" --json
	[ "$status" -eq 0 ]
	diff "$WORK/plan.json" <(echo "$output")
	planned >"$WORK/planned"
	grep -q '^nvidia-smi 535\.' "$WORK/planned"
	grep -q '^libcuda1 535\.' "$WORK/planned"
	diff "$WORK/tree" <(tree_of "$ROOT")
	no_mounts
}

@test "a plan of an unchanged root uses libapt's binary caches, it does not make them anew" {
	caches=$(stat -c '%i %n' "$CACHE"/apt/*/caches/*.bin)
	# libapt compares times in seconds: in the same second, stale caches look fresh.
	sleep 1
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	[ "$(stat -c '%i %n' "$CACHE"/apt/*/caches/*.bin)" = "$caches" ]
}

@test "--detailed-exitcode: 2, there is something to do" {
	gp plan "$DEMO" --detailed-exitcode
	[ "$status" -eq 2 ]
}

@test "apply: exactly the plan's packages at the plan's versions" {
	[ -s "$WORK/planned" ]
	installed >"$WORK/before"
	chroot "$ROOT" apt-mark showmanual | sort >"$WORK/manual"
	apply
	[ "$status" -eq 0 ]
	installed >"$WORK/after"
	diff <(sort "$WORK/before" "$WORK/planned") "$WORK/after"
	touch "$WORK/applied"
}

@test "only what was asked for is marked manual" {
	applied
	chroot "$ROOT" apt-mark showmanual | sort >"$WORK/manual-after"
	diff <(printf 'libcuda1\nnvidia-smi\n') <(comm -13 "$WORK/manual" "$WORK/manual-after")
}

@test "no service runs, no policy is left, nothing is mounted" {
	applied
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	[ -z "$(processes_inside)" ]
	no_mounts
	[ -z "$(find "$ROOT" -xdev -name '.gpuprov-*')" ]
}

@test "what dpkg says of nvidia-smi is what the plan said" {
	applied
	[ "$(chroot "$ROOT" dpkg-query -W -f '${Package} ${Version}' nvidia-smi)" = \
		"$(grep '^nvidia-smi ' "$WORK/planned")" ]
	# The program finds its library, and no driver: there is no GPU in a scratch root.
	run chroot "$ROOT" nvidia-smi
	[ "$status" -eq 9 ]
}

@test "verify: everything passes but what needs a GPU" {
	applied
	run --separate-stderr "$GPUPROV" verify --root "$ROOT" "$DEMO" --json
	show
	[ "$status" -eq 0 ]
	/usr/bin/python3 -c '
import json, sys
bad = [c for c in json.load(sys.stdin)["checks"] if c["result"] != "PASS"]
print(bad)
assert {c["id"] for c in bad} <= {"gpu.count", "driver.loaded", "driver.nvml", "driver.cuda"}
assert all(c["result"] == "DEFERRED" and c["needs"] for c in bad)' <<<"$output"
}

@test "the journal has start and done of every step in order" {
	applied
	run -0 journal 1
	[ "${lines[0]}" = "begin " ]
	[ "${lines[-1]}" = "end done" ]
	/usr/bin/python3 - "$WORK/plan.json" <(printf '%s\n' "${lines[@]:1:${#lines[@]}-2}") <<-'END'
		import json, sys
		steps = [s["id"] for s in json.load(open(sys.argv[1]))["steps"] if s.get("op") != "keep"]
		want = [f"{what} {step}" for step in steps for what in ("start", "done")]
		assert open(sys.argv[2]).read().split("\n")[:-1] == want, want
	END
}

@test "apply again: exit 0, under a second, without a network, and nothing is written" {
	applied
	tree_of "$ROOT" >"$WORK/tree"
	start=${EPOCHREALTIME/./}
	run --separate-stderr unshare -n "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO"
	took=$((${EPOCHREALTIME/./} - start))
	show
	[ "$status" -eq 0 ]
	echo "took $took us"
	[ "$took" -lt 1000000 ]
	diff "$WORK/tree" <(tree_of "$ROOT")
}

@test "and by the system calls: it opens nothing for writing but its lock" {
	applied
	command -v strace >/dev/null || skip "no strace here"
	strace -f -qq -e trace=file -o "$WORK/calls" \
		"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO" || skip "strace cannot trace here"
	# A directory that is there already is asked for, and not made.
	run ! grep -E '^[0-9]+ +(mkdir|unlink|rename|link|symlink|chmod|chown|truncate|mknod)[a-z0-9]*\(.* = 0$' "$WORK/calls"
	grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC)' "$WORK/calls" | grep -v '/dev/null' | grep -v '"lock"' >"$WORK/written" || :
	cat "$WORK/written"
	[ ! -s "$WORK/written" ]
}

@test "plan has nothing to do: exit 0 with --detailed-exitcode" {
	applied
	gp plan "$DEMO" --detailed-exitcode
	[ "$status" -eq 0 ]
	[[ $output == *"Nothing to do"* ]]
}
