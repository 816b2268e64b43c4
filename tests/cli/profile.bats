#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Profiles that are wrong: exit 65, file:line:column, a code, the line with a caret, what to write instead.

load fixture

setup() {
	fixture
	gpuprov facts --root "$root" --json
	cp out f.json
}

# plan of the profile on standard input, saved as bad.yaml
plan_bad() {
	cat >bad.yaml
	gpuprov plan --facts f.json bad.yaml
}

@test "an unknown key: place, code, line, caret, suggestion" {
	plan_bad <<-'EOF'
		version: 1
		kind: bare-metal
		driver:
		  brunch: "535"
	EOF
	ends_with 65
	silent
	cat >wanted <<-'EOF'
		bad.yaml:4:3: error[GP0201]: there is no key 'driver.brunch'; (1) did you mean driver.branch?
		    4 |   brunch: "535"
		      |   ^^^^^^
		   2. see all keys: gpuprov help profile
	EOF
	same wanted err
}

@test "the caret stands under the value, after wide characters and tabs too" {
	printf 'version: 1\nkind: bare-metal\ngpus: ["漢字", {a: b}]\n' >bad.yaml
	gpuprov plan --facts f.json bad.yaml
	ends_with 65
	complains "bad.yaml:3:14: error"
	complains '      |                ^'
}

@test "all errors of a file come in one run, in order" {
	plan_bad <<-'EOF'
		version: 1
		kind: bare-metal
		purpose: tun
		driver:
		  modules: some
		  branch: "53"
	EOF
	ends_with 65
	grep -o 'bad.yaml:[0-9]*:[0-9]*: error\[GP[0-9]*\]' err >places
	cat >wanted <<-'EOF'
		bad.yaml:3:10: error[GP0203]
		bad.yaml:5:12: error[GP0203]
		bad.yaml:6:11: error[GP0203]
	EOF
	same wanted places
}

@test "a missing key is named" {
	plan_bad <<<'kind: bare-metal'
	ends_with 65
	complains "the key 'version' is missing"
}

@test "a duplicate key shows both places" {
	plan_bad <<-'EOF'
		version: 1
		kind: bare-metal
		purpose: run
		purpose: desktop
	EOF
	ends_with 65
	complains "bad.yaml:4:1: error[GP0112]: the key 'purpose' is given twice"
	complains "first here: line 3"
}

@test "not YAML at all" {
	plan_bad <<<'driver: [1, 2'
	ends_with 65
	complains "error[GP0104]"
}

@test "control characters of a profile do not reach the terminal" {
	plan_bad < <(printf 'version: 1\nkind: "\\e[31mred"\n')
	ends_with 65
	[[ "$stderr" != *$'\e'* ]] || { echo "expected no escape character:"; cat -v err; return 1; }
}

@test "a secret in a URL is not repeated in the message" {
	plan_bad <<-'EOF'
		version: 1
		kind: bare-metal
		apt: {mirror: "http://me:secret@mirror.example/debian"}
	EOF
	ends_with 65
	complains "a user name or password does not belong into a profile"
	complains 'apt: {mirror: "http://*********@mirror.example/debian"}'
	says_not secret
}

@test "a profile that is missing, a directory, a device: exit 65" {
	gpuprov plan --facts f.json missing.yaml
	ends_with 65
	complains "reading 'missing.yaml': No such file or directory"
	gpuprov plan --facts f.json "$root"
	ends_with 65
	complains "'$root' is a directory, not a file"
	gpuprov plan --facts f.json /dev/zero
	ends_with 65
	complains "'/dev/zero' is not a regular file"
}

@test "a mistyped name gets the one that was meant, if its file is there" {
	cp "$profile" mine.yaml
	for typed in mien.yaml mine.yml ./mine.yam "$PWD/mine.yaml1"; do
		gpuprov lint "$typed"
		ends_with 65
		says "did you mean"
		says "mine.yaml?"
	done
	gpuprov lint other.yaml
	ends_with 65
	says "gpuprov init other.yaml writes one that fits this host"
	# A name is not an instruction to a terminal or a shell.
	cp "$profile" $'ev\e[31mil.yaml'
	gpuprov lint $'ev\e[31mi.yaml'
	ends_with 65
	says "gpuprov init FILE writes one"
	[[ "$stdout$stderr" != *$'\e'* ]] || { show; return 1; }
	gpuprov lint 'a;b.yaml'
	says "gpuprov init FILE writes one"
}

@test "a FIFO is refused and not waited for" {
	mkfifo fifo
	status=0
	timeout 10 "$GPUPROV" plan --facts f.json fifo >out 2>err || status=$?
	stderr=$(cat err)
	ends_with 65
	complains "'fifo' is not a regular file"
}

@test "a loop of links is refused" {
	ln -s b.yaml a.yaml
	ln -s a.yaml b.yaml
	gpuprov plan --facts f.json a.yaml
	ends_with 65
	complains "a.yaml"
}

@test "a profile that may not be read is refused" {
	copy_program
	chmod 600 "$profile"
	status=0
	as_nobody "$GPUPROV" plan --facts f.json "$profile" >out 2>err || status=$?
	stderr=$(cat err)
	ends_with 65
	complains "Permission denied"
}

@test "a profile on standard input is '-'" {
	"$GPUPROV" plan --facts f.json - <"$profile" >out
	grep -q "2 to add" out || { echo "expected a plan:"; cat out; return 1; }
	sed 's/^kind/kynd/' "$profile" >bad.yaml
	status=0
	"$GPUPROV" plan --facts f.json - <bad.yaml >out 2>err || status=$?
	stderr=$(cat err)
	ends_with 65
	complains "-:2:1: error[GP0201]"
}

@test "a pipe from the shell is read to its end" {
	"$GPUPROV" plan --facts f.json <(cat "$profile") >out
	grep -q "2 to add" out || { echo "expected a plan:"; cat out; return 1; }
}

@test "an empty profile, and one of 257 KiB" {
	plan_bad </dev/null
	ends_with 65
	complains "bad.yaml:1:1: error[GP0105]: the profile is empty"
	plan_bad < <(head -c 263168 /dev/zero | tr '\0' '#')
	ends_with 65
	complains "error[GP0102]"
}

@test "the profiles of the README and of the demo are planned" {
	for ready in "$BATS_TEST_DIRNAME"/../../{profiles/bare-metal,examples/demo}.yaml; do
		gpuprov plan --facts f.json "$ready"
		ends_with 0
	done
}
