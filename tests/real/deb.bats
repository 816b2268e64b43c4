#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Debian package: built twice, looked at, and lived with in clean roots of Debian 12 and Debian 13, the
# same file in both: installed by apt, used, upgraded, removed, purged.

load ../lib/real

setup_file() {
	real_need
	"$TOP/tests/lib/deb.sh" "$O" >&2 3>&- || return 1
	BASE_bookworm=$(real_base bookworm)
	BASE_trixie=$(SUITE=trixie real_base trixie)
	export BASE_bookworm BASE_trixie
}

setup() {
	DEB=$(echo "$O"/deb/gpuprov_*.deb)
	[ -f "$DEB" ]
}

teardown() {
	[ "${KEEP:-}" = 1 ] || real_drop
}

# unpacked: the package's files in $FILES, its scripts in $FILES/DEBIAN.
unpacked() {
	FILES=$BATS_TEST_TMPDIR/files
	dpkg-deb -R "$DEB" "$FILES"
}

# inside COMMAND...: in the root of this test, which is "/" to it.
inside() {
	unshare -m sh -euc '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		exec chroot "$root" "$@"' sh "$ROOT" "$@" 3>&-
}

# read_only COMMAND...: the same where nothing can be written but what the drift service may write.
read_only() {
	# shellcheck disable=SC2016 # the inner shell expands these
	unshare -m sh -euc '
		root=$1
		shift
		mount --bind "$root" "$root"
		mount -o remount,bind,ro "$root"
		for path in run/gpuprov var/cache/gpuprov tmp; do
			mount --bind "$root/$path" "$root/$path"
			mount -o remount,bind,rw "$root/$path"
		done
		mount -t proc proc "$root/proc"
		exec chroot "$root" "$@"' sh "$ROOT" "$@" 3>&-
}

quiet_apt() {
	inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$@" >"$WORK/apt.log" 2>&1 || {
		tail -n 20 "$WORK/apt.log"
		return 1
	}
}

# clean_root SUITE: a root as the installer leaves it, with a GPU, able to reach what this machine reaches.
clean_root() {
	local base=BASE_$1
	real_root "${!base}"
	cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf"
	cp "$DEB" "$ROOT/tmp/gpuprov.deb"
	quiet_apt update
}

# next_version: the same package as version 0.1.1, as a new upload would be.
next_version() {
	unpacked
	sed -i 's/^Version: .*/Version: 99.0/' "$FILES/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$FILES" "$ROOT/tmp/next.deb" >/dev/null
}

paths_of() {
	(cd "$ROOT" && find . -xdev -path ./proc -prune -o -path ./tmp -prune -o -print | sort)
}

@test "two builds, in different places, at different times, under different settings: the same bytes" {
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	(
		umask 077
		TZ=Pacific/Apia LC_ALL=C HOME=/nonexistent faketime -f '+400d' \
			"$TOP/debian/build.sh" "$O" "$BATS_TEST_TMPDIR/elsewhere" >&2 3>&-
	)
	cmp "$DEB" "$BATS_TEST_TMPDIR/elsewhere/$(basename "$DEB")"
}

@test "lintian has no error and no warning" {
	run lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$O"/deb/*.changes
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "what it needs is what the program needs, and no libapt" {
	depends=$(dpkg-deb -f "$DEB" Depends)
	echo "$depends"
	[[ $depends != *libapt* && $depends != *libstdc++* && $depends != *libcurl* ]]
	[[ $depends == *libyaml-0-2* && $depends == *libjansson4* && $depends == *libssl3* ]]
	# The oldest libc of the systems it is for: Ubuntu 22.04.
	libc=${depends#*libc6 (>= }
	libc=${libc%%)*}
	dpkg --compare-versions "$libc" le 2.35
	[ "$(dpkg-deb -f "$DEB" Installed-Size)" -lt 5000 ]
}

@test "two back ends, each for its own libapt" {
	unpacked
	for abi in 6.0 7.0; do
		readelf -d "$FILES/usr/lib/gpuprov/gpuprov-apt-$abi.so" >"$BATS_TEST_TMPDIR/dynamic"
		grep -q "NEEDED.*\[libapt-pkg.so.$abi\]" "$BATS_TEST_TMPDIR/dynamic"
	done
	[ "$(find "$FILES/usr/lib/gpuprov" -type f | wc -l)" -eq 2 ]
}

@test "hardened: PIE, relro, now, no executable stack, canaries, fortify, stack probes, branch targets" {
	unpacked
	for elf in "$FILES/usr/bin/gpuprov" "$FILES"/usr/lib/gpuprov/*.so; do
		echo "$elf"
		readelf -hW "$elf" | grep -q 'Type: *DYN'
		readelf -lW "$elf" | grep -q GNU_RELRO
		readelf -lW "$elf" | grep -q 'GNU_STACK.* RW '
		readelf -dW "$elf" | grep -Eq 'BIND_NOW|Flags:.*NOW'
		readelf -dW "$elf" | grep -Eqv 'RPATH|RUNPATH|TEXTREL'
		readelf -sW --dyn-syms "$elf" | grep -q '__stack_chk_fail'
		readelf -sW --dyn-syms "$elf" | grep -Eq '__[a-z]+_chk(@| |$)'
		[ "$(dpkg --print-architecture)" != amd64 ] || {
			code=$(objdump -d --no-show-raw-insn "$elf")
			grep -q endbr64 <<<"$code"
		}
	done
	readelf -dW "$FILES/usr/bin/gpuprov" | grep -q 'Flags:.*PIE'
	[ "$(dpkg --print-architecture)" != amd64 ] ||
		objdump -d --no-show-raw-insn "$FILES/usr/bin/gpuprov" | grep -Eq 'or[lq] +\$0x0,.*\(%rsp\)'
}

@test "everything that make install brings is in it, and the units are sound" {
	unpacked
	cd "$FILES/usr"
	for file in share/gpuprov/profiles/bare-metal.yaml share/gpuprov/templates/k8s/device-plugin.yaml \
		share/gpuprov/catalog.txt share/gpuprov/profile.schema.json share/gpuprov/gpuprov.result-1.schema.json share/man/man1/gpuprov-plan.1.gz \
		share/man/man5/gpuprov-profile.5.gz share/bash-completion/completions/gpuprov \
		share/zsh/vendor-completions/_gpuprov share/fish/vendor_completions.d/gpuprov.fish \
		lib/systemd/system/gpuprov-drift.timer; do
		[ -s "$file" ] || { echo "missing: $file"; return 1; }
	done
	# The resume unit waits for its condition; the timer is the administrator's.
	[ "$(find lib/systemd -type l)" = lib/systemd/system/multi-user.target.wants/gpuprov-resume.service ]
	if command -v systemd-analyze >/dev/null; then
		# The targets that they hang on are the system's, and not in the package.
		systemd-analyze verify --man=no --root="$FILES" gpuprov-drift.service gpuprov-drift.timer \
			2>&1 | grep -v ' sysinit.target not found' >"$BATS_TEST_TMPDIR/complaints" || :
		diff /dev/null "$BATS_TEST_TMPDIR/complaints"
	fi
	version=$(dpkg-deb -f "$DEB" Version)
	[ "$("$GPUPROV" --version)" = "gpuprov $version" ]
}

# lived_with SUITE BRANCH
lived_with() {
	clean_root "$1"
	paths_of >"$WORK/paths-before"
	quiet_apt install /tmp/gpuprov.deb
	printf '%s\n' 'version: 1' 'kind: bare-metal' 'purpose: run' \
		"driver: {branch: \"$2\", source: distro, modules: none, nouveau: blacklist}" >"$ROOT/etc/p.yaml"

	# Used: each command finds all it needs in what apt brought.
	[ "$(inside gpuprov --version)" = "gpuprov $(dpkg-deb -f "$DEB" Version)" ]
	inside gpuprov facts --json >"$WORK/facts.json"
	[ "$(jq -r '.os.codename, .gpus[0].device' "$WORK/facts.json" | paste -sd' ')" = "$1 1eb8" ]
	inside gpuprov plan --json --catalog /usr/share/gpuprov/catalog.txt /etc/p.yaml >"$WORK/plan.json"
	jq -r '.steps[].packages[]? | .name + " " + .version' "$WORK/plan.json" | sort >"$WORK/planned"
	grep -q "^nvidia-smi $2\." "$WORK/planned"
	inside sh -c 'gpuprov lint /usr/share/gpuprov/profiles/*.yaml'
	installed >"$WORK/packages-before"
	inside gpuprov apply --yes /etc/p.yaml >"$WORK/apply.out" 2>&1 || { tail "$WORK/apply.out"; return 1; }
	diff <(sort "$WORK/packages-before" "$WORK/planned") <(installed)
	inside gpuprov verify /etc/p.yaml >&2

	# What the drift timer would start: it says that nothing has moved, and what has.
	inside mkdir /run/gpuprov
	drift=$(sed -n 's/^ExecStart=//p' "$ROOT/usr/lib/systemd/system/gpuprov-drift.service")
	mkdir "$ROOT/etc/gpuprov"
	mv "$ROOT/etc/p.yaml" "$ROOT/etc/gpuprov/profile.yaml"
	# shellcheck disable=SC2086 # words
	read_only $drift >/dev/null
	[ "$(jq '[.steps[] | select(.op != "keep")] | length' "$ROOT/run/gpuprov/drift.json")" -eq 0 ]
	rm "$ROOT/etc/modprobe.d/gpuprov-nouveau.conf"
	# shellcheck disable=SC2086 # words
	run -2 read_only $drift
	[ "$(jq -r '.steps[] | select(.op != "keep").op' "$ROOT/run/gpuprov/drift.json" | head -n1)" = add ]
	inside gpuprov apply --yes /etc/gpuprov/profile.yaml

	# Upgraded: the history is still there.
	next_version
	quiet_apt install /tmp/next.deb
	[ "$(chroot "$ROOT" dpkg-query -W -f '${Version}' gpuprov)" = 99.0 ]
	[ "$(inside gpuprov history --json | jq '.runs | length')" -eq 2 ]

	# Removed: no program, and what it kept is still there.
	quiet_apt remove gpuprov
	[ ! -e "$ROOT/usr/bin/gpuprov" ]
	[ -s "$ROOT/var/lib/gpuprov/runs/000001/journal" ]
	# Installed again, it can put back what it did before it was removed.
	quiet_apt install /tmp/gpuprov.deb
	inside gpuprov rollback --yes 1 >"$WORK/rollback.out" 2>&1 || { tail "$WORK/rollback.out"; return 1; }
	! chroot "$ROOT" dpkg-query -W -f '${Version}' nvidia-smi 2>/dev/null | grep .
	inside gpuprov apply --yes /etc/gpuprov/profile.yaml >"$WORK/apply.out" 2>&1

	# Purged: nothing of ours is left, and nothing else is gone. The driver is the host's.
	paths_of >"$WORK/paths-used"
	installed | grep -v '^gpuprov ' >"$WORK/packages-used"
	quiet_apt purge gpuprov
	paths_of >"$WORK/paths-after"
	diff "$WORK/packages-used" <(installed)
	comm -23 "$WORK/paths-used" "$WORK/paths-after" >"$WORK/gone"
	# Folders that came with the package go with it; what was there before it stays.
	comm -12 <(grep -v gpuprov "$WORK/gone") "$WORK/paths-before" >"$WORK/others"
	grep '^\./etc/' "$WORK/gone" >>"$WORK/others" || :
	diff /dev/null "$WORK/others"
	for path in var/lib/gpuprov var/cache/gpuprov run/gpuprov usr/lib/gpuprov usr/share/gpuprov; do
		[ ! -e "$ROOT/$path" ]
	done
	[ -e "$ROOT/etc/gpuprov/profile.yaml" ]
	[ -e "$ROOT/etc/modprobe.d/gpuprov-nouveau.conf" ]
	[ -L "$ROOT/usr/bin/nvidia-smi" ]
}

@test "Debian 12: installed by apt, facts, plan, apply, drift, upgraded, removed, purged" {
	lived_with bookworm 535
}

@test "Debian 13: the same file, the same life" {
	lived_with trixie 550
}
