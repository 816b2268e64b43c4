/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs from distribution to distribution and is not plain data (names of packages are data:
 * the catalog's `role` records). Pure: facts in, text out.
 *
 * A file distros/NAME.c exports `const struct distro distro_NAME`; the Makefile makes the table.
 */
#pragma once

#include "base/arena.h"
#include "facts.h"

struct distro {
	const char *id;    /* os-release ID */
	const char *world; /* whose package names: first part of the key of `role` records */

	/* The package that brings headers for this kernel and for those that will follow it. */
	const char *(*headers)(struct arena *a, const struct fact_kernel *k);

	/*
	 * The repositories that must be enabled for these components: the text of one deb822 file,
	 * or NULL when all of them are enabled already. `mirror` replaces the URI when not NULL.
	 * With *ret_missing = true there is nothing to build on: the host has no entry of the
	 * distribution.
	 */
	const char *(*enable)(struct arena *a, const struct facts *f, const strs *components,
			      const char *mirror, bool *ret_missing);
};
