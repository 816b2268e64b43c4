#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--accept] [CASE...]: golden plans. A case is one file: comments, then the sections profile, facts
# and expect, each after a line "--- NAME". Facts are JSON, or a line "host NAME" for tests/hosts/NAME.json and
# after it what differs, as a JSON merge patch. Expected is what `gpuprov plan --facts F P` writes to stdout
# and stderr, then "exit N"; without a profile, what `gpuprov doctor --facts F` writes; a section command names
# other words for gpuprov, with profile.yaml in them. --accept rewrites that section; read the diff like code.
set -u

here=$(cd "$(dirname "$0")" && pwd)
O=${O:-$here/../../build}
case $O in /*) ;; *) O=$PWD/$O ;; esac
GPUPROV=${GPUPROV:-$O/gpuprov}
unset NO_COLOR COLUMNS
export LC_ALL=C.UTF-8 TERM=dumb

accept=
if [ "${1:-}" = --accept ]; then
	accept=1
	shift
fi
[ $# -gt 0 ] || set -- "$here"/cases/*.case

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# section NAME FILE
section() {
	awk -v want="$1" '/^--- (profile|facts|command|expect)$/ { now = $2; next } now == want' "$2"
}

# The file up to where the expectation begins.
head_of() {
	awk '/^--- expect$/ { exit } { print }' "$1"
}

# The facts of a case: its own, or those of a host with a patch.
facts() {
	section facts "$1" >"$work/section"
	read -r word host <"$work/section"
	case $word in
	host)
		tail -n +2 "$work/section" | "$here/../hosts/patch.py" "$here/../hosts/$host.json"
		;;
	*) cat "$work/section" ;;
	esac
}

outcome() {
	section profile "$1" >"$work/profile.yaml"
	facts "$1" >"$work/facts.json"
	command=$(section command "$1")
	(
		cd "$work" || exit 1
		if [ -s profile.yaml ]; then
			# shellcheck disable=SC2086 # words of a case
			"$GPUPROV" ${command:-plan --facts facts.json profile.yaml} </dev/null 2>&1
		else
			"$GPUPROV" doctor --facts facts.json </dev/null 2>&1
		fi
		echo "exit $?"
	)
}

n=0 failed=0
for case; do
	n=$((n + 1))
	name=$(basename "$case" .case)
	outcome "$case" >"$work/got"
	section expect "$case" >"$work/wanted"
	if [ "$accept" ]; then
		{ head_of "$case"; echo '--- expect'; cat "$work/got"; } >"$work/new"
		cmp -s "$work/new" "$case" || { echo "accepted $name"; cat "$work/new" >"$case"; }
	elif ! head -n 1 "$case" | grep -q '^# .'; then
		failed=1
		echo "not ok $n - $name"
		echo "# the first line must be a comment that says what the case shows"
	elif cmp -s "$work/wanted" "$work/got"; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name"
		diff -U 100 --label expected --label got "$work/wanted" "$work/got" | sed 's/^/# /'
	fi
done
[ "$accept" ] || echo "1..$n"
exit $failed
