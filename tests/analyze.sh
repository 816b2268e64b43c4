#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# analyze.sh: what compilers and analysers find without running the program. Findings are printed with their
# place; any of them, or a tool that is missing, makes the exit status 1.
set -u

cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
out=$O/analyze
jobs=2
failed=0
mkdir -p "$out"

# Findings that are wrong, as extended regular expressions against the line that reports them, each with its
# reason. One that matches nothing any more is reported too.
quiet_gcc() {
	cat <<-'EOF'
	# gcc 12 loses a variable with a cleanup where a loop is left or continued, and cannot even name it.
	^cc1: warning: use of uninitialized value .<unknown>. .CWE-457.
	# dlsym() gives a value; its bytes are copied, because a function's address is no object's.
	src/sys/driver_child.c:.*use of uninitialized value .*&at
	EOF
}
quiet_clang() {
	cat <<-'EOF'
	EOF
}

say() {
	printf '%s\n' "$*" >&2
}

# begin WHAT: say what runs, and since when.
begin() {
	what=$1
	began=$(date +%s)
}

# report FILE: its lines are the findings of this stage.
report() {
	if [ -s "$1" ]; then
		failed=1
		say "FAIL  $what, $(grep -c . "$1") findings, $(($(date +%s) - began)) s"
		sed 's/^/    /' "$1" >&2
	else
		say "ok    $what, $(($(date +%s) - began)) s"
	fi
}

# without LIST: standard input without what the list (a function) allows; stale rules are added.
without() {
	"$1" | grep -v -e '^#' -e '^$' >"$out/rules" || :
	cat >"$out/raw"
	grep -v -E -f "$out/rules" "$out/raw" || :
	while read -r rule; do
		grep -q -E -e "$rule" "$out/raw" || echo "tests/analyze.sh: no finding matches: $rule"
	done <"$out/rules"
}

have() {
	command -v "$1" >/dev/null && return
	failed=1
	say "FAIL  $what: there is no $1 on this machine"
	return 1
}

clang_build() {
	begin "build with clang, all warnings are errors"
	have clang || return
	if ! make -j$jobs CC=clang CXX=clang++ O=build-clang DEVELOPER=1 all tests-built \
		>"$out/clang-build.log" 2>&1; then
		grep -E 'error:|Error [0-9]|undefined reference' "$out/clang-build.log" >"$out/findings"
	else
		: >"$out/findings"
	fi
	report "$out/findings"
}

# Only C: gcc 12 knows too little of C++ for it. Without optimisation, which would take away what looks
# useless, such as memory that is never freed.
gcc_analyzer() {
	begin "gcc -fanalyzer"
	have gcc || return
	rm -rf "$out/gcc"
	make -j$jobs CC=gcc O="$out/gcc" HARDEN= CXXFLAGS=-O0 \
		CFLAGS='-O0 -g -fanalyzer -fdiagnostics-plain-output' "$out/gcc/gpuprov" \
		>"$out/gcc.log" 2>&1 ||
		grep -E 'error:|Error [0-9]|undefined reference' "$out/gcc.log" >"$out/broken"
	{
		cat "$out/broken" 2>/dev/null
		grep -E '\[-Wanalyzer-' "$out/gcc.log" | without quiet_gcc
	} >"$out/findings"
	rm -f "$out/broken"
	report "$out/findings"
}

clang_analyzer() {
	begin "clang --analyze"
	have clang || return
	find src -name '*.c' | sort | xargs -P $jobs -n 1 clang --analyze --analyzer-output text \
		-D_GNU_SOURCE -Isrc -I"$O" -DVERSION='""' -DLIBDIR='""' \
		-DCATALOG_TEXT="\"$O/gen/catalog.txt\"" -DWHY_TEXT="\"$O/gen/why.txt\"" \
		-DTEMPLATES_TEXT="\"$O/gen/templates.txt\"" -std=gnu17 >"$out/clang.log" 2>&1
	grep -E '(warning|error):' "$out/clang.log" | without quiet_clang >"$out/findings"
	report "$out/findings"
}

cppcheck_all() {
	begin "cppcheck"
	have cppcheck || return
	cppcheck -j $jobs -q --enable=warning,performance,portability,information --inline-suppr --std=c11 \
		--library=posix,gnu --template='{file}:{line}: {severity}: {message} [{id}]' \
		--suppressions-list=tests/cppcheck.txt -D_GNU_SOURCE -D__GNUC__ -DVERSION='""' \
		-DLIBDIR='""' -Isrc -I"$O" src >"$out/findings" 2>&1
	report "$out/findings"
}

make -s all >"$out/build.log" 2>&1 || { cat "$out/build.log" >&2; exit 1; }
clang_build
gcc_analyzer
clang_analyzer
cppcheck_all
exit $failed
