/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog asked about releases of gpu-operator: sets of parts that were tested together. */
#pragma once

#include "catalog.h"

/* The set of a release, or with `release` NULL the newest; NULL when there is no such set. */
const struct record *operator_set(const struct catalog *c, const char *release);

/*
 * The Kubernetes versions that a release takes, "1.33" to "1.36": on one distribution (named like
 * its directory in NVIDIA's repository: ubuntu2404), with `on` NULL the widest of all. False when
 * the catalog says nothing about it. What is returned lives in arena a.
 */
bool operator_window(const struct catalog *c, struct arena *a, const char *release, const char *on,
		     const char **ret_from, const char **ret_to);
