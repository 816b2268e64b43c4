/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster in a plan: which manifests its step applies, and what they would change there. Plans
 * are refused here for what only the cluster knows.
 */
#pragma once

#include "emit/emit.h"
#include "plan.h"

struct sys;

/* The manifests of the step, where the plan has one. `em` may refuse them. */
int cluster_fill(struct plan *plan, struct emit *em, struct err *e);
/* Ask the cluster, and say what the step comes to; changes nothing. */
int cluster_ask(struct plan *plan, const struct profile *profile, const struct sys *sys,
		struct err *e);
