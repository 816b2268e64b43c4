#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The walkthrough in examples/ is run as it is written.

load fixture

setup() {
	load_libs
	cp -r "$BATS_TEST_DIRNAME/../../examples" "$BATS_TEST_TMPDIR/examples"
	cd "$BATS_TEST_TMPDIR/examples" || return
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$GPUPROV" "$BATS_TEST_TMPDIR/bin/gpuprov"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "every line of the walkthrough ends as it says" {
	count=0
	while IFS= read -r line; do
		wanted=$(sed -n 's/.*# exits with \([0-9]*\)$/\1/p' <<<"$line")
		status=0
		bash -c "$line" >out 2>err </dev/null || status=$?
		[ "$status" -eq "${wanted:-0}" ] || { echo "$line"; echo "expected ${wanted:-0}"; show; return 1; }
		count=$((count + 1))
	done < <(sed -n 's/^    \$ //p' walkthrough.md)
	[ "$count" -ge 15 ] || { echo "expected more lines than $count"; return 1; }
	grep -q '<svg' plan.html
	python3 -m json.tool plan.json >/dev/null
	grep -q '"2.1.0"' lint.sarif
}
