/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is compatible with what, as data. The text under catalog/ is built into the program and can
 * be replaced by a newer file; loading it is one pass over the text, because every start pays for
 * it.
 *
 * A line is a record: KIND KEY NAME=VALUE ..., values in double quotes when they hold blanks.
 * `source "..."` names where the records that follow come from; `group` starts a new section.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>

enum { CATALOG_FORMAT = 1 };

struct record_attr {
	const char *name, *value;
};

struct record {
	const char *kind, *key;
	const char *source;
	const char *file;
	unsigned line;
	const struct record_attr *attrs;
	size_t n;
	const struct record *same; /* the next record of the same kind */
};

struct catalog {
	const char *date; /* of its facts: "2026-11-22" */
	LIST(struct record) records;
	/* Made once all is read: a table of kinds and keys, so that asking costs the same at any
	 * size. */
	const struct record **slots, **kinds;
	size_t slot_mask, kind_mask;
	struct arena *a;
};

/* Parse catalog text. `name` is used in messages. Refuses another format and anything malformed. */
int catalog_load(const char *text, size_t len, const char *name, struct arena *a,
		 struct catalog *ret, struct err *e);

/* The text that is built in. */
const char *catalog_builtin(size_t *ret_len);

const struct record *catalog_find(const struct catalog *c, const char *kind, const char *key);
/* An attribute, or NULL. */
const char *record_get(const struct record *r, const char *name);
bool record_is(const struct record *r, const char *name, const char *value);
/* True when a comma-separated attribute holds the word. */
bool record_has(const struct record *r, const char *name, const char *word);

/* Walk all records of a kind: start with NULL, ends with NULL. */
const struct record *catalog_next(const struct catalog *c, const char *kind,
				  const struct record *after);

/*
 * GPUs: by PCI device id ("1eb8"), by marketing name (case and a leading "NVIDIA " do not matter;
 * the last words are enough where only one GPU ends in them: "T4").
 */
const struct record *catalog_gpu(const struct catalog *c, const char *device);
const struct record *catalog_gpu_named(const struct catalog *c, const char *name);
const char *catalog_gpu_name(const struct catalog *c, const char *device); /* never NULL */

/*
 * How far support reaches. The last driver branch for a GPU (NULL = none is the last yet) and the
 * first (NULL = any); `gpu` and `arch` are records, NULL = not known.
 */
const char *catalog_last_branch(const struct record *gpu, const struct record *arch);
const char *catalog_first_branch(const struct record *gpu, const struct record *arch);
/*
 * The minimum driver of a CUDA version: its own before CUDA 11 (R03, *ret_own), its major's from
 * there on (R01). NULL = not known.
 */
const char *catalog_min_driver(const struct catalog *c, const char *cuda, struct arena *a,
			       bool *ret_own);

/*
 * Does this containerd fit that release of Kubernetes (R66)? A release that is not known takes any.
 * *ret_wanted: what it takes, the newest series first; NULL = not known.
 */
bool catalog_containerd_fits(const struct catalog *c, const char *kubernetes, const char *version,
			     struct arena *a, const char **ret_wanted);
