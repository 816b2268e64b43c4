/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private package indexes: a folder in the cache in which libapt sees the root's own sources plus
 * the repositories that a plan will add, without anything of the root being changed. The root's own
 * lists are used where they serve (by links), the rest is fetched into the folder.
 */
#pragma once

#include "plan.h"

#include <stdbool.h>
#include <stdint.h>

struct sys;

struct indexes {
	const char *sources, *preferences, *lists, *caches; /* absolute folders */
	const char *key;                                    /* its name below the cache */
	const char *stamp;                                  /* hash of what they are made from */
	bool complete; /* fetched for exactly this, and not long ago */
	bool added;    /* there is a source that the root does not have */
	int64_t since; /* when what is here was fetched, seconds since the epoch; 0 = not known */
};

/*
 * Lay out the folder for this root. `plan` may be NULL: then only the root's own sources. On an
 * image, paths in sources (of keys, of repositories on disk) are made absolute, because apt reads
 * them from the outer system. The caller holds the folder's lock until sys_unlock(*ret_lock), so
 * that two plans do not get in each other's way.
 */
int indexes_prepare(const struct sys *sys, const struct sys *cache, const struct plan *plan,
		    struct arena *a, struct indexes *ret, int *ret_lock, struct err *e);

/* Remember that the lists are complete; those that were not fetched now are as old as x->since. */
int indexes_fetched(const struct sys *cache, const struct indexes *x, struct err *e);

/*
 * Text of a sources file with the paths of "signed-by" and of file: and copy: repositories moved
 * beneath root. Exposed for its tests.
 */
void indexes_move_keys(const char *text, size_t len, bool deb822, const char *root,
		       struct buf *ret);
