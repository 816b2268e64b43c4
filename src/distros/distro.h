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

/* Addresses to take instead of the host's own, or NULL. */
struct mirrors {
	const char *archive, *security;
};

struct distro {
	const char *id;    /* os-release ID */
	const char *world; /* whose package names: first part of the key of `role` records */

	/* The packages that bring headers for this kernel, and for those that will follow it. */
	void (*headers)(struct arena *a, const struct facts *f, const struct fact_kernel *k,
			strs *ret);

	/*
	 * The repositories that must be enabled for these components: the text of one deb822 file,
	 * or NULL when all of them are enabled already. With *ret_missing = true there is nothing
	 * to build on: the host has no entry of the distribution.
	 */
	const char *(*enable)(struct arena *a, const struct facts *f, const strs *components,
			      const struct mirrors *mirrors, bool *ret_missing);
};

/* ---- what several distributions share ---- */

/* How the distribution's own archive is told from others. */
struct archive {
	const char *origin;          /* of its Release files */
	const char *const *paths;    /* how its addresses end; NULL-terminated */
	const char *const *symbolic; /* suites besides the code name; NULL-terminated */
};

/* What `enable` is for archives of this kind. */
const char *distro_enable(const struct archive *ar, struct arena *a, const struct facts *f,
			  const strs *components, const struct mirrors *mirrors, bool *ret_missing);
