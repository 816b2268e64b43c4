/* SPDX-License-Identifier: Apache-2.0 */
/* The second opinion on a TOML text: another parser must see the same tree. */
#include "edit/priv.h"

#include <string.h>

/*
 * The other tree. Its floats are kept as the bytes of the double, since the other parser does not
 * tell how they were spelled.
 */
struct listening {
	struct arena *a;
	struct tree *root, *here;
};

static struct piece text_of(struct arena *a, const struct toml_event *e)
{
	switch (e->type) {
	case TOML_STRING:
		return (struct piece){ arena_strn(a, e->text, e->len), e->len };
	case TOML_INT:
		return PIECE(arena_printf(a, "%lld", e->integer));
	case TOML_BOOL:
		return PIECE(e->integer ? "true" : "false");
	case TOML_FLOAT:
		return (struct piece){ arena_strn(a, (const char *)&e->real, sizeof(e->real)),
				       sizeof(e->real) };
	case TOML_TIME:
		return PIECE(toml_time_text(a, &e->time));
	case TOML_TABLE:
	case TOML_ARRAY:
	case TOML_END:
		break;
	}
	return PIECE("");
}

static void hear(void *ctx, const struct toml_event *e)
{
	static const enum tree_type types[] = {
		[TOML_TABLE] = TREE_TABLE, [TOML_ARRAY] = TREE_ARRAY, [TOML_STRING] = TREE_STRING,
		[TOML_INT] = TREE_INT,     [TOML_FLOAT] = TREE_FLOAT, [TOML_BOOL] = TREE_BOOL,
		[TOML_TIME] = TREE_TIME,
	};
	struct listening *l = ctx;
	struct tree_member m = { 0 };

	if (e->type == TOML_END) {
		l->here = l->here->up;
		return;
	}
	m.value = tree_new(l->a, types[e->type], TREE_MADE);
	m.value->text = text_of(l->a, e);
	if (e->key)
		m.key = (struct piece){ arena_strn(l->a, e->key, e->key_len), e->key_len };
	if (l->here)
		tree_put_at(l->a, l->here, &m);
	else
		l->root = m.value;
	if (e->type == TOML_TABLE || e->type == TOML_ARRAY)
		l->here = m.value;
}

static bool scalar_agrees(const struct tree *ours, const struct tree *theirs)
{
	double real;

	if (ours->type != TREE_FLOAT)
		return piece_same(ours->text, theirs->text);
	memcpy(&real, theirs->text.at, sizeof(real));
	return toml_float_is(ours->text.at, ours->text.len, real);
}

/* The first value of ours that they see differently, or NULL. */
static const struct tree *differs(const struct tree *ours, const struct tree *theirs)
{
	const struct tree *found = NULL;

	if (ours->type != theirs->type || ours->members.n != theirs->members.n)
		return ours;
	if (ours->type < TREE_ARRAY)
		return scalar_agrees(ours, theirs) ? NULL : ours;
	for (size_t i = 0; i < ours->members.n && !found; i++) {
		const struct tree_member *m = &ours->members.at[i], *other = NULL;

		if (ours->type == TREE_TABLE)
			other = tree_find(theirs, m->key);
		else
			other = &theirs->members.at[i];
		found = other ? differs(m->value, other->value) : m->value;
	}
	return found;
}

static bool foreign(char c)
{
	return (unsigned char)c >= 0x80;
}

/*
 * toml++ 3.3 reaches what it declares unreachable on many characters beyond ASCII (seen with U+013A
 * after a line-ending backslash). Such bytes only occur in strings and comments, where one is as
 * good as another, so it gets to read their hex digits.
 */
static void ascii(const struct parsed *p, struct buf *ret)
{
	for (size_t i = p->start; i < p->len; i++) {
		if (foreign(p->text[i]))
			buf_addf(ret, "%02x", (unsigned char)p->text[i]);
		else
			buf_addc(ret, p->text[i]);
	}
}

/* Line and column of the ASCII text as an offset of the real one. */
static size_t offset_of(const struct parsed *p, const struct toml_refusal *r)
{
	unsigned line = 1, col = 1;
	size_t i = p->start;

	for (; i < p->len && (line < r->line || (line == r->line && col < r->col)); i++) {
		col += foreign(p->text[i]) ? 2 : 1;
		if (p->text[i] == '\n') {
			line++;
			col = 1;
		}
	}
	return i;
}

static void compare(struct edit *ed, const struct parsed *p)
{
	auto_arena struct arena own = { 0 };
	struct listening l = { .a = &own };
	struct toml_refusal refusal = { 0 };
	const struct tree *other;

	if (toml_read(p->text, p->len, hear, &l, &refusal)) {
		edit_fail(ed, EDIT_SYNTAX, offset_of(ed->now, &refusal),
			  "a second TOML reader does not take it: %s", refusal.text);
		return;
	}
	other = differs(p->root, l.root);
	if (!other)
		return;
	refusal.line = edit_place(p->text, p->len, other->from).line;
	refusal.col = edit_place(p->text, p->len, other->from).col;
	edit_fail(ed, EDIT_UNSUPPORTED, offset_of(ed->now, &refusal),
		  "two TOML readers understand this differently");
}

void edit_second_opinion(struct edit *ed)
{
	auto_buf struct buf b = BUF_TEXT;
	struct parsed *p;

	if (ed->format != EDIT_TOML || edit_refused(ed))
		return;
	ascii(ed->now, &b);
	p = ed->now;
	if (b.len != p->len)
		p = edit_parse(EDIT_TOML, buf_str(&b), b.len);
	if (p->root)
		compare(ed, p);
	else
		edit_fail(ed, EDIT_UNSUPPORTED, p->wrong.at.off, "%s", p->wrong.text);
	if (p != ed->now)
		parse_release(p);
}
