#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The catalog, asked: spot values are those of the sources that the catalog names.

load fixture

setup() { fixture; }

@test "what a CUDA version needs" {
	gpuprov compat --cuda 12.8
	ends_with 0
	says "525.60.13 (minor-version compatibility)"
	says "gcc up to 14"
	says "branch 570 or newer"
}

@test "what a driver supports, by version and by branch" {
	gpuprov compat --driver 535.161.08
	ends_with 0
	says "CUDA level             12.2"
	gpuprov compat --driver 580
	ends_with 0
	says "580, LTS"
}

@test "what a GPU takes, by name, by its last words, by id in either case" {
	for name in "Tesla T4" T4 1eb8 10DE:1EB8; do
		gpuprov compat --gpu "$name"
		ends_with 0
		says "Tesla T4 (10de:1eb8)"
		says "Turing"
	done
}

@test "a Volta's matrix ends with CUDA 12.9 and branch 580" {
	gpuprov compat --matrix --gpu "Tesla V100-SXM2-16GB" --format csv
	ends_with 0
	[ "$(head -n 1 <<<"$stdout" | cut -d, -f1-3)" = "driver,CUDA 13.5,CUDA 13.4" ]
	row=$(grep '^580,' <<<"$stdout")
	[[ $row == *no,full,full* ]]
	[[ $(grep "^595," <<<"$stdout") != *full* ]]
}

@test "the matrix in every format says the same" {
	gpuprov compat --matrix --format csv
	csv=$stdout
	gpuprov compat --matrix --format md
	[ "$(sed 's/^| //; s/ |$//; s/ | /,/g; 2d' <<<"$stdout")" = "$csv" ]
	gpuprov compat --matrix --format json
	[ -n "$csv" ]
	[ "$(jq -r '.branches[] | [.branch, (.cuda | .[])] | join(",")' <<<"$stdout")" = "$(sed 1d <<<"$csv")" ]
	gpuprov compat --matrix --format html
	[ "$(grep -o '<td class="full' <<<"$stdout" | wc -l)" = "$(grep -o full <<<"$csv" | wc -l)" ]
	[[ $stdout != *http* ]]
}

@test "this host is marked" {
	gpuprov compat --matrix --format csv --facts "$BATS_TEST_DIRNAME/../hosts/installed-noble.json"
	ends_with 0
	[[ $stdout == *" *"* ]]
}

@test "the matrix fits 80 columns" {
	gpuprov compat --matrix
	ends_with 0
	run ! grep -q ".\{81\}" <<<"$stdout"
}

@test "what nobody knows, and asking nothing" {
	gpuprov compat --gpu "Voodoo 2"
	ends_with 64
	complains "not in the catalog"
	gpuprov compat --cuda 99.1
	ends_with 64
	gpuprov compat --driver 999
	ends_with 64
	gpuprov compat
	ends_with 64
	complains "--matrix"
	gpuprov compat --cuda 12.8 --format csv
	ends_with 64
}
