/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog asked about releases of gpu-operator. */
#include "operator.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

const struct record *operator_set(const struct catalog *c, const char *release)
{
	const struct record *best = NULL;

	if (release)
		return catalog_find(c, "operator-set", release);
	for (const struct record *r = NULL; (r = catalog_next(c, "operator-set", r));)
		if (!best || ver_cmp(r->key, best->key) > 0)
			best = r;
	return best;
}

bool operator_window(const struct catalog *c, struct arena *a, const char *release, const char *on,
		     const char **ret_from, const char **ret_to)
{
	const struct record *r = NULL;
	const char *low = NULL, *high = NULL;

	while ((r = catalog_next(c, "operator-kubernetes", r))) {
		const char *window = record_get(r, "window"), *dash = strchr(window, '-');
		size_t n = strcspn(r->key, "/");
		const char *from = arena_strn(a, window, (size_t)(dash - window));

		if (!ver_within(release, arena_strn(a, r->key, n)) ||
		    (on && !str_eq(r->key + n + 1, on)))
			continue;
		if (!low || ver_cmp(from, low) < 0)
			low = from;
		if (!high || ver_cmp(dash + 1, high) > 0)
			high = dash + 1;
	}
	if (!low)
		return false;
	*ret_from = low;
	*ret_to = high;
	return true;
}
