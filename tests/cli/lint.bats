#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov lint: text, JSON and SARIF; and gpuprov why: the long explanations.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	cat >bad.yaml <<-'EOF'
		version: 1
		kind: bare-metal
		purpose: tun
		description: "漢字 und 'ä'"
		driver: {branch: "470", branch: "580", brunch: "1"}
	EOF
	write_profile good.yaml
}

@test "a right profile: exit 0, one line" {
	gpuprov lint good.yaml
	ends_with 0
	[ "$stdout" = "The profile is right." ] || { show; return 1; }
	[ -z "$stderr" ] || { show; return 1; }
}

@test "a wrong one: exit 65; place, what, why and what to do on one line, the line with a caret" {
	gpuprov lint bad.yaml
	ends_with 65
	cat >wanted <<-'EOF'
		bad.yaml:3:10: error[GP0203]: 'tun' is not allowed for purpose; it takes run, develop, containers or desktop; write purpose: run
		    3 | purpose: tun
		      |          ^^^
		bad.yaml:5:25: error[GP0112]: the key 'branch' is given twice; keep one of them
		    5 | driver: {branch: "470", branch: "580", brunch: "1"}
		      |                         ^^^^^^
		      = first here: line 5
		    5 | driver: {branch: "470", branch: "580", brunch: "1"}
		      |          ^^^^^^
		bad.yaml:5:40: error[GP0201]: there is no key 'driver.brunch'; (1) did you mean driver.branch?
		    5 | driver: {branch: "470", branch: "580", brunch: "1"}
		      |                                        ^^^^^^
		   2. see all keys: gpuprov help profile
		3 errors, 0 warnings.
	EOF
	same wanted out
}

@test "several files in one run; a missing one is a complaint like the others" {
	gpuprov lint good.yaml missing.yaml bad.yaml
	ends_with 65
	says "missing.yaml: error[GP0101]: reading 'missing.yaml': No such file or directory"
	says "bad.yaml:3:10"
	says "4 errors, 0 warnings."
	gpuprov lint good.yaml good.yaml
	ends_with 0
	says "All are right."
}

@test "GPUs, driver and CUDA that fit no host together are found without one" {
	lint_of() {
		write_profile pair.yaml "$@"
		gpuprov lint pair.yaml
	}
	lint_of 'gpus: ["Tesla K80"]' 'driver: {modules: open}'
	ends_with 65
	says "pair.yaml:4:19: error[GP1121]: open kernel modules do not drive the Tesla K80"
	lint_of 'gpus: ["Tesla K80"]' 'driver: {branch: "580"}'
	ends_with 65
	says "pair.yaml:4:18: error[GP1120]"
	lint_of 'gpus: ["NVIDIA B200"]' 'driver: {modules: proprietary, branch: "580"}'
	ends_with 65
	says "pair.yaml:4:19: error[GP1122]"
	lint_of 'gpus: ["Tesla V100-SXM2-16GB"]' 'driver: {branch: "580"}' 'cuda: {version: "13.0"}'
	ends_with 65
	says "pair.yaml:5:17: error[GP1113]"
	lint_of 'driver: {branch: "535"}' 'cuda: {version: "13.0"}'
	ends_with 65
	says "pair.yaml:4:17: error[GP1101]: CUDA 13.0 needs driver 580.65.06 or newer"
	says_not "debian"
	# What fits, or what only a host decides, is no error.
	lint_of 'gpus: ["Tesla T4", "NVIDIA L40S"]' 'driver: {branch: "580", modules: open}' 'cuda: {version: "13.0"}'
	ends_with 0
	lint_of 'cuda: {version: "13.0"}'
	ends_with 0
	lint_of 'gpus: ["Tesla K80"]'
	ends_with 0
}

@test "what fits no host is a bad profile to plan too: 65; what this host has not is 3" {
	hosts=$BATS_TEST_DIRNAME/../hosts
	mkdir many
	cp "$hosts/t4x2-noble.json" "$hosts/p100-bookworm.json" many/
	with() {
		write_profile pair.yaml "$@"
		for command in "lint pair.yaml" "plan --facts $hosts/t4x2-noble.json pair.yaml" \
			"plan --json --facts $hosts/t4x2-noble.json pair.yaml" "plan --facts many pair.yaml"; do
			# shellcheck disable=SC2086 # words
			gpuprov $command
			ends_with 65
		done
	}
	with 'gpus: ["Tesla K80"]' 'driver: {modules: open, branch: "580"}'
	with 'gpus: ["NVIDIA B200"]' 'driver: {modules: proprietary, branch: "580"}'
	with 'driver: {branch: "535", source: nvidia}' 'cuda: {version: "13.0"}' 'purpose: develop'
	with 'container-toolkit: {version: "1.20.0"}'
	# The GPUs are the host's, not the profile's.
	write_profile pair.yaml 'driver: {modules: open}'
	gpuprov lint pair.yaml
	ends_with 0
	gpuprov plan --facts "$hosts/p100-bookworm.json" pair.yaml
	ends_with 3
	complains "GP1121"
	gpuprov plan --facts many pair.yaml
	ends_with 3
	# Nor is what the command line says about them.
	write_profile pair.yaml 'driver: {modules: open}'
	gpuprov plan --facts "$hosts/t4x2-noble.json" --gpu "Tesla K80" pair.yaml
	ends_with 3
}

@test "JSON has code, lines, columns, bytes, both places and the ways as changes of the profile" {
	gpuprov lint --format json bad.yaml
	ends_with 65
	python3 - out bad.yaml <<-'EOF'
		import json, sys
		report = json.load(open(sys.argv[1]))
		text = open(sys.argv[2], "rb").read()
		assert report["schema"] == "gpuprov.diagnostics/1", report["schema"]
		assert report["changed"] is False and report["reboot_required"] is False
		found = report["diagnostics"]
		assert [d["code"] for d in found] == ["GP0203", "GP0112", "GP0201"], found
		def cut(at): return text[at["offset"]:at["offset"] + at["length"]].decode()
		assert cut(found[0]["at"]) == "tun", found[0]
		assert (found[0]["at"]["line"], found[0]["at"]["column"], found[0]["at"]["width"]) == (3, 10, 3)
		assert found[0]["ways"][0]["sets"] == ["purpose=run"], found[0]
		assert cut(found[1]["at"]) == cut(found[1]["also"]) == "branch", found[1]
		assert found[1]["also_note"] == "first here"
	EOF
	cp out first
	gpuprov lint --json bad.yaml
	same first out
}

@test "plan --json of a wrong profile is the same JSON, and the text is on stderr" {
	gpuprov lint --json bad.yaml
	cp out first
	gpuprov plan --json bad.yaml
	ends_with 65
	same first out
	complains "bad.yaml:3:10: error[GP0203]"
}

@test "SARIF 2.1.0 for code scanning" {
	mkdir "a b"
	cp bad.yaml "a b/ä%.yaml"
	gpuprov lint --format sarif "a b/ä%.yaml" missing.yaml
	ends_with 65
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/sarif.py" out
	python3 - out <<-'EOF'
		import json, sys, urllib.parse
		run = json.load(open(sys.argv[1]))["runs"][0]
		result = run["results"][0]
		place = result["locations"][0]["physicalLocation"]
		assert urllib.parse.unquote(place["artifactLocation"]["uri"]) == "a b/ä%.yaml", place
		assert " " not in place["artifactLocation"]["uri"], place
		region = place["region"]
		assert (region["startLine"], region["startColumn"], region["endColumn"]) == (3, 10, 13), region
		assert run["results"][1]["relatedLocations"][0]["message"]["text"] == "first here"
		assert "region" not in run["results"][3]["locations"][0]["physicalLocation"]
	EOF
	gpuprov lint --format sarif good.yaml
	ends_with 0
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/sarif.py" out
}

@test "the check of SARIF notices what is wrong with it" {
	gpuprov lint --format sarif bad.yaml
	for wrong in 's/"2.1.0"/"2.2"/' 's/"ruleIndex": 1/"ruleIndex": 7/' 's/"level": "error"/"level": "bad"/' \
		's/"startLine": 3/"startLine": 0/' '/"results"/s/results/result/' 's/"ruleId": "GP0112"/"ruleId": "X"/'; do
		sed "$wrong" out >wrong.sarif
		! cmp -s out wrong.sarif || { echo "expected a change by $wrong"; return 1; }
		! /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/sarif.py" wrong.sarif 2>/dev/null ||
			{ echo "expected it to be refused: $wrong"; return 1; }
	done
}

@test "every code has an explanation with its exit status, in 80 columns" {
	gpuprov why
	ends_with 0
	cp out all
	[ "$(grep -c '^GP' all)" -gt 100 ] || { echo "expected codes and rules:"; show; return 1; }
	while read -r code _; do
		[[ $code == GP* ]] || continue # parts are explained by why-part.bats
		gpuprov why "$code"
		ends_with 0
		[ "$(wc -w <out)" -ge 20 ] || { echo "expected more words about $code:"; show; return 1; }
		grep -Eq '^Exit status: [0-9]+$' out || { echo "expected an exit status:"; show; return 1; }
		# An example may be a line of a message.
		! grep -vE '^    ' out | grep -qE '.{81}' || { echo "wider than 80:"; show; return 1; }
	done <all
}

@test "every code of the source is explained, and nothing else is" {
	source=$BATS_TEST_DIRNAME/../..
	grep -oE '^X\(GP_[A-Z_]+, [0-9]+' "$source/src/base/codes.inc" | awk '{ printf "GP%04d\n", $2 }' | sort >codes
	cat "$source"/docs/why/*.md | sed -n 's/^## //p' | sort >explained
	grep -vE '^GP11[0-9][0-9]$' explained >ours
	same codes ours
	[ -z "$(uniq -d explained)" ] || { echo "explained twice:"; uniq -d explained; return 1; }
}

@test "a code can be said in short; a rule by its name; what is none is refused" {
	for name in GP0203 gp203 203; do
		gpuprov why $name
		ends_with 0
		says "GP0203: value not allowed here"
	done
	gpuprov why R21
	ends_with 0
	says "GP1121: rule R21 of the catalog"
	says "Open kernel modules need Turing or newer"
	says "Exit status: 3"
	for name in GP9999 R99 xyzzy 0 GP; do
		gpuprov why $name
		ends_with 64
		complains "there is no code, rule or part '$name'"
	done
}
