#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# base-root.sh SUITE DIR [PACKAGE...]: make a Debian root in DIR with mmdebstrap, unless it is there.
# Mirrors and what apt is told about them come from this machine's own apt configuration.
set -eu

suite=$1 dir=$2
shift 2
[ -e "$dir/.complete" ] && exit 0

# This machine's Debian entries: "URI SUITE", one a line.
entries() {
	# shellcheck disable=SC2016 # apt expands these names, not the shell
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 'Created-By: Packages' |
		awk '$3 == "Debian" { print $1, $2 }' | sort -u
}
if [ -z "$(entries)" ]; then
	apt-get -qq update
fi
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=$(entries | while read -r uri release; do
	case $release in
	"$own" | "$own-updates" | "$own-security")
		# sid has neither updates nor security.
		[ "$suite" = sid ] && [ "$release" != "$own" ] && continue
		echo "deb $uri $suite${release#"$own"} main" ;;
	esac
done)
[ -n "$sources" ] || { echo "base-root: this machine has no apt source of Debian" >&2; exit 1; }

# What this machine's apt is told about mirrors holds in the root too.
set -- --include="apt$(for p in "$@"; do printf ',%s' "$p"; done)"
for key in Acquire::Check-Valid-Until Acquire::Check-Date Acquire::http::Proxy Acquire::https::Proxy; do
	value=$(apt-config shell v "$key" | sed "s/^v='\(.*\)'$/\1/")
	[ -z "$value" ] || set -- "$@" "--aptopt=$key \"$value\""
done

rm -rf --one-file-system "$dir.tmp"
mkdir -p "$(dirname "$dir")"
echo "making a base root of $suite in $dir" >&2
echo "$sources" | mmdebstrap --quiet --variant=apt --mode=root "$@" "$suite" "$dir.tmp" - >&2
touch "$dir.tmp/.complete"
mv "$dir.tmp" "$dir"
