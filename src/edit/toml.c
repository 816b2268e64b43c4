/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading TOML 1.0: keys, headers, arrays and inline tables, with the rules about what may be
 * defined once, and the place of everything. Where the letter of TOML leaves doubt the text is
 * refused: the other readers of this file, Go libraries in three generations, differ there.
 */
#include "edit/priv.h"

#include <string.h>

static struct tree *value(struct toml *t, unsigned depth);

static int fail(struct toml *t, size_t off, const char *what)
{
	return parse_fail(t->p, EDIT_SYNTAX, off, "%s", what);
}

/* What stands here instead of what was expected. */
static int unexpected(struct toml *t, const char *wanted)
{
	unsigned c;
	int bytes = utf8_next(t->s + t->i, t->n - t->i, &c);

	if (bytes <= 0)
		return parse_fail(t->p, EDIT_SYNTAX, t->i, "the text ends here, expected %s",
				  wanted);
	if (c == '\n' || (c == '\r' && t->i + 1 < t->n && t->s[t->i + 1] == '\n'))
		return parse_fail(t->p, EDIT_SYNTAX, t->i, "the line ends here, expected %s",
				  wanted);
	if (c < 0x20 || c == 0x7f)
		return parse_fail(t->p, EDIT_SYNTAX, t->i, "control character 0x%02x, expected %s",
				  c, wanted);
	return parse_fail(t->p, EDIT_SYNTAX, t->i, "'%.*s', expected %s", bytes, t->s + t->i,
			  wanted);
}

static bool at(const struct toml *t, char c)
{
	return t->i < t->n && t->s[t->i] == c;
}

static int too_deep(struct toml *t, size_t off)
{
	return parse_fail(t->p, EDIT_UNSUPPORTED, off, "nested more than %d deep", TREE_DEPTH);
}

/* ---- keys ---- */

static bool bare(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '_';
}

static int key_part(struct toml *t)
{
	struct tree_member *m = list_push(&t->p->own, &t->keys);

	*m = (struct tree_member){ .from = t->i };
	if (at(t, '"') || at(t, '\'')) {
		if (t->n - t->i > 2 && t->s[t->i + 1] == t->s[t->i] && t->s[t->i + 2] == t->s[t->i])
			return fail(t, t->i, "a key cannot be a string of several lines");
		if (toml_string(t, &m->key))
			return -1;
	} else {
		while (t->i < t->n && bare(t->s[t->i]))
			t->i++;
		m->key = (struct piece){ t->s + m->from, t->i - m->from };
		if (!m->key.len)
			return unexpected(t, "a key");
	}
	m->to = t->i;
	return 0;
}

/* A key with all its dots into t->keys. */
static int key(struct toml *t)
{
	t->keys.n = 0;
	for (;;) {
		size_t end;

		if (key_part(t))
			return -1;
		if (t->keys.n > TREE_DEPTH)
			return too_deep(t, t->i);
		end = t->i;
		toml_blanks(t);
		if (!at(t, '.')) {
			t->i = end;
			return 0;
		}
		t->i++;
		toml_blanks(t);
	}
}

static struct tree *new_table(struct toml *t, struct tree *up, const struct tree_member *k,
			      enum tree_origin origin)
{
	struct tree_member m = *k;

	m.value = tree_new(&t->p->own, TREE_TABLE, origin);
	m.value->from = k->from;
	m.value->to = k->to;
	tree_put_at(&t->p->own, up, &m);
	return m.value;
}

static int twice(struct toml *t, const struct tree_member *k)
{
	return parse_fail(t->p, EDIT_SYNTAX, k->from, "'%.*s' is defined twice", (int)k->key.len,
			  k->key.at);
}

/* ---- values ---- */

/* Blanks, newlines and comments, as arrays have them between their elements. */
static int space(struct toml *t)
{
	size_t nl;

	for (;;) {
		toml_blanks(t);
		if (toml_newline(t, &nl))
			t->i += nl;
		else if (!at(t, '#'))
			return 0;
		else if (toml_comment(t))
			return -1;
	}
}

static struct tree *bracketed(struct toml *t, enum tree_type type, unsigned depth)
{
	struct tree *v = tree_new(&t->p->own, type, TREE_WRITTEN);

	v->depth = depth;
	v->from = t->i++;
	return v;
}

static int element(struct toml *t, struct tree *array)
{
	struct tree_member m = { .from = t->i };

	m.value = value(t, array->depth + 1);
	if (!m.value)
		return -1;
	m.to = t->i;
	tree_put_at(&t->p->own, array, &m);
	return space(t);
}

static struct tree *array(struct toml *t, unsigned depth)
{
	struct tree *v = bracketed(t, TREE_ARRAY, depth);

	if (space(t))
		return NULL;
	while (!at(t, ']')) {
		if (element(t, v))
			return NULL;
		if (at(t, ']'))
			break;
		if (!at(t, ','))
			return unexpected(t, "',' or ']'"), NULL;
		t->i++;
		if (space(t))
			return NULL;
	}
	v->to = ++t->i;
	return v;
}

static int key_value(struct toml *t, struct tree *section, struct parsed_line *line);

static struct tree *inline_table(struct toml *t, unsigned depth)
{
	struct tree *v = bracketed(t, TREE_TABLE, depth);

	toml_blanks(t);
	while (!at(t, '}')) {
		if (v->members.n) {
			if (!at(t, ','))
				return unexpected(t, "',' or '}'"), NULL;
			t->i++;
			toml_blanks(t);
		}
		if (key_value(t, v, NULL))
			return NULL;
		toml_blanks(t);
	}
	v->to = ++t->i;
	return v;
}

static struct tree *value(struct toml *t, unsigned depth)
{
	if (depth > TREE_DEPTH)
		return too_deep(t, t->i), NULL;
	if (at(t, '['))
		return array(t, depth);
	if (at(t, '{'))
		return inline_table(t, depth);
	return toml_scalar(t);
}

/* The table that the dotted key leads to, below `section`; made on the way. */
static struct tree *dotted(struct toml *t, struct tree *section)
{
	struct tree *table = section;

	for (size_t i = 0; i + 1 < t->keys.n; i++) {
		const struct tree_member *k = &t->keys.at[i];
		const struct tree_member *found = tree_find(table, k->key);

		if (!found) {
			table = new_table(t, table, k, TREE_DOTTED);
			continue;
		}
		table = found->value;
		if (table->origin == TREE_IMPLIED)
			table->origin = TREE_DOTTED;
		if (table->origin != TREE_DOTTED)
			return twice(t, k), NULL;
	}
	return table;
}

static int key_value(struct toml *t, struct tree *section, struct parsed_line *line)
{
	struct tree_member m;
	struct tree *table;

	if (key(t))
		return -1;
	m = t->keys.at[t->keys.n - 1];
	table = dotted(t, section);
	if (!table)
		return -1;
	if (tree_find(table, m.key))
		return twice(t, &m);
	toml_blanks(t);
	if (!at(t, '='))
		return unexpected(t, "'='");
	t->i++;
	toml_blanks(t);
	m.value = value(t, table->depth + 1);
	if (!m.value)
		return -1;
	/* The value may hold the same key again in a table of its own, but not in this one. */
	tree_put_at(&t->p->own, table, &m);
	if (line)
		line->value = m.value;
	return 0;
}

/* ---- headers ---- */

/* The table above the last key of a header; made on the way. */
static struct tree *header_parent(struct toml *t)
{
	struct tree *table = t->p->root;

	for (size_t i = 0; i + 1 < t->keys.n; i++) {
		const struct tree_member *k = &t->keys.at[i];
		const struct tree_member *found = tree_find(table, k->key);

		if (table->depth + 1 > TREE_DEPTH)
			return too_deep(t, k->from), NULL;
		if (!found) {
			table = new_table(t, table, k, TREE_IMPLIED);
			continue;
		}
		table = found->value;
		if (table->origin == TREE_HEADERS)
			table = table->members.at[table->members.n - 1].value;
		if (table->type != TREE_TABLE || table->origin == TREE_WRITTEN)
			return twice(t, k), NULL;
	}
	return table;
}

static struct tree *table_header(struct toml *t, struct tree *parent, const struct tree_member *k)
{
	const struct tree_member *found = tree_find(parent, k->key);

	if (!found)
		return new_table(t, parent, k, TREE_HEADER);
	if (found->value->origin != TREE_IMPLIED)
		return twice(t, k), NULL;
	found->value->origin = TREE_HEADER;
	found->value->from = k->from;
	found->value->to = k->to;
	return found->value;
}

static struct tree *array_header(struct toml *t, struct tree *parent, const struct tree_member *k)
{
	const struct tree_member *found = tree_find(parent, k->key);
	struct tree_member m = *k, one = { .from = k->from, .to = k->to };

	if (found && found->value->origin != TREE_HEADERS)
		return twice(t, k), NULL;
	if (!found) {
		m.value = tree_new(&t->p->own, TREE_ARRAY, TREE_HEADERS);
		m.value->from = k->from;
		m.value->to = k->to;
		tree_put_at(&t->p->own, parent, &m);
		found = &m;
	}
	one.value = tree_new(&t->p->own, TREE_TABLE, TREE_HEADER);
	one.value->from = k->from;
	one.value->to = k->to;
	tree_put_at(&t->p->own, found->value, &one);
	return one.value;
}

/* At the '['. */
static int header(struct toml *t, struct parsed_line *line)
{
	bool is_array = t->n - t->i > 1 && t->s[t->i + 1] == '[';
	const struct tree_member *last;
	struct tree *parent;

	t->i += is_array ? 2 : 1;
	toml_blanks(t);
	if (key(t))
		return -1;
	toml_blanks(t);
	if (!at(t, ']') || (is_array && (t->n - t->i < 2 || t->s[t->i + 1] != ']')))
		return unexpected(t, is_array ? "']]'" : "']'");
	t->i += is_array ? 2 : 1;
	parent = header_parent(t);
	if (!parent)
		return -1;
	last = &t->keys.at[t->keys.n - 1];
	if (parent->depth + 2 > TREE_DEPTH)
		return too_deep(t, last->from);
	t->section = is_array ? array_header(t, parent, last) : table_header(t, parent, last);
	line->section = t->section;
	return t->section ? 0 : -1;
}

/* ---- lines ---- */

static bool says(const struct toml *t, size_t from, const char *what)
{
	return piece_starts((struct piece){ t->s + from, t->i - from }, what);
}

/* Blanks, a comment, and the end of the line or of the text. */
static int line_end(struct toml *t, size_t *ret_comment)
{
	size_t nl, from;

	toml_blanks(t);
	from = t->i;
	if (at(t, '#')) {
		*ret_comment = from;
		if (toml_comment(t))
			return -1;
	}
	if (t->i == t->n)
		return 0;
	if (!toml_newline(t, &nl))
		return unexpected(t, "the end of the line");
	t->i += nl;
	return 0;
}

static int comment_line(struct toml *t, size_t start)
{
	size_t comment = t->i;
	bool begins, ends;

	if (line_end(t, &comment))
		return -1;
	begins = says(t, comment, EDIT_MARK_BEGIN);
	ends = says(t, comment, EDIT_MARK_END);
	if (begins || ends)
		list_add(&t->p->own, &t->p->marks, ((struct parsed_mark){ start, t->i, begins }));
	return 0;
}

static int statement(struct toml *t, size_t start)
{
	struct parsed_line line = { .from = start, .start = t->i, .section = t->section };

	if (at(t, '[') ? header(t, &line) : key_value(t, t->section, &line))
		return -1;
	line.end = t->i;
	if (line_end(t, &line.comment))
		return -1;
	line.to = t->i;
	list_add(&t->p->own, &t->p->lines, line);
	return 0;
}

int parse_toml(struct parsed *p)
{
	enum { MANY = 20000 }; /* the second parser takes time by the square of it */
	struct toml t = { .p = p, .s = p->text, .n = p->len };

	if (parse_start(p))
		return -1;
	t.i = p->start;
	p->root = tree_new(&p->own, TREE_TABLE, TREE_HEADER);
	t.section = p->root;
	while (t.i < t.n) {
		size_t start = t.i, nl;

		toml_blanks(&t);
		if (toml_newline(&t, &nl))
			t.i += nl;
		else if (at(&t, '#') || t.i == t.n) {
			if (comment_line(&t, start))
				return -1;
		} else if (statement(&t, start))
			return -1;
		if (p->lines.n > MANY)
			return parse_fail(p, EDIT_UNSUPPORTED, t.i, "more than %d lines", MANY);
	}
	return 0;
}
