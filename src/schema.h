/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile language as one table. The parser's check, `gpuprov help profile`, the man page and
 * the JSON Schema are all made from these rows; there is no second description of the language.
 */
#pragma once

#include "profile.h"

enum schema_type {
	SCHEMA_MAP,     /* a map with rows of its own */
	SCHEMA_WORD,    /* one of `words` */
	SCHEMA_BOOL,    /* true or false; yes, no, on, off are accepted */
	SCHEMA_BRANCH,  /* driver branch: "535" */
	SCHEMA_VERSION, /* digits and dots */
	SCHEMA_GPUS,    /* auto, or a list of GPU names and PCI ids */
	SCHEMA_URL,     /* http, https or file */
};

enum schema_kind { KIND_BARE_METAL = 1 };

struct schema_row {
	const char *path;
	enum schema_type type;
	unsigned kinds; /* bits of enum schema_kind */
	bool required;
	const char *fallback;     /* the default; NULL = none */
	const char *const *words; /* for SCHEMA_WORD, NULL-terminated */
	const char *help;         /* one line */
};

extern const struct schema_row schema_table[]; /* ends with path NULL */
extern const char *const schema_kinds[];       /* names in the order of the bits, NULL-terminated */

const struct schema_row *schema_find(const char *path);
const char *schema_default(const char *path);

/* Check a parsed profile: 0, or -1 after complaints. Sets profile->kind. */
int schema_check(struct profile *p, struct diags *diags);
