/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that change the host do alike: rights, the question, signals, carrying out. */
#pragma once

#include "commands/common.h"

/* GP_NEEDS_ROOT when we are not; the ways out name this command. */
int acting_rights(const struct job *j, const char *command, struct err *e);

/* Text or JSON of job.plan on stdout. */
int acting_show(struct job *j, struct err *e);

/* Ask on the terminal, unless --yes. */
int acting_confirm(const struct job *j, struct err *e);

/* Execute job.plan with progress; signals are caught from here on. */
int acting_carry_out(struct job *j, struct err *e);
