#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# CUDA toolkits from .run files, for real: side by side, one the default, found by every shell and program.

load ../lib/real
load ../lib/runfile

# cuda_profile VERSION...: toolkits from $WORK/mirror, beside the driver.
cuda_profile() {
	local v
	profile
	sed -i 's/^purpose: run/purpose: develop/' "$P"
	printf 'cuda:\n  source: runfile\n' >>"$P"
	printf '  version: [%s]\n' "$(printf '"%s", ' "$@" | sed 's/, $//')" >>"$P"
	[ -z "${DEFAULT:-}" ] || echo "  default: \"$DEFAULT\"" >>"$P"
	echo '  runfile:' >>"$P"
	for v; do
		mkrun cuda "$WORK/mirror/cuda_$v.run" --version "$v" \
			${BEHAVE:+--behave "$BEHAVE"} ${STRICT:+--strict}
		cat >>"$P" <<-END
			  - version: "$v"
			    path: $WORK/mirror/cuda_$v.run
			    sha256: $(sum "$WORK/mirror/cuda_$v.run")
		END
	done
}

@test "a CUDA .run that brings another version, or is a driver, is refused" {
	cuda_profile "$CUDA"
	mkrun cuda "$WORK/mirror/cuda_$CUDA.run" --version 12.8.1
	sed -i "s/$(grep -o 'sha256: .*' "$P" | tail -n 1)/sha256: $(sum "$WORK/mirror/cuda_$CUDA.run")/" "$P"
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "cuda_$CUDA.run brings version 12.8.1, not $CUDA"
	cp "$WORK/mirror/d.run" "$WORK/mirror/cuda_$CUDA.run"
	sed -i "s/$(grep -o 'sha256: .*' "$P" | tail -n 1)/sha256: $(sum "$WORK/mirror/d.run")/" "$P"
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "cuda_$CUDA.run is no CUDA toolkit"
}

@test "/usr/local/cuda by the alternatives system: asked, not overwritten; given back" {
	mkdir -p "$ROOT/usr/local/cuda-11.8"
	chroot "$ROOT" update-alternatives --install /usr/local/cuda cuda /usr/local/cuda-11.8 118
	cuda_profile "$CUDA"
	apply "$P"
	[ "$status" -eq 0 ]
	[ "$(readlink "$ROOT/usr/local/cuda")" = /etc/alternatives/cuda ]
	[ "$(readlink "$ROOT/etc/alternatives/cuda")" = /usr/local/cuda-12.2 ]
	chroot "$ROOT" update-alternatives --query cuda | grep -qx 'Value: /usr/local/cuda-12.2'
	run -0 chroot "$ROOT" /bin/sh -lc 'nvcc -V'
	[[ $output == *"release 12.2"* ]]
	apply "$P"
	[ "$status" -eq 0 ]
	proof
	[[ $output != *FAIL* ]]
	rollback
	[ "$status" -eq 0 ]
	chroot "$ROOT" update-alternatives --query cuda >"$WORK/now"
	grep -qx 'Value: /usr/local/cuda-11.8' "$WORK/now"
	grep -qx 'Status: auto' "$WORK/now"
	run ! grep -q cuda-12.2 "$WORK/now"
}

@test "another default: the linker's cache follows it" {
	DEFAULT="$CUDA" cuda_profile "$CUDA" 12.8.1
	apply "$P"
	[ "$status" -eq 0 ]
	sed -i 's/^  default: .*/  default: "12.8.1"/' "$P"
	gp plan "$P"
	apply "$P"
	[ "$status" -eq 0 ]
	[ "$(readlink "$ROOT/usr/local/cuda")" = /usr/local/cuda-12.8 ]
	[[ $stderr != *"linker  already there"* ]]
	[ "$ROOT/etc/ld.so.cache" -nt "$ROOT/usr/local/cuda" ]
}

@test "two CUDA toolkits side by side, one the default, found by every shell and program; undone" {
	DEFAULT="$CUDA" cuda_profile "$CUDA" 12.8.1
	apply "$P"
	[ "$status" -eq 0 ]
	[ "$(readlink "$ROOT/usr/local/cuda")" = /usr/local/cuda-12.2 ]
	run -0 chroot "$ROOT" /bin/sh -lc 'nvcc -V'
	[[ $output == *"release 12.2"* ]]
	run -0 chroot "$ROOT" /usr/local/cuda-12.8/bin/nvcc -V
	[[ $output == *"release 12.8"* ]]
	grep -qx /usr/local/cuda/lib64 "$ROOT/etc/ld.so.conf.d/gpuprov-cuda.conf"
	# The toolkit alone: its installer was not asked for a driver.
	grep -q 'Installing: CUDA Toolkit 12.8.1' "$ROOT/var/log/cuda-installer.log"
	proof
	[[ $output != *FAIL* ]]
	[[ $output == *"/usr/local/cuda-12.8/bin/nvcc -V says 12.8.1"* ]]
	rollback
	[ "$status" -eq 0 ]
	[ -z "$(find "$ROOT/usr/local" -name 'cuda*')" ]
	[ ! -e "$ROOT/etc/profile.d/gpuprov-cuda.sh" ]
	driver_is_gone
}

@test "a makeself that wants -- before options for the installer" {
	STRICT=1 cuda_profile "$CUDA"
	apply "$P"
	[ "$status" -eq 0 ]
	run -0 chroot "$ROOT" /usr/local/cuda/bin/nvcc -V
}

@test "CUDA killed in the middle, applied again" {
	BEHAVE=pause=nvcc cuda_profile "$CUDA"
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P" >"$WORK/out" 2>&1 3>&- &
	until_there "$ROOT/var/paused"
	kill_all $!
	rm "$ROOT/var/paused"
	[ -e "$ROOT/usr/local/cuda-12.2/bin/nvcc" ]
	[ ! -e "$ROOT/usr/local/cuda-12.2/version.json" ]
	cuda_profile "$CUDA"
	apply "$P"
	[ "$status" -eq 0 ]
	[ -e "$ROOT/usr/local/cuda-12.2/version.json" ]
	driver_is_there
}

@test "CUDA killed in the middle, then not wanted: the plan names it, rollback takes it away" {
	BEHAVE=pause=nvcc cuda_profile "$CUDA"
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P" >"$WORK/out" 2>&1 3>&- &
	until_there "$ROOT/var/paused"
	kill_all $!
	rm "$ROOT/var/paused"
	gp plan "$P"
	run ! grep -q half-copied <<<"$output$stderr" # it is asked for: the plan ends it
	profile
	gp plan "$P"
	[ "$status" -eq 0 ]
	says "a CUDA 12.2 toolkit is half-copied here"
	says "gpuprov rollback"
	rollback
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/usr/local/cuda-12.2" ]
	gp plan "$P"
	run ! grep -q half-copied <<<"$output$stderr"
}

@test "CUDA's installer fails: its own words, nothing left of it" {
	BEHAVE='fail=No space on a device of ours' cuda_profile "$CUDA"
	apply "$P"
	[ "$status" -eq 1 ]
	says "No space on a device of ours"
	[ ! -e "$ROOT/usr/local/cuda-12.2" ]
	[ ! -e "$ROOT/usr/local/cuda" ]
}

@test "somebody's files where the toolkit goes are not written over" {
	mkdir -p "$ROOT/usr/local/cuda-12.2"
	echo mine >"$ROOT/usr/local/cuda-12.2/notes"
	cuda_profile "$CUDA"
	apply "$P"
	[ "$status" -eq 1 ]
	says "/usr/local/cuda-12.2 is there already and is not this toolkit"
	[ "$(cat "$ROOT/usr/local/cuda-12.2/notes")" = mine ]
}
