#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Modules that DKMS compiles: headers for each kernel that boots, and a build that really fails.

load ../lib/real

setup() {
	real_need
	BASE=$(real_base bookworm)
	real_root "$BASE"
	mkdir "$REPO"
	repo_serve
	sed 's/modules: none/modules: proprietary/' "$DEMO" >"$WORK/p.yaml"
}

teardown() {
	real_drop
}

# kernels RELEASE...: they can be booted.
kernels() {
	local release
	mkdir -p "$ROOT/boot"
	for release; do
		mkdir -p "$ROOT/lib/modules/$release"
		touch "$ROOT/boot/vmlinuz-$release"
	done
}

# with_headers META RELEASE...: a driver with modules, the headers on offer, and what the meta-package brings.
with_headers() {
	local release
	debian_suite
	driver_packages "$VERSION"
	cat <<-END

		Package: nvidia-kernel-dkms
		Version: $VERSION
		Source: nvidia-graphics-drivers
		Component: non-free
		File: /usr/src/nvidia-current-535.309.01/dkms.conf PACKAGE_NAME=nvidia-current

		Package: nvidia-persistenced
		Version: 535.171.04-1
		Component: contrib

		Package: linux-headers-amd64
		Version: 1
		Component: main
		Depends: linux-headers-$1
	END
	shift
	for release; do
		printf '\nPackage: linux-headers-%s\nVersion: 1\nComponent: main\n' "$release"
	done
}

@test "the headers of a kernel that is not the newest, where they are still on offer" {
	kernels 6.1.0-98-amd64 6.1.0-99-amd64
	with_headers 6.1.0-99-amd64 6.1.0-98-amd64 6.1.0-99-amd64 | repo_make
	repo_use
	gp plan "$WORK/p.yaml" --json
	[ "$status" -eq 0 ]
	planned >"$WORK/planned"
	grep -qx 'linux-headers-6.1.0-98-amd64 1' "$WORK/planned"
	grep -qx 'linux-headers-6.1.0-99-amd64 1' "$WORK/planned"
	grep -qx 'linux-headers-amd64 1' "$WORK/planned"
	installed >"$WORK/before"
	apply "$WORK/p.yaml"
	# There is no DKMS here, so what must hold in the end does not; the set was installed all the same.
	diff <(sort "$WORK/before" "$WORK/planned") <(installed)
}

@test "where they are not, the kernel is named, with the ways out" {
	kernels 6.1.0-98-amd64 6.1.0-99-amd64
	with_headers 6.1.0-99-amd64 6.1.0-99-amd64 | repo_make
	repo_use
	gp plan "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP2016
	says "kernel 6.1.0-98-amd64 would be left without an NVIDIA module"
	says "apt-get purge linux-image-6.1.0-98-amd64"
}

# ---- DKMS for real ----

# real_dkms SOURCE: a driver whose module is this, built by DKMS for the headers of Debian that are there.
real_dkms() {
	debian_suite
	driver_packages "$VERSION"
	cat <<-END

		Package: nvidia-kernel-dkms
		Version: $VERSION
		Source: nvidia-graphics-drivers
		Component: non-free
		Depends: dkms
		File: /usr/src/nvidia-current-535.309.01/dkms.conf PACKAGE_NAME=nvidia-current\\nPACKAGE_VERSION=535.309.01\\nBUILT_MODULE_NAME[0]=nvidia-current\\nDEST_MODULE_LOCATION[0]=/updates/dkms\\nAUTOINSTALL=yes
		File: /usr/src/nvidia-current-535.309.01/Makefile obj-m := nvidia-current.o
		File: /usr/src/nvidia-current-535.309.01/nvidia-current.c #include <linux/module.h>\\n$1\\nMODULE_VERSION("535.309.01");\\nMODULE_LICENSE("GPL");
		Postinst: /usr/lib/dkms/common.postinst nvidia-current 535.309.01 /usr/share/nvidia-current "" \$2
		Prerm: dkms remove -m nvidia-current -v 535.309.01 --all || :

		Package: nvidia-persistenced
		Version: 535.171.04-1
		Component: contrib
	END
}

@test "a module that really does not compile: the compiler's words; put back; then one that does" {
	real_drop
	BASE=$(real_base bookworm-build kmod gcc make libc6-dev linux-headers-amd64)
	real_root "$BASE"
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq -y --no-install-recommends install dkms >"$WORK/said" 2>&1
	mkdir "$REPO"
	repo_serve
	sed 's/modules: none/modules: proprietary/' "$DEMO" >"$WORK/p.yaml"
	release=$(basename "$ROOT"/lib/modules/*-amd64)
	kernels "$release"
	# vm_flags_or() came with Linux 6.3: what drivers of that time stumbled over.
	real_dkms 'int init_module(void)\n{\n        return vm_flags_or_something(0);\n}' | repo_make
	repo_use
	sed -i 's/ main$/ main contrib non-free/' "$ROOT/etc/apt/sources.list"
	boot=$(ls -l "$ROOT/boot")
	installed >"$WORK/before"
	apply "$WORK/p.yaml"
	[ "$status" -eq 1 ]
	says GP2007
	says "did not compile for kernel $release"
	says "nvidia-current.c"
	says "implicit declaration of function"
	says "vm_flags_or_something"
	says "/build/make.log"
	says "gpuprov rollback"
	# It can be booted as before: nothing in /boot has changed, no half module is there.
	[ "$(ls -l "$ROOT/boot")" = "$boot" ]
	[ -z "$(find "$ROOT/lib/modules" -name 'nvidia*.ko*')" ]
	no_mounts
	run --separate-stderr "$GPUPROV" rollback --yes --root "$ROOT"
	show
	[ "$status" -eq 0 ]
	diff "$WORK/before" <(installed)
	[ -z "$(chroot "$ROOT" dpkg --audit)" ]
	[ ! -e "$ROOT/etc/modprobe.d/gpuprov-nouveau.conf" ]
	# The release that compiles.
	real_dkms 'static int x;\nint init_module(void)\n{\n        return x;\n}' | repo_make
	rm -rf "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/lib/apt/lists/* # it has the same version
	apply "$WORK/p.yaml" --refresh
	[ "$status" -eq 0 ]
	[ "$(chroot "$ROOT" /sbin/modinfo -k "$release" -F version nvidia-current)" = 535.309.01 ]
}
