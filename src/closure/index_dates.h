/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How old package indexes are. A signature says who made an index, not that it is the latest: an
 * old one, served again, is as well signed as it was. libapt keeps to the newer of two that it
 * has; here it is remembered which was the newest ever seen, also when libapt's lists are gone.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct indexes;
struct sys;

/* Seconds since the epoch of the field Date of a Release or InRelease text; 0 = none that is read.
 */
int64_t release_date(const char *text, size_t len);

/* "3 hours", "2 days": the largest unit, cut. */
const char *index_age(int64_t seconds, struct arena *a);

/*
 * After indexes were fetched: GP_BAD_INDEX when one is older than what its repository gave before;
 * then the fetched lists are removed. Else remembers the dates.
 */
int index_dates_check(const struct sys *sys, const struct sys *cache, const struct indexes *x,
		      struct err *e);
