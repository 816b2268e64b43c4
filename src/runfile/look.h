/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a .run file without running anything of it. */
#pragma once

#include "runfile/runfile.h"

struct sys;

/*
 * Read the header, hash the file, compare the sums that the header has of itself, and walk the
 * payload in a locked-down child. GP_NOT_A_RUNFILE, GP_RUNFILE_DAMAGED and GP_RUNFILE_HOSTILE say
 * what is wrong with it.
 */
int look(const struct sys *sys, const char *path, struct arena *a, struct runfile *ret,
	 struct err *e);

/* The same of a file whose SHA-256 is known to be right: its own sums say nothing more. */
int look_inside(const struct sys *sys, const char *path, struct arena *a, struct runfile *ret,
		struct err *e);

/* The header alone; nothing is hashed. */
int look_at_header(const struct sys *sys, const char *path, struct arena *a, struct runfile *ret,
		   struct err *e);
