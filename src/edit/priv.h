/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the edit engine share. */
#pragma once

#include "base/buf.h"
#include "edit/edit.h"
#include "edit/toml_reader.h"

#include <stdarg.h>

/* Comments around the tables we append to a TOML text; known again by their first words. */
#define EDIT_MARK_BEGIN "# >>> gpuprov"
#define EDIT_MARK_END "# <<< gpuprov"
#define EDIT_MARK_LINE "# gpuprov"
#define EDIT_MARK_FILE "# written by gpuprov"

/* A statement of a TOML text: a header, or a key with its value. */
struct parsed_line {
	size_t from, to;      /* the whole line or lines, with the newline at the end if any */
	size_t start, end;    /* without indentation and what follows: `[a]`, `key = value` */
	size_t comment;       /* where the comment behind it starts; 0 = none */
	struct tree *section; /* the table of the header above, for a header its own */
	struct tree *value;   /* NULL for a header */
};

/* A line that is only a comment of ours. */
struct parsed_mark {
	size_t from, to;
	bool begins; /* a block; else ends one */
};

/* A text that has been read. */
struct parsed {
	struct arena own; /* the tree lives here */
	const char *text;
	size_t len;
	size_t start;      /* behind the byte-order mark */
	struct tree *root; /* NULL when it could not be read */
	struct edit_issue wrong;
	LIST(const struct tree_member *) twice; /* JSON: keys that were there already */
	LIST(struct parsed_line) lines;         /* TOML */
	LIST(struct parsed_mark) marks;         /* TOML */
};

/* Read p->text: 0, or -1 with p->wrong set. */
int parse_json(struct parsed *p);
int parse_toml(struct parsed *p);
int parse_start(struct parsed *p); /* what both begin with: encoding, size, p->start */
struct parsed *edit_parse(enum edit_format format, const char *text, size_t len);
int parse_fail(struct parsed *p, enum edit_kind kind, size_t off, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void parse_release(struct parsed *p);

/* A TOML value at s[*i]; moves *i behind it. Arrays and inline tables come back through these. */
struct toml {
	struct parsed *p;
	const char *s;
	size_t n, i;
	struct tree *section;
	LIST(struct tree_member) keys; /* the key just read, part by part */
};
struct tree *toml_scalar(struct toml *t);                 /* NULL = failed */
int toml_string(struct toml *t, struct piece *ret);       /* at a quote */
void toml_blanks(struct toml *t);                         /* spaces and tabs */
int toml_comment(struct toml *t);                         /* at a #, up to the newline */
bool toml_newline(const struct toml *t, size_t *ret_len); /* is there one here? */
/* "2024-01-02T03:04:05.000000006+60" */
const char *toml_time_text(struct arena *a, const struct toml_time *t);

/* Splices of one operation, in order, not overlapping. */
struct splice {
	size_t at, cut;
	const char *text;
	size_t len;
};
typedef LIST(struct splice) splices;

struct piece_of {
	const char *at;
	size_t len;
	bool ours; /* else from the input */
};

typedef LIST(struct piece_of) edit_pieces;

struct edit {
	struct arena *a;
	enum edit_format format;
	bool absent; /* there was no file */
	const char *input;
	size_t input_len;
	struct parsed *now;
	edit_pieces pieces; /* the present text, as runs of the input and of ours */
	edit_changes changes;
	edit_issues issues, notes;
	const char *after;
	const char *eol;
};

/* Add an issue; the text is formatted into the arena. */
void edit_fail(struct edit *ed, enum edit_kind kind, size_t off, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Let the second parser look at a TOML text that ours has read; it may add an issue. */
void edit_second_opinion(struct edit *ed);
struct edit_place edit_place(const char *text, size_t len, size_t off);

/* One operation as the writers see it; the path is the whole path, `depth` keys of it exist. */
struct edit_op {
	enum edit_verb verb;
	const char *const *path;
	const struct tree *value;
	const struct tree *found;  /* what is at the path; NULL = nothing */
	const struct tree *parent; /* the deepest table of the path that exists */
	size_t depth;              /* keys of the path that lead to it */
	size_t n;                  /* keys of the path */
};

/* Where the operation changes the text: 0, or -1 after edit_fail(). */
int splice_json(struct edit *ed, const struct edit_op *op, splices *ret);
int splice_toml(struct edit *ed, const struct edit_op *op, splices *ret);
/* The parts of splice_toml() that know arrays: a new last element as text; element i. */
void splice_array_add(struct edit *ed, const struct tree *array, struct piece value, splices *ret);
void splice_array_cut(struct edit *ed, const struct tree *array, size_t i, splices *ret);
/* Text may be NULL: just cut. Call in the order of the text. */
void splice_add(struct edit *ed, splices *s, size_t at, size_t cut, struct buf *text);

/* Put the splices into the text and read it: 0, or -1 when it can no longer be read. */
int edit_splice(struct edit *ed, const splices *s);

struct tree *expect_copy(struct arena *a, const struct tree *t); /* spelling and all */
/* Do the operation to the tree, knowing nothing of texts. */
void expect(struct arena *a, struct tree *root, const struct edit_op *op);

/* Whitespace at the start of the line that `off` is in. */
struct piece edit_indent(const struct parsed *p, size_t off);
/* "runtimes.nvidia", for messages. */
const char *edit_path_text(struct arena *a, const char *const *path, size_t n);
