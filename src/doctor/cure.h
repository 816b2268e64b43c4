/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan that mends what doctor found. Which cure a symptom has is data (`fix`, `by-hand` of
 * catalog/symptoms.cat); that it mends is tried: the plan is made, the host is looked at as it will
 * be then, and the finding must be gone. Pure.
 */
#pragma once

#include "catalog.h"
#include "doctor/doctor.h"
#include "facts.h"
#include "plan.h"
#include "profile/profile.h"

struct cure_ask {
	const struct facts *facts;
	const struct catalog *catalog;
	const struct profile *profile; /* NULL: the host is meant to stay what it is */
};

struct cure {
	struct plan plan;
	struct profile profile; /* what it was made from; .kind NULL = from no profile */
	findings left;          /* what doctor will find when it is carried out */
};

/* Say in each finding whether a plan mends it, and if not, why. */
int cure_judge(const struct cure_ask *ask, struct arena *a, findings *io, struct err *e);

/* One plan for all findings of which cure_judge() says so; without any, it has no steps. */
int cure_plan(const struct cure_ask *ask, const findings *all, struct arena *a, struct cure *ret,
	      struct err *e);

/* Used by doctor/cure.c: steps that mend this finding by themselves; false = there are none. */
bool cure_steps(const struct finding *f, const struct cure_ask *ask, struct plan *io);
