#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real root with the driver of Debian, broken in ten ways: verify and doctor name each of them.
# Every test breaks one thing and puts it back.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	real_root "$BASE"
	scratch_gpu "$ROOT" 0000:86:00.0 1eb8
	export BASE WORK ROOT CACHE
	gp apply "$DEMO" --yes >"$WORK/apply.log" 2>&1
	[ "$status" -ne 0 ] || touch "$WORK/applied"
}

teardown_file() {
	real_drop
}

setup() {
	[ -e "$WORK/applied" ] || { cat "$WORK/apply.log"; return 1; }
	cd "$BATS_TEST_TMPDIR" || return
}

# bare COMMAND...: without a cache, which these do not need.
bare() {
	local command=$1
	shift
	run --separate-stderr "$GPUPROV" "$command" --root "$ROOT" "$@"
}

# The file behind libcuda.so.1, over Debian's alternatives.
library() {
	echo "$ROOT$(chroot "$ROOT" readlink -f /usr/lib/x86_64-linux-gnu/libcuda.so.1)"
}

# named verify|doctor TEXT: that command fails, or finds something, and says so.
named() {
	if [ "$1" = verify ]; then bare verify "$DEMO"; else bare doctor; fi
	[[ $output == *"$2"* ]] || { echo "expected of $1: $2"; echo "$output"; return 1; }
}

@test "nothing is broken: verify has no failure, doctor one line" {
	bare verify "$DEMO"
	[ "$status" -eq 0 ]
	[[ $output == *" 0 failed"* ]] || { echo "$output"; return 1; }
	bare doctor
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	[ "$(echo "$output" | wc -l)" -eq 1 ] || { echo "$output"; return 1; }
}

@test "a library is removed" {
	file=$(library)
	mv "$file" keep
	named verify "FAIL      driver.libcuda"
	named doctor "[GP5250]"
	named doctor "libcuda.so.535"
	mv keep "$file"
}

@test "libcuda is replaced by another version" {
	file=$(library)
	mv "$file" keep
	cp keep "${file%/*}/libcuda.so.550.163.01"
	target=$(readlink "${file%/*}/libcuda.so.1")
	ln -sfn libcuda.so.550.163.01 "${file%/*}/libcuda.so.1"
	named verify "libcuda.so.550.163.01"
	named doctor "[GP5250]"
	rm "${file%/*}/libcuda.so.550.163.01"
	ln -sfn "$target" "${file%/*}/libcuda.so.1"
	mv keep "$file"
}

@test "nvidia-smi is cut short" {
	file=$(chroot "$ROOT" readlink -f /usr/bin/nvidia-smi)
	cp -a "$ROOT$file" keep
	truncate -s 1000 "$ROOT$file"
	named verify "FAIL      driver.nvidia-smi"
	named doctor "nvidia-smi is not as it was unpacked"
	cp -a keep "$ROOT$file"
}

@test "the module of the next kernel is deleted" {
	dir=$ROOT/lib/modules/6.1.0-56-amd64/updates/dkms
	old=$ROOT/lib/modules/6.1.0-55-amd64/updates/dkms
	mkdir -p "$dir" "$old" "$ROOT/boot"
	printf 'module %s version=535.309.01 license=NVIDIA\n' lib/modules/6.1.0-55-amd64/updates/dkms/nvidia-current.ko >one.tree
	"$BATS_TEST_DIRNAME/../hosts/tree.py" make one.tree made >/dev/null
	cp made/lib/modules/6.1.0-55-amd64/updates/dkms/nvidia-current.ko "$old/"
	cp "$old/nvidia-current.ko" "$dir/"
	touch "$ROOT/boot/vmlinuz-6.1.0-55-amd64" "$ROOT/boot/vmlinuz-6.1.0-56-amd64"
	bare doctor
	[[ $output != *GP5202* ]] || { echo "$output"; return 1; }
	rm "$dir/nvidia-current.ko"
	named doctor "[GP5202]"
	sed 's/modules: none/modules: proprietary/' "$DEMO" >m.yaml
	bare verify m.yaml
	[[ $output == *"FAIL      driver.module.6.1.0-56-amd64"* ]] || { echo "$output"; return 1; }
	rm -r "$ROOT/lib/modules/6.1.0-56-amd64" "$ROOT/lib/modules/6.1.0-55-amd64" "$ROOT"/boot/vmlinuz-6.1.0-5[56]-amd64
}

@test "daemon.json is edited by a careless hand" {
	mkdir -p "$ROOT/etc/docker"
	echo '{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}},}' >"$ROOT/etc/docker/daemon.json"
	named doctor "[GP5219]"
	rm -r "$ROOT/etc/docker"
}

@test "a second source of the driver" {
	mkdir -p "$ROOT/etc/apt/sources.list.d"
	echo 'deb https://mirror.example/compute/cuda/repos/debian12/x86_64/ /' >"$ROOT/etc/apt/sources.list.d/cuda.list"
	named doctor "[GP5211]"
	rm "$ROOT/etc/apt/sources.list.d/cuda.list"
}

@test "a source that nobody checks" {
	echo 'deb [trusted=yes] https://mirror.example/compute/cuda/repos/debian12/x86_64/ /' >"$ROOT/etc/apt/sources.list.d/cuda.list"
	named doctor "[GP5246]"
	rm "$ROOT/etc/apt/sources.list.d/cuda.list"
}

@test "dpkg is cut off in the middle" {
	cp -a "$ROOT/var/lib/dpkg/status" keep
	sed -i '/^Package: nvidia-smi$/,/^$/s/^Status: .*/Status: install ok half-configured/' "$ROOT/var/lib/dpkg/status"
	named verify "FAIL      dpkg.clean"
	named doctor "[GP5237]"
	cp -a keep "$ROOT/var/lib/dpkg/status"
}

@test "a .run installer was here" {
	mkdir -p "$ROOT/var/lib/nvidia"
	printf '#!/bin/sh\n' >"$ROOT/usr/bin/nvidia-uninstall"
	named doctor "[GP5210]"
	rm -r "$ROOT/usr/bin/nvidia-uninstall" "$ROOT/var/lib/nvidia"
}

@test "a CDI specification of another driver" {
	mkdir -p "$ROOT/etc/cdi"
	printf 'kind: nvidia.com/gpu\ncontainerEdits:\n  mounts:\n  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.525.60.13\n    containerPath: /x\n' >"$ROOT/etc/cdi/nvidia.yaml"
	named doctor "[GP5220]"
	rm -r "$ROOT/etc/cdi"
}

@test "a file of ours is edited" {
	echo "# nothing" >"$ROOT/etc/modprobe.d/gpuprov-nouveau.conf"
	bare status
	[[ $output == *"gpuprov-nouveau.conf: changed"* ]] || { echo "$output"; return 1; }
	rm "$ROOT/etc/modprobe.d/gpuprov-nouveau.conf"
	named verify "FAIL      kernel.nouveau-blacklist"
}

@test "verify of this root takes less than 300 ms" {
	best=9999
	for _ in 1 2 3; do
		begin=$(date +%s%N)
		bare verify "$DEMO"
		took=$((($(date +%s%N) - begin) / 1000000))
		[ "$took" -ge "$best" ] || best=$took
	done
	echo "# verify took $best ms" >&3
	[ "$best" -lt 300 ] || return 1
}
