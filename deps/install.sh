#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages listed in the files named, if any is missing. Needs root only then.
set -eu

here=$(dirname "$0")
missing=
for list in "$@"; do
	while read -r package _; do
		case $package in '' | '#'*) continue ;; esac
		state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
		case $state in ?i*) ;; *) missing="$missing $package" ;; esac
	done <"$here/$list.txt"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: these packages are missing:$missing" >&2
	echo "deps: install them, or run this as root" >&2
	exit 1
fi
echo "deps: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install $missing >/dev/null
