/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the schema check share. */
#pragma once

#include "profile/schema.h"

struct check {
	struct profile *p;
	struct diags *diags;
	unsigned kind; /* bit of the profile's kind; all bits while it is not known */
};

/* A text of the user's as it may be shown. */
const char *schema_escaped(struct check *c, const char *text);

/* Complaints about settings that contradict each other. */
void schema_pairs(struct check *c);
