#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh check|real|all: run tests under prove; the full TAP goes to $O/test.log. Ends with one line:
# "N passed, N failed, N skipped".
set -u

cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
case $O in /*) ;; *) O=$PWD/$O ;; esac
export O GPUPROV="$O/gpuprov"
unset APT_CONFIG NO_COLOR COLUMNS GPUPROV_CATALOG
export LC_ALL=C.UTF-8 TERM=xterm

# Those of the files named that are there; .d files are the compiler's.
there() {
	for test; do
		case $test in *.d) ;; *) [ ! -f "$test" ] || echo "$test" ;; esac
	done
}
check() {
	there "$O"/unit/t_* "$O"/exec/t_* tests/plan/*.t tests/doctor/*.t tests/lint/*.t tests/cli/*.bats tests/cli/*.t tests/fuzz/*.t
}
real() {
	there tests/real/*.bats tests/gpu/*.bats
}
case ${1:-all} in
check) tests=$(check) ;;
real) tests=$(real) ;;
all) tests=$(check; real) ;;
*) echo "run.sh: check, real or all" >&2; exit 64 ;;
esac

: >"$O/test.log"

# One line a file; whole TAP only of what failed or was skipped.
# shellcheck disable=SC2086 # a list of paths without blanks
prove -v --merge --timer -e '' $tests >"$O/test.log" 2>&1 &
prove=$!
tail -n +1 -f --pid=$prove "$O/test.log" | awk '
	/^\[[0-9:]+\] .* \.\.+ *$/ { file = $2; next }
	/^not ok / && !/# TODO/ { print file ": " $0; bad = 1; failed++; next }
	/^ok .*# SKIP/ || /^ok .*# skip/ { print file ": " $0; skipped++; bad = 0; next }
	/^ok / { passed++; bad = 0; next }
	/^#/ && bad { print "    " $0; next }
	/^(ok|Dubious|Failed|Parse errors|No subtests|  Parse)/ { if ($0 !~ /^ok *[0-9]* ms/) print; next }
	/^\[[0-9:]+\]/ { print; next }
	/^ *[0-9]+ ms *$/ { next }
	/^Result:/ { result = $2 }
	END {
		if (result != "PASS" && !failed) failed = 1
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	}'
wait $prove
