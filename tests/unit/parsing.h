/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of profiles share: parse a text and keep all that came of it. */
#pragma once

#include "base/str.h"
#include "profile/profile.h"

#include "tap.h"

struct parsed {
	struct arena a;
	struct diags diags;
	struct profile profile;
	int rc;
};

static inline void parsed_release(struct parsed *p)
{
	arena_release(&p->a);
}
#define auto_parsed __attribute__((cleanup(parsed_release))) struct parsed

/* Into a struct that was zeroed; it must stay where it is. */
static inline void parse(struct parsed *p, const char *text, size_t len)
{
	arena_release(&p->a);
	*p = (struct parsed){ .diags = { .a = &p->a } };
	p->rc = profile_parse("p.yaml", text, len, &p->a, &p->profile, &p->diags);
}

/* The first complaint with this code; NULL when there is none. */
static inline const struct diag *complaint(const struct parsed *p, enum code code)
{
	list_each (&p->diags.list, d)
		if (d->code == code)
			return d;
	return NULL;
}

/* "GP0203 at 3:9, GP0201 at 4:1": what tests print and compare. */
static inline void complaints(const struct parsed *p, struct buf *ret)
{
	list_each (&p->diags.list, d)
		buf_addf(ret, "%sGP%04u at %u:%u", ret->len ? ", " : "", (unsigned)d->code,
			 d->at.line, d->at.col);
}
