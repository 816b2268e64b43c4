/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of drop-ins; their contents are generated. */
#include "registry.h"

#include "base/str.h"

#include "gen/tables.inc"

const struct step_kind *step_kind_find(const char *name)
{
	for (const struct step_kind *const *k = step_table; *k; k++)
		if (str_eq((*k)->name, name))
			return *k;
	return NULL;
}

const struct runtime *runtime_find(const char *name)
{
	for (const struct runtime *const *r = runtime_table; *r; r++)
		if (str_eq((*r)->name, name))
			return *r;
	return NULL;
}

const struct distro *distro_find(const struct facts *f)
{
	for (const struct distro *const *d = distro_table; *d; d++)
		if (str_eq((*d)->id, f->os.id))
			return *d;
	return NULL;
}
