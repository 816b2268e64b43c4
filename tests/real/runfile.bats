#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Drivers from .run files, for real: downloaded, checked, run in a real root by a stand-in for NVIDIA's installer,
# proven by its own record, undone; what fails, what is cut off, what is not pinned, what was there before.

load ../lib/real
load ../lib/runfile

@test "the driver: planned, installed from the cache, proven, kept, undone" {
	profile
	gp plan "$P"
	[ "$status" -eq 0 ]
	[[ $output == *"+ driver-run NVIDIA driver $V by d.run"* ]]
	[[ $output == *"d.run, checked by its SHA-256 (R43)"* ]]
	[ ! -e "$ROOT/var/lib/nvidia" ]
	find "$ROOT/usr" "$ROOT/etc" ! -type d | sort >"$WORK/before"
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	cmp "$CACHE/objects/$(sum "$WORK/mirror/d.run")" "$WORK/mirror/d.run"
	proof
	[[ $output == *"are as they were installed"* ]]
	[[ $output != *FAIL* ]]
	# Again: nothing to do, and the file is not even needed.
	rm "$WORK/mirror/d.run"
	apply "$P"
	[ "$status" -eq 0 ]
	grep -c '^1: ' "$ROOT/var/lib/nvidia/log"
	rollback
	[ "$status" -eq 0 ]
	driver_is_gone
	find "$ROOT/usr" "$ROOT/etc" ! -type d | sort | diff "$WORK/before" -
}

@test "the installer gets a clean environment, no input, and the flags that fit" {
	profile
	GPUPROV_SECRET=x apply "$P"
	[ "$status" -eq 0 ]
	run ! grep -q SECRET "$ROOT/var/log/nvidia-installer.env"
	grep -qx /dev/null "$ROOT/var/log/nvidia-installer.env"
	grep -q '^TMPDIR=/var/lib/gpuprov/tmp/run-' "$ROOT/var/log/nvidia-installer.env"
	flags=$(sed -n 's/^ *\.\/nvidia-installer//p' "$ROOT/var/log/nvidia-installer.log")
	for flag in --silent --no-kernel-modules --no-x-check --no-opengl-files --no-drm --no-rebuild-initramfs \
		"--tmpdir /var/lib/gpuprov/tmp/run-"; do
		[[ $flags == *"$flag"* ]] || { echo "missing: $flag in $flags"; return 1; }
	done
	# What this installer does not know it was not given.
	run ! grep -q -- --no-disable-nouveau <<<"$flags" || grep -q disable-nouveau "$REAL_LIB/mkrun.py"
}

@test "from a mirror, cut off and gone on with; offline from the cache" {
	mkdir -p "$WORK/mirror"
	"$REAL_LIB/mirror.py" "$WORK/mirror" 3>&- &
	MIRROR=$!
	until_there "$WORK/mirror/ports"
	SOURCE="url: http://localhost:$(cut -d ' ' -f 1 "$WORK/mirror/ports")/cut/3000/d.run" profile
	gp apply --yes --offline "$P"
	[ "$status" -eq 69 ]
	says "is not in the cache, and --offline allows no download"
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	grep -q 'bytes=3000-' "$WORK/mirror/requests"
	rollback
	rm "$WORK/mirror/requests"
	gp apply --yes --offline "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	[ ! -e "$WORK/mirror/requests" ]
}

@test "paths.cache says where downloads are kept; a saved plan remembers it" {
	profile 'paths:' "  cache: $WORK/elsewhere"
	run -0 --separate-stderr "$GPUPROV" plan --root "$ROOT" "$P" --out "$WORK/p.plan"
	run -0 --separate-stderr "$GPUPROV" apply --yes --root "$ROOT" "$WORK/p.plan"
	cmp "$WORK/elsewhere/objects/$(sum "$WORK/mirror/d.run")" "$WORK/mirror/d.run"
	driver_is_there
}

@test "what is not pinned is refused; verify: none is taken and shown" {
	PIN='md5: 0123456789abcdef0123456789abcdef' V=580.0.1
	mkrun driver "$WORK/mirror/d.run" --version $V
	profile
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "no SHA-256 is known for d.run"
	PIN='verify: none' profile
	gp plan "$P"
	[ "$status" -eq 0 ]
	says "d.run is run without any check"
	[[ $output == *"NOT CHECKED: verify is none"* ]]
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
}

@test "a file that is not the pinned one does not run, nor does one swapped in the cache" {
	good=$(sum "$WORK/mirror/d.run")
	mkrun flip "$WORK/mirror/d.run" "$WORK/mirror/e.run" --seed 1
	PIN="sha256: $good" SOURCE="path: $WORK/mirror/e.run" profile
	apply "$P"
	[ "$status" -eq 69 ]
	says "is not the pinned file"
	driver_is_gone
	mkdir -p "$CACHE/objects"
	cp "$WORK/mirror/e.run" "$CACHE/objects/$good"
	apply "$P"
	[ "$status" -ne 0 ]
	[ ! -e "$ROOT/var/log/nvidia-installer.log" ]
	driver_is_gone
}

@test "the installer fails: its own words, nothing left" {
	mkrun driver "$WORK/mirror/d.run" --version $V --behave 'fail=Something the installer says.'
	profile
	apply "$P"
	[ "$status" -eq 1 ]
	says "Something the installer says."
	says "nvidia-installer.log"
	driver_is_gone
	mkrun driver "$WORK/mirror/d.run" --version $V --behave 'late=Late, when all is copied.'
	profile
	apply "$P"
	[ "$status" -eq 1 ]
	says "Late, when all is copied."
	driver_is_gone
}

@test "the installer says that all is well, and it is not" {
	mkrun driver "$WORK/mirror/d.run" --version $V --behave "damage=libcuda.so.$V"
	profile
	apply "$P"
	[ "$status" -eq 1 ]
	says "/$LIB/libcuda.so.$V is not as it was installed"
}

@test "drift: a file of the driver is changed, verify names it, apply mends it" {
	profile
	apply "$P"
	[ "$status" -eq 0 ]
	printf x >>"$ROOT/usr/bin/nvidia-smi"
	proof
	[ "$status" -eq 5 ]
	[[ $output == *"/usr/bin/nvidia-smi is not as it was installed"* ]]
}

@test "killed in the middle of a copy: the next apply leaves no zeros, and undo brings none back" {
	mkrun driver "$WORK/mirror/slow.run" --version $V --behave "pause=copy:libcuda.so.$V"
	SOURCE="path: $WORK/mirror/slow.run" PIN="sha256: $(sum "$WORK/mirror/slow.run")" profile
	find "$ROOT/usr" ! -type d | sort >"$WORK/before"
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P" >"$WORK/out" 2>&1 3>&- &
	until_there "$ROOT/var/paused"
	kill_all $!
	rm "$ROOT/var/paused"
	# That is what the real one leaves: full length, all zeros, not in the record.
	[ -s "$ROOT/$LIB/libcuda.so.$V" ]
	[ -z "$(tr -d '\0' <"$ROOT/$LIB/libcuda.so.$V")" ]
	run ! grep -q "libcuda.so.$V" "$ROOT/var/lib/nvidia/log"
	profile
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	proof
	[[ $output != *FAIL* ]]
	run ! grep -q '^1[0-9][0-9]: ' "$ROOT/var/lib/nvidia/log"
	rollback
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/$LIB/libcuda.so.$V" ]
}

@test "killed at every file, then applied again" {
	for at in start record "copy:libnvidia-ml.so.$V" copy:nvidia-smi copy:rules.json link:libcuda.so.1 \
		link:libnvidia-ml.so.1 copy:nvidia-installer ldconfig end; do
		mkrun driver "$WORK/mirror/slow.run" --version $V --behave "pause=$at"
		SOURCE="path: $WORK/mirror/slow.run" PIN="sha256: $(sum "$WORK/mirror/slow.run")" profile
		"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P" >"$WORK/out" 2>&1 3>&- &
		until_there "$ROOT/var/paused"
		kill_all $!
		rm "$ROOT/var/paused"
		profile
		apply "$P"
		[ "$status" -eq 0 ]
		driver_is_there
		proof
		[[ $output != *FAIL* ]]
		rollback
	done
}

# killed_at COMMAND...: start it, wait until the stand-in is where it pauses, kill all of it.
killed_at() {
	"$@" >"$WORK/out" 2>&1 3>&- &
	until_there "$ROOT/var/paused"
	kill_all $!
	rm -f "$ROOT/var/paused" "$ROOT/behave"
}

@test "killed while the uninstaller works, then rolled back again, or applied again" {
	find "$ROOT/usr" ! -type d | sort >"$WORK/before"
	for then in rollback apply; do
		for at in "libcuda.so.$V" nvidia-installer record ${LONG:+libcuda.so.1 nvidia-smi}; do
			profile
			apply "$P"
			[ "$status" -eq 0 ]
			# What is installed reads how to behave where it is started.
			echo "pause=uninstall:$at" >"$ROOT/behave"
			killed_at "$GPUPROV" rollback --yes --root "$ROOT"
			[ -e "$ROOT/var/lib/nvidia/log" ]
			if [ "$then" = apply ]; then
				apply "$P"
				[ "$status" -eq 0 ]
				driver_is_there
				proof
				[[ $output != *FAIL* ]]
			fi
			rollback
			[ "$status" -eq 0 ]
			driver_is_gone
			find "$ROOT/usr" ! -type d | sort | diff "$WORK/before" -
		done
	done
}

@test "killed while one version takes the place of another: the new one, or the old one again" {
	local old=$V new=580.105.08
	for wanted in $new $old; do
		for at in "uninstall:libcuda.so.$old" uninstall:record "copy:libcuda.so.$new" \
			${LONG:+start uninstall:nvidia-installer record end}; do
			V=$old
			mkrun driver "$WORK/mirror/d.run" --version $V
			profile
			apply "$P"
			[ "$status" -eq 0 ]
			driver_is_there
			V=$new
			mkrun driver "$WORK/mirror/d.run" --version $V --behave "pause=$at"
			profile
			killed_at "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P"
			V=$wanted
			mkrun driver "$WORK/mirror/d.run" --version "$V"
			profile
			apply "$P"
			[ "$status" -eq 0 ]
			driver_is_there
			[ -z "$(find "$ROOT/usr" -name "*.so.$([ "$wanted" = "$new" ] && echo "$old" || echo "$new")")" ]
			proof
			[[ $output != *FAIL* ]]
		done
	done
}

@test "a file that was there before comes back" {
	echo mine >"$ROOT/usr/bin/nvidia-smi"
	chmod 750 "$ROOT/usr/bin/nvidia-smi"
	profile
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	rollback
	[ "$status" -eq 0 ]
	[ "$(cat "$ROOT/usr/bin/nvidia-smi")" = mine ]
	[ "$(stat -c %a "$ROOT/usr/bin/nvidia-smi")" = 750 ]
}

@test "another version replaces the one that is there" {
	profile
	apply "$P"
	[ "$status" -eq 0 ]
	V=580.105.08
	mkrun driver "$WORK/mirror/d.run" --version $V
	profile
	gp plan "$P"
	[[ $output == *"-/+ driver-run NVIDIA driver $V by d.run"* ]]
	[[ $output == *"undo does not put driver 580.95.05 back"* ]]
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	[ ! -e "$ROOT/$LIB/libcuda.so.580.95.05" ]
}

@test "a module compiled against real headers, for the kernel that will boot" {
	kernel=$(basename "$(find "$ROOT/lib/modules" -mindepth 1 -maxdepth 1 | head -n 1)")
	touch "$ROOT/boot/vmlinuz-$kernel"
	MODULES=open profile
	gp plan "$P"
	[ "$status" -eq 0 ]
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	module=$ROOT/lib/modules/$kernel/kernel/drivers/video/nvidia.ko
	[ "$(chroot "$ROOT" modinfo -F version "${module#"$ROOT"}")" = $V ]
	[ "$(chroot "$ROOT" modinfo -F license "${module#"$ROOT"}")" = "Dual MIT/GPL" ]
	proof
	[[ $output != *FAIL* ]]
	[[ $output == *"driver.module.$kernel"* ]]
	rollback
	[ "$status" -eq 0 ]
	[ ! -e "$module" ]
}

# signing_key: a key and its certificate in the root's /etc/keys.
signing_key() {
	mkdir -p "$ROOT/etc/keys"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=keys of these tests" -outform DER \
		-keyout "$ROOT/etc/keys/mok.key" -out "$ROOT/etc/keys/mok.der" 2>/dev/null
	chmod 600 "$ROOT/etc/keys/mok.key"
}

signed_profile() {
	MODULES=open profile
	sed -i 's|^  runfile:|  signing: {key: /etc/keys/mok.key, certificate: /etc/keys/mok.der}\n&|' "$P"
}

@test "Secure Boot: the module is signed with the profile's key by the headers' sign-file" {
	kernel=$(basename "$(find "$ROOT/lib/modules" -mindepth 1 -maxdepth 1 | head -n 1)")
	touch "$ROOT/boot/vmlinuz-$kernel"
	signing_key
	signed_profile
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	module=/lib/modules/$kernel/kernel/drivers/video/nvidia.ko
	[ "$(chroot "$ROOT" modinfo -F signer "$module")" = "keys of these tests" ]
	[ "$(chroot "$ROOT" modinfo -F sig_hashalgo "$module")" = sha256 ]
	run ! grep -rq 'PRIVATE KEY' "$ROOT/var/log" "$ROOT/var/lib/gpuprov"
	proof
	[[ $output != *FAIL* ]]
	rollback
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT$module" ]
	# A key that cannot sign: the installer's own words, and nothing left.
	echo nonsense >"$ROOT/etc/keys/mok.key"
	apply "$P"
	[ "$status" -eq 1 ]
	says "Unable to sign the kernel module."
	[ ! -e "$ROOT$module" ]
	driver_is_gone
}

@test "two kernels will boot: both get the module; killed between them, the next apply ends it" {
	kernel=$(basename "$(find "$ROOT/lib/modules" -mindepth 1 -maxdepth 1 | head -n 1)")
	cp -a "$ROOT/lib/modules/$kernel" "$ROOT/lib/modules/6.1.0-99-amd64"
	touch "$ROOT/boot/vmlinuz-$kernel" "$ROOT/boot/vmlinuz-6.1.0-99-amd64"
	mkrun driver "$WORK/mirror/slow.run" --version $V --behave "pause=copy:nvidia.ko"
	SOURCE="path: $WORK/mirror/slow.run" PIN="sha256: $(sum "$WORK/mirror/slow.run")" MODULES=open profile
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P" >"$WORK/out" 2>&1 3>&- &
	until_there "$ROOT/var/paused"
	kill_all $!
	rm "$ROOT/var/paused"
	# A module of full length that is all zeros, in no record.
	half=$(find "$ROOT/lib/modules/" -name nvidia.ko)
	[ -n "$half" ]
	[ -z "$(tr -d '\0' <"$half")" ]
	MODULES=open profile
	apply "$P"
	[ "$status" -eq 0 ]
	for k in "$kernel" 6.1.0-99-amd64; do
		[ "$(chroot "$ROOT" modinfo -F version "/lib/modules/$k/kernel/drivers/video/nvidia.ko")" = $V ]
	done
	proof
	[[ $output != *FAIL* ]]
	rollback
	[ "$status" -eq 0 ]
	[ -z "$(find "$ROOT/lib/modules/" -name nvidia.ko)" ]
}

# ---- what is inside ----

# refused FLAG... -- TEXT: a driver made so is refused when it is planned, with these words.
refused() {
	local flags=()
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	mkrun driver "$WORK/mirror/d.run" --version $V "${flags[@]}"
	profile
	gp plan "$P"
	[ "$status" -eq 3 ] && says "$2"
}

@test "what is inside decides: modules, machine, version, hostile members, before anything is run" {
	kernel=$(basename "$(find "$ROOT/lib/modules" -mindepth 1 -maxdepth 1 | head -n 1)")
	touch "$ROOT/boot/vmlinuz-$kernel"
	MODULES=open refused --proprietary -- "d.run has no open kernel modules"
	says "take those it has: driver.modules: proprietary"
	MODULES=proprietary profile
	gp plan "$P"
	[ "$status" -eq 0 ]
	[[ $output == *"looked inside: "*" members, "*", proprietary modules, 2 GPUs listed"* ]]
	MODULES=proprietary refused --open -- "d.run has no proprietary kernel modules"
	refused --arch aarch64 -- "d.run is for aarch64, and this host is x86_64"
	refused --version 580.105.08 -- "d.run brings version 580.105.08, not $V"
	mkrun evil "$WORK/mirror/d.run" dotdot --version $V
	profile
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "leads out of the folder it is unpacked in"
	# Another GPU than it lists is told, not refused: lists are never complete.
	mkrun driver "$WORK/mirror/d.run" --version $V --gpus 2330
	profile
	gp plan "$P"
	[ "$status" -eq 0 ]
	says "d.run does not list the GPU 10de:1eb8"
	[ ! -e "$ROOT/var/log/nvidia-installer.log" ]
}

@test "what nobody vouches for is looked into again before it is run" {
	V=580.0.1 # the catalog has no hash of it
	mkrun driver "$WORK/mirror/d.run" --version $V
	PIN='verify: none' profile
	gp plan "$P" --out "$WORK/p.plan"
	[ "$status" -eq 0 ]
	mkrun evil "$WORK/mirror/d.run" symlink-up --version $V
	gp apply --yes "$WORK/p.plan"
	[ "$status" -ne 0 ]
	says "is a link that leads out of the folder"
	[ ! -e "$ROOT/var/log/nvidia-installer.log" ]
}

@test "a disk that is too small is seen in the plan" {
	UPPER_SIZE=64m real_root "$BASE"
	mkdir -p "$WORK/mirror"
	mkrun driver "$WORK/mirror/d.run" --version $V --pad 60000000
	profile
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "error[GP0004]: the plan takes "
	says "d.run unpacked: 60.0 MB, d.run installed: 60.0 MB"
}

# ---- packages and .run ----

# packaged: the repository of a toy driver, whose nvidia-smi tells installers to stay away as Debian's does.
packaged() {
	(debian_suite; driver_packages "$VERSION" 'File: /usr/lib/nvidia/alternate-install-present 0644 use packages') |
		repo_make
	repo_serve
	repo_use
}

@test "a .run over packages: refused with ways out, or they go first; rollback brings them back" {
	packaged
	apply
	[ "$status" -eq 0 ]
	[ -e "$ROOT/$LIB/libcuda.so.${VERSION%%-*}" ]
	installed >"$WORK/before"
	profile
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "driver ${VERSION%%-*} was installed from packages"
	says "let it be taken away first: driver.existing: replace"
	says "apt-get remove libcuda1 libnvidia-ml1 nvidia-smi"
	# The second way out, by hand in the same words.
	cp -a "$ROOT/var/lib/dpkg/status" "$WORK/status"
	run -0 chroot "$ROOT" apt-get remove --simulate libcuda1 libnvidia-ml1 nvidia-smi nvidia-support
	sed -i 's/^  source: runfile/&\n  existing: replace/' "$P"
	gp plan "$P"
	[ "$status" -eq 0 ]
	[[ $output == *"- packages"*"NVIDIA driver ${VERSION%%-*} of packages"* ]]
	[[ $output == *"libcuda1"* ]]
	says "is taken away first"
	apply "$P"
	[ "$status" -eq 0 ]
	driver_is_there
	run ! grep -qE '^(libcuda1|libnvidia-ml1|nvidia-smi) ' <(installed)
	[ ! -e "$ROOT/$LIB/libcuda.so.${VERSION%%-*}" ]
	proof
	[[ $output != *FAIL* ]]
	rollback
	[ "$status" -eq 0 ]
	installed | diff "$WORK/before" -
	[ -e "$ROOT/$LIB/libcuda.so.${VERSION%%-*}" ]
	[ ! -e "$ROOT/var/lib/nvidia" ]
}

@test "packages over a .run: refused with ways out, or it goes first, by its own uninstaller" {
	packaged
	profile
	apply "$P"
	[ "$status" -eq 0 ]
	P=$WORK/packages.yaml
	sed 's/^driver:.*/&\n  source: distro/' "$DEMO" >"$P"
	gp plan "$P"
	[ "$status" -eq 3 ]
	says "driver $V was installed by a .run installer"
	says "let it be taken away first: driver.existing: replace"
	sed -i 's/^driver:.*/&\n  existing: replace/' "$P"
	gp plan "$P"
	[ "$status" -eq 0 ]
	[[ $output == *"- driver-away"*"NVIDIA driver $V of a .run"* ]]
	[[ $output == *"undo does not put it back"* ]]
	apply "$P"
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/var/lib/nvidia" ]
	[ ! -e "$ROOT/$LIB/libcuda.so.$V" ]
	[ ! -e "$ROOT/usr/bin/nvidia-installer" ]
	[ -e "$ROOT/$LIB/libcuda.so.${VERSION%%-*}" ]
	proof
	[[ $output != *FAIL* ]]
	# The other way out of the refusal leads to the same.
	rollback
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/$LIB/libcuda.so.${VERSION%%-*}" ]
}

@test "a .run cut off, then packages are wanted: what is left of it goes first, unasked" {
	packaged
	mkrun driver "$WORK/mirror/slow.run" --version $V --behave "pause=copy:rules.json"
	SOURCE="path: $WORK/mirror/slow.run" PIN="sha256: $(sum "$WORK/mirror/slow.run")" profile
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$P" >"$WORK/out" 2>&1 3>&- &
	until_there "$ROOT/var/paused"
	kill_all $!
	rm "$ROOT/var/paused"
	[ -e "$ROOT/$LIB/libcuda.so.$V" ]
	sed 's/^driver:.*/&\n  source: distro/' "$DEMO" >"$P"
	apply "$P"
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/var/lib/nvidia" ]
	[ ! -e "$ROOT/var/lib/gpuprov/installing" ]
	[ ! -e "$ROOT/$LIB/libcuda.so.$V" ]
	[ -e "$ROOT/$LIB/libcuda.so.${VERSION%%-*}" ]
}
