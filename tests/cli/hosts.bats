#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The host fixtures: what make.py writes, and inputs of gpuprov as they are.

load fixture

setup() {
	hosts="$BATS_TEST_DIRNAME/../hosts"
	fixture
}

@test "hosts are what make.py writes" {
	"$hosts/make.py" --check
}

@test "every host is read, with nothing lost" {
	for f in "$hosts"/*.json; do
		gpuprov facts --json --facts "$f"
		ends_with 0
		cp out one.json
		gpuprov facts --json --facts one.json
		same one.json out
		# Whatever the fixture says is in what was read.
		python3 - "$f" one.json <<-'END'
			import json, sys
			def holds(a, b, at):
			    if isinstance(b, dict):
			        for k in b: holds(a[k], b[k], at + "." + k)
			    elif isinstance(b, list):
			        assert len(a) == len(b), at
			        for i, x in enumerate(b): holds(a[i], x, f"{at}[{i}]")
			    else:
			        assert a == b, f"{at}: {a} is not {b}"
			holds(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])), sys.argv[1])
		END
	done
}

@test "a host can be patched for a case" {
	echo '{"gpus": null, "os": {"version": "13"}, "gcc": "99"}' |
		"$hosts/patch.py" "$hosts/t4x2-bookworm.json" >patched.json
	gpuprov facts --facts patched.json
	says "debian 13 (bookworm), amd64, linux 6.1.0-56-amd64, no NVIDIA GPU"
	"$hosts/patch.py" "$hosts/t4x2-bookworm.json" </dev/null >plain.json
	same plain.json "$hosts/t4x2-bookworm.json"
}
