#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What gpuprov emits, put to a real kube-apiserver.
#
# The server is built once, from Debian's source package, by tests/lib/kube-apiserver.sh: nine CPU minutes, so only
# with LONG=1. Once $O/cache/kube-apiserver is there, or $KUBE_APISERVER names one, these tests run always.

load ../lib/real
load ../lib/cluster

setup_file() {
	cluster_need
	[ -z "${MISSING:-}" ] || return 0
	start_cluster
	# What a dry run looks up must be there: the namespace and the accounts.
	printf '%s\n' 'version: 1' 'kind: k8s' >"$BATS_FILE_TMPDIR/p.yaml"
	"$GPUPROV" emit k8s "$BATS_FILE_TMPDIR/p.yaml" >"$BATS_FILE_TMPDIR/stream.yaml"
	put -f "$BATS_FILE_TMPDIR/stream.yaml" >&2
}

setup() {
	[ -z "${MISSING:-}" ] || skip "$MISSING"
}

teardown_file() {
	cluster_end
}

@test "server-side apply twice: the second changes nothing, and gpuprov owns the fields" {
	k -n nvidia-gpu get daemonset nvidia-device-plugin -o jsonpath='{.metadata.generation}' >"$BATS_TEST_TMPDIR/first"
	put -f "$BATS_FILE_TMPDIR/stream.yaml"
	k -n nvidia-gpu get daemonset nvidia-device-plugin -o jsonpath='{.metadata.generation}' >"$BATS_TEST_TMPDIR/second"
	cmp "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second"
	k -n nvidia-gpu get daemonset nvidia-device-plugin -o json --show-managed-fields |
		python3 -c 'import json, sys; m = json.load(sys.stdin)["metadata"]["managedFields"]
assert [f["manager"] for f in m if f["operation"] == "Apply"] == ["gpuprov"], m'
}

@test "the server takes one stream of each sharing, MIG strategy, way in and engine" {
	mkdir "$BATS_TEST_TMPDIR/streams"
	# A pod cannot be changed, not even in a dry run.
	k -n nvidia-gpu delete pod gpu-test --grace-period=0 --force
	python3 "$TOP/tests/lib/manifests.py" "$GPUPROV" k8s "$BATS_TEST_TMPDIR/streams"
	# Each stream that differs from those before in what it says, not only in what it leaves out.
	cd "$BATS_TEST_TMPDIR/streams"
	python3 - <<-'PY' >../chosen
		import glob, yaml
		seen = set()
		for name in sorted(glob.glob("*.yaml"), key=lambda n: int(n[:-5])):
		    new = {yaml.safe_dump(d) for d in yaml.safe_load_all(open(name))} - seen
		    if new:
		        seen |= new
		        print(name)
	PY
	echo "# $(wc -l <../chosen) streams" >&3
	while read -r name; do
		put --dry-run=server -f "$name" >../said 2>&1 || { cat ../said; return 1; }
	done <../chosen
}

@test "the server refuses what is not right: the test above can fail" {
	put --dry-run=server -f "$BATS_FILE_TMPDIR/stream.yaml"
	for wrong in 's/operator: Exists/operator: Exist/' 's/mountPath:/mountpath:/' \
		's/^handler: nvidia/handler: Nvidia_/' 's/name: cdi$/name: cdj/'; do
		sed "$wrong" "$BATS_FILE_TMPDIR/stream.yaml" >"$BATS_TEST_TMPDIR/wrong.yaml"
		if [ "$wrong" = 's/name: cdi$/name: cdj/' ]; then
			# Only where it is declared: what is mounted is then missing.
			awk '/^      volumes:/ { v = 1 } v && !done && sub(/name: cdi$/, "name: cdj") { done = 1 } 1' \
				"$BATS_FILE_TMPDIR/stream.yaml" >"$BATS_TEST_TMPDIR/wrong.yaml"
		fi
		if put --dry-run=server -f "$BATS_TEST_TMPDIR/wrong.yaml" >"$BATS_TEST_TMPDIR/said" 2>&1; then
			echo "taken: $wrong"
			return 1
		fi
	done
}
