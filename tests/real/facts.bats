#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Facts of a real Debian root: true, cheap to carry, and enough to plan somewhere else.

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

# The steps of a plan in JSON: kind, what, operation, arguments and reasons. Which packages exactly that comes
# to is asked of the host's own apt, so it is not part of the comparison.
steps() {
	/usr/bin/python3 -c '
import json, sys
steps = json.load(sys.stdin)["steps"]
for step in steps:
    step.pop("packages", None)
json.dump(steps, sys.stdout, indent=1)
print()'
}

@test "planned from its facts on another machine, a host gets the same steps" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	gp plan "$DEMO" --json
	[ "$status" -eq 0 ]
	steps <<<"$output" >"$WORK/here"
	grep -q '"kind": "packages"' "$WORK/here"
	"$GPUPROV" facts --json --root "$ROOT" >"$WORK/facts.json"
	"$GPUPROV" plan "$DEMO" --json --facts - <"$WORK/facts.json" | steps >"$WORK/there"
	diff -u "$WORK/here" "$WORK/there"
}

@test "facts say what dpkg says" {
	"$GPUPROV" facts --json --root "$ROOT" >"$WORK/facts.json"
	fact() { /usr/bin/python3 -c "import json; print(json.load(open('$WORK/facts.json'))$1)"; }
	[ "$(fact '["glibc"]')" = "$(chroot "$ROOT" dpkg-query -W -f '${Version}' libc6)" ]
	[ "$(fact '["os"]["arch"]')" = "$(chroot "$ROOT" dpkg --print-architecture)" ]
	[ "$(fact '["platform"]["systemd"]')" = \
		"$([ -e "$ROOT/lib/systemd/systemd" ] && echo True || echo False)" ]
}

@test "a compiler is the one that runs" {
	printf 'Package: gcc-12\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n\n' \
		>>"$ROOT/var/lib/dpkg/status"
	touch "$ROOT/usr/bin/x86_64-linux-gnu-gcc-12"
	ln -s x86_64-linux-gnu-gcc-12 "$ROOT/usr/bin/gcc-12"
	ln -s gcc-12 "$ROOT/usr/bin/gcc"
	"$GPUPROV" facts --json --root "$ROOT" >"$WORK/facts.json"
	grep '"gcc": "12.2.0"' "$WORK/facts.json"
	rm "$ROOT/usr/bin/gcc"
	"$GPUPROV" facts --json --root "$ROOT" >"$WORK/facts.json"
	if grep '"gcc":' "$WORK/facts.json"; then
		return 1
	fi
}
