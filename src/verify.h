/* SPDX-License-Identifier: Apache-2.0 */
/* Proving the postconditions: a check looks at the host, never at what we think we did. */
#pragma once

#include "facts.h"
#include "plan.h"

struct sys;

enum verdict_result {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_DEFERRED, /* cannot be proved here and now; `needs` says what it takes */
};

struct verdict {
	const char *id;
	enum verdict_result result;
	const char *evidence; /* what was seen, and where */
	const char *needs;    /* boot, gpu: for DEFERRED */
};

typedef LIST(struct verdict) verdicts;
extern const struct rec_row verdict_rows[];

/*
 * Check each postcondition of `plan`. `applied` may be NULL: else the versions that were installed
 * by it are what must be there, not merely the branch that the profile names.
 */
int verify_posts(const struct plan *plan, const struct plan *applied, const struct facts *facts,
		 const struct sys *sys, struct arena *a, verdicts *ret, struct err *e);
