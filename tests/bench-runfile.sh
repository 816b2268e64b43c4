#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench-runfile.sh: what it costs that only hashed bytes run, and that downloads are hashed, side by side with
# running and downloading plainly. A 400 MB .run (SIZE=BYTES for another), RUNS=N rounds (default 5), medians.
# Needs root. Appends to $O/bench.txt.
set -eu

bats_require_minimum_version() { :; } # what bats has and real.bash asks for
cd "$(dirname "$0")/.."
# shellcheck source=tests/lib/real.bash
. tests/lib/real.bash
RUNS=${RUNS:-5} SIZE=${SIZE:-400000000}

BATS_TEST_FILENAME=bench BATS_TEST_NUMBER=runfile
real_root "$(real_base bookworm-build kmod gcc make libc6-dev linux-headers-amd64)"
trap real_drop EXIT
mkdir -p "$WORK/mirror" "$ROOT/c"
"$REAL_LIB/mkrun.py" driver "$WORK/mirror/d.run" --version 580.95.05 --pad "$SIZE"
cp "$WORK/mirror/d.run" "$ROOT/c/"
sha=$(sha256sum "$WORK/mirror/d.run" | cut -d ' ' -f 1)
cat >"$WORK/p.yaml" <<-END
	version: 1
	kind: bare-metal
	driver:
	  source: runfile
	  version: "580.95.05"
	  modules: none
	  runfile: {path: $WORK/mirror/d.run, sha256: $sha}
END
mkdir -p "$CACHE/objects"
cp "$WORK/mirror/d.run" "$CACHE/objects/$sha"
"$REAL_LIB/mirror.py" "$WORK/mirror" &
echo $! >"$WORK/server"
until_there "$WORK/mirror/ports"
url=http://localhost:$(cut -d ' ' -f 1 "$WORK/mirror/ports")/ok/d.run

# timed NAME COMMAND...: one line "WALL KIB" in $WORK/NAME.
timed() {
	local name=$1
	shift
	/usr/bin/time -q -a -f '%e %M' -o "$WORK/$name" "$@" >"$WORK/out" 2>&1 || {
		cat "$WORK/out" >&2
		exit 1
	}
}
uninstall() { chroot "$ROOT" /usr/bin/nvidia-installer --uninstall --silent; }
median() { cut -d ' ' -f "$2" "$WORK/$1" | sort -n | sed -n "$(((RUNS + 1) / 2))p"; }

mount -t proc proc "$ROOT/proc"
for _ in $(seq "$RUNS"); do
	timed direct chroot "$ROOT" /bin/sh /c/d.run --silent --no-kernel-modules
	uninstall
	timed sealed "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$WORK/p.yaml"
	uninstall
	rm -f "$WORK/f"
	timed curl curl -sS -o "$WORK/f" "$url"
	rm -f "$WORK/f"
	timed fetch "$O/unit/t_fetch" "$url" "$sha" "$WORK"
	rm -f "$WORK/f"
	timed safe sh -c 'curl -sS -o "$1" "$2" && sync "$1"' - "$WORK/f" "$url"
	rm -f "$WORK/f"
	timed sum sh -c 'curl -sS -o "$1" "$2" && echo "$3  $1" | sha256sum -c' - "$WORK/f" "$url" "$sha"
done
{
	echo
	echo "a .run of $SIZE bytes, median of $RUNS:"
	printf '  %-34s %6.2f s\n' "run directly" "$(median direct 1)"
	printf '  %-34s %6.2f s  %s KiB\n' "checked, sealed and run (apply)" "$(median sealed 1)" \
		"$(median sealed 2)"
	row() { printf '  %-34s %6.2f s  %6d KiB\n' "$1" "$(median "$2" 1)" "$(median "$2" 2)"; }
	row "curl" curl
	row "curl, then sync" safe
	row "curl, then sha256sum" sum
	row "downloaded, hashed, synced (fetch)" fetch
	awk -v d="$(median direct 1)" -v s="$(median sealed 1)" -v c="$(median curl 1)" \
		-v f="$(median fetch 1)" -v k="$(median sealed 2)" -v m="$(median fetch 2)" 'BEGIN {
			printf "  apply / direct %.2f (goal 1.1), fetch / curl %.2f (goal 1.3)\n", s / d, f / c
			printf "  memory: the sealed copy and %.1f MiB (goal 32), fetch %.1f MiB\n", k / 1024,
				m / 1024 }'
} | tee -a "$O/bench.txt"
