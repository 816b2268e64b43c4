/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of values, as JSON and TOML texts hold them: tables, arrays and scalars, each with the
 * place in the text it was read from and the spelling it had there. Lives in an arena.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum tree_type {
	TREE_NULL,
	TREE_BOOL,
	TREE_INT,
	TREE_FLOAT,
	TREE_STRING,
	TREE_TIME, /* TOML's dates and times */
	TREE_ARRAY,
	TREE_TABLE, /* a JSON object, a TOML table */
};

/* How a table or an array came into being; only TOML knows more than the first three. */
enum tree_origin {
	TREE_WRITTEN, /* in brackets or braces, one run of bytes */
	TREE_MADE,    /* by us, it stands in no text */
	TREE_BLANK,   /* the empty table that a blank text or a top-level null stands for */
	TREE_HEADER,  /* by a [header]; the root of a TOML text */
	TREE_IMPLIED, /* only because a header below it names it */
	TREE_DOTTED,  /* by a dotted key */
	TREE_HEADERS, /* an array of tables, by [[headers]] */
};

/* Deeper texts are refused, so that walks over a tree may recurse. */
enum { TREE_DEPTH = 250 };

struct tree;
struct tree_member {
	struct piece key; /* without its spelling; empty in arrays */
	size_t from, to;  /* where the key stands; in arrays where the value stands */
	struct tree *value;
};

struct tree {
	enum tree_type type;
	enum tree_origin origin;
	unsigned depth;    /* 0 for the root */
	size_t from, to;   /* where it stands; for TREE_HEADER and TREE_DOTTED what made it */
	struct piece raw;  /* a scalar as spelled */
	struct piece text; /* a scalar without its spelling: string decoded, number plain */
	struct tree *up;
	LIST(struct tree_member) members; /* in the order of the text, duplicates included */
	unsigned *slots;                  /* an index of the keys, once there are many */
	size_t n_slots;
};

struct tree *tree_new(struct arena *a, enum tree_type type, enum tree_origin origin);

/* Values of our own. */
struct tree *tree_table(struct arena *a);
struct tree *tree_array(struct arena *a);
struct tree *tree_str(struct arena *a, const char *s);
struct tree *tree_bool(struct arena *a, bool b);
struct tree *tree_int(struct arena *a, long long i);

/* Append a member; `key` is copied, NULL in arrays. Gives `value` back. */
struct tree *tree_put(struct arena *a, struct tree *to, const char *key, struct tree *value);
/* The same with the place of the key; nothing is copied. */
void tree_put_at(struct arena *a, struct tree *to, const struct tree_member *m);
/* Take a member out. */
void tree_take(struct arena *a, struct tree *from, size_t i);

/* The first member of that name, or NULL; also when t is NULL or no table. */
const struct tree_member *tree_find(const struct tree *t, struct piece key);
struct tree *tree_get(const struct tree *t, const char *key);
/* The second member of that name, or NULL. */
const struct tree_member *tree_second(const struct tree *t, struct piece key);

bool piece_same(struct piece a, struct piece b);
bool tree_is(const struct tree *t, const char *s); /* a string with this value */
bool tree_is_bool(const struct tree *t, bool b);

/*
 * Equal in what they mean: spelling does not count, nor the order of a table's members. Numbers are
 * compared as decimals, without loss.
 */
bool tree_same(const struct tree *a, const struct tree *b);

/*
 * Is `got` what `want` describes, down to the spelling of every scalar that is not TREE_MADE? The
 * order of members must be the same (`ordered`), or at least those that are TREE_WRITTEN must
 * follow each other as in `want`; where a table of TOML is first named is no part of its meaning.
 */
bool tree_exact(const struct tree *want, const struct tree *got, bool ordered);

/* What kind of thing, for messages: "a string", "an array of tables". */
const char *tree_what(const struct tree *t);

/* As JSON on one line. Only values of our own have this one spelling. */
void tree_write(struct buf *b, const struct tree *t);
