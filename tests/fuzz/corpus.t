#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every seed of every fuzz target, once.
exec "$(dirname "$0")/run.sh" corpus
