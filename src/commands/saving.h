/* SPDX-License-Identifier: Apache-2.0 */
/* Plans to files, and back if nothing has moved. */
#pragma once

#include "commands/common.h"
#include "execute/saved.h"

/* job.plan and what it was made from into the file of --out, mode 0600. */
int saving_write(struct job *j, struct err *e);

/* A saved plan from this file; *ret_is is false when it is something else, a profile then. */
int saving_read(struct job *j, const char *path, struct saved *ret, bool *ret_is, struct err *e);

/*
 * GP_PLAN_STALE with every fact that has moved, else the plan becomes job.plan. A plan that was
 * begun already has moved the host itself: it is gone on with.
 */
int saving_check(struct job *j, const struct saved *then, struct err *e);
