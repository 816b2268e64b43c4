#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# private-state.sh STATE COMMAND...: run a command that finds its state in the folder STATE, and not in this
# machine's. All else of the machine is as it is.
set -eu
[ "$1" = --inside ] || exec unshare -m "$0" --inside "$@"
shift
mount -t tmpfs -o mode=0755 tmpfs /var/lib
mkdir /var/lib/gpuprov
mount --bind "$1" /var/lib/gpuprov
shift
exec "$@"
