/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile language as one table. The parser's check, `gpuprov help profile`, the man page and
 * the JSON Schema are all made from these rows; there is no second description of the language.
 *
 * Paths are dotted; "[]" stands for each item of a list: "cuda.runfile[].url". A path may have
 * several rows when its default or its words differ from kind to kind.
 */
#pragma once

#include "profile/profile.h"

enum schema_type {
	SCHEMA_MAP,      /* a map with rows of its own */
	SCHEMA_PART,     /* such a map, or true or false in short for its key `enabled` */
	SCHEMA_LIST,     /* a list of maps with rows of their own */
	SCHEMA_WORD,     /* one of `words` */
	SCHEMA_WORDS,    /* a list of some of `words` */
	SCHEMA_BOOL,     /* true or false; yes, no, on, off are accepted */
	SCHEMA_SWITCH,   /* auto, true or false */
	SCHEMA_BRANCH,   /* driver branch: "535" */
	SCHEMA_VERSION,  /* digits and dots */
	SCHEMA_VERSIONS, /* one version, or a list of them */
	SCHEMA_CHOICE,   /* none, auto, or a version */
	SCHEMA_COUNT,    /* a whole number, 1 to 1000000 */
	SCHEMA_GPUS,     /* auto, or a list of GPU names and PCI ids */
	SCHEMA_URL,      /* https, http or file */
	SCHEMA_PATH,     /* absolute path of the host */
	SCHEMA_FILE,     /* path on the machine gpuprov runs on; relative: to the profile */
	SCHEMA_SHA256,   /* 64 hex digits */
	SCHEMA_MD5,      /* 32 hex digits */
	SCHEMA_KEY_ID,   /* OpenPGP fingerprint, 40 hex digits */
	SCHEMA_NAME,     /* letters, digits, . _ - and / */
	SCHEMA_NAMES,    /* a list of names */
	SCHEMA_IMAGE,    /* container image reference */
	SCHEMA_QUANTITY, /* Kubernetes quantity: 500m, 1Gi */
	SCHEMA_TEXT,     /* any text */
	SCHEMA_PAIRS,    /* a map of names to texts */
	SCHEMA_FREE,     /* any value: handed on unchanged */
};

enum schema_kind { KIND_BARE_METAL = 1, KIND_DOCKER = 2, KIND_K8S = 4 };

struct schema_row {
	const char *path;
	enum schema_type type;
	unsigned kinds; /* bits of enum schema_kind */
	bool required;
	const char *fallback;     /* the default; NULL = none */
	const char *const *words; /* for SCHEMA_WORD and SCHEMA_WORDS, NULL-terminated */
	const char *help;         /* one line */
};

extern const struct schema_row schema_table[]; /* ends with path NULL; parents come first */
extern const char *const schema_kinds[];       /* names in the order of the bits, NULL-terminated */

/* The bit of a kind's name; all bits when the name is not known or NULL. */
unsigned schema_kind_bit(const char *kind);

/*
 * The row of a path for a kind (a bit, or several: the first that fits one of them). NULL when no
 * kind has it.
 */
const struct schema_row *schema_find(const char *path, unsigned kinds);

/* A path with the indexes of list items taken out: "cuda.runfile[2].url" to "cuda.runfile[].url".
 */
const char *schema_path(struct arena *a, const char *path);

/* What values a type takes, for people: "a version, or a list of versions". */
const char *schema_type_help(enum schema_type type);

/* Check a parsed profile: 0, or -1 after complaints. Sets profile->kind. */
int schema_check(struct profile *p, struct diags *diags);

/*
 * Is the text a value of this row's type? NULL, or why not. Only for types that are one text.
 */
const char *schema_fault(const struct schema_row *row, const char *text);

/* The language as a JSON Schema, draft-07, for editors. */
void schema_json(struct buf *ret);
