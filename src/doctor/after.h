/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host will be when a plan is carried out: facts and plan in, facts out. Only what the steps
 * say that they do, and what the postconditions say that must hold then; with a boot, if the plan
 * asks for one.
 */
#pragma once

#include "facts.h"
#include "plan.h"

int facts_after(const struct facts *f, const struct plan *p, struct arena *a, struct facts *ret,
		struct err *e);
