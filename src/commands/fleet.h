/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning many hosts at once: --facts given several times, or naming a folder of facts files. One
 * line a host, or with JSON one object a line; packages are not resolved.
 */
#pragma once

#include "commands/common.h"

/* Is it many hosts that are asked for? */
bool fleet_asked(const struct options *o);

/* The job has its profile. Returns the exit status, -1 on an error. */
int fleet_plan(struct job *j, struct err *e);
