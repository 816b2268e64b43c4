/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON: RFC 8259 to the letter, and what dockerd makes of it: a blank text and a top-level
 * null are an empty object, a byte-order mark may come first.
 */
#include "edit/priv.h"

#include <string.h>

struct json {
	struct parsed *p;
	const char *s;
	size_t n, i;
};

static struct tree *value(struct json *j, unsigned depth);

/* Always NULL. */
static void *fail(struct json *j, size_t off, const char *what)
{
	parse_fail(j->p, EDIT_SYNTAX, off, "%s", what);
	return NULL;
}

/* What is wrong with the byte here, said as people would. */
static void *unexpected(struct json *j, const char *wanted)
{
	unsigned c;
	int bytes = utf8_next(j->s + j->i, j->n - j->i, &c);

	if (bytes <= 0)
		parse_fail(j->p, EDIT_SYNTAX, j->i, "the text ends here, expected %s", wanted);
	else if (c == '\0')
		parse_fail(j->p, EDIT_SYNTAX, j->i, "a NUL byte, expected %s", wanted);
	else if (c == '#' || (c == '/' && j->i + 1 < j->n && strchr("/*", j->s[j->i + 1])))
		parse_fail(j->p, EDIT_SYNTAX, j->i, "JSON has no comments");
	else if (c < 0x20 || c == 0x7f)
		parse_fail(j->p, EDIT_SYNTAX, j->i, "control character 0x%02x, expected %s", c,
			   wanted);
	else
		parse_fail(j->p, EDIT_SYNTAX, j->i, "'%.*s', expected %s", bytes, j->s + j->i,
			   wanted);
	return NULL;
}

static void blanks(struct json *j)
{
	while (j->i < j->n && j->s[j->i] && strchr(" \t\r\n", j->s[j->i]))
		j->i++;
}

static bool at(const struct json *j, char c)
{
	return j->i < j->n && j->s[j->i] == c;
}

static struct tree *node(struct json *j, enum tree_type type, size_t from)
{
	struct tree *t = tree_new(&j->p->own, type, TREE_WRITTEN);

	t->from = from;
	t->to = j->i;
	t->raw = (struct piece){ j->s + from, j->i - from };
	t->text = t->raw;
	return t;
}

/* ---- strings ---- */

static void add_char(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(b, (char)(0x80 | (c & 0x3f)));
}

static bool hex4(const struct json *j, size_t i, unsigned *ret)
{
	unsigned c = 0;

	if (j->n - i < 4)
		return false;
	for (size_t end = i + 4; i < end; i++) {
		const char *digits = "0123456789abcdef";
		const char *found = j->s[i] ? strchr(digits, j->s[i] | 0x20) : NULL;

		if (!found)
			return false;
		c = c << 4 | (unsigned)(found - digits);
	}
	*ret = c;
	return true;
}

/* At the four digits behind \u. A surrogate without its partner is U+FFFD, as it is to Go. */
static int unicode(struct json *j, struct buf *b)
{
	unsigned c, low;

	if (!hex4(j, j->i, &c)) {
		fail(j, j->i - 2, "\\u needs four hex digits");
		return -1;
	}
	j->i += 4;
	if (c >= 0xd800 && c < 0xdc00 && j->n - j->i >= 6 && j->s[j->i] == '\\' &&
	    j->s[j->i + 1] == 'u' && hex4(j, j->i + 2, &low) && low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		j->i += 6;
	}
	add_char(b, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 0;
}

static int escape(struct json *j, struct buf *b)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = j->i + 1 < j->n ? j->s[j->i + 1] : '\0';
	const char *found;

	j->i += 2;
	if (c == 'u')
		return unicode(j, b);
	found = c ? strchr(names, c) : NULL;
	if (!found) {
		fail(j, j->i - 2, "unknown escape in a string");
		return -1;
	}
	buf_addc(b, values[found - names]);
	return 0;
}

/* At the quote. Strings without escapes, nearly all, are not copied. */
static int string(struct json *j, struct piece *ret)
{
	auto_buf struct buf b = BUF_TEXT;
	size_t open = j->i++, run = j->i;
	bool copied = false;

	for (;; run = j->i) {
		while (j->i < j->n && (unsigned char)j->s[j->i] >= 0x20 && !at(j, '"') &&
		       !at(j, '\\'))
			j->i++;
		if (at(j, '"') && !copied)
			break;
		buf_add(&b, j->s + run, j->i - run);
		if (at(j, '"'))
			break;
		if (!at(j, '\\')) {
			if (j->i == j->n)
				fail(j, open, "this string has no end");
			else
				fail(j, j->i, "a control character in a string; write it as \\u");
			return -1;
		}
		copied = true;
		if (escape(j, &b))
			return -1;
	}
	ret->at = copied ? arena_strn(&j->p->own, buf_str(&b), b.len) : j->s + run;
	ret->len = copied ? b.len : j->i - run;
	j->i++;
	return 0;
}

/* ---- numbers and words ---- */

static size_t digits(struct json *j)
{
	size_t from = j->i;

	while (j->i < j->n && j->s[j->i] >= '0' && j->s[j->i] <= '9')
		j->i++;
	return j->i - from;
}

static struct tree *number(struct json *j)
{
	size_t from = j->i;
	enum tree_type type = TREE_INT;

	j->i += at(j, '-');
	if (at(j, '0'))
		j->i++;
	else if (!digits(j))
		return unexpected(j, "a digit");
	if (at(j, '.')) {
		j->i++;
		type = TREE_FLOAT;
		if (!digits(j))
			return unexpected(j, "a digit");
	}
	if (at(j, 'e') || at(j, 'E')) {
		j->i++;
		j->i += at(j, '+') || at(j, '-');
		type = TREE_FLOAT;
		if (!digits(j))
			return unexpected(j, "a digit");
	}
	return node(j, type, from);
}

static struct tree *word(struct json *j)
{
	static const struct {
		const char *word;
		enum tree_type type;
	} words[] = { { "true", TREE_BOOL }, { "false", TREE_BOOL }, { "null", TREE_NULL } };
	size_t from = j->i;
	struct piece rest = { j->s + from, j->n - from };

	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++) {
		if (!piece_starts(rest, words[k].word))
			continue;
		j->i += strlen(words[k].word);
		return node(j, words[k].type, from);
	}
	return unexpected(j, "a value");
}

/* ---- objects and arrays ---- */

static int member(struct json *j, struct tree *t)
{
	struct tree_member m = { .from = j->i };

	if (t->type == TREE_TABLE) {
		if (!at(j, '"'))
			return unexpected(j, "a key in double quotes"), -1;
		if (string(j, &m.key))
			return -1;
		m.to = j->i;
		blanks(j);
		if (!at(j, ':'))
			return unexpected(j, "':'"), -1;
		j->i++;
		blanks(j);
	}
	m.value = value(j, t->depth + 1);
	if (!m.value)
		return -1;
	if (t->type == TREE_ARRAY)
		m.to = m.value->to;
	tree_put_at(&j->p->own, t, &m);
	return 0;
}

/* The first key that is there twice is enough to find the second. */
static void note_twice(struct json *j, const struct tree *t)
{
	for (size_t i = 0; t->type == TREE_TABLE && i < t->members.n; i++) {
		const struct tree_member *m = &t->members.at[i];

		if (tree_find(t, m->key) != m)
			list_add(&j->p->own, &j->p->twice, m);
	}
}

static struct tree *bracket(struct json *j, enum tree_type type, unsigned depth)
{
	char close = type == TREE_TABLE ? '}' : ']';
	struct tree *t = node(j, type, j->i);

	t->depth = depth;
	j->i++;
	blanks(j);
	while (!at(j, close)) {
		if (t->members.n) {
			if (!at(j, ','))
				return unexpected(j, close == '}' ? "',' or '}'" : "',' or ']'");
			j->i++;
			blanks(j);
			if (at(j, close))
				return fail(j, j->i,
					    "JSON allows no comma before the closing bracket");
		}
		if (member(j, t))
			return NULL;
		blanks(j);
	}
	j->i++;
	t->to = j->i;
	note_twice(j, t);
	return t;
}

static struct tree *value(struct json *j, unsigned depth)
{
	size_t from = j->i;
	struct piece text;
	struct tree *t;

	if (depth > TREE_DEPTH) {
		parse_fail(j->p, EDIT_UNSUPPORTED, j->i, "nested more than %d deep", TREE_DEPTH);
		return NULL;
	}
	if (at(j, '{'))
		return bracket(j, TREE_TABLE, depth);
	if (at(j, '['))
		return bracket(j, TREE_ARRAY, depth);
	if (at(j, '-') || (j->i < j->n && j->s[j->i] >= '0' && j->s[j->i] <= '9'))
		return number(j);
	if (!at(j, '"'))
		return word(j);
	if (string(j, &text))
		return NULL;
	t = node(j, TREE_STRING, from);
	t->text = text;
	return t;
}

static struct tree *blank(struct json *j, size_t from, size_t to)
{
	struct tree *t = tree_new(&j->p->own, TREE_TABLE, TREE_BLANK);

	t->from = from;
	t->to = to;
	return t;
}

int parse_json(struct parsed *p)
{
	struct json j = { .p = p, .s = p->text, .n = p->len };
	struct tree *t;

	if (parse_start(p))
		return -1;
	j.i = p->start;
	blanks(&j);
	if (j.i == j.n) {
		p->root = blank(&j, p->start, j.n);
		return 0;
	}
	t = value(&j, 0);
	if (!t)
		return -1;
	if (t->type == TREE_NULL)
		t = blank(&j, t->from, t->to);
	blanks(&j);
	if (j.i < j.n)
		return unexpected(&j, "the end of the text"), -1;
	if (t->type != TREE_TABLE)
		return parse_fail(p, EDIT_TYPE, t->from, "the top is %s, it must be an object",
				  tree_what(t));
	p->root = t;
	return 0;
}
