/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting back what runs did, as a plan like any other: its steps are those of the runs backwards,
 * each with where its saved state is. execute() carries it out in a run of its own, so it can be
 * cut off and gone on with.
 */
#pragma once

#include "execute/runs.h"
#include "plan.h"

struct sys;

/*
 * The plan that puts back run `from` and every later one that still stands. Steps that an earlier
 * rollback put back before it was cut off are not in it.
 */
int undo_plan(const struct sys *sys, const runs *all, long long from, struct arena *a,
	      struct plan *ret, struct err *e);

/* For a step of such a plan: the step it puts back, and what save() kept then. */
int undo_origin(const struct sys *sys, const struct plan_step *s, struct arena *a,
		struct plan_step *ret_step, const char **ret_saved, struct err *e);
