/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profile and facts and catalog give a plan. Pure: no file, no clock, no environment, no libapt.
 * When there is no plan, all refusals are in it, each with its ways out.
 */
#pragma once

#include "catalog.h"
#include "facts.h"
#include "plan.h"
#include "profile/profile.h"

/* `ret` is initialised here; everything in it lives in arena a. */
void solve(const struct profile *profile, const struct facts *facts, const struct catalog *catalog,
	   struct arena *a, struct plan *ret);

/*
 * What the profile itself says about GPUs, driver and CUDA that fits no host together: the same
 * rules, asked about a host of which nothing is known but what the profile names. The complaints
 * are added to `ret`; the profile is left as it is.
 */
void solve_pairs(const struct profile *profile, const struct catalog *catalog, struct arena *a,
		 struct diags *ret);
