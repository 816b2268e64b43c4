#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench-apt.sh: downloading 60 packages, and a whole apply, side by side with libapt's own fetcher (apt-get -d),
# apt-get download, aria2c, and curl's parallel transfers, which check no hashes here. From a server of this
# machine: plain, with 20 ms of delay, with 20 ms and 2 MB/s for each connection, as content networks limit them
# (tests/lib/relay.py), and with 20 ms and 1 % of all packets lost (tests/lib/lossy.py), because not every kernel
# has netem. RUNS=N rounds (default 5), medians. Needs root and /dev/net/tun. Appends to $O/bench.txt.
#
# Measured on 2 busy cores on 23 Nov 2026, 60 packages of 1 MB, medians of 2, seconds: gpuprov, apt-get -d, aria2c,
# curl: plain 0.39 0.32 1.06 0.21; with 20 ms 0.52 0.56 1.94 0.68; limited 3.44 16.94 5.68 5.16; 1 % lost 11.4
# 49.6 10.9 11.2. A whole apply 8.96 s and 2.35 s of processor, apt-get 8.36 s and 2.25 s. gpuprov's own figure is
# the difference of two runs, so it carries the noise of both.
set -eu

bats_require_minimum_version() { :; } # what bats has and real.bash asks for
cd "$(dirname "$0")/.."
# shellcheck source=tests/lib/real.bash
. tests/lib/real.bash
unset APT_CONFIG
RUNS=${RUNS:-5} COUNT=60 SIZE=${SIZE:-1000000}

BATS_TEST_FILENAME=bench BATS_TEST_NUMBER=apt
BASE=$(real_base bookworm)
real_root "$BASE"
mkdir "$REPO"
relays=
clean() {
	# shellcheck disable=SC2086 # a list of process ids
	[ -z "$relays" ] || kill $relays
	real_drop
}
trap clean EXIT

# ---- sixty packages in all: the driver of the demo, and what it needs here ----

needs=$(seq -f 'extra-%g' -s ', ' $((COUNT - 4)))
{
	debian_suite
	driver_packages "$VERSION" | sed "s/^Depends: libnvidia-ml1.*/&, $needs/"
	for i in $(seq $((COUNT - 4))); do
		# Random, so that no layer packs it; a line a byte pair.
		printf '\nPackage: extra-%d\nVersion: 1\nComponent: main\nFile: /usr/share/extra/%d %s\n' \
			"$i" "$i" "$(head -c $((SIZE / 2)) /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
	done
} | repo_make
repo_serve
repo_use
sed -i 's/ main$/ main contrib non-free/' "$ROOT/etc/apt/sources.list"
direct=${URI##*:}

# relay NAME OPTION...: a slower way to the server; its port is in $WORK/NAME.
relay() {
	"$REAL_LIB/relay.py" "$WORK/$1" "$direct" "${@:2}" &
	relays="$relays $!"
	until_there "$WORK/$1"
}
echo "$direct" >"$WORK/plain"
relay delay --delay 10
relay limited --delay 10 --rate 2000000
# The lossy way leads into a network namespace of its own, where the clients of that round run.
inside=
unshare -n sleep 86400 &
away=$!
relays="$relays $away"
"$REAL_LIB/lossy.py" "$away" "$WORK/lossy-link" --delay 10 --loss 1 &
relays="$relays $!"
until_there "$WORK/lossy-link"
relay lossy --listen 10.9.9.1 --congestion cubic # as servers have it that were not tuned

names="nvidia-smi libnvidia-ml1 libcuda1 nvidia-support $(seq -f 'extra-%g' -s ' ' $((COUNT - 4)))"
cat >"$WORK/apt.conf" <<-END
	Dir "$ROOT/";
	Dir::State::status "$ROOT/var/lib/dpkg/status";
	Dir::Etc "$ROOT/etc/apt/";
	Dir::Cache::Archives "$WORK/archives/";
	APT::Install-Recommends "false";
	APT::Architecture "$(dpkg --print-architecture)";
	APT::Sandbox::User "root";
END
# The key of the source is looked for in this system, not in the root.
sed -i "s|signed-by=/usr|signed-by=$ROOT/usr|" "$ROOT/etc/apt/sources.list"
# gpuprov looks for it beneath the root, where that path is to lead to it too.
mkdir -p "$ROOT$ROOT/usr/share"
cp -r "$ROOT/usr/share/keyrings" "$ROOT$ROOT/usr/share/"
export APT_CONFIG=$WORK/apt.conf

# ---- measuring: "NAME WALL CPU KIB" a line in $WORK/times ----

timed() {
	local name=$1
	shift
	# shellcheck disable=SC2086 # a command, or nothing
	/usr/bin/time -q -f "%e %U %S %M" -o "$WORK/time" $inside "$@" >"$WORK/said" 2>&1 || {
		cat "$WORK/said" >&2
		exit 1
	}
	read -r wall user sys kib <"$WORK/time"
	echo "$name $wall $(awk "BEGIN { print $user + $sys }") $kib" >>"$WORK/times"
}

fresh() { rm -rf "$WORK/archives" && mkdir -p "$WORK/archives/partial"; }

use_port() {
	fresh
	local host=127.0.0.1
	inside=
	[ "$1" != lossy ] || host=10.9.9.1 inside="nsenter -t $away -n"
	sed -i "s|http://[0-9.]*:[0-9]*|http://$host:$(cat "$WORK/$1")|" "$ROOT/etc/apt/sources.list"
	$inside apt-get -qq update
	# shellcheck disable=SC2086 # a list of packages
	apt-get -qq --print-uris install nvidia-smi libcuda1 >"$WORK/uris"
	[ "$(wc -l <"$WORK/uris")" -eq "$COUNT" ]
	sed -E "s/^'([^']*)' ([^ ]*) .*/\1\n  out=\2/" "$WORK/uris" >"$WORK/aria"
	sed -E "s/^'([^']*)' ([^ ]*) .*/url = \"\1\"\noutput = \"\2\"/" "$WORK/uris" >"$WORK/curl"
}

# What an apply takes to come as far as dpkg, which is none here: with packages to download, and once more with
# all of them there. The difference is the download, whatever else an apply does.
# shellcheck disable=SC2086 # a command, or nothing
timed_apply() {
	rm -rf "$ROOT/var/lib/gpuprov"
	/usr/bin/time -q -f "%e %U %S %M" -o "$WORK/time" \
		$inside "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO" >"$WORK/said" 2>&1 && exit 1
	grep -q GP2007 "$WORK/said" || {
		cat "$WORK/said" >&2
		exit 1
	}
	tail -n 1 "$WORK/time"
}

gpuprov_download() {
	local first again
	rm -f "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/cache/apt/archives/partial/*
	first=$(timed_apply)
	[ "$(find "$ROOT/var/cache/apt/archives" -maxdepth 1 -name '*.deb' | wc -l)" -eq "$COUNT" ]
	again=$(timed_apply)
	awk -v name="$1/gpuprov" '{ wall = $1 - wall; cpu = $2 + $3 - cpu } END { print name, -wall, -cpu, $4 }' \
		<<<"$first"$'\n'"$again" >>"$WORK/times"
}

# shellcheck disable=SC2086 # a list of packages
downloads() {
	use_port "$1"
	timed_apply >"$WORK/warm" # the private indexes of this address
	for _ in $(seq "$RUNS"); do
		gpuprov_download "$1"
		fresh
		timed "$1/libapt" apt-get -qq -y -d install nvidia-smi libcuda1
		fresh
		(cd "$WORK/archives" && timed "$1/apt-get-download" apt-get -qq download $names)
		fresh
		timed "$1/aria2c" aria2c --console-log-level=error --summary-interval=0 -d "$WORK/archives" -j 4 -x 4 -k 1M -i "$WORK/aria"
		fresh
		(cd "$WORK/archives" && timed "$1/curl-multi-4" curl -sS -Z --parallel-max 4 -K "$WORK/curl")
	done
}
echo 'Dir::Bin::dpkg "/bin/false";' >"$ROOT/etc/apt/apt.conf.d/99no-dpkg"
for way in plain delay limited lossy; do downloads "$way"; done
unset APT_CONFIG
inside=

# ---- a whole apply, in equal roots ----

LIST="deb [signed-by=/usr/share/keyrings/local.gpg] http://127.0.0.1:$direct bookworm main contrib non-free"

equal_root() {
	rm -rf "$CACHE"
	scratch_make "$BASE" "$WORK"
	scratch_gpu "$ROOT" 0000:3b:00.0 1eb8
	URI=http://127.0.0.1:$direct repo_use
	echo "$LIST" >"$ROOT/etc/apt/sources.list"
	mount --bind /dev "$ROOT/dev"
	mount -t proc proc "$ROOT/proc"
}
for _ in $(seq "$RUNS"); do
	equal_root
	umount "$ROOT/proc" "$ROOT/dev"
	timed apply/gpuprov "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO"
	equal_root
	timed apply/apt-get chroot "$ROOT" env DEBIAN_FRONTEND=noninteractive sh -c \
		'apt-get -qq update && apt-get -qq -y --no-install-recommends install nvidia-smi libcuda1'
	umount "$ROOT/proc" "$ROOT/dev"
done

/usr/bin/python3 - "$WORK/times" "$RUNS" "$COUNT" "$SIZE" <<-'END' | tee -a "$O/bench.txt"
	import collections, statistics, sys
	rows = collections.defaultdict(list)
	for line in open(sys.argv[1], encoding="ascii"):
	    name, *figures = line.split()
	    rows[name].append([float(f) for f in figures])
	print(f"\n{sys.argv[3]} packages of {int(sys.argv[4]) / 1e6:g} MB, {sys.argv[2]} rounds, medians")
	print(f"{'':28} {'wall s':>8} {'cpu s':>8} {'MiB':>6}")
	for name, figures in rows.items():
	    wall, cpu, kib = (statistics.median(c) for c in zip(*figures))
	    print(f"{name:28} {wall:8.2f} {cpu:8.2f} {kib / 1024:6.0f}")
END
