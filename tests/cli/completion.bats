#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov completion, tried in real shells: commands, options, words, files, folders.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p bin images
	ln -s "$GPUPROV" bin/gpuprov
	PATH=$PWD/bin:$PATH
	touch host.json profile.yaml
	for shell in bash zsh fish; do
		gpuprov completion $shell
		ends_with 0
		cp out completion.$shell
	done
}

# in_bash WORD...: what bash offers for the last word.
in_bash() {
	bash --norc -c '
		. ./completion.bash
		compopt() { :; }
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_gpuprov
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort
}

in_fish() {
	HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD fish --no-config -c \
		"source completion.fish; complete -C '$*'" | cut -f1 | sed 's,/$,,' | sort
}

# Commands and options as help has them.
commands() {
	"$GPUPROV" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | sort
}

options_of() {
	"$GPUPROV" "$1" --help | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' | sort
}

expect() {
	printf '%s\n' "$@" | sort >wanted
	same wanted got
}

@test "bash: commands, options, words of options, files, folders" {
	in_bash gpuprov '' >got
	commands | cat - <(printf '%s\n' --help --version) | sort >wanted
	same wanted got
	in_bash gpuprov pl >got
	expect plan
	for command in $(commands); do
		in_bash gpuprov "$command" -- >got
		options_of "$command" >wanted
		same wanted got
	done
	in_bash gpuprov plan --facts ho >got
	expect host.json
	in_bash gpuprov plan --root im >got
	expect images
	in_bash gpuprov lint --format '' >got
	expect text json sarif
	in_bash gpuprov lint --format = sa >got
	expect sarif
	in_bash gpuprov plan --color a >got
	expect auto always
	in_bash gpuprov plan prof >got
	expect profile.yaml
	in_bash gpuprov completion '' >got
	expect bash zsh fish
	in_bash gpuprov why GP010 >got
	grep -qx GP0101 got
	in_bash gpuprov help prof >got
	expect profile
	in_bash gpuprov xyzzy '' >got
	[ -z "$(tr -d '\n' <got)" ] || { cat got; return 1; }
}

@test "fish: commands, options, words of options, files, folders" {
	command -v fish >/dev/null || skip "there is no fish"
	in_fish 'gpuprov ' >got
	commands >wanted
	same wanted got
	in_fish 'gpuprov pl' >got
	expect plan
	for command in $(commands); do
		in_fish "gpuprov $command --" >got
		options_of "$command" >wanted
		same wanted got
	done
	in_fish 'gpuprov plan --facts ho' >got
	expect host.json
	in_fish 'gpuprov plan --root im' >got
	expect images
	in_fish 'gpuprov lint --format s' >got
	expect sarif
	in_fish 'gpuprov plan prof' >got
	expect profile.yaml
	in_fish 'gpuprov completion ' >got
	expect bash zsh fish
	fish --no-config --no-execute completion.fish
}

@test "zsh: commands, options, words of options, files, folders" {
	command -v zsh >/dev/null || skip "there is no zsh"
	mkdir functions
	cp completion.zsh functions/_gpuprov
	commands | tr '\n' ' ' >all
	python3 "$BATS_TEST_DIRNAME/../lib/zshtab.py" <<-EOF
		gpuprov pl	plan
		gpuprov plan --fac	--facts
		gpuprov plan --facts ho	host.json
		gpuprov plan --root im	images/
		gpuprov lint --format=sa	sarif
		gpuprov plan prof	profile.yaml
		gpuprov completion z	zsh
		gpuprov help verif	verify
	EOF
	# All commands and options are in it, and zsh can read it.
	zsh -f -n completion.zsh
	for command in $(commands); do
		grep -q "'$command:" completion.zsh
		sed -n "/^\t\t$command)/,/;;/p" completion.zsh >part
		grep -oE -- "--[a-z0-9-]+[=[]" part | tr -d '=[' | sort >got
		options_of "$command" >wanted
		same wanted got
	done
}
