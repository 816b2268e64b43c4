/* SPDX-License-Identifier: Apache-2.0 */
/* Where adding an element to a TOML array, or taking one out, changes the text. */
#include "edit/priv.h"

#include <string.h>

/* What follows an element: up to the next one or the closing bracket. */
struct gap {
	size_t comma;   /* 0 = none */
	size_t newline; /* behind the first newline after element and comma; 0 = none */
	bool comment;
};

static struct gap look(const struct parsed *p, size_t from, size_t to)
{
	struct gap g = { 0 };

	for (size_t i = from; i < to; i++) {
		if (p->text[i] == '#') {
			g.comment = true;
			while (p->text[i] != '\n')
				i++;
		}
		if (p->text[i] == ',') {
			g.comma = i;
			g.newline = 0;
		} else if (p->text[i] == '\n' && !g.newline) {
			g.newline = i + 1;
		}
	}
	return g;
}

static void add_indent(const struct parsed *p, size_t off, struct buf *b)
{
	struct piece indent = edit_indent(p, off);

	buf_add(b, indent.at, indent.len);
	if (indent.at + indent.len != p->text + off)
		buf_adds(b, "  "); /* it does not begin its line, ours will */
}

static void fill_empty(struct edit *ed, const struct tree *array, struct piece value, splices *ret)
{
	const struct parsed *p = ed->now;
	auto_buf struct buf b = BUF_TEXT;
	size_t end = array->to - 1, at = array->from + 1;
	struct piece indent = edit_indent(p, end);

	if (!look(p, at, end).newline) {
		buf_add(&b, value.at, value.len);
		splice_add(ed, ret, at, 0, &b);
		return;
	}
	buf_add(&b, indent.at, indent.len);
	buf_adds(&b, "  ");
	buf_add(&b, value.at, value.len);
	buf_adds(&b, ed->eol);
	splice_add(ed, ret, end - indent.len, 0, &b);
}

/* The elements stand on lines: ours gets one of its own. */
static void add_line(struct edit *ed, const struct tree *last, const struct gap *g,
		     struct piece value, splices *ret)
{
	auto_buf struct buf b = BUF_TEXT, comma = BUF_TEXT;

	buf_adds(&comma, ",");
	if (!g->comma)
		splice_add(ed, ret, last->to, 0, &comma);
	add_indent(ed->now, last->from, &b);
	buf_add(&b, value.at, value.len);
	if (g->comma)
		buf_addc(&b, ',');
	buf_adds(&b, ed->eol);
	splice_add(ed, ret, g->newline, 0, &b);
}

void splice_array_add(struct edit *ed, const struct tree *array, struct piece value, splices *ret)
{
	auto_buf struct buf b = BUF_TEXT;
	const struct tree *last;
	struct gap g;

	if (!array->members.n) {
		fill_empty(ed, array, value, ret);
		return;
	}
	last = array->members.at[array->members.n - 1].value;
	g = look(ed->now, last->to, array->to - 1);
	if (g.newline) {
		add_line(ed, last, &g, value, ret);
		return;
	}
	buf_addf(&b, "%s%.*s%s", g.comma ? " " : ", ", (int)value.len, value.at,
		 g.comma ? "," : "");
	splice_add(ed, ret, g.comma ? g.comma + 1 : last->to, 0, &b);
}

/* From `from` on, everything up to the next text of the line; the whole line if that is all. */
static void cut_rest(struct edit *ed, size_t from, size_t to, splices *ret)
{
	const struct parsed *p = ed->now;
	struct piece indent = edit_indent(p, from);
	bool begins = indent.at + indent.len == p->text + from;

	while (p->text[to] == ' ' || p->text[to] == '\t')
		to++;
	if (begins && p->text[to] == '\r')
		to++;
	if (begins && p->text[to] == '\n') {
		from -= indent.len;
		to++;
	}
	splice_add(ed, ret, from, to - from, NULL);
}

/* An element and the comma behind it, but not a comment between them. */
static void cut_with_comma(struct edit *ed, const struct tree_member *m, size_t comma, splices *ret)
{
	if (!memchr(ed->now->text + m->to, '\n', comma - m->to)) {
		cut_rest(ed, m->from, comma + 1, ret);
		return;
	}
	splice_add(ed, ret, m->from, m->to - m->from, NULL);
	splice_add(ed, ret, comma, 1, NULL);
}

void splice_array_cut(struct edit *ed, const struct tree *array, size_t i, splices *ret)
{
	const struct tree_member *m = &array->members.at[i];
	size_t next = i + 1 < array->members.n ? m[1].from : array->to - 1;
	struct gap after = look(ed->now, m->to, next), before;

	if (after.comma) {
		cut_with_comma(ed, m, after.comma, ret);
		return;
	}
	if (!i) {
		splice_add(ed, ret, m->from, m->to - m->from, NULL);
		return;
	}
	before = look(ed->now, m[-1].to, m->from);
	if (before.newline || before.comment) {
		splice_add(ed, ret, before.comma, 1, NULL);
		cut_rest(ed, m->from, m->to, ret);
	} else {
		splice_add(ed, ret, m[-1].to, m->to - m[-1].to, NULL);
	}
}
