#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How old package indexes are: shown, fetched anew, left alone, and never older than they were.

load ../lib/real

setup() {
	real_need
	BASE=$(real_base bookworm)
	real_root "$BASE"
	mkdir "$REPO"
	repo_serve
	OLD=535.300.01-1~deb12u1
}

teardown() {
	real_drop
}

# dated DATE VERSION: the repository, as it was then.
dated() {
	{
		debian_suite
		echo "Date: $1"
		driver_packages "$2"
	} | repo_make
}

use_all() {
	repo_use
	sed -i 's/ main$/ main contrib non-free/' "$ROOT/etc/apt/sources.list"
}

requests() {
	wc -l <"$WORK/requests"
}

@test "the age is shown; --refresh fetches them anew, --offline asks nobody" {
	dated -1h "$VERSION"
	use_all
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	[[ $stderr != *"package indexes"* ]] # just fetched
	chroot "$ROOT" apt-get -qq update
	rm -r "$CACHE"
	touch -d '200 minutes ago' "$ROOT/var/lib/apt/lists"
	before=$(requests)
	gp plan "$DEMO"
	says "package indexes: fetched 3 hours ago; --refresh fetches them anew"
	gp plan "$DEMO" # from what is remembered of them
	says "package indexes: fetched 3 hours ago; --refresh"
	gp plan "$DEMO" --offline
	[ "$status" -eq 0 ]
	says "package indexes: fetched 3 hours ago, and --offline leaves them so"
	[ "$(requests)" -eq "$before" ]
	gp plan "$DEMO" --refresh
	[ "$status" -eq 0 ]
	[[ $stderr != *"package indexes"* ]]
	[ "$(requests)" -gt "$before" ]
	gp plan "$DEMO" --json
	[[ $output != *indexes_since* ]]
}

@test "--offline with indexes of any age, without a server" {
	dated -1h "$VERSION"
	use_all
	chroot "$ROOT" apt-get -qq update
	touch -d '40 days ago' "$ROOT/var/lib/apt/lists"
	kill "$(cat "$WORK/server")"
	gp plan "$DEMO" --offline
	[ "$status" -eq 0 ]
	says "fetched 40 days ago"
	rm -rf "$CACHE" "$ROOT"/var/lib/apt/lists/*
	gp plan "$DEMO" --offline
	[ "$status" -eq 3 ]
}

@test "an old index served again: libapt keeps the newer one that it has" {
	dated -1h "$VERSION"
	use_all
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	dated -20d "$OLD"
	gp plan "$DEMO" --refresh --json
	[ "$status" -eq 0 ]
	[[ $(planned) == *"nvidia-smi $VERSION"* ]]
}

@test "an old index served again, when libapt's lists are gone: refused, and the ways out work" {
	dated -1h "$VERSION"
	use_all
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	dated -20d "$OLD"
	rm -r "$CACHE"/apt/*/lists "$CACHE"/apt/*/fetched
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	says GP2003
	says "/dists/bookworm' is 19 days older than the one that this repository gave before"
	# Not even by what was fetched just now.
	gp plan "$DEMO" --offline
	[ "$status" -ne 0 ]
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	# Another mirror, which is not behind.
	dated -1h "$VERSION"
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	# Or the repository was really put back.
	dated -20d "$OLD"
	rm -r "$CACHE"/apt/*/lists "$CACHE"/apt/*/fetched
	gp plan "$DEMO"
	[ "$status" -eq 69 ]
	eval "$(sed -n "s/.*forget what was seen: \(rm '[^']*'\).*/\1/p" <<<"$stderr")"
	gp plan "$DEMO" --json
	[ "$status" -eq 0 ]
	[[ $(planned) == *"nvidia-smi $OLD"* ]]
}
