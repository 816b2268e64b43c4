# SPDX-License-Identifier: Apache-2.0
# Small Debian roots for tests of the command line, made of a handful of files; no apt is needed.
# shellcheck shell=bash
#
# In a test: $root is a Debian 12 with two Tesla T4 and no driver, $profile asks for user space only.

load_libs() {
	# shellcheck source=tests/lib/scratch.sh
	. "$BATS_TEST_DIRNAME/../lib/scratch.sh"
}

# Called by setup() of every file.
fixture() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	root=$BATS_TEST_TMPDIR/root
	profile=$BATS_TEST_TMPDIR/p.yaml
	make_root "$root"
	scratch_gpu "$root" 0000:3b:00.0 1eb8
	scratch_gpu "$root" 0000:86:00.0 1eb8
	write_profile "$profile" 'driver: {modules: none}'
	export HOME=$BATS_TEST_TMPDIR XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

# make_root DIR: what every Debian 12 has, as far as gpuprov looks at it.
make_root() {
	mkdir -p "$1"/{etc/apt/sources.list.d,etc/modprobe.d,var/lib/dpkg/updates,boot,usr/bin} \
		"$1"/{usr/lib/x86_64-linux-gnu,usr/src,lib/modules,sys/bus/pci/devices,var/cache/apt}
	cat >"$1/etc/os-release" <<-'EOF'
		PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
		ID=debian
		VERSION_ID="12"
		VERSION_CODENAME=bookworm
	EOF
	echo 'deb http://mirror.example/debian bookworm main' >"$1/etc/apt/sources.list"
	: >"$1/var/lib/dpkg/status"
	package "$1" dpkg 1.21.22
}

# package ROOT NAME VERSION [STATE]: what dpkg knows about a package.
package() {
	cat >>"$1/var/lib/dpkg/status" <<-EOF
		Package: $2
		Status: install ok ${4:-installed}
		Architecture: amd64
		Version: $3

	EOF
}

# kernel ROOT RELEASE: a kernel that can be booted, with headers.
kernel() {
	mkdir -p "$1/lib/modules/$2" "$1/usr/src/linux-headers-$2"
	touch "$1/boot/vmlinuz-$2" "$1/usr/src/linux-headers-$2/Makefile"
}

# write_profile FILE [LINE...]: version and kind, then the lines.
write_profile() {
	local file=$1
	shift
	printf '%s\n' 'version: 1' 'kind: bare-metal' "$@" >"$file"
}

# elf FILE [TEXT]: something that looks like a program or a library.
elf() {
	{ printf '\177ELF'; head -c 100 /dev/zero; printf '%s' "${2:-}"; } >"$1"
}

# install_driver ROOT: the user space of 535 as Debian's packages leave it.
install_driver() {
	local lib=$1/usr/lib/x86_64-linux-gnu version=535.309.01
	package "$1" libcuda1 $version-1~deb12u1
	package "$1" nvidia-smi $version-1~deb12u1
	elf "$lib/libcuda.so.$version"
	ln -s libcuda.so.$version "$lib/libcuda.so.1"
	elf "$1/usr/bin/nvidia-smi" "NVIDIA-SMI $version"
}

# our_files ROOT PROFILE: the files that the plan would write, with the text it says.
our_files() {
	# Of a copy: looking must not have touched the root before a test says so.
	cp -a "$1" copy-of-root
	"$GPUPROV" facts --root copy-of-root --json >facts-of-root.json
	rm -r copy-of-root
	"$GPUPROV" plan --facts facts-of-root.json --json "$2" | python3 -c '
import json, os, sys
for step in json.load(sys.stdin)["steps"]:
    args = {a["key"]: a["value"] for a in step["args"]}
    if "content" in args:
        path = os.path.join(sys.argv[1], args["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(args["content"])
' "$1"
}

# satisfy ROOT PROFILE: nothing is left to do (for profiles with user space only).
satisfy() {
	install_driver "$1"
	our_files "$1" "$2"
}

# sum_tree DIR: one line for all of it: names, kinds, modes, times, links and bytes.
sum_tree() {
	{
		find "$1" -printf '%P %y %m %T@ %l\n' | sort
		find "$1" -type f -print0 | sort -z | xargs -0 sha256sum
	} | sha256sum
}

# as_nobody COMMAND...: as a user without rights. Skips the test, aloud, where that cannot be done.
as_nobody() {
	if [ "$(id -u)" -ne 0 ]; then
		skip "only root can become nobody"
	fi
	command -v setpriv >/dev/null || skip "there is no setpriv"
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# The program where nobody can reach it, wherever the build folder is.
copy_program() {
	cp "$GPUPROV" "$BATS_TEST_TMPDIR/gpuprov"
	GPUPROV=$BATS_TEST_TMPDIR/gpuprov
}

# ---- what is expected ----

# gpuprov ARGUMENT...: run it; then $status, $stdout and $stderr (files: out and err).
gpuprov() {
	status=0
	"$GPUPROV" "$@" >out 2>err </dev/null || status=$?
	stdout=$(cat out)
	stderr=$(cat err)
}

show() {
	echo "status $status"
	sed 's/^/out: /' out
	sed 's/^/err: /' err
}

ends_with() {
	[ "$status" -eq "$1" ] || { echo "expected exit $1:"; show; return 1; }
}

says() {
	[[ "$stdout" == *"$1"* ]] || { echo "expected on stdout: $1"; show; return 1; }
}

complains() {
	[[ "$stderr" == *"$1"* ]] || { echo "expected on stderr: $1"; show; return 1; }
}

says_not() {
	[[ "$stdout$stderr" != *"$1"* ]] || { echo "expected nowhere: $1"; show; return 1; }
}

silent() {
	[ -z "$stdout" ] || { echo "expected nothing on stdout:"; show; return 1; }
}

same() {
	cmp "$1" "$2" || { echo "expected $1 and $2 to be the same bytes"; diff "$1" "$2"; return 1; }
}

# docker_host ROOT PROFILE: driver, container toolkit and Docker by their packages, and a daemon.json with mode,
# owner and an attribute of its own. What is left for PROFILE: nouveau, the toolkit's key and source, and the
# runtime in daemon.json. The key is a test's own, of a mirror.
docker_host() {
	local keys=$O/cache/keys conf=$1/etc/docker/daemon.json name
	[ -e "$keys/good.asc" ] || "$BATS_TEST_DIRNAME/../lib/mkrepo.py" make - "$BATS_TEST_TMPDIR/first" \
		--keys "$keys" <<<'Suite: x'
	install_driver "$1"
	package "$1" docker.io 20.10.24+dfsg1-1
	for name in nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1; do
		package "$1" $name 1.20.0-1
	done
	for name in dockerd nvidia-container-runtime; do
		elf "$1/usr/bin/$name"
		chmod 755 "$1/usr/bin/$name"
	done
	mkdir -p "$1/etc/docker"
	printf '{\n\t"debug": true,\n\t"log-opts": {"max-size": "1m"}\n}' >"$conf"
	chmod 640 "$conf"
	chown 7:8 "$conf"
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.mine", b"a b")' "$conf"
	cat >"$2" <<-EOF
		version: 1
		kind: docker
		driver: {modules: none, nouveau: blacklist}
		container-toolkit: {version: "1.20.0"}
		apt:
		  container-toolkit-mirror: file:///srv/mirror
		  keyring: $keys/good.asc
		  key-fingerprint: $(gpg --show-keys --with-colons "$keys/good.gpg" 2>/dev/null |
				awk -F: '$1 == "fpr" { print $10; exit }')
	EOF
}
