#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov facts: what a root is, as text and as JSON that another machine can use.

load fixture

setup() {
	fixture
}

@test "facts says in one line what the root is" {
	gpuprov facts --root "$root"
	ends_with 0
	says "debian 12 (bookworm), amd64, an image that is not running, 2 x Tesla T4"
	[ -z "$stderr" ] || { echo "expected nothing on stderr:"; show; return 1; }
}

@test "what is not known is said, with the reason" {
	gpuprov facts --root "$root"
	says "unknown: secure_boot.enabled: an image has no firmware"
}

@test "facts --json is valid JSON with a schema" {
	gpuprov facts --root "$root" --json
	ends_with 0
	python3 -m json.tool out >/dev/null
	says '"schema": "gpuprov.facts/1"'
	says '"device": "1eb8"'
	says '"address": "0000:86:00.0"'
}

@test "facts --facts F --json gives the bytes of F" {
	satisfy "$root" "$profile"
	kernel "$root" 6.1.0-56-amd64
	gpuprov facts --root "$root" --json
	cp out f.json
	gpuprov facts --facts f.json --json
	ends_with 0
	same f.json out
}

@test "packages, kernels and sources are in the JSON" {
	package "$root" libcuda1 535.309.01-1 half-configured
	kernel "$root" 6.1.0-56-cloud-amd64
	gpuprov facts --root "$root" --json
	ends_with 0
	python3 - out <<-'EOF'
		import json, sys
		f = json.load(open(sys.argv[1]))
		assert f["packages"][0]["status"] == "half-configured", f["packages"]
		assert f["dpkg"]["unfinished"] == ["libcuda1 half-configured"], f["dpkg"]
		assert f["kernels"][0]["release"] == "6.1.0-56-cloud-amd64", f["kernels"]
		assert f["kernels"][0]["headers"] and f["kernels"][0]["image"], f["kernels"]
		assert f["sources"][0]["uri"] == "http://mirror.example/debian/", f["sources"]
	EOF
}

@test "a password in an apt source is not in the facts" {
	echo 'deb http://me:secret@mirror.example/debian bookworm main' >"$root/etc/apt/sources.list"
	gpuprov facts --root "$root" --json
	ends_with 0
	says '"http://mirror.example/debian/"'
	says_not secret
}

@test "a card of another vendor, and an audio function of NVIDIA's, are no GPUs" {
	scratch_gpu "$root" 0000:3b:00.1 10f8 040300
	scratch_gpu "$root" 0000:01:00.0 1eb8
	echo 0x1002 >"$root/sys/bus/pci/devices/0000:01:00.0/vendor"
	gpuprov facts --root "$root"
	ends_with 0
	says "2 x Tesla T4"
}

@test "links in the root do not lead out of it" {
	mkdir outside
	mv "$root/etc/os-release" outside/
	for target in ../../outside/os-release "$PWD/outside/os-release"; do
		ln -sf "$target" "$root/etc/os-release"
		[ -f "$root/etc/os-release" ] || { echo "expected the link to lead out"; return 1; }
		gpuprov facts --root "$root"
		ends_with 4
		complains "it has no etc/os-release"
	done
}

@test "facts needs no rights" {
	copy_program
	as_nobody "$GPUPROV" facts --root "$root" >out
	grep -q "2 x Tesla T4" out || { echo "expected two T4:"; cat out; return 1; }
}

@test "an empty folder is not a system: exit 4, and what to do" {
	mkdir empty
	gpuprov facts --root empty
	ends_with 4
	silent
	complains "is not a Debian or Ubuntu system: it has no etc/os-release"
	complains "--root DIR"
}

@test "a root without dpkg is not a system" {
	rm "$root/var/lib/dpkg/status"
	gpuprov facts --root "$root"
	ends_with 4
	complains "it has no var/lib/dpkg/status"
}

@test "a root that is a file, or is not there, is named" {
	gpuprov facts --root "$profile"
	ends_with 1
	complains "opening the root '$profile': Not a directory"
	gpuprov facts --root missing
	ends_with 1
	complains "opening the root 'missing': No such file or directory"
}

@test "facts of another format are refused" {
	gpuprov facts --root "$root" --json
	sed 's#gpuprov.facts/1#gpuprov.facts/2#' out >f.json
	gpuprov facts --facts f.json
	ends_with 65
	complains "f.json: schema is 'gpuprov.facts/2', this program reads gpuprov.facts/1"
}

@test "a facts file that is no JSON is refused with line and column" {
	printf '{\n  "schema": oops\n}\n' >f.json
	gpuprov facts --facts f.json
	ends_with 65
	complains "f.json:2:"
	complains "gpuprov facts --json"
}

@test "a facts file that is a FIFO or a directory is refused at once" {
	mkfifo fifo
	status=0
	timeout 10 "$GPUPROV" facts --facts fifo >out 2>err || status=$?
	ends_with 1
	grep -q "'fifo' is not a regular file" err || { echo "expected it to be named:"; show; return 1; }
	gpuprov facts --facts "$root"
	ends_with 1
	complains "is a directory, not a file"
}
