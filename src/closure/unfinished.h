/* SPDX-License-Identifier: Apache-2.0 */
/* What a run of dpkg that was cut off left behind, and ending it with the files at hand. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct sys;

/* Is every package whole, and nothing waiting to be written into dpkg's status? */
int unfinished_none(const struct sys *sys, bool *ret, struct err *e);

/*
 * Configure what is only unpacked; unpack anew what was cut off in between, from package files that
 * apt had fetched and checked for it, or that we kept. Needs no network. On success all is whole.
 */
int unfinished_end(const struct sys *sys, struct err *e);
