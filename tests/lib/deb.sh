#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deb.sh BUILD: the Debian package in BUILD/deb. One that is newer than all it is made of is as good as a new one.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
newest=$(find "$1/deb" -maxdepth 1 -name 'gpuprov_*.deb' 2>/dev/null || :)
if [ -z "$newest" ] || [ -n "$(cd "$top" && find Makefile README.md catalog debian docs examples profiles src \
	templates units -newer "$newest" -print -quit)" ]; then
	exec "$top/debian/build.sh" "$1"
fi
