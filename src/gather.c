/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering the facts of a host: every probe in its order. */
#include "facts.h"

#include "base/str.h"
#include "registry.h"
#include "sys/sys.h"

static bool wanted(const char *const *names, const char *name)
{
	if (!names)
		return true;
	while (*names && !str_eq(*names, name))
		names++;
	return *names != NULL;
}

int facts_gather_some(const struct sys *sys, const char *const *names, struct arena *a,
		      struct facts *ret, struct err *e)
{
	struct sys_ident id;

	*ret = (struct facts){ .schema = FACTS_SCHEMA, .live = sys->live, .a = a };
	if (sys_ident(sys, &id, e))
		return -1;
	if (sys->live) {
		ret->host = arena_str(a, id.host);
		ret->kernel = arena_str(a, id.kernel);
	}
	for (unsigned order = 0; order < PROBE_ORDERS; order++)
		for (const struct probe *const *p = probe_table; *p; p++)
			if ((unsigned)(*p)->order == order && wanted(names, (*p)->name) &&
			    (*p)->run(sys, ret, e))
				return -1;
	return 0;
}

int facts_gather(const struct sys *sys, struct arena *a, struct facts *ret, struct err *e)
{
	return facts_gather_some(sys, /* names= */ NULL, a, ret, e);
}
