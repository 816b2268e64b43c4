#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# engine-debs.sh SUITE DIR PACKAGE...: Debian packages of a suite, unpacked into DIR and not installed.
# Mirrors come from this machine's own apt configuration; its apt is not touched.
set -eu

suite=$1 dir=$2
shift 2
[ -e "$dir/.complete" ] && exit 0

own=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt expands these names, not the shell
uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 'Created-By: Packages' |
	awk -v own="$own" '$3 == "Debian" && $2 == own { print $1; exit }')
[ -n "$uri" ] || { echo "engine-debs: this machine has no apt source of Debian" >&2; exit 1; }

case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
rm -rf --one-file-system "$dir.tmp"
mkdir -p "$dir.tmp/apt/lists/partial" "$dir.tmp/apt/cache/archives/partial" "$dir.tmp/debs"
echo "deb $uri $suite main" >"$dir.tmp/apt/sources.list"
: >"$dir.tmp/apt/status"
apt() {
	apt-get -qq -o Dir::Etc::sourcelist="$dir.tmp/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$dir.tmp/apt/lists" -o Dir::State::status="$dir.tmp/apt/status" \
		-o Dir::Cache="$dir.tmp/apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@" >&2
}
apt update
(cd "$dir.tmp/debs" && apt download "$@")
for deb in "$dir.tmp"/debs/*.deb; do
	dpkg -x "$deb" "$dir.tmp/root"
done
rm -rf --one-file-system "$dir.tmp/apt" "$dir.tmp/debs"
touch "$dir.tmp/.complete"
mv "$dir.tmp" "$dir"
