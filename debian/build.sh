#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh BUILD [DIR]: the Debian package with the apt back ends of Debian 12 and Debian 13, into DIR or BUILD/deb.
# The tree is copied and built from nothing. Needs root, for the roots in which other back ends are compiled.
set -eu

if [ "$(id -u)" -ne 0 ]; then
	echo "deb: it compiles a back end in a Debian root of another release; run it as root" >&2
	exit 77
fi
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1" "${2:-$1/deb}"
build=$(cd "$1" && pwd) to=$(cd "${2:-$1/deb}" && pwd)
cd "$here"

# This machine's release compiles its own back end with the rest.
rm -rf "$to/backends"
mkdir -p "$to/backends"
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
for suite in bookworm trixie; do
	[ "$suite" = "$own" ] || debian/apt-backend.sh "$suite" "$build" "$to/backends" >&2
done

tree=$to/gpuprov
rm -rf "$tree"
mkdir "$tree"
tar -c --exclude='./build*' --exclude=./.git . | tar -x -C "$tree"
rm -f "$to"/*.deb "$to"/*.buildinfo "$to"/*.changes
log=$to/build.log
if ! (
	cd "$tree"
	env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u O -u V -u DEVELOPER APT_BACKENDS="$to/backends" \
		DEB_BUILD_OPTIONS="parallel=$(nproc) noautodbgsym nocheck" \
		dpkg-buildpackage -b -uc -us
) >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "deb: dpkg-buildpackage failed: $log" >&2
	exit 1
fi
rm -rf "$tree"
ls "$to"/*.deb
