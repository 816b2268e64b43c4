/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there room for what a plan comes to? Told before anything is changed: a file system that fills
 * up in the middle of dpkg is hard to mend.
 */
#pragma once

#include "facts.h"
#include "plan.h"

/*
 * The exact set of packages and what plan_room() added, summed for each file system: a refusal
 * (GP_NO_SPACE) where it is more than is free; a warning where less than a fifth of it would be
 * left, and where the sum rests on an estimate. Takes the place of what the solver warned of.
 */
void room_judge(struct plan *plan, const struct facts *f);
