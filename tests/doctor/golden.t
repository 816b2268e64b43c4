#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Golden findings: what doctor says about each host, and about hosts with one thing broken.
exec "$(dirname "$0")/../plan/run.sh" "$(dirname "$0")"/cases/*.case
