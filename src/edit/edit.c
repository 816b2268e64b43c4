/* SPDX-License-Identifier: Apache-2.0 */
/* The course of an edit: read, splice, read again, compare, keep the record. */
#include "edit/edit.h"

#include "base/mem.h"
#include "edit/priv.h"

#include <assert.h>
#include <string.h>

/* ---- issues ---- */

static struct edit_issue *complain(struct edit *ed, edit_issues *to, enum edit_kind kind,
				   const struct edit_place *at, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));
static struct edit_issue *complain(struct edit *ed, edit_issues *to, enum edit_kind kind,
				   const struct edit_place *at, const char *fmt, va_list ap)
{
	struct edit_issue *issue = list_push(ed->a, to);

	issue->kind = kind;
	issue->text = arena_vprintf(ed->a, fmt, ap);
	if (at)
		issue->at = *at;
	return issue;
}

void edit_fail(struct edit *ed, enum edit_kind kind, size_t off, const char *fmt, ...)
{
	struct edit_place at = edit_place(ed->now->text, ed->now->len, off);
	va_list ap;

	va_start(ap, fmt);
	complain(ed, &ed->issues, kind, &at, fmt, ap);
	va_end(ap);
}

/* A value that stands in the text has a place; one that headers only imply has none. */
static bool has_place(const struct tree *t)
{
	return t && (t->from || t->to);
}

void edit_refuse(struct edit *ed, enum edit_kind kind, const struct tree *where, const char *fmt,
		 ...)
{
	struct edit_place at = { 0 };
	va_list ap;

	if (has_place(where))
		at = edit_place(ed->now->text, ed->now->len, where->from);
	va_start(ap, fmt);
	complain(ed, &ed->issues, kind, &at, fmt, ap);
	va_end(ap);
}

void edit_note(struct edit *ed, enum edit_kind kind, const struct tree *where, const char *fmt, ...)
{
	struct edit_place at = { 0 };
	va_list ap;

	if (has_place(where))
		at = edit_place(ed->now->text, ed->now->len, where->from);
	va_start(ap, fmt);
	complain(ed, &ed->notes, kind, &at, fmt, ap);
	va_end(ap);
}

void edit_way(struct edit *ed, const char *fmt, ...)
{
	va_list ap;

	assert(ed->issues.n);
	va_start(ap, fmt);
	ed->issues.at[ed->issues.n - 1].way = arena_vprintf(ed->a, fmt, ap);
	va_end(ap);
}

bool edit_refused(const struct edit *ed)
{
	return ed->issues.n > 0;
}

bool edit_changed(const struct edit *ed)
{
	return ed->changes.n > 0;
}

/* ---- reading ---- */

struct parsed *edit_parse(enum edit_format format, const char *text, size_t len)
{
	struct parsed *p = mem_alloc(sizeof(*p));

	p->text = arena_strn(&p->own, text, len);
	p->len = len;
	if (format == EDIT_JSON ? parse_json(p) : parse_toml(p))
		p->root = NULL;
	return p;
}

static void tell_twice(struct edit *ed)
{
	enum { ENOUGH = 8 };

	for (size_t i = 0; i < ed->now->twice.n && i < ENOUGH; i++) {
		const struct tree_member *m = ed->now->twice.at[i];
		struct tree at = { .from = m->from, .to = m->to };

		edit_note(ed, EDIT_DUPLICATE_KEY, &at, "'%.*s' is there twice; the last one counts",
			  (int)m->key.len, m->key.at);
	}
}

static void find_eol(struct edit *ed)
{
	const char *nl = memchr(ed->input, '\n', ed->input_len);

	ed->eol = nl && nl > ed->input && nl[-1] == '\r' ? "\r\n" : "\n";
}

struct edit *edit_open(struct arena *a, enum edit_format format, const char *text, size_t len)
{
	struct edit *ed = arena_alloc(a, sizeof(*ed));

	ed->a = a;
	ed->format = format;
	ed->absent = !text;
	ed->input = arena_strn(a, text ? text : "", text ? len : 0);
	ed->input_len = text ? len : 0;
	ed->now = edit_parse(format, ed->input, ed->input_len);
	list_add(a, &ed->pieces, ((struct piece_of){ ed->input, ed->input_len, false }));
	find_eol(ed);
	if (!ed->now->root) {
		struct edit_issue wrong = ed->now->wrong;

		wrong.text = arena_str(a, wrong.text);
		list_add(a, &ed->issues, wrong);
		ed->now->root = tree_new(a, TREE_TABLE, TREE_BLANK);
		return ed;
	}
	edit_second_opinion(ed);
	tell_twice(ed);
	return ed;
}

void edit_close(struct edit *ed)
{
	if (!ed)
		return;
	parse_release(ed->now);
	ed->now = NULL;
}

void edit_close_p(struct edit **ed)
{
	edit_close(*ed);
}

const struct tree *edit_root(const struct edit *ed)
{
	return ed->now->root;
}

/* Follow the path as far as it goes: 0, or -1 after a complaint. */
static int locate(struct edit *ed, struct edit_op *op)
{
	const struct tree *t = ed->now->root;

	while (op->path[op->n])
		op->n++;
	for (op->depth = 0; op->depth < op->n; op->depth++) {
		struct piece key = PIECE(op->path[op->depth]);
		const struct tree_member *m, *second;

		if (t->type != TREE_TABLE) {
			edit_refuse(ed, EDIT_TYPE, t, "'%s' is %s, it must be %s",
				    edit_path_text(ed->a, op->path, op->depth), tree_what(t),
				    ed->format == EDIT_JSON ? "an object" : "a table");
			return -1;
		}
		second = tree_second(t, key);
		if (second) {
			edit_fail(ed, EDIT_DUPLICATE_KEY, second->from, "'%s' is there twice",
				  edit_path_text(ed->a, op->path, op->depth + 1));
			edit_way(ed, "keep one of them");
			return -1;
		}
		op->parent = t;
		m = tree_find(t, key);
		if (!m)
			return 0;
		t = m->value;
	}
	op->depth--;
	op->found = t;
	return 0;
}

const struct tree *edit_at(struct edit *ed, const char *const *path)
{
	struct edit_op op = { .path = path };

	return locate(ed, &op) ? NULL : op.found;
}

/* ---- splicing ---- */

void splice_add(struct edit *ed, splices *s, size_t at, size_t cut, struct buf *text)
{
	struct splice one = { at, cut, "", 0 };

	if (text) {
		one.text = arena_strn(ed->a, buf_str(text), text->len);
		one.len = text->len;
	}
	assert(!s->n || s->at[s->n - 1].at + s->at[s->n - 1].cut <= at);
	list_add(ed->a, s, one);
}

static void spliced(const struct parsed *p, const splices *s, struct buf *ret)
{
	size_t done = 0;

	list_each (s, one) {
		buf_add(ret, p->text + done, one->at - done);
		buf_add(ret, one->text, one->len);
		done = one->at + one->cut;
	}
	buf_add(ret, p->text + done, p->len - done);
}

/* Move the next n bytes of the pieces to `to`; drop them when it is NULL. */
static void move(struct arena *a, struct piece_of **from, size_t n, edit_pieces *to)
{
	while (n) {
		size_t take = (*from)->len < n ? (*from)->len : n;

		if (to && take)
			list_add(a, to, ((struct piece_of){ (*from)->at, take, (*from)->ours }));
		(*from)->at += take;
		(*from)->len -= take;
		n -= take;
		if (!(*from)->len)
			(*from)++;
	}
}

static void splice_pieces(struct edit *ed, const splices *s)
{
	edit_pieces to = { 0 };
	struct piece_of *from = ed->pieces.at;
	size_t done = 0;

	list_each (s, one) {
		move(ed->a, &from, one->at - done, &to);
		move(ed->a, &from, one->cut, NULL);
		if (one->len)
			list_add(ed->a, &to, ((struct piece_of){ one->text, one->len, true }));
		done = one->at + one->cut;
	}
	move(ed->a, &from, ed->now->len - done, &to);
	ed->pieces = to;
}

/* The text after the splices, read. */
static struct parsed *reread(const struct edit *ed, const splices *s)
{
	auto_buf struct buf text = BUF_TEXT;

	spliced(ed->now, s, &text);
	return edit_parse(ed->format, buf_str(&text), text.len);
}

static void take_over(struct edit *ed, const splices *s, struct parsed *next)
{
	splice_pieces(ed, s);
	parse_release(ed->now);
	ed->now = next;
}

int edit_splice(struct edit *ed, const splices *s)
{
	struct parsed *next = reread(ed, s);

	if (!next->root) {
		parse_release(next);
		return -1;
	}
	take_over(ed, s, next);
	return 0;
}

/* Do one operation, or complain. */
static void run(struct edit *ed, const struct edit_op *op)
{
	struct parsed *next;
	splices s = { 0 };

	if (ed->format == EDIT_JSON ? splice_json(ed, op, &s) : splice_toml(ed, op, &s))
		return;
	next = reread(ed, &s);
	expect(&ed->now->own, ed->now->root, op);
	if (next->root && tree_exact(ed->now->root, next->root, ed->format == EDIT_JSON)) {
		take_over(ed, &s, next);
		return;
	}
	edit_fail(ed, EDIT_INTERNAL, 0,
		  "the edit of '%s' would have changed something else; nothing is written (%s)",
		  edit_path_text(ed->a, op->path, op->n),
		  next->root ? "another tree" : next->wrong.text);
	parse_release(next);
}

/* ---- operations ---- */

/* A value as JSON; one that is put back as it was spelled may have none. */
static const char *as_json(struct edit *ed, const struct tree *t)
{
	auto_buf struct buf b = BUF_TEXT;

	if (t->raw.at)
		return ed->format == EDIT_JSON ? arena_strn(ed->a, t->raw.at, t->raw.len) : NULL;
	tree_write(&b, t);
	return arena_str(ed->a, buf_str(&b));
}

static struct edit_change describe(struct edit *ed, const struct edit_op *op)
{
	struct edit_change c = { .verb = op->verb };

	for (const char *const *key = op->path; *key; key++)
		list_add(ed->a, &c.path, arena_str(ed->a, *key));
	return c;
}

static const char *spelling(struct edit *ed, const struct tree *t)
{
	if (t->type == TREE_TABLE && t->origin != TREE_WRITTEN)
		return NULL;
	if (t->origin == TREE_HEADERS)
		return NULL;
	return arena_strn(ed->a, ed->now->text + t->from, t->to - t->from);
}

static void finish(struct edit *ed, const struct edit_op *op, const struct edit_change *c)
{
	run(ed, op);
	if (!edit_refused(ed))
		list_add(ed->a, &ed->changes, *c);
}

void edit_set(struct edit *ed, const char *const *path, const struct tree *value,
	      enum edit_other other)
{
	struct edit_op op = { .verb = EDIT_SET, .path = path, .value = value };
	struct edit_change c;

	if (edit_refused(ed) || locate(ed, &op) || (op.found && tree_same(op.found, value)))
		return;
	if (op.found && other == EDIT_KEEP) {
		edit_refuse(ed, EDIT_CONFLICT, op.found, "'%s' has another value",
			    edit_path_text(ed->a, path, op.n));
		return;
	}
	c = describe(ed, &op);
	c.now = as_json(ed, value);
	if (op.found)
		c.was = spelling(ed, op.found);
	else
		c.made = (long long)(op.n - 1 - op.depth);
	finish(ed, &op, &c);
}

static const struct tree *element(const struct tree *array, const struct tree *value)
{
	list_each (&array->members, m)
		if (tree_same(m->value, value))
			return m->value;
	return NULL;
}

/* Is there an array we can add to or take from? */
static int want_array(struct edit *ed, const struct edit_op *op)
{
	if (op->found->type == TREE_ARRAY && op->found->origin != TREE_HEADERS)
		return 0;
	edit_refuse(ed, EDIT_TYPE, op->found, "'%s' is %s, it must be an array",
		    edit_path_text(ed->a, op->path, op->n), tree_what(op->found));
	return -1;
}

void edit_append(struct edit *ed, const char *const *path, const struct tree *value)
{
	struct edit_op op = { .verb = EDIT_APPEND, .path = path, .value = value };
	struct edit_change c;

	if (edit_refused(ed) || locate(ed, &op))
		return;
	if (op.found && (want_array(ed, &op) || element(op.found, value)))
		return;
	c = describe(ed, &op);
	c.now = as_json(ed, value);
	if (!op.found)
		c.made = (long long)(op.n - op.depth);
	finish(ed, &op, &c);
}

void edit_remove(struct edit *ed, const char *const *path)
{
	struct edit_op op = { .verb = EDIT_REMOVE, .path = path };
	struct edit_change c;

	if (edit_refused(ed) || locate(ed, &op) || !op.found)
		return;
	c = describe(ed, &op);
	c.was = spelling(ed, op.found);
	finish(ed, &op, &c);
}

/* Take one element out; false when there is none left, or something is wrong. */
static bool drop_one(struct edit *ed, const char *const *path, const struct tree *value)
{
	struct edit_op op = { .verb = EDIT_DROP, .path = path, .value = value };
	const struct tree *found;
	struct edit_change c;

	if (edit_refused(ed) || locate(ed, &op) || !op.found || want_array(ed, &op))
		return false;
	found = element(op.found, value);
	if (!found)
		return false;
	c = describe(ed, &op);
	c.was = spelling(ed, found);
	finish(ed, &op, &c);
	return true;
}

void edit_drop(struct edit *ed, const char *const *path, const struct tree *value)
{
	while (drop_one(ed, path, value))
		;
}

void edit_after(struct edit *ed, const char *key)
{
	ed->after = arena_str(ed->a, key);
}
