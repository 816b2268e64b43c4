#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh notices a plan that is not the expected one, and --accept mends the case and nothing else.
set -u

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0 failed=0

# expect WHAT COMMAND...: the command succeeds.
expect() {
	what=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/out" 2>&1; then
		echo "ok $n - $what"
	else
		failed=1
		echo "not ok $n - $what"
		sed 's/^/# /' "$work/out"
	fi
}

run() {
	"$here/run.sh" "$@" "$work/x.case"
}

run_fails() {
	if run; then
		echo "expected run.sh to fail on:"
		cat "$work/x.case"
		return 1
	fi
	grep -q '^not ok 1 - x$' "$work/out" && grep -q "$1" "$work/out"
}

set -- "$here"/cases/*.case
cp "$1" "$work/x.case"
expect "a case as it is passes" run
sed 's/^exit .*/exit 99/' "$1" >"$work/x.case"
expect "another exit status fails and is shown" run_fails '^# -exit 99$'
sed '/^--- expect$/a something else' "$1" >"$work/x.case"
expect "another text fails and is shown" run_fails '^# -something else$'
expect "--accept takes it" run --accept
expect "and leaves the case as it was before" cmp "$1" "$work/x.case"
sed '/^--- expect$/,$d' "$1" >"$work/x.case"
expect "a new case without an expectation fails" run_fails '^# +exit '
expect "--accept writes one" run --accept
expect "the same one" cmp "$1" "$work/x.case"
sed '1,/^--- profile$/{/^#/d}' "$1" >"$work/x.case"
expect "a case that does not say what it shows fails" run_fails '^# the first line must be'
echo "1..$n"
exit $failed
