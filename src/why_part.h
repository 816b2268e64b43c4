/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a GPU host are: the question people ask first. Pure: the catalog's `part`
 * records, the facts of a host and a plan in, text out.
 */
#pragma once

#include "base/buf.h"
#include "catalog.h"
#include "facts.h"
#include "plan.h"

/* The part of that name, or of one of its other names; NULL when there is none. */
const struct record *part_find(const struct catalog *c, const char *name);
/* The part whose name is nearest, when it may have been meant; NULL = none. */
const char *part_meant(const struct catalog *c, const char *name);

/* The installed package that shows that a host has it; NULL = none. */
const struct fact_package *part_installed(const struct record *part, const struct facts *f);

/*
 * Does a plan bring it? The reason, or why it is left out, into `ret`, one line each; nothing when
 * the plan does not speak of it.
 */
void part_in_plan(const struct record *part, const struct plan *p, struct buf *ret);
