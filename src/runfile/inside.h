/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is inside the .run files of a plan, as far as they are on this machine: they are looked at
 * without being run, and the plan is refused when they do not fit the host, the profile or the
 * disk.
 */
#pragma once

#include "facts.h"
#include "plan.h"

struct sys;

struct inside_files {
	const struct sys *sys;   /* the host the plan is for */
	const struct sys *here;  /* the machine gpuprov runs on: what the profile names */
	const struct sys *cache; /* what was seen in a pinned file is kept there */
};

/* Changes nothing but the plan, and the cache. */
int inside_check(struct plan *plan, const struct facts *facts, const struct inside_files *files,
		 struct err *e);
