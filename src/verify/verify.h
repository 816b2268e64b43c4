/* SPDX-License-Identifier: Apache-2.0 */
/* Proving the postconditions: a check looks at the host, never at what we think we did. */
#pragma once

#include "facts.h"
#include "plan.h"

struct sys;
struct profile;

enum verdict_result {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_DEFERRED, /* cannot be proved here and now; `needs` says what it takes */
	VERDICT_NA,       /* there is nothing here that this could hold for */
};

struct verdict {
	const char *id;
	enum verdict_result result;
	const char *evidence; /* what was seen, and where */
	const char *needs;    /* boot, gpu, daemon, root: for DEFERRED */
};

typedef LIST(struct verdict) verdicts;
extern const struct rec_row verdict_rows[];

/* What is looked at. */
struct verify_subject {
	const struct plan *plan;
	const struct plan *applied;    /* NULL, or: the versions it installed must be there, not
					  merely the branch that the profile names */
	const struct profile *profile; /* NULL: the cluster it may name is not asked */
	const struct facts *facts;
	const struct sys *sys;
	bool run;            /* also run a CUDA kernel on every GPU */
	const char *pytorch; /* a Python with torch to be asked; NULL = none */
};

/* Check each postcondition of the plan, and what follows from them. */
int verify_all(const struct verify_subject *what, struct arena *a, verdicts *ret, struct err *e);
