/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan in a file, with everything it was made from: carried out as it is, or refused with the
 * name of each fact that has moved since. Pure: bytes and values.
 */
#pragma once

#include "facts.h"
#include "plan.h"

#define SAVED_HEAD "gpuprov.saved-plan/1 "

/* A file that a step of the plan writes, as it was. */
struct saved_target {
	const char *path;   /* beneath the root */
	const char *sha256; /* "" = there was none; NULL = it could not be read */
};

struct saved {
	const char *program; /* version of gpuprov */
	const char *root;
	const char *profile;      /* absolute path */
	const char *profile_hash; /* NULL = it is not there */
	const char *catalog_hash;
	long long made;   /* seconds since the epoch */
	long long newest; /* run on this root; -1 = whoever planned may not know */
	long long runs;   /* made on this root since then: 0 in the file */
	struct facts facts;
	LIST(struct saved_target) targets;
	struct plan plan;
};

/* One line with the hash of what follows, then JSON. */
void saved_write(const struct saved *s, struct buf *ret);
/* GP_BAD_PLAN when a byte was changed, or another version wrote it. */
int saved_read(const char *text, size_t len, const char *what, struct arena *a, struct saved *ret,
	       struct err *e);

/*
 * What has moved: a sentence for each fact, "kernel: 6.1.0-9 in the plan, 6.1.0-10 now". `now` is
 * gathered for the same plan.
 */
void saved_moved(const struct saved *then, const struct saved *now, struct arena *a, strs *ret);

/* How the package sets of two plans differ, in the same words. */
void saved_sets_differ(const struct plan *then, const struct plan *now, struct arena *a, strs *ret);
