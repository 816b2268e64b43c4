#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# extends: a profile on top of another. Maps merge, lists replace, null removes; every complaint is at the
# place in the file that said it.

load fixture

setup() {
	fixture
	gpuprov facts --root "$root" --json
	cp out f.json
	mkdir -p site/team
	cat >site/base.yaml <<-'EOF'
		version: 1
		kind: bare-metal
		driver:
		  branch: "535"
		  modules: none
		  nouveau: blacklist
		apt: {mirror: "http://mirror.example/debian"}
		gpus: ["Tesla T4", "10de:26b9"]
	EOF
}

plan() {
	gpuprov plan --facts f.json "$@"
}

@test "the base says version and kind, the profile on top only what differs" {
	printf 'extends: ../base.yaml\ndescription: ours\n' >site/team/p.yaml
	plan site/team/p.yaml
	ends_with 0
	says "gpuprov-nouveau.conf"
	gpuprov lint site/team/p.yaml
	ends_with 0
}

@test "maps merge: a key that is not named stays; reasons name the file that said it" {
	printf 'extends: base.yaml\ndriver: {nouveau: leave}\n' >site/p.yaml
	plan site/p.yaml
	ends_with 0
	says_not "gpuprov-nouveau.conf"
	says "base.yaml:5"
}

@test "lists replace" {
	printf 'extends: base.yaml\ngpus: ["NVIDIA B200"]\n' >site/p.yaml
	plan site/p.yaml
	ends_with 3
	complains "does not know the NVIDIA B200"
	says_not "Tesla T4"
}

@test "null removes" {
	cat >site/p.yaml <<-'EOF'
		extends: base.yaml
		driver:
		  branch: null
		  version: "535.309.01"
		gpus: null
		kubernetes: null
	EOF
	gpuprov lint site/p.yaml
	ends_with 0
	# With the branch still there it would contradict another version.
	sed -i '/branch/d; s/535.309.01/550.163.01/' site/p.yaml
	gpuprov lint site/p.yaml
	ends_with 65
	cat >wanted <<-'EOF'
		site/p.yaml:3:12: error[GP0206]: driver.version 550.163.01 is not of driver.branch 535; leave driver.branch out; the version implies it
		    3 |   version: "550.163.01"
		      |            ^^^^^^^^^^^^
		      = the branch asked for: site/base.yaml:4:11
		    4 |   branch: "535"
		      |           ^^^^^
		1 error, 0 warnings.
	EOF
	same wanted out
}

@test "null takes nothing away that is mistyped, and means nothing without a base" {
	printf 'extends: base.yaml\ndrivr: null\n' >site/p.yaml
	gpuprov lint site/p.yaml
	ends_with 65
	says "site/p.yaml:2:1: error[GP0201]: there is no key 'drivr'"
	write_profile alone.yaml 'driver: null'
	gpuprov lint alone.yaml
	ends_with 65
	says "alone.yaml:3:9: error[GP0204]"
}

@test "an error of the base is at its place in the base" {
	sed -i 's/none/nun/' site/base.yaml
	printf 'extends: site/base.yaml\npurpose: tun\n' >p.yaml
	gpuprov lint p.yaml
	ends_with 65
	says "p.yaml:2:10: error[GP0203]: 'tun'"
	says "site/base.yaml:5:12: error[GP0203]: 'nun'"
	says "    5 |   modules: nun"
}

@test "the base goes through the same fences" {
	printf 'version: 1\nkind: &a bare-metal\n' >site/base.yaml
	printf 'extends: site/base.yaml\n' >p.yaml
	gpuprov lint p.yaml
	ends_with 65
	says "site/base.yaml:2:7: error[GP0108]"
	head -c 263168 /dev/zero | tr '\0' '#' >site/base.yaml
	gpuprov lint p.yaml
	ends_with 65
	says "p.yaml:1:10: error[GP0119]"
	mkfifo fifo
	printf 'extends: fifo\n' >p.yaml
	status=0
	timeout 10 "$GPUPROV" lint p.yaml >out 2>err || status=$?
	stdout=$(cat out)
	ends_with 65
	says "p.yaml:1:10: error[GP0119]: the file that this one extends: 'fifo' is not a regular file"
	printf 'extends: missing.yaml\n' >p.yaml
	gpuprov lint p.yaml
	ends_with 65
	says "reading 'missing.yaml': No such file or directory"
	# Nothing is known about what the base would have said.
	says_not GP0202
	printf 'extends: "-"\n' >p.yaml
	gpuprov lint p.yaml
	ends_with 65
	says "reading './-': No such file"
}

@test "circles are refused, also by way of links, and long chains" {
	printf 'extends: b.yaml\nversion: 1\nkind: bare-metal\n' >a.yaml
	printf 'extends: ./a.yaml\n' >b.yaml
	gpuprov lint a.yaml
	ends_with 65
	says "b.yaml:1:10: error[GP0119]: 'a.yaml' extends itself; by way of 'b.yaml'"
	printf 'extends: a.yaml\n' >a.yaml
	gpuprov lint a.yaml
	ends_with 65
	says "a.yaml:1:10: error[GP0119]: 'a.yaml' extends itself"
	mkdir d
	ln -s .. d/d
	printf 'extends: d/p.yaml\n' >p.yaml
	ln -s ../p.yaml d/p.yaml
	gpuprov lint p.yaml
	ends_with 65
	says "more than 8 files extend each other"
}

@test "the plan is another when the base is another" {
	printf 'extends: site/base.yaml\n' >p.yaml
	hash_of() {
		plan --json p.yaml
		python3 -c 'import json; print(json.load(open("out"))["header"]["profile_hash"])'
	}
	before=$(hash_of)
	echo '# a comment' >>site/base.yaml
	[ "$(hash_of)" != "$before" ] || { echo "expected another hash"; return 1; }
}
