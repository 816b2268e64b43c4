/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user asks for: a YAML file read into a tree of values that remember where they were
 * written, checked against the schema (profile/schema.h). Const once read.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#include <stdbool.h>

enum value_form { VALUE_NULL, VALUE_TEXT, VALUE_LIST, VALUE_MAP };

struct value {
	enum value_form form;
	const char *key;    /* name in its map; NULL in a list and at the top */
	const char *path;   /* dotted: "driver.branch" */
	const char *text;   /* VALUE_TEXT: as written, without quotes */
	bool quoted;        /* written in quotes */
	bool bad;           /* was complained about when it was read */
	struct span at;     /* of the value */
	struct span key_at; /* of the key */
	LIST(struct value) items;
};

/* The text the user wrote, kept to show the lines that diagnostics point at. */
struct profile_text {
	const char *file; /* as named on the command line */
	const char *bytes;
	size_t len;
	LIST(size_t) lines;              /* offset of each line; filled by text_check() */
	const struct profile_text *base; /* of the file that this one extends; or NULL */
};

struct profile {
	struct profile_text text;
	struct value root;
	const char *kind; /* checked: one of schema_kinds */
	bool cut_short;   /* an error after which the rest of a file could not be read */
	struct arena *a;
};

/* How the files are read that a profile extends: the same way as the profile itself. */
struct profile_door {
	int (*read)(void *ctx, const char *path, struct buf *ret, struct err *e);
	void *ctx;
};

/*
 * Parse, merge with what it extends, and check. Every complaint goes into diags; returns 0 when
 * none of them is an error, else -1. `bytes` must live as long as the profile.
 */
int profile_load(const char *file, const char *bytes, size_t len, const struct profile_door *door,
		 struct arena *a, struct profile *ret, struct diags *diags);

/* The same for a profile that stands alone: what it extends is not followed. */
int profile_parse(const char *file, const char *bytes, size_t len, struct arena *a,
		  struct profile *ret, struct diags *diags);

/*
 * The same profile with settings changed, as ways out name them: "driver.source=auto",
 * "cuda.version=null". 0 when it is still a good one, else -1 and what is wrong in diags.
 */
int profile_changed(const struct profile *p, const strs *sets, struct arena *a, struct profile *ret,
		    struct diags *diags);

/* The value at a dotted path as the user wrote it; NULL when it was not given. */
const struct value *profile_given(const struct profile *p, const char *path);

/* The text at a path, or the schema's default for it, or NULL. */
const char *profile_get(const struct profile *p, const char *path);
bool profile_is(const struct profile *p, const char *path, const char *word);
/* A boolean, or a switch that is not auto: is it on? */
bool profile_on(const struct profile *p, const char *path);

/*
 * Where a setting comes from: the value, else the nearest parent that was written, else the file.
 */
struct span profile_at(const struct profile *p, const char *path);

/* Used by the parser and the schema check. */
const struct value *value_find(const struct value *map, const char *key);

enum {
	PROFILE_MAX_BYTES = 256 << 10,
	PROFILE_MAX_DEPTH = 32,
	PROFILE_MAX_KEYS = 200,
	PROFILE_MAX_SCALAR = 4096,
	PROFILE_MAX_PATH = 128, /* of the keys that lead to a value */
	PROFILE_MAX_EVENTS = 20000,
	PROFILE_MAX_ERRORS = 20,
};
