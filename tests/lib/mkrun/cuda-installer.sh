#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A stand-in for cuda-installer: its flags, log, summary and uninstaller, as its users describe them.
set -u

here=$(cd "$(dirname "$0")" && pwd)
version=$(cat "$here/version") series=$(cut -d . -f 1,2 "$here/version")
log=/var/log/cuda-installer.log
path=/usr/local/cuda-$series
toolkit='' driver='' silent=''

say() { echo "[INFO]: $*" >>"$log"; }
fail() {
	echo "[ERROR]: $*" >>"$log"
	echo "$*. Consult the log at $log for more details." >&2
	exit 1
}
behaves() { [ -r "$here/behave" ] && sed -n "s/^$1=//p" "$here/behave" | grep .; }
point() {
	[ "$(behaves pause)" = "$1" ] || return 0
	echo "$1" >/var/paused
	while :; do sleep 0.05; done
}

for arg; do
	case $arg in
	--silent) silent=yes ;;
	--toolkit) toolkit=yes ;;
	--driver) driver=yes ;;
	--toolkitpath=*) path=${arg#*=} ;;
	--tmpdir=* | --override | --no-drm | --no-man-page | --no-opengl-libs | --override-driver-check) ;;
	*) echo "cuda-installer: unrecognized option '$arg'" >&2; exit 1 ;;
	esac
done
: >"$log"
say "Driver not installed."
[ -n "$silent" ] || fail "there is no terminal for the menu"
[ -n "$toolkit$driver" ] || fail "nothing is selected"
[ -z "$driver" ] || fail "Install of driver component failed"
[ -z "$(behaves fail)" ] || fail "$(behaves fail)"
say "Installing: CUDA Toolkit $version"
mkdir -p "$path/bin" "$path/lib64" "$path/include" "$path/nvvm"
sed "s/@VERSION@/$version/; s/@SERIES@/$series/" "$here/builds/nvcc.sh" >"$path/bin/nvcc"
chmod 755 "$path/bin/nvcc"
point nvcc
head -c 4096 /dev/zero >"$path/lib64/libcudart.so.$version"
cp "$here/builds/libcudart.so" "$path/lib64/libcudart.so.$version"
ln -sf "libcudart.so.$version" "$path/lib64/libcudart.so.${series%%.*}"
printf '#define CUDART_VERSION %s\n' "$series" >"$path/include/cuda_runtime_api.h"
printf '{"cuda": {"name": "CUDA SDK", "version": "%s"}}\n' "$version" >"$path/version.json"
[ "$(behaves leave)" != version ] || rm "$path/version.json"
# The uninstaller takes away what is in its list.
(cd "$path" && find . ! -type d | sort) >"$here/list"
mkdir -p "$path/bin"
cp "$here/list" "$path/bin/.cuda-files"
cat >"$path/bin/cuda-uninstaller" <<-END
	#!/bin/sh
	[ "\${1:-}" = --silent ] || { echo "no terminal" >&2; exit 1; }
	cd '$path' || exit 1
	while read -r f; do rm -f "\$f"; done <bin/.cuda-files
	rm -f bin/.cuda-files bin/cuda-uninstaller
	find '$path' -depth -type d -exec rmdir {} + 2>/dev/null
	[ "\$(readlink /usr/local/cuda)" != '$path' ] || rm -f /usr/local/cuda
	exit 0
END
chmod 755 "$path/bin/cuda-uninstaller"
# Unless told otherwise the real one makes itself the default.
ln -sfn "$path" /usr/local/cuda
say "Finished with code: 0"
cat <<-END
	===========
	= Summary =
	===========

	Driver:   Not Selected
	Toolkit:  Installed in $path/

	***WARNING: Incomplete installation! This installation did not install the CUDA Driver.
	Logfile is $log
END
exit 0
