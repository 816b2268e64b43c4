/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing JSON and TOML as a careful engineer would: our keys change, every other byte stays.
 *
 * Text in, text out; nothing here touches the world. The text is read by a real parser, the change
 * is worked out as byte splices, the result is read again, and its tree must be the first tree plus
 * the operation, compared by code that knows nothing of splices; TOML is read by a second parser as
 * well, which must see the same. Any other outcome is an internal error and gives no text.
 *
 *	auto_edit struct edit *ed = edit_open(a, EDIT_JSON, text, len);
 *
 *	if (tree_get(edit_root(ed), "debug"))
 *		edit_refuse(ed, EDIT_CONFLICT, tree_get(edit_root(ed), "debug"), "...");
 *	edit_set(ed, EDIT_PATH("features", "cdi"), tree_bool(a, true), EDIT_KEEP);
 *	edit_done(ed, &result);
 *
 * Whatever goes wrong is collected as issues, all of them; once there is one, no later call changes
 * anything and the result has no text. What is there already is left alone, so the same calls on
 * the result change nothing.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/rec.h"
#include "edit/tree.h"

#include <stdbool.h>
#include <stddef.h>

enum { EDIT_MAX_BYTES = 1 << 20 };

enum edit_format { EDIT_JSON, EDIT_TOML };

enum edit_kind {
	EDIT_SYNTAX,
	EDIT_ENCODING,
	EDIT_DUPLICATE_KEY,
	EDIT_TYPE,
	EDIT_CONFLICT,     /* somebody else's value is where ours should be */
	EDIT_UNSUPPORTED,  /* well-formed, but nothing we can or should edit */
	EDIT_PRECONDITION, /* the text is fine, the host is not */
	EDIT_INTERNAL,     /* the result was not what it should be */
};
extern const char *const edit_kind_words[]; /* "syntax", "duplicate-key", ... */

/* A place in a text. Lines and columns start at 1; line 0 = no particular place. */
struct edit_place {
	size_t off;
	unsigned line;
	unsigned col;       /* in characters */
	unsigned col_bytes; /* in bytes */
};

struct edit_issue {
	enum edit_kind kind;
	struct edit_place at;
	const char *text; /* one line, lower case */
	const char *way;  /* what to do about it, or NULL */
};
typedef LIST(struct edit_issue) edit_issues;

/* One replaced run of bytes; `at` is an offset in the text before. */
struct edit_splice {
	long long at;
	const char *removed, *inserted;
};
typedef LIST(struct edit_splice) edit_splices;

enum edit_verb { EDIT_SET, EDIT_APPEND, EDIT_REMOVE, EDIT_DROP };

/* What one call did, in terms of the tree: undoing after somebody edited elsewhere needs it. */
struct edit_change {
	enum edit_verb verb;
	strs path;
	const char *was; /* spelling of a replaced value; NULL when there was none */
	const char *now; /* as JSON; NULL when nothing is there any more */
	long long made;  /* how many tables above it, and the array around it, were made for it */
};
typedef LIST(struct edit_change) edit_changes;

/*
 * All that undo needs, for the journal. The engine knows neither path nor checksums: whoever writes
 * the file fills them in (edit_seal).
 */
struct edit_record {
	enum edit_format format;
	const char *path;
	const char *before, *after; /* SHA-256; before is NULL when there was no file */
	bool created;
	edit_splices splices; /* in order */
	edit_changes changes; /* in order */
};
extern const struct rec_row edit_record_rows[];

/* What came of it. Strings live in the arena given to edit_open(). */
struct edit_result {
	bool changed;
	const char *text; /* NULL when refused */
	size_t len;
	struct edit_record record;
	edit_issues issues; /* not empty = refused */
	edit_issues notes;  /* worth telling; `kind` says about what */
};

struct edit;

/*
 * Start on a text; NULL means that there is no file, and the result will be a new one. Never fails:
 * a text that cannot be read gives an edit that has an issue.
 */
struct edit *edit_open(struct arena *a, enum edit_format format, const char *text, size_t len);
void edit_close(struct edit *ed); /* accepts NULL */
void edit_close_p(struct edit **ed);
#define auto_edit __attribute__((cleanup(edit_close_p)))

/* The tree as it is now; an empty one when the text could not be read. Stale after a change. */
const struct tree *edit_root(const struct edit *ed);
bool edit_refused(const struct edit *ed);
bool edit_changed(const struct edit *ed);

#define EDIT_PATH(...) ((const char *const[]){ __VA_ARGS__, NULL })

/*
 * The value at a path, or NULL. A key on the way that is there twice, or a value on the way that is
 * no table, is an issue.
 */
const struct tree *edit_at(struct edit *ed, const char *const *path);

/* Issues and notes of the caller; `where` is part of the tree, or NULL. */
void edit_refuse(struct edit *ed, enum edit_kind kind, const struct tree *where, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
void edit_way(struct edit *ed, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void edit_note(struct edit *ed, enum edit_kind kind, const struct tree *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What to do when another value is there. */
enum edit_other { EDIT_KEEP, EDIT_REPLACE }; /* EDIT_KEEP: it is a conflict */

/*
 * Make the value at the path equal to this one, with all the tables on the way. TOML: a table is
 * only ever added whole; values inside an existing one are set one by one.
 */
void edit_set(struct edit *ed, const char *const *path, const struct tree *value,
	      enum edit_other other);
/* Make the array at the path contain this value, as its last element if it has to be added. */
void edit_append(struct edit *ed, const char *const *path, const struct tree *value);
/* Make sure that nothing is at the path. */
void edit_remove(struct edit *ed, const char *const *path);
/* Take all elements with this value out of the array at the path, if there is one. */
void edit_drop(struct edit *ed, const char *const *path, const struct tree *value);

/* TOML: a new key of the root goes into the line after this one, if it is there. */
void edit_after(struct edit *ed, const char *key);

void edit_done(struct edit *ed, struct edit_result *ret);

/* SHA-256 in hex, as sys/hash.h has it; the engine itself knows only strings. */
typedef void edit_hash(const void *bytes, size_t len, char *ret);
/* Fill in before and after of a record; `before` is NULL when there was no file. */
void edit_seal(struct arena *a, struct edit_result *r, const char *before, size_t len,
	       edit_hash *hash);

/*
 * Undo. When the text is the one after the edit, the bytes from before come back. Otherwise
 * somebody edited too: what we put in is taken out and what we replaced is put back, in the bytes
 * where they are still there exactly once, else value by value; either way the tree must then be
 * the present one with our changes reversed. A value that is no longer ours is a conflict, and the
 * issue says what is to be done by hand. What somebody took out already is not missed.
 * *ret_gone: nothing is left that is not ours, and there was no file before: delete it.
 */
void edit_undo(struct arena *a, const struct edit_record *r, const char *text, size_t len,
	       edit_hash *hash, struct edit_result *ret, bool *ret_gone);

/* For whoever must return an error: sets code, place and way out. `file` is the name to show. */
int edit_err(const struct edit_issue *issue, const char *file, struct err *e);
enum code edit_code(enum edit_kind kind);
