#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A stand-in for nvidia-installer: its flags, log, record, exit statuses and its ways to fail, as far as they
# were measured on the real one. What is installed is in .manifest; `behave` says which misfortune to play.
set -u

here=$(cd "$(dirname "$0")" && pwd)
[ -r "$here/.manifest" ] || here=$PWD
manifest=$here/.manifest
record=/var/lib/nvidia/log dirs=/var/lib/nvidia/dirs
log=/var/log/nvidia-installer.log
lib=/usr/lib/x86_64-linux-gnu
mode=install silent='' kernel='' modules=yes load=yes alternate=yes type='' sign='' hash='' public='' only=''
line="$0 $*"

say() { echo "$*" >>"$log"; }
step() { say "-> $*"; }
fail() {
	say "ERROR: $*"
	say "ERROR: Installation has failed.  Please see the file '$log' for details."
	echo >&2
	echo "ERROR: $*" >&2
	exit 1
}
# behaves WORD: print what stands behind it; false when this file does not behave so.
behaves() { [ -r "$here/behave" ] && sed -n "s/^$1=//p" "$here/behave" | grep .; }

# Called at named places: a test may stop the world there.
point() {
	[ "$(behaves pause)" = "$1" ] || return 0
	echo "$1" >/var/paused
	while :; do sleep 0.05; done
}

bad() {
	echo "Invalid commandline, please run \`nvidia-installer --help\` for usage information." >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	-s | --silent) silent=yes ;;
	-q | --no-questions | -a | --accept-license | --ui=none) ;;
	--uninstall) mode=uninstall ;;
	--sanity) mode=sanity ;;
	-i | --driver-info) mode=info ;;
	-k | --kernel-name) kernel=$2; shift ;;
	--kernel-name=*) kernel=${1#*=} ;;
	--no-kernel-modules) modules= ;;
	--skip-module-load) load= ;;
	--kernel-modules-only) only=yes ;;
	--kernel-module-type=open | --kernel-module-type=proprietary) type=${1#*=} ;;
	--dkms | --no-dkms | --no-drm | --no-opengl-files | --no-x-check | --disable-nouveau) ;;
	--no-disable-nouveau | --rebuild-initramfs | --no-rebuild-initramfs | --no-nouveau-check) ;;
	--allow-installation-with-running-driver | --no-distro-scripts) ;;
	--no-check-for-alternate-installs) alternate= ;;
	--module-signing-secret-key=*) sign=${1#*=} ;;
	--module-signing-public-key=*) public=${1#*=} ;;
	--module-signing-hash=*) hash=${1#*=} ;;
	--log-file-name=*) log=${1#*=} ;;
	--tmpdir=*) ;;
	--tmpdir) shift ;;
	*) bad ;;
	esac
	shift
done

uninstall() {
	[ -d /var/lib/nvidia ] || { say "No driver backed up."; return 0; }
	step "Uninstalling the previous installation"
	{
		read -r _
		read -r _
		while read -r number name; do
			point "uninstall:${name##*/}"
			case $number in
			0:) read -r target; [ "$(readlink "$name")" != "$target" ] || rm -f "$name" ;;
			1:) read -r _; rm -f "$name" ;;
			2:) read -r target; read -r _ ;;
			*) read -r _ ;;
			esac
		done
	} <"$record"
	{
		read -r _
		read -r _
		while read -r number name; do
			case $number in
			0: | 1:) read -r _ ;;
			2:) read -r target; read -r _; ln -s "$target" "$name" 2>/dev/null ;;
			*)
				read -r _ mode_ uid gid
				mv "/var/lib/nvidia/${number%:}" "$name" && chmod "${mode_#10}" "$name" &&
					chown "$uid:$gid" "$name"
				;;
			esac
		done
	} <"$record"
	[ ! -e "$dirs" ] || while read -r name; do
		case $name in '' | /var/lib/nvidia) ;; *) rmdir "$name" 2>/dev/null ;; esac
	done <"$dirs"
	point uninstall:record
	rm -rf /var/lib/nvidia
	step "done."
}

# The sum that the record has.
crc() {
	perl -e 'local $/; my $d = <>; my $c = 0xffffffff; my @t;
		for my $b (0 .. 255) {
			my $v = $b << 24;
			$v = ($v & 0x80000000 ? $v << 1 ^ 0x04c11db7 : $v << 1) & 0xffffffff for 1 .. 8;
			$t[$b] = $v;
		}
		$c = ($c << 8 & 0xffffffff) ^ $t[$_ ^ $c >> 24] for unpack "C*", $d;
		print length $d ? $c : 0, "\n"' "$1"
}

# A file as the real one copies it: made at full length, zeros first, then the bytes, then the record.
backups=100
put() { # put SOURCE TARGET MODE CRC
	if [ -e "$2" ] || [ -L "$2" ]; then
		mv "$2" "/var/lib/nvidia/$backups"
		printf '%s: %s\n%s %s\n' $backups "$2" "$(crc /var/lib/nvidia/$backups)" \
			"$(stat -c '10%04a %u %g' /var/lib/nvidia/$backups)" >>"$record"
		backups=$((backups + 1))
	fi
	parent=$(dirname "$2")
	[ -d "$parent" ] || { mkdir -p "$parent"; echo "$parent" >>"$dirs"; }
	truncate -s "$(stat -c %s "$1")" "$2"
	point "copy:$(basename "$2")"
	cat "$1" >"$2"
	chmod "$3" "$2"
	printf '1: %s\n%s\n' "$2" "$4" >>"$record"
}

link() { # link NAME TARGET
	rm -f "$1"
	ln -s "$2" "$1"
	point "link:$(basename "$1")"
	printf '0: %s\n%s\n' "$1" "$2" >>"$record"
}

need_tools() {
	for tool in cc ld make; do
		command -v $tool >/dev/null || fail "Unable to find the development tool \`$tool\` in your path; \
please make sure that you have the package for \`$tool\` installed."
	done
	[ -n "$kernel" ] || kernel=$(uname -r)
	[ -e "/lib/modules/$kernel/build/Makefile" ] || [ -e "/lib/modules/$kernel/source/Makefile" ] ||
		fail "Unable to find the kernel source tree for the kernel '$kernel'.  Please make sure you \
have installed the kernel source files for your kernel."
	[ -e "$here/conftest.sh" ] || fail "Unable to find conftest.sh"
}

build() {
	tree=$here/kernel modules_at=/lib/modules/$kernel/kernel/drivers/video
	[ "$type" != open ] || tree=$here/kernel-open
	[ -d "$tree" ] || fail "This package has no kernel modules of type '$type'."
	step "Building kernel modules"
	say "executing: 'make -C /lib/modules/$kernel/build M=$tree modules'"
	make -C "/lib/modules/$kernel/build" "M=$tree" modules >>"$log" 2>&1 ||
		fail "An error occurred while performing the step: \"Building kernel modules\". See $log for details."
	if [ -n "$sign" ]; then
		[ -n "$hash" ] || fail "The module signing hash cannot be guessed."
		step "Signing kernel module"
		"/lib/modules/$kernel/build/scripts/sign-file" "$hash" "$sign" "$public" "$tree/nvidia.ko" \
			>>"$log" 2>&1 || fail "Unable to sign the kernel module."
	fi
	put "$tree/nvidia.ko" "$modules_at/nvidia.ko" 0644 "$(crc "$tree/nvidia.ko")"
	depmod -a "$kernel" >>"$log" 2>&1 || say "WARNING: depmod failed"
	[ -z "$load" ] || fail "Unable to load the kernel module 'nvidia.ko'.  This happens most frequently when \
this kernel module was built against the wrong or improperly configured kernel sources."
}

install_all() {
	while read -r name file_mode kind _ target crc; do
		case $kind in
		LIB) put "$here/$name" "$lib/$name" "$file_mode" "$crc" ;;
		LIB_SYMLINK) link "$lib/$name" "$target" ;;
		BINARY) put "$here/$name" "/usr/bin/$name" "$file_mode" "$crc" ;;
		BINARY_SYMLINK) link "/usr/bin/$name" "$target" ;;
		DATA) put "$here/$name" "/usr/share/nvidia/$name" "$file_mode" "$crc" ;;
		esac
	done <"$here/.files"
	put "$here/nvidia-installer" /usr/bin/nvidia-installer 0755 "$(cat "$here/.installer-crc")"
	link /usr/bin/nvidia-uninstall nvidia-installer
	point ldconfig
	ldconfig 2>>"$log"
	say "Installed $1"
}

[ "$(id -u)" -eq 0 ] || { echo "ERROR: nvidia-installer must be run as root" >&2; exit 1; }
[ "$(basename "$0")" != nvidia-uninstall ] || mode=uninstall

case $mode in
uninstall)
	log=/var/log/nvidia-uninstall.log
	: >"$log"
	say "nvidia-installer command line:"
	say "    $line"
	[ -z "$(behaves uninstall)" ] || fail "$(behaves uninstall)"
	uninstall
	exit 0
	;;
info | sanity)
	[ -e "$record" ] || { echo "There is no NVIDIA driver currently installed." >&2; exit 1; }
	sed -n 1,2p "$record"
	exit 0
	;;
esac

version=$(sed -n 2p "$manifest")
: >"$log"
say "nvidia-installer log file '$log'"
say "installer version: $version"
say "nvidia-installer command line:"
say "    $line"
[ -n "$silent" ] || say "Using: nvidia-installer stream user interface"
# What a hostile environment would show.
env | sort >/var/log/nvidia-installer.env
readlink /proc/self/fd/0 >>/var/log/nvidia-installer.env
command -v modprobe >/dev/null || fail "Unable to find the system utility \`modprobe\`; please make sure you \
have the package 'module-init-tools' or 'kmod' installed."
if [ -n "$alternate" ] && [ -e /usr/lib/nvidia/alternate-install-present ]; then
	fail "The alternate driver installation was detected: $(cat /usr/lib/nvidia/alternate-install-present)"
fi
[ -z "$(behaves fail)" ] || fail "$(behaves fail)"
[ -z "$(behaves hang)" ] || while :; do sleep 1; done
[ -z "$modules" ] || need_tools
if [ "$only" ]; then
	[ -e "$record" ] || fail "There is no driver to add a kernel module to."
	build
	exit 0
fi
point start
if [ -e "$record" ]; then uninstall; fi
rm -rf /var/lib/nvidia
mkdir /var/lib/nvidia
chmod 0700 /var/lib/nvidia
(umask 077; printf '1.0-%s (%s)\n%s\n' "$(echo "$version" | tr -d .)" "$version" \
	"$(sed -n 1p "$manifest")" >"$record")
step "Installing '$(sed -n 1p "$manifest")' ($version):"
point record
install_all "$version"
[ -z "$modules" ] || build
point end
[ -z "$(behaves late)" ] || fail "$(behaves late)"
case $(behaves damage) in
'') ;;
*) : >"$lib/$(behaves damage)" ;; # it says that all is well, and it is not
esac
step "done."
step "Installation of the kernel module for the $(sed -n 1p "$manifest") (version $version) is now complete."
exit 0
