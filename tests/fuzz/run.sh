#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh corpus: every seed once, as TAP. run.sh fuzz N|Ns [NAME...]: libFuzzer with ASan and UBSan,
# N executions or N seconds a target. A target is fuzz_NAME.c with seeds in corpus/NAME/; what the
# targets share is in *_check.c.
set -eu

cd "$(dirname "$0")/../.."
O=${O:-build}

names() {
	for f in tests/fuzz/fuzz_*.c; do
		f=${f##*/fuzz_}
		echo "${f%.c}"
	done
}

# What else is a seed, because it is there anyway.
more() {
	[ "$1" != profile ] || echo tests/bad/*.yaml
}

# The TAP of all targets as one, numbered anew; a target that dies is one failure more.
corpus() {
	for name in $(names); do
		# shellcheck disable=SC2046 # names have no blanks
		"$O/fuzz/$name" tests/fuzz/corpus/"$name"/* $(more "$name") 2>&1 && continue
		echo "not ok 0 - $name ended with $?"
	done | awk '
		/^1\.\./ { next }
		/^(not )?ok [0-9]+ - / { sub(/ok [0-9]+/, "ok " ++n); bad += /^not/ }
		{ print }
		END { print "1.." n; exit bad > 0 }'
}

B=build-fuzz

# What it finds out stays in the build folder; a crash lies there, too.
run_one() {
	name=$1
	set -- "$2" -max_len=4096 -timeout=10 -print_final_stats=1 -artifact_prefix="$B/$name-"
	[ ! -e "tests/fuzz/$name.dict" ] || set -- "$@" -dict="tests/fuzz/$name.dict"
	# New finds go to the first folder.
	set -- "$@" "$B/corpus/$name" "tests/fuzz/corpus/$name"
	[ "$name" != profile ] || set -- "$@" tests/bad
	"$B/fuzz/$name" "$@"
}

fuzz() {
	how=-runs=$1
	case $1 in *s) how=-max_total_time=${1%s} ;; esac
	shift
	sanitize='address,undefined'
	if ! echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { (void)d; (void)n; return 0; }' |
		clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
		echo "run.sh: there is no clang with libFuzzer" >&2
		exit 69
	fi
	make --no-print-directory O=$B CC=clang CXX=clang++ HARDEN= CFLAGS='-O1 -g' \
		SANITIZE="-fsanitize=fuzzer-no-link,$sanitize -fno-sanitize-recover=all" $B/libgpuprov.a
	# shellcheck disable=SC2046 # names have no blanks
	[ $# -gt 0 ] || set -- $(names)
	for name in "$@"; do
		mkdir -p "$B/fuzz" "$B/corpus/$name"
		clang -D_GNU_SOURCE -Isrc -Itests/lib -Itests/fuzz -std=gnu17 -O1 -g \
			-fsanitize=fuzzer,$sanitize -fsanitize-link-c++-runtime \
			-fno-sanitize-recover=all -o "$B/fuzz/$name" \
			"tests/fuzz/fuzz_$name.c" tests/fuzz/*_check.c $B/libgpuprov.a \
			-lyaml -ljansson -Wl,-Bstatic -lcrypto -Wl,-Bdynamic -lm -lstdc++ -ldl
		run_one "$name" "$how"
	done
}

case ${1:-} in
corpus) corpus ;;
fuzz)
	shift
	[ $# -gt 0 ] || set -- 100000
	fuzz "$@"
	;;
*)
	echo "run.sh: corpus, or fuzz N|Ns [NAME...]" >&2
	exit 64
	;;
esac
