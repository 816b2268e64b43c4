# SPDX-License-Identifier: Apache-2.0
# For bats: real roots, real repositories, the real program. To be loaded; see tests/real/.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

REAL_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$REAL_LIB/../.." && pwd)
O=${O:-$TOP/build}
case $O in /*) ;; *) O=$PWD/$O ;; esac
GPUPROV=${GPUPROV:-$O/gpuprov}
DEMO=$TOP/examples/demo.yaml
VERSION=535.309.01-1~deb12u1

# shellcheck source=tests/lib/scratch.sh
. "$REAL_LIB/scratch.sh"

# ---- roots ----

# What these tests cannot do without. A root without overlay is copied, which is slow but right.
real_need() {
	[ "$(id -u)" -eq 0 ] || skip "real roots need root: chroot, mounts, dpkg"
	[ -x "$GPUPROV" ] || {
		echo "there is no $GPUPROV: make all"
		return 1
	}
}

# real_base NAME [PACKAGE...]: path of a cached base root, made when it is not there. SUITE is bookworm or what
# the caller says.
real_base() {
	local dir=$O/cache/$1
	shift
	"$REAL_LIB/base-root.sh" "${SUITE:-bookworm}" "$dir" "$@" >&2 3>&-
	echo "$dir"
}

# A fresh root for this test: $ROOT, a folder for its odds and ends $WORK, and a private $CACHE.
real_root() {
	local name
	name=$(basename "${BATS_TEST_FILENAME:-none}" .bats)-${BATS_TEST_NUMBER:-file}
	WORK=$O/real/$name
	ROOT=$WORK/root CACHE=$WORK/cache REPO=$WORK/repo
	real_drop
	mkdir -p "$WORK"
	if [ -n "${UPPER_SIZE:-}" ]; then
		real_limited "$1"
	else
		scratch_make "$1" "$WORK"
	fi
	scratch_gpu "$ROOT" 0000:3b:00.0 1eb8
}

# The same with no more than $UPPER_SIZE of room for what the test writes.
real_limited() {
	mkdir -p "$WORK/small" "$ROOT"
	mount -t tmpfs -o "size=$UPPER_SIZE,mode=0755" tmpfs "$WORK/small"
	mkdir "$WORK/small/upper" "$WORK/small/work"
	mount -t overlay overlay \
		-o "lowerdir=$1,upperdir=$WORK/small/upper,workdir=$WORK/small/work" "$ROOT" ||
		skip "no overlay over a tmpfs here"
}

# Processes that live in a root beneath $WORK.
processes_inside() {
	local link at
	for link in /proc/[0-9]*/root; do
		at=$(readlink "$link") || continue
		case $at in
		"$WORK"/*)
			link=${link%/root}
			echo "${link#/proc/}"
			;;
		esac
	done
}

# Everything beneath $WORK is ended, unmounted and removed, whatever a failed test left.
real_drop() {
	local pid
	[ -n "${WORK:-}" ] || return 0
	if [ -e "$WORK/server" ]; then
		kill "$(cat "$WORK/server")" 2>/dev/null || :
	fi
	for pid in $(processes_inside); do kill -KILL "$pid" 2>/dev/null || :; done
	awk -v top="$WORK/" 'index($2, top) == 1 { print $2 }' /proc/mounts | sort -r |
		while read -r at; do
			umount "$at" || umount -l "$at"
		done
	rm -rf --one-file-system "${WORK:?}"
}

# Path, type, mode, owner, size, time, target and bytes of everything in a root. What the program may
# write when it has nothing to do is its lock; see `gpuprov apply --help`.
tree_of() {
	(
		cd "$1" || exit 1
		find . -xdev -path ./var/lib/gpuprov/lock -prune -o \
			-printf '%P %y %m %U:%G %s %T@ %l\n' | sort
		find . -xdev -path ./var/lib/gpuprov/lock -prune -o -type f -print0 | sort -z |
			xargs -0 sha256sum
	)
}

# ---- repositories ----

# repo_make [--fault NAME]... <DESCRIPTION: make or replace $REPO.
repo_make() {
	"$REAL_LIB/mkrepo.py" make - "$REPO" --keys "$O/cache/keys" "$@"
}

# Head of a repository that looks like Debian's. Suite and release must be those of the base root.
debian_suite() {
	cat <<-END
		Suite: bookworm
		Codename: bookworm
		Origin: Debian
		Label: Debian
		Components: main contrib non-free non-free-firmware
	END
}

# driver_packages VERSION [FIELDS-OF-nvidia-smi]: what examples/demo.yaml comes to, toy-sized, with a chain
# of exact dependencies and one alternative.
driver_packages() {
	local upstream=${1%%-*}
	cat <<-END

		Package: nvidia-smi
		Version: $1
		Source: nvidia-graphics-drivers
		Component: non-free
		Depends: libnvidia-ml1 (= $1), libcuda1 (= $1) | libcuda1-any
		Elf: /usr/bin/nvidia-smi NVIDIA-SMI $upstream
		${2:-Description: a toy}

		Package: libnvidia-ml1
		Version: $1
		Source: nvidia-graphics-drivers
		Component: non-free
		Depends: nvidia-support
		Elf: /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.$upstream $upstream
		Link: /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 libnvidia-ml.so.$upstream

		Package: libcuda1
		Version: $1
		Source: nvidia-graphics-drivers
		Component: non-free
		Provides: libcuda.so.1
		Depends: nvidia-support
		Recommends: not-wanted
		Elf: /usr/lib/x86_64-linux-gnu/libcuda.so.$upstream $upstream
		Link: /usr/lib/x86_64-linux-gnu/libcuda.so.1 libcuda.so.$upstream

		Package: nvidia-support
		Version: 20220217+3
		Architecture: all
		Component: contrib

		Package: not-wanted
		Version: 1
		Component: main
	END
}

# nvidia_repo: a repository that looks like NVIDIA's for Debian: flat, four branches of the driver side by
# side, three of CUDA, and the container toolkit, whose packages lock each other to one version. Names as in
# NVIDIA's own before branch 590, where the suffix ends.
nvidia_repo() {
	local n v
	printf 'Flat: yes\nOrigin: NVIDIA\nLabel: NVIDIA CUDA\n'
	for v in 535.309.01 550.163.01 570.211.01 580.178.04; do
		n=${v%%.*}
		cat <<-END

			Package: cuda-drivers-$n
			Version: $v-1
			Depends: nvidia-driver-$n (>= $v)

			Package: nvidia-driver-$n
			Version: $v-1
			Depends: libnvidia-compute-$n (= $v-1), nvidia-dkms-$n (= $v-1)
			Elf: /usr/bin/nvidia-smi NVIDIA-SMI $v

			Package: libnvidia-compute-$n
			Version: $v-1
			Provides: libcuda.so.1
			Conflicts: libcuda.so.1
			Elf: /usr/lib/x86_64-linux-gnu/libcuda.so.$v $v
			Link: /usr/lib/x86_64-linux-gnu/libcuda.so.1 libcuda.so.$v

			Package: nvidia-dkms-$n
			Version: $v-1
			Depends: nvidia-kernel-common-$n (= $v-1)

			Package: nvidia-kernel-common-$n
			Version: $v-1
		END
	done
	printf '\nPackage: cuda-drivers\nVersion: 580.178.04-1\nDepends: cuda-drivers-580\n'
	for v in 12-2 12-4 12-8; do
		for n in toolkit runtime nvcc cudart; do
			printf '\nPackage: cuda-%s-%s\nVersion: %s.0-1\n' "$n" "$v" "${v/-/.}"
			[ "$n" = cudart ] || printf 'Depends: cuda-cudart-%s\n' "$v"
		done
	done
	for v in 1.16.2 1.17.0 1.17.4 1.17.8; do
		cat <<-END

			Package: nvidia-container-toolkit
			Version: $v-1
			Depends: nvidia-container-toolkit-base (= $v-1), libnvidia-container-tools (= $v-1)

			Package: nvidia-container-toolkit-base
			Version: $v-1

			Package: libnvidia-container-tools
			Version: $v-1
			Depends: libnvidia-container1 (>= $v-1)

			Package: libnvidia-container1
			Version: $v-1
		END
	done
}

# nvidia_debian VERSION: the driver's user space as NVIDIA's repository has it for Debian, toy-sized, with the
# package that pins its branch.
nvidia_debian() {
	local v=$1 branch=${1%%.*}
	cat <<-END

		Package: nvidia-driver-pinning-$branch
		Version: $branch-1
		Architecture: all
		Conflicts: nvidia-driver-pinning
		Provides: nvidia-driver-pinning
		File: /etc/apt/preferences.d/nvidia-driver-pinning-$branch Package: nvidia-smi libcuda1 libnvidia-ml1\nPin: version $branch.*\nPin-Priority: 1000

		Package: nvidia-smi
		Version: $v-1
		Source: nvidia-graphics-drivers
		Depends: libnvidia-ml1 (= $v-1), libcuda1 (= $v-1)
		Elf: /usr/bin/nvidia-smi NVIDIA-SMI $v

		Package: libnvidia-ml1
		Version: $v-1
		Source: nvidia-graphics-drivers
		Elf: /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.$v $v
		Link: /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 libnvidia-ml.so.$v

		Package: libcuda1
		Version: $v-1
		Source: nvidia-graphics-drivers
		Elf: /usr/lib/x86_64-linux-gnu/libcuda.so.$v $v
		Link: /usr/lib/x86_64-linux-gnu/libcuda.so.1 libcuda.so.$v
	END
}

# repo_serve [OPTION...]: $REPO over http on loopback, at $URI.
repo_serve() {
	"$REAL_LIB/mkrepo.py" serve "$REPO" "$WORK/port" --log "$WORK/requests" "$@" 3>&- &
	echo $! >"$WORK/server"
	until_there "$WORK/port"
	URI=http://127.0.0.1:$(cat "$WORK/port")
}

# The root's apt knows the repository at $URI and nothing else.
repo_use() {
	rm -f "$ROOT"/etc/apt/sources.list.d/* "$ROOT"/etc/apt/apt.conf.d/99mmdebstrap
	cp "$O/cache/keys/good.gpg" "$ROOT/usr/share/keyrings/local.gpg"
	echo "deb [signed-by=/usr/share/keyrings/local.gpg] $URI bookworm main" \
		>"$ROOT/etc/apt/sources.list"
	# A refused connection is tried again for seconds; nothing is learnt from that here.
	echo 'Acquire::Retries "0";' >"$ROOT/etc/apt/apt.conf.d/90tests"
}

# ---- the program ----

# gp COMMAND [ARGUMENT]...: on this test's root; $status, $output, $stderr.
gp() {
	run --separate-stderr "$GPUPROV" "$1" --root "$ROOT" --cache "$CACHE" "${@:2}"
	show
}

apply() {
	gp apply --yes "${1:-$DEMO}" "${@:2}"
}

# What bats shows when a test fails.
show() {
	echo "--- status ${status:-}"
	head -n 40 <<<"${output:-}"
	echo "--- stderr"
	echo "${stderr:-}"
}

# says TEXT: the program's talk has it. Lines are wrapped on terminals only, so it is one line here.
says() {
	case $stderr in *"$1"*) return 0 ;; esac
	echo "stderr does not say: $1"
	return 1
}

# "name version" of what is installed in the root, whole, sorted.
installed() {
	chroot "$ROOT" dpkg-query -W -f '${db:Status-Abbrev}|${Package} ${Version}\n' |
		sed -n 's/^ii *|//p' | sort
}

# "name version" of the packages in the plan that is in $output.
planned() {
	/usr/bin/python3 -c '
import json, sys
for step in json.load(sys.stdin).get("steps", []):
    for p in step.get("packages", []):
        print(p["name"], p["version"])' <<<"$output" | sort
}

# journal N: "kind step" of each record of run N, after its checksum was found right.
journal() {
	/usr/bin/python3 - "$ROOT/var/lib/gpuprov/runs/$(printf %06d "$1")/journal" <<-'END'
		import hashlib, json, sys
		for line in open(sys.argv[1], encoding="utf-8"):
		    if not line.strip("\0\n"):
		        continue  # room that was reserved
		    check, _, text = line.rstrip("\n").partition(" ")
		    if hashlib.sha256(text.encode()).hexdigest()[:16] != check:
		        sys.exit(f"bad checksum: {line}")
		    record = json.loads(text)
		    what = record.get("text", "") if record["kind"] == "end" else record.get("step", "")
		    print(record["kind"], what)
	END
}

# No process may be left in a root, and nothing mounted in it.
no_mounts() {
	! grep -q " $ROOT/" /proc/mounts
}

# descendants PID: it and all below it.
descendants() {
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do descendants "$child"; done
}

# kill_all PID: it and all below it, at once; returns when they are gone (or wait to be reaped).
kill_all() {
	local all pid
	all=$(descendants "$1")
	# shellcheck disable=SC2086 # a list of process ids
	kill -KILL $all 2>/dev/null || : # a sleep among them has ended by itself
	for pid in $all; do
		while grep -qs '^State:[[:space:]]*[^Z]' "/proc/$pid/status"; do sleep 0.02; done
	done
}

# until_there FILE: a maintainer script says how far it is by making files.
until_there() {
	local i
	for i in $(seq 500); do
		[ ! -e "$1" ] || return 0
		sleep 0.02
	done
	echo "$1 did not come"
	return 1
}
