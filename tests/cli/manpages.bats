#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The manual pages: one a command, all options and keys in them, rendered without a warning, installed.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	command -v scdoc >/dev/null || skip "there is no scdoc"
	pages=$O/man
}

# page FILE: as it is read on a terminal of 80 columns, without what makes it bold.
page() {
	LC_ALL=C.UTF-8 MANWIDTH=80 MAN_KEEP_FORMATTING='' man --warnings -E UTF-8 --nh --nj -l -Tutf8 "$1" |
		sed 's/.\x08//g'
}

names() {
	"$GPUPROV" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

@test "a page for every command, and no other" {
	{ names | sed 's/.*/gpuprov-&.1/'; printf '%s\n' gpuprov.1 gpuprov-profile.5 gpuprov-exit.7; } | sort >wanted
	(cd "$pages" && ls -- *.[157]) | sort >got
	same wanted got
}

@test "every page renders without a warning, within 80 columns" {
	command -v man >/dev/null || skip "there is no man"
	for file in "$pages"/*.[157]; do
		page "$file" >text 2>warnings
		[ ! -s warnings ] || { echo "$file:"; cat warnings; return 1; }
		[ "$(wc -l <text)" -gt 15 ] || { echo "expected a page:"; cat text; return 1; }
		! grep -E '.{81}' text || { echo "$file is wider"; return 1; }
		grep -q '^NAME$' text && grep -q '^SEE ALSO$' text || { echo "$file lacks a section"; return 1; }
	done
}

@test "a warning would be seen" {
	command -v man >/dev/null || skip "there is no man"
	printf '.TH x 1\n.nosuch\n\\[nosuch]\n' >bad.1
	page bad.1 >/dev/null 2>warnings
	[ -s warnings ] || { echo "expected a warning"; return 1; }
}

@test "the options on a page are those of --help" {
	for name in $(names); do
		"$GPUPROV" "$name" --help | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' | sort >wanted
		page "$pages/gpuprov-$name.1" | sed -n '/^OPTIONS/,/^[A-Z]/p' |
			sed -n 's/^       \(--[a-z0-9-]*\).*/\1/p' | sort >got
		same wanted got
	done
}

@test "the keys on gpuprov-profile(5) are those of help profile" {
	"$GPUPROV" help profile | sed -n 's/^\([a-z][^ :]*\)\( (required)\)*$/\1/p' >wanted
	page "$pages/gpuprov-profile.5" | sed -n '/^KEYS/,/^EDITORS/s/^       \([a-z][^ ]*\)\( (required)\)*$/\1/p' >got
	[ "$(wc -l <wanted)" -gt 100 ] || { echo "expected keys"; return 1; }
	same wanted got
}

@test "the exit statuses on gpuprov-exit(7) are those of the source" {
	sed -n 's/^\tSTATUS_[A-Z_]* = \([0-9]*\),.*/\1/p' "$BATS_TEST_DIRNAME/../../src/base/code.h" >wanted
	page "$pages/gpuprov-exit.7" | sed -n 's/^       \([0-9][0-9]*\)  *[A-Z].*/\1/p; s/^       \([0-9][0-9]*\)$/\1/p' >got
	same wanted got
}

@test "make install puts program, pages, completions and schema where they are found" {
	make --no-print-directory -s -C "$BATS_TEST_DIRNAME/../.." O="$O" DESTDIR="$PWD/dest" install >/dev/null 2>err ||
		{ cat err; return 1; }
	for file in bin/gpuprov share/man/man1/gpuprov.1 share/man/man1/gpuprov-plan.1 \
		share/man/man5/gpuprov-profile.5 share/man/man7/gpuprov-exit.7 \
		share/gpuprov/profile.schema.json share/gpuprov/profiles/bare-metal.yaml \
		share/bash-completion/completions/gpuprov share/zsh/vendor-completions/_gpuprov \
		share/fish/vendor_completions.d/gpuprov.fish; do
		[ -s "dest/usr/$file" ] || { echo "expected usr/$file"; find dest; return 1; }
	done
}
