/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of repositories that a plan adds. The plan names fingerprints; here the bytes are got,
 * from the profile's file, from the repository's own server or from the cache, and compared. What
 * is got becomes part of the plan, so that applying it asks nobody again.
 */
#pragma once

#include "closure/closure.h"
#include "plan.h"

struct sys;

/* Fill in the bytes of every keyring that is to be written. Refuses keys of other fingerprints. */
int keys_get(struct plan *plan, const struct sys *sys, const struct sys *cache,
	     const struct closure_options *options, struct err *e);
