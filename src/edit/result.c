/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of an edit: the text, the record for undo, issues as errors. */
#include "edit/priv.h"

#include <string.h>

const char *const edit_kind_words[] = { "syntax",       "encoding", "duplicate-key",
					"type",         "conflict", "unsupported",
					"precondition", "internal", NULL };

static const char *const format_words[] = { "json", "toml", NULL };
static const char *const verb_words[] = { "set", "append", "remove", "drop", NULL };

static const struct rec_row splice_rows[] = {
	REC_ROW(struct edit_splice, at, REC_INT, "offset in the text before"),
	REC_ROW(struct edit_splice, removed, REC_STR, "bytes that were there"),
	REC_ROW(struct edit_splice, inserted, REC_STR, "bytes that are there now"),
	REC_END,
};

static const struct rec_row change_rows[] = {
	{ .name = "verb",
	  .type = REC_WORD,
	  .offset = offsetof(struct edit_change, verb),
	  .words = verb_words,
	  .help = "what was done" },
	REC_ROW(struct edit_change, path, REC_STRS, "keys from the top"),
	REC_ROW(struct edit_change, was, REC_STR, "what was there, as it was spelled"),
	REC_ROW(struct edit_change, now, REC_STR, "what is there now, as JSON"),
	REC_ROW(struct edit_change, made, REC_INT, "tables made around it"),
	REC_END,
};

const struct rec_row edit_record_rows[] = {
	{ .name = "format",
	  .type = REC_WORD,
	  .offset = offsetof(struct edit_record, format),
	  .words = format_words,
	  .help = "json or toml" },
	REC_ROW(struct edit_record, path, REC_STR, "the file"),
	REC_ROW(struct edit_record, before, REC_STR, "SHA-256 before; none when it was made"),
	REC_ROW(struct edit_record, after, REC_STR, "SHA-256 after"),
	REC_ROW(struct edit_record, created, REC_BOOL, "there was no file"),
	{ .name = "splices",
	  .type = REC_LIST,
	  .offset = offsetof(struct edit_record, splices),
	  .rows = splice_rows,
	  .size = sizeof(struct edit_splice),
	  .help = "replaced bytes, in order" },
	{ .name = "changes",
	  .type = REC_LIST,
	  .offset = offsetof(struct edit_record, changes),
	  .rows = change_rows,
	  .size = sizeof(struct edit_change),
	  .help = "the same as values" },
	REC_END,
};

static const char *removed(struct edit *ed, size_t from, size_t to)
{
	return arena_strn(ed->a, ed->input + from, to - from);
}

/* The pieces say what of the input is left, and what of ours is between. */
static void record_splices(struct edit *ed, struct edit_record *r)
{
	auto_buf struct buf ours = BUF_TEXT;
	size_t done = 0, n = ed->pieces.n;

	for (size_t i = 0; i <= n; i++) {
		const struct piece_of *one = i < n ? &ed->pieces.at[i] : NULL;
		size_t at = one ? (size_t)(one->at - ed->input) : ed->input_len;

		if (one && one->ours) {
			buf_add(&ours, one->at, one->len);
			continue;
		}
		if (one && !one->len)
			continue;
		if (ours.len || at > done)
			list_add(ed->a, &r->splices,
				 ((struct edit_splice){ (long long)done, removed(ed, done, at),
							arena_str(ed->a, buf_str(&ours)) }));
		buf_clear(&ours);
		done = one ? at + one->len : at;
	}
}

static bool changed(const struct edit *ed)
{
	struct piece was = { ed->input, ed->input_len }, is = { ed->now->text, ed->now->len };

	return ed->absent ? ed->changes.n > 0 : !piece_same(was, is);
}

void edit_done(struct edit *ed, struct edit_result *ret)
{
	struct edit_result r = { 0 };

	if (ed->changes.n)
		edit_second_opinion(ed);
	r.notes = ed->notes;
	r.issues = ed->issues;
	if (!edit_refused(ed)) {
		r.text = arena_strn(ed->a, ed->now->text, ed->now->len);
		r.len = ed->now->len;
		r.changed = changed(ed);
		r.record.format = ed->format;
		r.record.created = ed->absent;
		r.record.changes = ed->changes;
		record_splices(ed, &r.record);
	}
	*ret = r;
}

void edit_seal(struct arena *a, struct edit_result *r, const char *before, size_t len,
	       edit_hash *hash)
{
	char hex[65];

	if (before) {
		hash(before, len, hex);
		r->record.before = arena_str(a, hex);
	}
	if (r->text) {
		hash(r->text, r->len, hex);
		r->record.after = arena_str(a, hex);
	}
}

enum code edit_code(enum edit_kind kind)
{
	switch (kind) {
	case EDIT_SYNTAX:
		return GP_EDIT_SYNTAX;
	case EDIT_ENCODING:
		return GP_EDIT_ENCODING;
	case EDIT_DUPLICATE_KEY:
		return GP_EDIT_DUPLICATE;
	case EDIT_TYPE:
		return GP_EDIT_TYPE;
	case EDIT_CONFLICT:
		return GP_EDIT_CONFLICT;
	case EDIT_UNSUPPORTED:
		return GP_EDIT_UNSUPPORTED;
	case EDIT_PRECONDITION:
		return GP_EDIT_PRECONDITION;
	case EDIT_INTERNAL:
		break;
	}
	return GP_INTERNAL;
}

int edit_err(const struct edit_issue *issue, const char *file, struct err *e)
{
	struct span at = { .file = file, .line = issue->at.line, .col = issue->at.col, .width = 1 };

	(void)err_set(e, edit_code(issue->kind), "%s", issue->text);
	at.off = issue->at.off;
	at.len = 1;
	err_at(e, &at);
	if (issue->way)
		err_way(e, "%s", issue->way);
	return -1;
}
