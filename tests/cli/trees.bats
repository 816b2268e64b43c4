#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whole hosts as trees: what the probes make of them, all of it. ACCEPT=1 rewrites the expectations.

load fixture

setup() {
	hosts="$BATS_TEST_DIRNAME/../hosts"
	gather=${GPUPROV%/*}/unit/t_trees
	cd "$BATS_TEST_TMPDIR" || return
}

# tree NAME: the facts of a tree are those of NAME.json. Left out are free space, which is this machine's, and
# notes on families of facts that have tests of their own.
tree() {
	mkdir root
	read -r kernel host < <("$hosts/tree.py" make "$hosts/trees/$1.tree" root)
	"$gather" root "$kernel" "$host" >all.json
	python3 -c '
import json, sys
f = json.load(sys.stdin)
f.pop("mounts")
elsewhere = ("engines", "candidates", "pins", "keys", "sources", "files")
f["notes"] = [n for n in f["notes"] if n["fact"].split(".")[0] not in elsewhere]
json.dump(f, sys.stdout, indent=1)
print()' <all.json >got.json
	[ -z "${ACCEPT:-}" ] || cp got.json "$hosts/trees/$1.json"
	diff -u "$hosts/trees/$1.json" got.json
	# Another machine reads them back as they are.
	"$GPUPROV" facts --facts all.json --json | cmp - all.json
}

@test "a cloud node with Secure Boot, signed modules and programs at work" {
	tree noble
}

@test "driver and CUDA by .run files, a saved boot entry, a proxy" {
	tree jammy-runfile
}

@test "MIG, NVSwitch, compressed modules of DKMS" {
	tree trixie-mig
}

@test "WSL" {
	tree wsl
}

@test "a build that failed, a GPU without memory window, a mark without its driver, no link in /dev/char" {
	tree noble-broken
	grep -q '/dev/nvidiactl has no link /dev/char/195:255' all.json || { cat all.json; return 1; }
}
