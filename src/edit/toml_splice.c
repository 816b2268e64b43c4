/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an operation changes a TOML text. Values are replaced where they stand; a new key goes into
 * the line after its table's header; new tables go to the end, between two comments. What we write
 * is what every TOML reader of the last ten years takes: bare and double-quoted keys, double-quoted
 * strings, no inline tables.
 */
#include "base/json.h"
#include "edit/priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static bool bare(const char *key)
{
	return *key && !key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789_-")];
}

static void write_key(struct buf *b, const char *key)
{
	if (bare(key))
		buf_adds(b, key);
	else
		jw_quote(b, key);
}

static void write_value(struct buf *b, const struct tree *v)
{
	if (v->raw.at) { /* a value that is put back as it was spelled */
		buf_add(b, v->raw.at, v->raw.len);
	} else if (v->type == TREE_STRING) {
		jw_quote(b, v->text.at);
	} else if (v->type == TREE_ARRAY) {
		buf_addc(b, '[');
		for (size_t i = 0; i < v->members.n; i++) {
			buf_adds(b, i ? ", " : "");
			write_value(b, v->members.at[i].value);
		}
		buf_addc(b, ']');
	} else {
		buf_add(b, v->text.at, v->text.len);
	}
}

static void write_pair(struct buf *b, const char *key, const struct tree *v)
{
	write_key(b, key);
	buf_adds(b, " = ");
	write_value(b, v);
}

static bool is_table(const struct tree *v)
{
	return v->type == TREE_TABLE && !v->raw.at;
}

/* A table with all below it. One that only holds tables needs no header of its own. */
static void write_table(const struct edit *ed, struct buf *b, const char *name,
			const struct tree *t)
{
	bool header = !t->members.n;

	list_each (&t->members, m)
		header |= !is_table(m->value);
	if (header)
		buf_addf(b, "[%s]%s", name, ed->eol);
	list_each (&t->members, m) {
		if (is_table(m->value))
			continue;
		buf_adds(b, "  ");
		write_pair(b, m->key.at, m->value);
		buf_adds(b, ed->eol);
	}
	list_each (&t->members, m) {
		auto_buf struct buf below = BUF_TEXT;

		if (!is_table(m->value))
			continue;
		buf_addf(&below, "%s.", name);
		write_key(&below, m->key.at);
		write_table(ed, b, buf_str(&below), m->value);
	}
}

/* ---- where ---- */

static bool in_block(const struct parsed *p, size_t off)
{
	bool inside = false;

	list_each (&p->marks, mark)
		if (mark->from < off)
			inside = mark->begins;
	return inside;
}

static bool line_feed(const struct parsed *p, size_t off)
{
	return off && p->text[off - 1] == '\n';
}

/* Is there nothing but a byte-order mark? */
static bool empty(const struct parsed *p)
{
	return p->len == p->start;
}

/* Insert `text` as a line of its own before `at`, which begins a line or is the end. */
static void insert_line(struct edit *ed, size_t at, const struct buf *text, splices *ret)
{
	const struct parsed *p = ed->now;
	auto_buf struct buf b = BUF_TEXT;
	bool starts = empty(p) || line_feed(p, at) || at < p->len;

	if (!starts)
		buf_adds(&b, ed->eol);
	if (ed->absent && !p->len)
		buf_addf(&b, "%s%s", EDIT_MARK_FILE, ed->eol);
	buf_add(&b, text->data, text->len);
	if (!ed->absent && !in_block(p, at) && !empty(p))
		buf_addf(&b, "  %s", EDIT_MARK_LINE);
	if (starts)
		buf_adds(&b, ed->eol);
	splice_add(ed, ret, at, 0, &b);
}

static const struct parsed_line *header_of(const struct parsed *p, const struct tree *table)
{
	list_each (&p->lines, line)
		if (!line->value && line->section == table)
			return line;
	return NULL;
}

static void add_indent(const struct parsed *p, const struct parsed_line *line, struct buf *b)
{
	buf_add(b, p->text + line->from, line->start - line->from);
}

/* The line after the header, indented like the key that was there first. */
static void add_below_header(struct edit *ed, const struct edit_op *op, const struct tree *value,
			     splices *ret)
{
	const struct parsed *p = ed->now;
	const struct parsed_line *header = header_of(p, op->parent), *next;
	auto_buf struct buf b = BUF_TEXT;

	assert(header); /* the parent is made by one */
	next = header + 1;
	if (next < p->lines.at + p->lines.n && next->section == op->parent) {
		add_indent(p, next, &b);
	} else {
		add_indent(p, header, &b);
		buf_adds(&b, "  ");
	}
	write_pair(&b, op->path[op->n - 1], value);
	insert_line(ed, header->to, &b, ret);
}

/* The line that a new key of the root follows: the one it belongs to, else the last. */
static const struct parsed_line *root_line(const struct edit *ed)
{
	const struct parsed *p = ed->now;
	const struct parsed_line *last = NULL;
	const struct tree *after = ed->after ? tree_get(p->root, ed->after) : NULL;

	list_each (&p->lines, line) {
		if (line->section != p->root)
			break;
		last = line;
		if (after && line->value == after)
			break;
	}
	return last;
}

/* Where a text begins, behind the comment that says it is ours. */
static size_t top(const struct parsed *p)
{
	struct piece rest = { p->text + p->start, p->len - p->start }, line;

	if (!piece_starts(rest, EDIT_MARK_FILE) || !str_line(&rest, &line))
		return p->start;
	return p->len - rest.len;
}

/* Without any key in the root it comes before the first table. */
static void add_to_root(struct edit *ed, const struct edit_op *op, const struct tree *value,
			splices *ret)
{
	const struct parsed *p = ed->now;
	const struct parsed_line *line = root_line(ed);
	auto_buf struct buf b = BUF_TEXT;
	size_t at = p->len;

	if (line) {
		at = line->to;
		add_indent(p, line, &b);
	} else if (p->lines.n) {
		at = top(p);
	}
	write_pair(&b, op->path[op->n - 1], value);
	insert_line(ed, at, &b, ret);
}

/* The table was made by dotted keys, so only another one can add to it. */
static int add_dotted(struct edit *ed, const struct edit_op *op, const struct tree *value,
		      splices *ret)
{
	const struct parsed *p = ed->now;
	const struct tree *t = op->parent;
	auto_buf struct buf b = BUF_TEXT;

	list_each (&p->lines, line) {
		if (!line->value || t->from < line->start || t->to > line->end)
			continue;
		add_indent(p, line, &b);
		buf_add(&b, p->text + line->start, t->to - line->start);
		buf_addc(&b, '.');
		write_pair(&b, op->path[op->n - 1], value);
		insert_line(ed, line->to, &b, ret);
		return 0;
	}
	edit_refuse(ed, EDIT_UNSUPPORTED, t, "'%s' is defined by a header and by dotted keys",
		    edit_path_text(ed->a, op->path, op->depth));
	return -1;
}

/* New tables: at the end, in the block that is there already or in a new one. */
static void add_tables(struct edit *ed, const char *const *path, size_t n, const struct tree *t,
		       splices *ret)
{
	const struct parsed *p = ed->now;
	const struct parsed_mark *mark = p->marks.n ? &p->marks.at[p->marks.n - 1] : NULL;
	const struct parsed_line *last = p->lines.n ? &p->lines.at[p->lines.n - 1] : NULL;
	auto_buf struct buf b = BUF_TEXT, name = BUF_TEXT;
	bool joins = mark && !mark->begins && (!last || last->to <= mark->from);
	bool marks = !ed->absent && !joins;

	for (size_t i = 0; i < n; i++) {
		buf_adds(&name, i ? "." : "");
		write_key(&name, path[i]);
	}
	if (!joins && !empty(p) && !line_feed(p, p->len))
		buf_adds(&b, ed->eol);
	if (ed->absent && !p->len)
		buf_addf(&b, "%s%s", EDIT_MARK_FILE, ed->eol);
	if (marks)
		buf_addf(&b, "%s: managed block, gpuprov takes it out as a whole >>>%s",
			 EDIT_MARK_BEGIN, ed->eol);
	write_table(ed, &b, buf_str(&name), t);
	if (marks)
		buf_addf(&b, "%s <<<%s", EDIT_MARK_END, ed->eol);
	splice_add(ed, ret, joins ? mark->from : p->len, 0, &b);
}

/* ---- operations ---- */

/* Nothing can be added inside braces without writing them anew. */
static int refuse_inline(struct edit *ed, const struct tree *t)
{
	for (; t; t = t->up) {
		if (t->type != TREE_TABLE || t->origin != TREE_WRITTEN)
			continue;
		edit_refuse(ed, EDIT_UNSUPPORTED, t,
			    "an inline table, which gpuprov does not edit");
		edit_way(ed, "write it as a [table] of its own");
		return -1;
	}
	return 0;
}

/* A table that holds just this, with the tables between. */
static const struct tree *holding(struct edit *ed, const struct edit_op *op,
				  const struct tree *value)
{
	struct tree_member m = { .key = PIECE(op->path[op->n - 1]),
				 .value = (struct tree *)(size_t)value };
	struct tree *t = tree_table(ed->a);

	list_add(ed->a, &t->members, m);
	return t;
}

static int add_value(struct edit *ed, const struct edit_op *op, const struct tree *value,
		     splices *ret)
{
	bool here = op->depth + 1 == op->n;

	if (refuse_inline(ed, op->parent))
		return -1;
	if (is_table(value)) {
		add_tables(ed, op->path, op->n, value, ret);
	} else if (here && op->parent == ed->now->root) {
		add_to_root(ed, op, value, ret);
	} else if (here && op->parent->origin == TREE_HEADER) {
		add_below_header(ed, op, value, ret);
	} else if (here && op->parent->origin == TREE_DOTTED) {
		return add_dotted(ed, op, value, ret);
	} else {
		add_tables(ed, op->path, op->n - 1, holding(ed, op, value), ret);
	}
	return 0;
}

static int replace(struct edit *ed, const struct edit_op *op, splices *ret)
{
	const struct tree *t = op->found;
	auto_buf struct buf b = BUF_TEXT;

	if (t->type >= TREE_ARRAY && t->origin != TREE_WRITTEN) {
		edit_refuse(ed, EDIT_UNSUPPORTED, t, "'%s' is %s, gpuprov replaces only values",
			    edit_path_text(ed->a, op->path, op->n), tree_what(t));
		return -1;
	}
	if (is_table(op->value)) {
		edit_refuse(ed, EDIT_UNSUPPORTED, t, "'%s' is %s, it must be a table",
			    edit_path_text(ed->a, op->path, op->n), tree_what(t));
		return -1;
	}
	write_value(&b, op->value);
	splice_add(ed, ret, t->from, t->to - t->from, &b);
	return 0;
}

static int append(struct edit *ed, const struct edit_op *op, splices *ret)
{
	auto_buf struct buf b = BUF_TEXT;
	struct tree *array;

	if (op->found) {
		write_value(&b, op->value);
		splice_array_add(ed, op->found, (struct piece){ buf_str(&b), b.len }, ret);
		return 0;
	}
	array = tree_array(ed->a);
	list_add(ed->a, &array->members,
		 ((struct tree_member){ .value = (struct tree *)(size_t)op->value }));
	return add_value(ed, op, array, ret);
}

/* ---- taking out ---- */

static bool below(const struct tree *t, const struct tree *top)
{
	while (t && t != top)
		t = t->up;
	return t != NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct splice *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* A line goes as a whole, but for somebody else's comment. */
static struct splice cut_of(const struct parsed *p, const struct parsed_line *line)
{
	struct piece comment = { p->text + line->comment, line->to - line->comment };
	struct splice s = { line->from, line->to - line->from, "", 0 };

	if (line->comment && !piece_eq(str_trim(comment), EDIT_MARK_LINE))
		s = (struct splice){ line->start, line->comment - line->start, "", 0 };
	return s;
}

/* Are there only blanks between two places, apart from what is cut? */
static bool blank_between(const struct parsed *p, size_t from, size_t to, const splices *cuts)
{
	list_each (cuts, cut) {
		if (cut->at < from || cut->at >= to)
			continue;
		if (str_trim((struct piece){ p->text + from, cut->at - from }).len)
			return false;
		from = cut->at + cut->cut;
	}
	return from >= to || !str_trim((struct piece){ p->text + from, to - from }).len;
}

/* Comments around a block of ours that is empty now. */
static void cut_marks(struct edit *ed, splices *cuts)
{
	const struct parsed *p = ed->now;
	size_t n = cuts->n;

	for (size_t i = 0; i + 1 < p->marks.n; i++) {
		const struct parsed_mark *begin = &p->marks.at[i], *end = begin + 1;
		splices known = { cuts->at, n, n };

		if (!begin->begins || end->begins ||
		    !blank_between(p, begin->to, end->from, &known))
			continue;
		list_add(ed->a, cuts,
			 ((struct splice){ begin->from, begin->to - begin->from, "", 0 }));
		list_add(ed->a, cuts, ((struct splice){ end->from, end->to - end->from, "", 0 }));
	}
}

static int take_out(struct edit *ed, const struct edit_op *op, splices *ret)
{
	const struct parsed *p = ed->now;
	splices cuts = { 0 };

	if (refuse_inline(ed, op->parent))
		return -1;
	list_each (&p->lines, line)
		if (below(line->value ? line->value : line->section, op->found))
			list_add(ed->a, &cuts, cut_of(p, line));
	cut_marks(ed, &cuts);
	if (cuts.n)
		qsort(cuts.at, cuts.n, sizeof(*cuts.at), by_place);
	list_each (&cuts, cut)
		splice_add(ed, ret, cut->at, cut->cut, NULL);
	return 0;
}

static void drop(struct edit *ed, const struct edit_op *op, splices *ret)
{
	size_t i = 0;

	while (!tree_same(op->found->members.at[i].value, op->value))
		i++;
	splice_array_cut(ed, op->found, i, ret);
}

int splice_toml(struct edit *ed, const struct edit_op *op, splices *ret)
{
	switch (op->verb) {
	case EDIT_SET:
		return op->found ? replace(ed, op, ret) : add_value(ed, op, op->value, ret);
	case EDIT_APPEND:
		return append(ed, op, ret);
	case EDIT_REMOVE:
		return take_out(ed, op, ret);
	case EDIT_DROP:
		drop(ed, op, ret);
		return 0;
	}
	return 0;
}
