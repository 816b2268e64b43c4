# SPDX-License-Identifier: Apache-2.0
# For bats: .run installers in real roots, with stand-ins for NVIDIA's. To be loaded after real.
# shellcheck shell=bash

V=580.95.05
CUDA=12.2.2

setup_file() {
	real_need
	BASE=$(real_base bookworm-build kmod gcc make libc6-dev linux-headers-amd64)
	export BASE
}

setup() {
	real_root "$BASE"
	mkdir -p "$WORK/mirror"
	mkrun driver "$WORK/mirror/d.run" --version $V
}

teardown() {
	[ -z "${MIRROR:-}" ] || kill "$MIRROR" 2>/dev/null || :
	real_drop
}

mkrun() {
	"$REAL_LIB/mkrun.py" "$@"
}

sum() {
	sha256sum "$1" | cut -d ' ' -f 1
}

# profile [LINE...]: the driver from $WORK/mirror/d.run, user space only, and the lines.
profile() {
	P=$WORK/p.yaml
	cat >"$P" <<-END
		version: 1
		kind: bare-metal
		purpose: run
		driver:
		  source: runfile
		  version: "$V"
		  modules: ${MODULES:-none}
		  runfile:
		    ${SOURCE:-path: $WORK/mirror/d.run}
		    ${PIN:-sha256: $(sum "$WORK/mirror/d.run")}
	END
	printf '%s\n' "$@" >>"$P"
}

LIB=usr/lib/x86_64-linux-gnu

driver_is_there() {
	[ -s "$ROOT/$LIB/libcuda.so.$V" ]
	[ "$(readlink "$ROOT/$LIB/libcuda.so.1")" = "libcuda.so.$V" ]
	head -n 1 "$ROOT/var/lib/nvidia/log" | grep -q "($V)"
	nothing_unpacked
	no_mounts
}

driver_is_gone() {
	[ -z "$(find "$ROOT/usr" "$ROOT/var/lib/nvidia" -name '*nvidia-smi*' -o -name "*.so.$V" \
		-o -name nvidia-installer 2>/dev/null)" ]
	[ ! -e "$ROOT/var/lib/nvidia" ]
	[ ! -e "$ROOT/var/lib/gpuprov/installing" ]
	nothing_unpacked
	no_mounts
}

nothing_unpacked() {
	[ -z "$(ls "$ROOT/var/lib/gpuprov/tmp" 2>/dev/null)" ]
}

proof() {
	run --separate-stderr "$GPUPROV" verify --root "$ROOT" "$P"
	show
}

rollback() {
	run --separate-stderr "$GPUPROV" rollback --yes --root "$ROOT" "$@"
	show
}
