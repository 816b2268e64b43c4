/* SPDX-License-Identifier: Apache-2.0 */
/* Structs described by rows: to JSON, from JSON, compared. */
#include "base/rec.h"

#include "base/mem.h"
#include "base/str.h"

#include <jansson.h>
#include <limits.h>
#include <string.h>

/* The layout every LIST() has. */
struct any_list {
	void *at;
	size_t n, cap;
};

static const void *member(const void *rec, const struct rec_row *row)
{
	return (const char *)rec + row->offset;
}

static const char *get_str(const void *p)
{
	const char *s;

	memcpy(&s, p, sizeof(s));
	return s;
}

static int get_enum(const void *p)
{
	int v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static unsigned get_unsigned(const void *p)
{
	unsigned v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static size_t get_size(const void *p)
{
	size_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static struct any_list get_list(const void *p)
{
	struct any_list l;

	memcpy(&l, p, sizeof(l));
	return l;
}

static void write_list(struct jw *j, const struct rec_row *row, struct any_list l)
{
	jw_open(j, '[');
	for (size_t i = 0; i < l.n; i++) {
		if (row->type == REC_STRS)
			jw_str(j, get_str((const char *)l.at + i * sizeof(char *)));
		else
			rec_write(j, row->rows, (const char *)l.at + i * row->size);
	}
	jw_close(j, ']');
}

/* False for what is left out of the file: absent strings, unknown facts, empty lists. */
static bool present(const struct rec_row *row, const void *p)
{
	switch (row->type) {
	case REC_STR:
		return get_str(p) != NULL;
	case REC_TRI:
		return get_enum(p) != TRI_UNKNOWN;
	case REC_STRS:
	case REC_LIST:
		return get_list(p).n > 0;
	case REC_OPT:
		return present(row->rows, (const char *)p + row->rows->offset);
	case REC_CODE:
		return get_enum(p) != GP_NONE;
	case REC_BOOL:
	case REC_INT:
	case REC_UINT:
	case REC_SIZE:
	case REC_WORD:
	case REC_OBJ:
		return true;
	}
	return false;
}

static void write_code(struct jw *j, const void *p)
{
	auto_buf struct buf name = BUF_TEXT;

	buf_addf(&name, "GP%04d", get_enum(p));
	jw_str(j, buf_str(&name));
}

static void write_value(struct jw *j, const struct rec_row *row, const void *p)
{
	long long number;

	switch (row->type) {
	case REC_STR:
		jw_str(j, get_str(p));
		break;
	case REC_BOOL:
		jw_bool(j, *(const bool *)p);
		break;
	case REC_TRI:
		jw_bool(j, get_enum(p) == TRI_YES);
		break;
	case REC_INT:
		memcpy(&number, p, sizeof(number));
		jw_int(j, number);
		break;
	case REC_WORD:
		jw_str(j, row->words[get_enum(p)]);
		break;
	case REC_STRS:
	case REC_LIST:
		write_list(j, row, get_list(p));
		break;
	case REC_OBJ:
	case REC_OPT:
		rec_write(j, row->rows, p);
		break;
	case REC_UINT:
		jw_int(j, get_unsigned(p));
		break;
	case REC_SIZE:
		jw_int(j, (long long)get_size(p));
		break;
	case REC_CODE:
		write_code(j, p);
		break;
	}
}

void rec_write(struct jw *j, const struct rec_row *rows, const void *rec)
{
	jw_open(j, '{');
	for (const struct rec_row *row = rows; row->name; row++) {
		const void *p = member(rec, row);

		if (!present(row, p))
			continue;
		jw_key(j, row->name);
		write_value(j, row, p);
	}
	jw_close(j, '}');
}

struct reading {
	const char *what;
	struct arena *a;
	struct err *e;
};

static int read_rec(const struct reading *r, const char *path, const struct rec_row *rows,
		    const json_t *o, void *rec);

static int wrong(const struct reading *r, const char *path, const char *wanted)
{
	return err_set(r->e, GP_BAD_FACTS, "%s: '%s' must be %s", r->what, path, wanted);
}

static int read_word(const struct reading *r, const char *path, const struct rec_row *row,
		     const json_t *v, void *p)
{
	const char *s = json_string_value(v);

	for (int i = 0; s && row->words[i]; i++) {
		if (str_eq(s, row->words[i])) {
			memcpy(p, &i, sizeof(i));
			return 0;
		}
	}
	return err_set(r->e, GP_BAD_FACTS, "%s: '%s' has a value that is not known here", r->what,
		       path);
}

static int read_list(const struct reading *r, const char *path, const struct rec_row *row,
		     const json_t *v, void *p)
{
	size_t item = row->type == REC_STRS ? sizeof(char *) : row->size;
	struct any_list l = { .n = json_array_size(v), .cap = json_array_size(v) };

	if (!json_is_array(v))
		return wrong(r, path, "a list");
	l.at = arena_alloc(r->a, l.n * item);
	for (size_t i = 0; i < l.n; i++) {
		const json_t *one = json_array_get(v, i);
		char *at = (char *)l.at + i * item;
		auto_free char *where = mem_printf("%s[%zu]", path, i);

		if (row->type == REC_LIST) {
			if (read_rec(r, where, row->rows, one, at))
				return -1;
		} else if (json_is_string(one)) {
			const char *s = arena_str(r->a, json_string_value(one));

			memcpy(at, &s, sizeof(s));
		} else {
			return wrong(r, where, "a string");
		}
	}
	memcpy(p, &l, sizeof(l));
	return 0;
}

static int read_tri(const struct reading *r, const char *path, const json_t *v, void *p)
{
	int t = json_is_true(v) ? TRI_YES : TRI_NO;

	if (!json_is_boolean(v))
		return wrong(r, path, "true or false");
	memcpy(p, &t, sizeof(t));
	return 0;
}

static int read_code(const struct reading *r, const char *path, const json_t *v, void *p)
{
	const char *s = json_string_value(v);
	unsigned long long number;
	int code;

	if (!str_starts(s ? s : "", "GP") || strlen(s) != 6 || !str_to_u64(s + 2, &number))
		return wrong(r, path, "a code like GP0203");
	code = (int)number;
	memcpy(p, &code, sizeof(code));
	return 0;
}

/* unsigned and size_t: where something is in a text. */
static int read_natural(const struct reading *r, const char *path, const struct rec_row *row,
			const json_t *v, void *p)
{
	json_int_t number = json_integer_value(v);
	unsigned small = (unsigned)number;
	size_t big = (size_t)number;

	if (!json_is_integer(v) || number < 0 || number > INT_MAX)
		return wrong(r, path, "a whole number that is not negative");
	if (row->type == REC_UINT)
		memcpy(p, &small, sizeof(small));
	else
		memcpy(p, &big, sizeof(big));
	return 0;
}

static int read_value(const struct reading *r, const char *path, const struct rec_row *row,
		      const json_t *v, void *p)
{
	const char *s;
	long long number;

	switch (row->type) {
	case REC_STR:
		if (!json_is_string(v))
			return wrong(r, path, "a string");
		s = arena_str(r->a, json_string_value(v));
		memcpy(p, &s, sizeof(s));
		return 0;
	case REC_BOOL:
		if (!json_is_boolean(v))
			return wrong(r, path, "true or false");
		*(bool *)p = json_is_true(v);
		return 0;
	case REC_TRI:
		return read_tri(r, path, v, p);
	case REC_INT:
		if (!json_is_integer(v))
			return wrong(r, path, "a whole number");
		number = json_integer_value(v);
		memcpy(p, &number, sizeof(number));
		return 0;
	case REC_WORD:
		return read_word(r, path, row, v, p);
	case REC_STRS:
	case REC_LIST:
		return read_list(r, path, row, v, p);
	case REC_OBJ:
	case REC_OPT:
		return read_rec(r, path, row->rows, v, p);
	case REC_UINT:
	case REC_SIZE:
		return read_natural(r, path, row, v, p);
	case REC_CODE:
		return read_code(r, path, v, p);
	}
	return 0;
}

static const struct rec_row *find_row(const struct rec_row *rows, const char *name)
{
	for (; rows->name; rows++)
		if (str_eq(rows->name, name))
			return rows;
	return NULL;
}

static int read_rec(const struct reading *r, const char *path, const struct rec_row *rows,
		    const json_t *o, void *rec)
{
	const char *key;
	json_t *v;

	if (!json_is_object(o))
		return wrong(r, *path ? path : "the top", "an object");
	json_object_foreach ((json_t *)(size_t)o, key, v) {
		const struct rec_row *row = find_row(rows, key);
		auto_free char *where = mem_printf("%s%s%s", path, *path ? "." : "", key);

		if (!row)
			return err_set(r->e, GP_BAD_FACTS, "%s: unknown key '%s'", r->what, where);
		if (read_value(r, where, row, v, (char *)rec + row->offset))
			return -1;
	}
	return 0;
}

int rec_read(const char *text, size_t len, const char *what, const struct rec_row *rows, void *rec,
	     struct arena *a, struct err *e)
{
	struct reading r = { what, a, e };
	json_error_t je;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	int rc;

	if (!root)
		return err_set(e, GP_BAD_FACTS, "%s:%d:%d: %s", what, je.line, je.column, je.text);
	rc = read_rec(&r, "", rows, root, rec);
	json_decref(root);
	return rc;
}

struct diffing {
	rec_differs *differs;
	void *ctx;
};

static void diff_rec(const struct diffing *d, const char *path, const struct rec_row *rows,
		     const void *left, const void *right);

/* One value as text, for the message; NULL when it is not there. The caller frees. */
static char *value_text(const struct rec_row *row, const void *p)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };

	if (!p || !present(row, p))
		return NULL;
	if (row->type == REC_STR)
		return mem_strdup(get_str(p));
	write_value(&j, row, p);
	return buf_steal_str(&b);
}

/* The items of a list, seen as values: what an item is found again by is its key. */
struct items {
	struct any_list l;
	size_t size;
	const struct rec_row *key; /* the first member, where that is a string; NULL = the place */
	bool strings;
};

static const char *item_at(const struct items *it, size_t i)
{
	return (const char *)it->l.at + i * it->size;
}

static const char *item_key(const struct items *it, size_t i)
{
	if (it->strings)
		return get_str(item_at(it, i));
	return it->key ? get_str(member(item_at(it, i), it->key)) : NULL;
}

/* How many items before this one have its key. */
static size_t rank(const struct items *it, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < i; k++)
		n += str_eq(item_key(it, k), item_key(it, i));
	return n;
}

/* The item of `in` that is item i of `of`; in->l.n when there is none. */
static size_t partner(const struct items *of, size_t i, const struct items *in)
{
	size_t skip = rank(of, i);

	for (size_t k = 0; k < in->l.n; k++)
		if (str_eq(item_key(in, k), item_key(of, i)) && !skip--)
			return k;
	return in->l.n;
}

static char *item_path(const char *path, const struct items *it, size_t i)
{
	if (it->strings)
		return mem_strdup(path);
	if (item_key(it, i))
		return mem_printf("%s[%s]", path, item_key(it, i));
	return mem_printf("%s[%zu]", path, i);
}

static void diff_list(const struct diffing *d, const char *path, const struct rec_row *row,
		      const void *left, const void *right)
{
	bool strings = row->type == REC_STRS;
	struct items l = { get_list(left), strings ? sizeof(char *) : row->size,
			   !strings && row->rows->type == REC_STR ? row->rows : NULL, strings };
	struct items r = l;
	struct rec_row item = { .type = strings ? REC_STR : REC_OBJ, .rows = row->rows };

	r.l = get_list(right);
	for (size_t i = 0; i < l.l.n; i++) {
		size_t k = partner(&l, i, &r);
		auto_free char *where = item_path(path, &l, i);
		auto_free char *text = value_text(&item, item_at(&l, i));

		if (k == r.l.n)
			d->differs(d->ctx, where, text, NULL);
		else if (!strings)
			diff_rec(d, where, row->rows, item_at(&l, i), item_at(&r, k));
	}
	for (size_t k = 0; k < r.l.n; k++) {
		auto_free char *where = item_path(path, &r, k);
		auto_free char *text = value_text(&item, item_at(&r, k));

		if (partner(&r, k, &l) == l.l.n)
			d->differs(d->ctx, where, NULL, text);
	}
}

static void diff_rec(const struct diffing *d, const char *path, const struct rec_row *rows,
		     const void *left, const void *right)
{
	for (const struct rec_row *row = rows; row->name; row++) {
		const void *a = member(left, row), *b = member(right, row);
		auto_free char *where = mem_printf("%s%s%s", path, *path ? "." : "", row->name);

		if (row->type == REC_OBJ || row->type == REC_OPT) {
			diff_rec(d, where, row->rows, a, b);
		} else if (row->type == REC_LIST || row->type == REC_STRS) {
			diff_list(d, where, row, a, b);
		} else {
			auto_free char *a_text = value_text(row, a);
			auto_free char *b_text = value_text(row, b);

			if (!str_eq(a_text, b_text))
				d->differs(d->ctx, where, a_text, b_text);
		}
	}
}

void rec_diff(const struct rec_row *rows, const void *left, const void *right, rec_differs *differs,
	      void *ctx)
{
	struct diffing d = { differs, ctx };

	diff_rec(&d, "", rows, left, right);
}
