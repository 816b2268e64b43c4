/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of values: build, find, compare. */
#include "edit/tree.h"

#include "base/json.h"

#include <assert.h>
#include <string.h>

/* Up to here looking through the members is cheaper than an index. */
enum { FEW = 8 };

struct tree *tree_new(struct arena *a, enum tree_type type, enum tree_origin origin)
{
	struct tree *t = arena_alloc(a, sizeof(*t));

	t->type = type;
	t->origin = origin;
	return t;
}

struct tree *tree_table(struct arena *a)
{
	return tree_new(a, TREE_TABLE, TREE_MADE);
}

struct tree *tree_array(struct arena *a)
{
	return tree_new(a, TREE_ARRAY, TREE_MADE);
}

static struct tree *scalar(struct arena *a, enum tree_type type, const char *text)
{
	struct tree *t = tree_new(a, type, TREE_MADE);

	t->text = PIECE(text);
	return t;
}

struct tree *tree_str(struct arena *a, const char *s)
{
	return scalar(a, TREE_STRING, arena_str(a, s));
}

struct tree *tree_bool(struct arena *a, bool b)
{
	return scalar(a, TREE_BOOL, b ? "true" : "false");
}

struct tree *tree_int(struct arena *a, long long i)
{
	return scalar(a, TREE_INT, arena_printf(a, "%lld", i));
}

bool piece_same(struct piece a, struct piece b)
{
	return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

/* FNV-1a. */
static size_t hash(struct piece key)
{
	unsigned long long h = 0xcbf29ce484222325;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (unsigned char)key.at[i]) * 0x100000001b3;
	return (size_t)(h ^ h >> 32);
}

/* Where the key is in the index, or the empty slot where it would be. Slots hold index + 1. */
static size_t probe(const struct tree *t, struct piece key)
{
	size_t i = hash(key) & (t->n_slots - 1);

	while (t->slots[i] && !piece_same(t->members.at[t->slots[i] - 1].key, key))
		i = (i + 1) & (t->n_slots - 1);
	return i;
}

/* Of several members with one name the index has the first. */
static void index_one(struct tree *t, size_t member)
{
	size_t slot = probe(t, t->members.at[member].key);

	if (!t->slots[slot])
		t->slots[slot] = (unsigned)member + 1;
}

static void index_all(struct arena *a, struct tree *t)
{
	t->n_slots = 4 * FEW;
	while (t->n_slots < 4 * t->members.n)
		t->n_slots *= 2;
	t->slots = arena_alloc(a, t->n_slots * sizeof(*t->slots));
	for (size_t i = 0; i < t->members.n; i++)
		index_one(t, i);
}

void tree_put_at(struct arena *a, struct tree *to, const struct tree_member *m)
{
	list_add(a, &to->members, *m);
	m->value->up = to;
	m->value->depth = to->depth + 1;
	if (to->type != TREE_TABLE || to->members.n <= FEW)
		return;
	if (2 * to->members.n > to->n_slots)
		index_all(a, to);
	else
		index_one(to, to->members.n - 1);
}

struct tree *tree_put(struct arena *a, struct tree *to, const char *key, struct tree *value)
{
	struct tree_member m = { .value = value };

	if (key)
		m.key = PIECE(arena_str(a, key));
	tree_put_at(a, to, &m);
	return value;
}

void tree_take(struct arena *a, struct tree *from, size_t i)
{
	struct tree_member *at = from->members.at + i;

	memmove(at, at + 1, (from->members.n - i - 1) * sizeof(*at));
	from->members.n--;
	if (from->slots)
		index_all(a, from);
}

const struct tree_member *tree_find(const struct tree *t, struct piece key)
{
	if (!t || t->type != TREE_TABLE)
		return NULL;
	if (t->slots) {
		unsigned found = t->slots[probe(t, key)];

		return found ? &t->members.at[found - 1] : NULL;
	}
	list_each (&t->members, m)
		if (piece_same(m->key, key))
			return m;
	return NULL;
}

struct tree *tree_get(const struct tree *t, const char *key)
{
	const struct tree_member *m = tree_find(t, PIECE(key));

	return m ? m->value : NULL;
}

const struct tree_member *tree_second(const struct tree *t, struct piece key)
{
	const struct tree_member *first = tree_find(t, key);

	if (!first)
		return NULL;
	for (const struct tree_member *m = first + 1; m < t->members.at + t->members.n; m++)
		if (piece_same(m->key, key))
			return m;
	return NULL;
}

bool tree_is(const struct tree *t, const char *s)
{
	return t && t->type == TREE_STRING && piece_eq(t->text, s);
}

bool tree_is_bool(const struct tree *t, bool b)
{
	return t && t->type == TREE_BOOL && piece_eq(t->text, b ? "true" : "false");
}

/* ---- numbers ---- */

/* A decimal number as sign, digits without zeros at either end, and the power of ten of the last.
 */
struct decimal {
	bool negative;
	const char *digits; /* with a point somewhere, which does not count */
	size_t n;
	long long power;
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* False when it is not a plain decimal number, or its exponent is absurd. */
static bool decimal_read(struct piece p, struct decimal *ret)
{
	struct decimal d = { 0 };
	size_t i = 0, from;
	long long exponent = 0;
	bool minus;

	d.negative = i < p.len && p.at[i] == '-';
	i += d.negative || (i < p.len && p.at[i] == '+');
	for (from = i; i < p.len && digit(p.at[i]); i++)
		;
	d.digits = p.at + from;
	if (i < p.len && p.at[i] == '.')
		for (i++; i < p.len && digit(p.at[i]); i++)
			d.power--;
	d.n = i - from;
	if (i < p.len && (p.at[i] | 32) == 'e') {
		i++;
		minus = i < p.len && p.at[i] == '-';
		i += minus || (i < p.len && p.at[i] == '+');
		for (; i < p.len && digit(p.at[i]) && exponent < 1000000000; i++)
			exponent = exponent * 10 + (p.at[i] - '0');
		d.power += minus ? -exponent : exponent;
	}
	*ret = d;
	return i == p.len && d.n;
}

/* Drop the zeros and the point at either end. */
static void decimal_trim(struct decimal *d)
{
	while (d->n && (*d->digits == '0' || *d->digits == '.')) {
		d->digits++;
		d->n--;
	}
	while (d->n && (d->digits[d->n - 1] == '0' || d->digits[d->n - 1] == '.')) {
		d->power += d->digits[d->n - 1] == '0';
		d->n--;
	}
}

static bool decimal_same(const struct decimal *a, const struct decimal *b)
{
	size_t i = 0, j = 0;

	if (!a->n || !b->n)
		return !a->n && !b->n;
	if (a->negative != b->negative || a->power != b->power)
		return false;
	while (i < a->n && j < b->n) {
		i += a->digits[i] == '.';
		j += b->digits[j] == '.';
		if (a->digits[i++] != b->digits[j++])
			return false;
	}
	return i == a->n && j == b->n;
}

static bool number_same(struct piece a, struct piece b)
{
	struct decimal x, y;

	if (piece_same(a, b))
		return true;
	if (!decimal_read(a, &x) || !decimal_read(b, &y))
		return false;
	decimal_trim(&x);
	decimal_trim(&y);
	return decimal_same(&x, &y);
}

/* ---- comparing ---- */

static bool members_same(const struct tree *a, const struct tree *b)
{
	if (a->members.n != b->members.n)
		return false;
	for (size_t i = 0; i < a->members.n; i++) {
		const struct tree_member *x = &a->members.at[i];
		const struct tree_member *y = &b->members.at[i];

		if (a->type == TREE_TABLE && tree_find(a, x->key) != x)
			continue; /* of duplicates the first stands for all */
		if (a->type == TREE_TABLE)
			y = tree_find(b, x->key);
		if (!y || !tree_same(x->value, y->value))
			return false;
	}
	return true;
}

bool tree_same(const struct tree *a, const struct tree *b)
{
	if (!a || !b)
		return a == b;
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case TREE_NULL:
		return true;
	case TREE_BOOL:
	case TREE_STRING:
	case TREE_TIME:
		return piece_same(a->text, b->text);
	case TREE_INT:
	case TREE_FLOAT:
		return number_same(a->text, b->text);
	case TREE_ARRAY:
	case TREE_TABLE:
		return members_same(a, b);
	}
	return false;
}

/* The member of `got` that should be the i-th of `want`, or NULL. */
static const struct tree_member *counterpart(const struct tree *want, size_t i,
					     const struct tree *got, bool ordered)
{
	const struct tree_member *m;

	if (want->type == TREE_TABLE && !ordered)
		return tree_find(got, want->members.at[i].key);
	m = &got->members.at[i];
	return piece_same(m->key, want->members.at[i].key) ? m : NULL;
}

bool tree_exact(const struct tree *want, const struct tree *got, bool ordered)
{
	const struct tree_member *before = NULL;

	if (want->origin == TREE_MADE && want->type != TREE_TABLE)
		return tree_same(want, got);
	if (want->type != got->type || want->members.n != got->members.n)
		return false;
	if (want->type < TREE_ARRAY)
		return piece_same(want->raw, got->raw);
	for (size_t i = 0; i < want->members.n; i++) {
		const struct tree_member *m = counterpart(want, i, got, ordered);
		const struct tree *value = want->members.at[i].value;

		if (!m || !tree_exact(value, m->value, ordered))
			return false;
		if (value->origin != TREE_WRITTEN)
			continue;
		if (before && m <= before)
			return false;
		before = m;
	}
	return true;
}

const char *tree_what(const struct tree *t)
{
	switch (t->type) {
	case TREE_NULL:
		return "null";
	case TREE_BOOL:
		return "true or false";
	case TREE_INT:
	case TREE_FLOAT:
		return "a number";
	case TREE_STRING:
		return "a string";
	case TREE_TIME:
		return "a date or time";
	case TREE_ARRAY:
		return t->origin == TREE_HEADERS ? "an array of tables" : "an array";
	case TREE_TABLE:
		return t->origin == TREE_WRITTEN ? "an object in braces" : "a table";
	}
	return "a value";
}

/* Values of our own are made of C strings. */
static void write_scalar(struct jw *j, const struct tree *t)
{
	unsigned long long number = 0;

	switch (t->type) {
	case TREE_STRING:
		jw_str(j, t->text.at);
		return;
	case TREE_BOOL:
		jw_bool(j, tree_is_bool(t, true));
		return;
	case TREE_INT:
		assert(str_to_u64(t->text.at, &number));
		jw_int(j, (long long)number);
		return;
	case TREE_NULL:
	case TREE_FLOAT:
	case TREE_TIME:
	case TREE_ARRAY:
	case TREE_TABLE:
		break;
	}
	assert(false);
}

static void write_value(struct jw *j, const struct tree *t)
{
	bool table = t->type == TREE_TABLE;

	if (t->type < TREE_ARRAY) {
		write_scalar(j, t);
		return;
	}
	jw_open(j, table ? '{' : '[');
	list_each (&t->members, m) {
		if (table)
			jw_key(j, m->key.at);
		write_value(j, m->value);
	}
	jw_close(j, table ? '}' : ']');
}

void tree_write(struct buf *b, const struct tree *t)
{
	struct jw j = { .out = b, .compact = true };

	write_value(&j, t);
}
