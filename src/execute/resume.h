/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of two sittings: what waits for the next boot. The file var/lib/gpuprov/resume.json is
 * there as long as something waits; the unit gpuprov-resume.service looks for it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>

struct sys;

enum { RESUME_BOOTS = 3 }; /* so many boots may pass before we give up */

struct resume {
	long long run;    /* that waits */
	const char *boot; /* boot id in which it began to wait */
	long long boots;  /* how often it was gone on with */
};

/* Run `run` waits for a boot from now on. */
int resume_wait(const struct sys *sys, long long run, struct err *e);
/* Nothing waits any more. */
int resume_clear(const struct sys *sys, struct err *e);

/*
 * Whether something waits, and whether it can go on: another boot than the one it began to wait in.
 * Counts this boot. GP_BOOT_LOOP, and nothing waits any more, when there were too many.
 */
int resume_begin(const struct sys *sys, struct arena *a, struct resume *ret, bool *ret_there,
		 bool *ret_booted, struct err *e);
