/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What apt would install now, of every name that the catalog's worlds could need here. It is not a
 * probe, because which names those are is the catalog's to say, and because it takes libapt.
 */
#pragma once

#include "facts.h"

struct catalog;
struct sys;

/*
 * Add the candidates to the facts, or why they are unknown. Reads the root's own lists as they are;
 * never the network. `cache` keeps libapt's binary caches, which a second time makes fast; NULL =
 * none are kept. Nothing is written into the root.
 */
void candidates_gather(const struct catalog *c, const struct sys *sys, const struct sys *cache,
		       struct facts *f);

/* The names, sorted, each once. Exposed for its tests. */
void candidates_names(const struct catalog *c, const struct facts *f, struct arena *a, strs *ret);
