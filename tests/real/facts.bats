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

# "name version origin suite" of each candidate in $WORK/facts.json; "- REASON" when they are unknown.
candidates() {
	/usr/bin/python3 - "$WORK/facts.json" <<-'END'
		import json, sys
		facts = json.load(open(sys.argv[1], encoding="utf-8"))
		for n in facts["notes"]:
		    if n["fact"] == "candidates" and "unknown" in n:
		        print("-", n["unknown"])
		for c in facts.get("candidates", []):
		    print(c["name"], c["version"], c.get("origin"), c.get("suite"), "empty" if c.get("transitional") else "")
	END
}

@test "candidates: of all worlds, by apt's own pins, and nothing is written into the root" {
	{
		debian_suite
		driver_packages "$VERSION"
		printf '\nPackage: nvidia-driver-570\nVersion: 570.1-1\nComponent: non-free\n'
		printf '\nPackage: cuda-toolkit-12-8\nVersion: 12.8.1-1\nComponent: main\n'
		printf '\nPackage: libnvidia-compute-550\nVersion: 1\nComponent: main\nDescription: transitional package\n'
		printf '\nPackage: nvidia-container-toolkit\nVersion: 1.17.8-1\nComponent: main\n'
		printf '\nPackage: of-no-concern\nVersion: 1\nComponent: main\n'
	} | repo_make
	repo_use
	sed -i 's/ main$/ main contrib non-free/' "$ROOT/etc/apt/sources.list"
	gp facts --json
	[ "$status" -eq 0 ]
	echo "$output" >"$WORK/facts.json"
	[[ $(candidates) == "- there are no package indexes"* ]]
	chroot "$ROOT" apt-get -qq update
	tree_of "$ROOT" >"$WORK/tree"
	gp facts --json
	echo "$output" >"$WORK/facts.json"
	diff "$WORK/tree" <(tree_of "$ROOT")
	candidates >"$WORK/candidates"
	grep -qx "nvidia-smi $VERSION Debian bookworm " "$WORK/candidates"
	grep -qx "nvidia-driver-570 570.1-1 Debian bookworm " "$WORK/candidates"
	grep -qx "cuda-toolkit-12-8 12.8.1-1 Debian bookworm " "$WORK/candidates"
	grep -qx "nvidia-container-toolkit 1.17.8-1 Debian bookworm " "$WORK/candidates"
	grep -qx "libnvidia-compute-550 1 Debian bookworm empty" "$WORK/candidates"
	run ! grep -q of-no-concern "$WORK/candidates"
	# What apt says of each of them itself.
	while read -r name candidate _; do
		[ "$(chroot "$ROOT" apt-cache policy "$name" | sed -n 's/^  Candidate: //p')" = "$candidate" ]
	done <"$WORK/candidates"
	# A pin counts; one that forbids the package too.
	printf 'Package: nvidia-smi\nPin: version *\nPin-Priority: -1\n' >"$ROOT/etc/apt/preferences.d/no-smi"
	gp facts --json
	echo "$output" >"$WORK/facts.json"
	candidates >"$WORK/candidates"
	run ! grep -q '^nvidia-smi ' "$WORK/candidates"
	grep -q '^libcuda1 ' "$WORK/candidates"
	gp facts --json --no-apt
	echo "$output" >"$WORK/facts.json"
	[ "$(candidates)" = "- not asked for (--no-apt)" ]
}
