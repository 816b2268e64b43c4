/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs described by a table of rows, so that one piece of code writes them as JSON, reads them
 * back and compares them: facts, plans, journal records. A row names a member; the order of the
 * rows is the order in the file.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

enum tri { TRI_UNKNOWN, TRI_NO, TRI_YES };

enum rec_type {
	REC_STR,  /* const char *; NULL is left out */
	REC_BOOL, /* bool */
	REC_TRI,  /* enum tri; unknown is left out */
	REC_INT,  /* long long; always written */
	REC_WORD, /* an enum, written as one of `words` */
	REC_STRS, /* strs; an empty list is left out */
	REC_LIST, /* LIST(struct described by `rows`); an empty list is left out */
	REC_OBJ,  /* that struct itself */
	REC_OPT,  /* the same; left out when its first member is */
	REC_UINT, /* unsigned; always written */
	REC_SIZE, /* size_t; always written */
	REC_CODE, /* enum code, written as "GP0203"; GP_NONE is left out */
};

struct rec_row {
	const char *name;
	enum rec_type type;
	size_t offset;
	const struct rec_row *rows;
	size_t size;              /* of one item, for REC_LIST */
	const char *const *words; /* NULL-terminated, for REC_WORD; index = enum value */
	const char *help;
};

/* Row tables end with a row whose name is NULL. */
#define REC_ROW(T, m, t, h)                                                                        \
	{                                                                                          \
		.name = #m, .type = (t), .offset = offsetof(T, m), .help = (h)                     \
	}
#define REC_END                                                                                    \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* Write the members as an object. */
void rec_write(struct jw *j, const struct rec_row *rows, const void *rec);

/*
 * Parse JSON text into a zeroed struct; strings and lists go into the arena. `what` names the text
 * in messages. Refuses syntax errors, duplicate and unknown keys, and values of another type,
 * saying where (GP_BAD_FACTS unless the caller renames it).
 */
int rec_read(const char *text, size_t len, const char *what, const struct rec_row *rows, void *rec,
	     struct arena *a, struct err *e);

/*
 * Compare two structs of the same rows. Calls `differs` for each member that is not equal, with its
 * dotted path and both values as text (NULL = not there). An item of a list is found again by its
 * first member, where that is a string ("packages[libcuda1].version"), else by its place; strings
 * of a list are there or not, whatever their order.
 */
typedef void rec_differs(void *ctx, const char *path, const char *left, const char *right);
void rec_diff(const struct rec_row *rows, const void *left, const void *right, rec_differs *differs,
	      void *ctx);
