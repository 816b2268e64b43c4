/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a sitting: wait for a boot, or prove what was done, report it, or put it back. */
#pragma once

#include "commands/common.h"

/* What the profile says about the end, into job.plan. */
void sitting_rules(struct job *j);

/*
 * After job.plan was carried out without an error. `booted`: this was the sitting after a boot.
 * Returns the exit status, or -1 (GP_NOT_PROVED, after the rollback that the profile asks for).
 */
int sitting_end(struct job *j, bool booted, struct err *e);

/* After it failed: put back what was done, if the profile says so. The error stays what it is. */
void sitting_failed(struct job *j, struct err *e);
