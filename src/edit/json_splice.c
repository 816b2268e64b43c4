/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an operation changes a JSON text. New members come after the last one of their object and
 * look like their neighbours: indentation, blanks around colons and commas, one line or several.
 */
#include "base/json.h"
#include "edit/priv.h"

#include <string.h>

/* How the members of an object or array are set. */
struct style {
	bool lines;          /* each on a line of its own */
	struct piece indent; /* of the members, when on lines */
	struct piece close;  /* of the closing bracket, when on lines */
	struct piece unit;   /* what one level adds */
	struct piece colon;  /* ": " */
	struct piece gap;    /* behind a comma, when on one line */
};

static struct piece slice(const struct edit *ed, size_t from, size_t to)
{
	return (struct piece){ ed->now->text + from, to - from };
}

/* What follows the last newline, or all with *ret_line = false. */
static struct piece last_line(struct piece p, bool *ret_line)
{
	const char *nl = p.len ? memrchr(p.at, '\n', p.len) : NULL;

	*ret_line = nl != NULL;
	if (!nl)
		return p;
	return (struct piece){ nl + 1, p.len - (size_t)(nl + 1 - p.at) };
}

static const struct tree_member *first(const struct tree *t)
{
	return &t->members.at[0];
}

static const struct tree_member *last(const struct tree *t)
{
	return &t->members.at[t->members.n - 1];
}

/* What is between a member and what comes before it, without the comma. */
static struct piece before(const struct edit *ed, const struct tree *t, size_t i)
{
	const struct tree_member *m = &t->members.at[i];
	const char *comma;
	size_t from = t->from + 1;

	if (i) {
		from = m[-1].value->to;
		comma = memchr(ed->now->text + from, ',', m->from - from);
		from = (size_t)(comma - ed->now->text) + 1;
	}
	return slice(ed, from, m->from);
}

/* "  " is "    " less "  "; nothing when `outer` is not its beginning. */
static struct piece less(struct piece inner, struct piece outer)
{
	if (inner.len <= outer.len || memcmp(inner.at, outer.at, outer.len) != 0)
		return (struct piece){ "", 0 };
	return (struct piece){ inner.at + outer.len, inner.len - outer.len };
}

/* One level of indentation as this text has it, from the members of the top. */
static struct piece common_unit(const struct edit *ed)
{
	const struct tree *root = ed->now->root;
	bool lines = false;
	struct piece indent;

	if (root->members.n) {
		indent = last_line(before(ed, root, 0), &lines);
		if (lines)
			return less(indent, edit_indent(ed->now, root->from));
	}
	return PIECE("    ");
}

static void style_of_members(const struct edit *ed, const struct tree *t, struct style *s)
{
	const struct tree_member *m = first(t);
	const char *colon;
	bool line;

	s->indent = last_line(before(ed, t, 0), &s->lines);
	if (!s->lines)
		s->indent = last_line(before(ed, t, t->members.n - 1), &s->lines);
	s->close = last_line(slice(ed, last(t)->value->to, t->to - 1), &line);
	if (!line)
		s->close = edit_indent(ed->now, t->from);
	s->unit = less(s->indent, s->close);
	if (t->type == TREE_TABLE) {
		colon = memchr(ed->now->text + m->to, ':', m->value->from - m->to);
		s->colon = slice(ed, m->to, m->value->from);
		if (!colon || memchr(s->colon.at, '\n', s->colon.len))
			s->colon = PIECE(": ");
	}
	s->gap = s->colon.len > 1 ? PIECE(" ") : PIECE("");
	if (t->members.n > 1 && !s->lines)
		s->gap = before(ed, t, t->members.n - 1);
}

static struct style style(const struct edit *ed, const struct tree *t);

/* An empty object looks like what it is in. */
static void style_of_empty(const struct edit *ed, const struct tree *t, struct style *s)
{
	struct style outer = { .lines = true, .unit = PIECE("    ") };
	struct piece inner = slice(ed, t->from + 1, t->to - 1);

	if (t->up)
		outer = style(ed, t->up);
	if (t->up && t->up->type == TREE_TABLE) {
		s->colon = outer.colon;
		s->gap = outer.gap;
	}
	s->unit = outer.unit.len || !t->up ? outer.unit : common_unit(ed);
	s->close = last_line(inner, &s->lines);
	if (!s->lines) {
		s->lines = outer.lines;
		s->close = edit_indent(ed->now, t->from);
	}
}

static struct style style(const struct edit *ed, const struct tree *t)
{
	struct style s = { .colon = PIECE(": "), .gap = PIECE(" ") };

	if (t->members.n)
		style_of_members(ed, t, &s);
	else
		style_of_empty(ed, t, &s);
	if (s.lines && s.indent.len && !s.unit.len)
		s.unit = common_unit(ed);
	return s;
}

/* ---- writing ---- */

static void add(struct buf *b, struct piece p)
{
	buf_add(b, p.at, p.len);
}

static void add_line(const struct edit *ed, struct buf *b, const struct style *s, struct piece in)
{
	if (s->lines) {
		buf_adds(b, ed->eol);
		add(b, in);
	}
}

static void write_value(const struct edit *ed, struct buf *b, const struct style *s,
			const struct tree *v);

static void write_array(const struct edit *ed, struct buf *b, const struct style *s,
			const struct tree *v)
{
	for (size_t i = 0; i < v->members.n; i++) {
		if (i)
			buf_addf(b, ",%s", s->gap.len || s->lines ? " " : "");
		write_value(ed, b, s, v->members.at[i].value);
	}
}

static void write_member(const struct edit *ed, struct buf *b, const struct style *s,
			 const struct tree_member *m)
{
	jw_quote(b, m->key.at);
	add(b, s->colon);
	write_value(ed, b, s, m->value);
}

/* `s` is the style of what the object is in. */
static void write_table(const struct edit *ed, struct buf *b, const struct style *s,
			const struct tree *v)
{
	auto_buf struct buf indent = BUF_TEXT;
	struct style inner = *s;

	add(&indent, s->indent);
	add(&indent, s->unit);
	inner.indent = (struct piece){ buf_str(&indent), indent.len };
	for (size_t i = 0; i < v->members.n; i++) {
		if (i)
			buf_addc(b, ',');
		if (i && !s->lines)
			add(b, s->gap);
		add_line(ed, b, s, inner.indent);
		write_member(ed, b, &inner, &v->members.at[i]);
	}
	if (v->members.n)
		add_line(ed, b, s, s->indent);
}

static void write_value(const struct edit *ed, struct buf *b, const struct style *s,
			const struct tree *v)
{
	if (v->raw.at) { /* a value that is put back as it was spelled */
		add(b, v->raw);
	} else if (v->type == TREE_TABLE) {
		buf_addc(b, '{');
		write_table(ed, b, s, v);
		buf_addc(b, '}');
	} else if (v->type == TREE_ARRAY) {
		buf_addc(b, '[');
		write_array(ed, b, s, v);
		buf_addc(b, ']');
	} else if (v->type == TREE_STRING) {
		jw_quote(b, v->text.at);
	} else {
		add(b, v->text);
	}
}

/* ---- operations ---- */

/* A blank text or a null becomes an object, over several lines. */
static void fill_blank(struct edit *ed, const struct tree_member *m, splices *ret)
{
	const struct tree *t = ed->now->root;
	auto_buf struct buf b = BUF_TEXT;
	struct style s = { .lines = true,
			   .indent = PIECE("    "),
			   .unit = PIECE("    "),
			   .colon = PIECE(": "),
			   .gap = PIECE(" ") };
	bool newline = t->to > t->from && ed->now->text[t->to - 1] == '\n';

	buf_addc(&b, '{');
	add_line(ed, &b, &s, s.indent);
	write_member(ed, &b, &s, m);
	buf_addf(&b, "%s}", ed->eol);
	if (newline || ed->absent)
		buf_adds(&b, ed->eol);
	splice_add(ed, ret, t->from, t->to - t->from, &b);
}

static void write_item(const struct edit *ed, struct buf *b, const struct style *s,
		       const struct tree *t, const struct tree_member *m)
{
	if (t->type == TREE_TABLE)
		write_member(ed, b, s, m);
	else
		write_value(ed, b, s, m->value);
}

static void fill_empty(struct edit *ed, const struct tree *t, const struct tree_member *m,
		       splices *ret)
{
	auto_buf struct buf b = BUF_TEXT, indent = BUF_TEXT;
	struct style s = style(ed, t);
	size_t cut = t->to - 1 - (t->from + 1);
	bool keep = cut && memchr(ed->now->text + t->from + 1, '\n', cut);

	add(&indent, s.close);
	add(&indent, s.unit);
	s.indent = (struct piece){ buf_str(&indent), indent.len };
	add_line(ed, &b, &s, s.indent);
	write_item(ed, &b, &s, t, m);
	if (!keep)
		add_line(ed, &b, &s, s.close);
	splice_add(ed, ret, t->from + 1, keep ? 0 : cut, &b);
}

/* A new member or element at the end. */
static void add_item(struct edit *ed, const struct tree *t, const struct tree_member *m,
		     splices *ret)
{
	auto_buf struct buf b = BUF_TEXT;
	struct style s;

	if (t->origin == TREE_BLANK) {
		fill_blank(ed, m, ret);
		return;
	}
	if (!t->members.n) {
		fill_empty(ed, t, m, ret);
		return;
	}
	s = style(ed, t);
	buf_addc(&b, ',');
	if (!s.lines)
		add(&b, s.gap);
	add_line(ed, &b, &s, s.indent);
	write_item(ed, &b, &s, t, m);
	splice_add(ed, ret, last(t)->value->to, 0, &b);
}

/* The value with the tables around it that are missing, as a member of the deepest that is not. */
static struct tree_member wrapped(struct edit *ed, const struct edit_op *op,
				  const struct tree *value)
{
	struct tree_member m = { .key = PIECE(op->path[op->n - 1]),
				 .value = (struct tree *)(size_t)value };

	for (size_t i = op->n - 1; i > op->depth; i--) {
		struct tree *around = tree_table(ed->a);

		list_add(ed->a, &around->members, m);
		m.key = PIECE(op->path[i - 1]);
		m.value = around;
	}
	return m;
}

/* Put a value in the place of another. It is set as its own neighbours are. */
static void replace(struct edit *ed, const struct edit_op *op, splices *ret)
{
	auto_buf struct buf b = BUF_TEXT;
	struct style s = style(ed, op->parent);

	write_value(ed, &b, &s, op->value);
	splice_add(ed, ret, op->found->from, op->found->to - op->found->from, &b);
}

/* Take out member i together with one comma. */
static void take_out(struct edit *ed, const struct tree *t, size_t i, splices *ret)
{
	const struct tree_member *m = &t->members.at[i];

	if (t->members.n == 1)
		splice_add(ed, ret, t->from + 1, t->to - 1 - (t->from + 1), NULL);
	else if (i + 1 < t->members.n)
		splice_add(ed, ret, m->from, m[1].from - m->from, NULL);
	else
		splice_add(ed, ret, m[-1].value->to, m->value->to - m[-1].value->to, NULL);
}

/* Take out the member with this value, or the first element that equals it. */
static void take_out_value(struct edit *ed, const struct tree *t, const struct tree *value,
			   splices *ret)
{
	for (size_t i = 0; i < t->members.n; i++) {
		const struct tree *here = t->members.at[i].value;

		if (here != value && (t->type == TREE_TABLE || !tree_same(here, value)))
			continue;
		take_out(ed, t, i, ret);
		return;
	}
}

int splice_json(struct edit *ed, const struct edit_op *op, splices *ret)
{
	struct tree_member m;
	struct tree *array;

	switch (op->verb) {
	case EDIT_SET:
		if (op->found) {
			replace(ed, op, ret);
			return 0;
		}
		m = wrapped(ed, op, op->value);
		add_item(ed, op->parent, &m, ret);
		return 0;
	case EDIT_APPEND:
		m = (struct tree_member){ .value = (struct tree *)(size_t)op->value };
		if (op->found) {
			add_item(ed, op->found, &m, ret);
			return 0;
		}
		array = tree_array(ed->a);
		list_add(ed->a, &array->members, m);
		m = wrapped(ed, op, array);
		add_item(ed, op->parent, &m, ret);
		return 0;
	case EDIT_REMOVE:
		take_out_value(ed, op->parent, op->found, ret);
		return 0;
	case EDIT_DROP:
		take_out_value(ed, op->found, op->value, ret);
		return 0;
	}
	return 0;
}
