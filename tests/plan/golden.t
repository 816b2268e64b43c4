#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Golden plans: profile and facts give exactly this text. The cases are in cases/, see run.sh.
exec "$(dirname "$0")/run.sh"
