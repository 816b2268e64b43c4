/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg's state will be when the packages of a plan are resolved. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "facts.h"
#include "plan.h"

struct sys;

/*
 * The steps before the packages change what libapt starts from: dpkg's unfinished work is finished,
 * holds of ours are lifted. When the plan has such steps, a copy of dpkg's status with their
 * outcome is written into folder `key` of the cache, and *ret is its absolute path; else *ret is
 * NULL.
 */
int predict_status(const struct plan *plan, const struct facts *facts, const struct sys *sys,
		   const struct sys *cache, const char *key, struct arena *a, const char **ret,
		   struct err *e);

/* Is this package held, and not by us? Then it is the user's word that it stays. */
bool held_by_user(const struct facts *facts, const char *package);
