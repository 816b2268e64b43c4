#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# apt-backend.sh SUITE BUILD DIR: compile the apt back end in a Debian root of that suite, which has another ABI
# of libapt than this machine, and put it into DIR. Roots are kept in BUILD/cache.
set -eu

suite=$1 build=$2 to=$3
cd "$(dirname "$0")/.."
. tests/lib/scratch.sh

tests/lib/base-root.sh "$suite" "$build/cache/$suite-build" g++ libapt-pkg-dev make
work=$build/deb/$suite
trap 'scratch_drop "$work"' EXIT
scratch_make "$build/cache/$suite-build" "$work"
mkdir "$work/root/gpuprov"
tar -c Makefile src | tar -x -C "$work/root/gpuprov"
# Make's job server is outside, and so is its idea of verbosity.
env -u MAKEFLAGS -u MAKELEVEL -u O chroot "$work/root" /usr/bin/make -s -C /gpuprov O=build V=0 CFLAGS=-O2 build/apt-backend
mkdir -p "$to"
for so in "$work/root/gpuprov/build"/gpuprov-apt-*.so; do cp "$so" "$to/"; done
