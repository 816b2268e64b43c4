#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov facts FILE.run: what a .run file brings, without running it; what is refused.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
}

mkrun() {
	"$BATS_TEST_DIRNAME/../lib/mkrun.py" "$@"
}

# field NAME: of the JSON on stdout.
field() {
	python3 -c 'import json, sys
value = json.load(open("out"))
for part in sys.argv[1].split("."):
    value = value[part]
print(value)' "$1"
}

@test "a driver: version, machine, modules, GPUs" {
	mkrun driver d.run --pack xz --decompressor
	gpuprov facts d.run
	ends_with 0
	says "version        999.10.01"
	says "modules        open and proprietary"
	says "supports       2 PCI ids"
	says "$(sha256sum d.run | cut -d ' ' -f 1)"
}

@test "all packings give the same members" {
	for pack in gzip xz zstd none; do
		mkrun driver d.run --pack $pack --decompressor
		gpuprov facts --json d.run
		ends_with 0
		[ "$(field compression)" = $pack ]
		[ "$(field inside.members)" = 14 ]
		[ "$(field inside.gpus)" = "['1eb8', '2330']" ]
		[ "$(field inside.modules)" = "['nvidia', 'nvidia-uvm', 'nvidia-modeset']" ]
		[ "$(field payload)" -eq "$(($(wc -c <d.run) - $(field payload_len)))" ]
	done
}

@test "only open modules, only proprietary ones" {
	mkrun driver d.run --open
	gpuprov facts d.run
	says "modules        open"
	mkrun driver d.run --proprietary
	gpuprov facts d.run
	says "modules        proprietary"
}

@test "CUDA, by upstream's makeself: the version is in the name" {
	command -v makeself >/dev/null || skip "there is no makeself"
	mkrun cuda cuda_12.4.1_550.54.15_linux.run --version 12.4.1
	gpuprov facts cuda_12.4.1_550.54.15_linux.run
	ends_with 0
	says "product        cuda"
	says "version        12.4.1"
}

@test "nothing of it is run" {
	mkrun driver d.run
	# The shell part would do this if it ran.
	python3 - <<-'END'
		data = open("d.run", "rb").read().replace(b"\nkeep=n\n", b"\nkeep=n\ntouch canary\n", 1)
		first, _, _, skip, rest = data.split(b"\n", 4)
		n = int(skip.split(b"=")[1]) + 1
		open("d.run", "wb").write(b"\n".join([first, b"CRCsum=0", b"MD5=" + b"0" * 32, b"skip=%d" % n, rest]))
	END
	gpuprov facts d.run
	ends_with 0
	[ ! -e canary ]
	sh d.run --check || :
	[ -e canary ]
}

@test "a damaged file is refused, whatever packs it" {
	for pack in gzip xz zstd none; do
		mkrun driver good.run --pack $pack
		cp good.run d.run
		printf 'X' | dd of=d.run bs=1 seek=$(($(wc -c <d.run) - 100)) conv=notrunc 2>/dev/null
		gpuprov facts d.run
		ends_with 1
		complains "d.run' is damaged: its cksum is not what its header says"
		head -c $(($(wc -c <good.run) - 300)) good.run >d.run
		gpuprov facts d.run
		ends_with 1
		silent
	done
}

@test "cut off with sums made right again, libarchive sees it" {
	mkrun driver good.run --pack gzip
	mkrun cut good.run d.run
	sh d.run --check
	gpuprov facts d.run
	ends_with 1
	complains "cannot be read"
}

@test "members that no installer needs refuse the file" {
	for member in dotdot dotdot-inside absolute symlink-absolute symlink-up hardlink device block fifo \
		setuid setgid newline; do
		mkrun evil d.run $member
		gpuprov facts d.run
		ends_with 1
		complains "is refused"
		silent
	done
	[ -z "$(find . -newer d.run -name 'outside*')" ]
}

@test "an archive that unpacks to far more than it is" {
	mkrun evil d.run bomb --pack zstd
	gpuprov facts d.run
	ends_with 1
	complains "makes it far larger than an installer can be"
}

@test "what is no .run file" {
	echo 'echo hi' >d.run
	gpuprov facts d.run
	ends_with 1
	complains "this is no .run file that gpuprov knows"
	gpuprov facts missing.run
	ends_with 1
	complains "missing.run"
	mkdir d
	gpuprov facts d
	ends_with 1
	mkfifo p
	gpuprov facts p
	ends_with 1
}
