/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of values: finding, many keys, numbers without loss. */
#include "edit/tree.h"

#include "tap.h"

static const struct tree *number(struct arena *a, enum tree_type type, const char *text)
{
	struct tree *t = tree_new(a, type, TREE_WRITTEN);

	t->text = t->raw = PIECE(arena_str(a, text));
	return t;
}

static void check_numbers(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "1", "1.0", true },
		{ "100", "1E+2", true },
		{ "0.10", "1e-1", true },
		{ "-0", "0.00", true },
		{ "-1", "1", false },
		{ "9007199254740993", "9007199254740992", false },
		{ "0.1", "0.10000000000000000000000000001", false },
		{ "1e1000000", "1e1000001", false },
		{ "120.0", "1.2e2", true },
		{ "1", "10", false },
		{ "1.05", "10.5e-1", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_arena struct arena a = { 0 };

		ok(tree_same(number(&a, TREE_FLOAT, cases[i].a),
			     number(&a, TREE_FLOAT, cases[i].b)) == cases[i].same,
		   "%s and %s are %s", cases[i].a, cases[i].b, cases[i].same ? "the same" : "not");
	}
}

static void check_many(void)
{
	auto_arena struct arena a = { 0 };
	struct tree *t = tree_table(&a);
	size_t wrong = 0;

	for (int i = 0; i < 5000; i++)
		tree_put(&a, t, arena_printf(&a, "k%d", i), tree_int(&a, i));
	for (int i = 0; i < 5000; i++) {
		const struct tree *v = tree_get(t, arena_printf(&a, "k%d", i));

		wrong += !v || !piece_eq(v->text, arena_printf(&a, "%d", i));
	}
	ok(!wrong, "each of 5000 keys is found");
	ok(!tree_get(t, "k5000"), "and no other");
	tree_take(&a, t, 100);
	ok(!tree_get(t, "k100") && tree_get(t, "k101") && tree_get(t, "k4999"),
	   "one less, the others stay");
}

static void check_twice(void)
{
	auto_arena struct arena a = { 0 };
	struct tree *t = tree_table(&a);

	for (int i = 0; i < 20; i++)
		tree_put(&a, t, arena_printf(&a, "k%d", i % 19), tree_int(&a, i));
	ok(tree_is_bool(tree_get(t, "k0"), false) == false && tree_get(t, "k0")->text.len == 1,
	   "the first of two is found");
	ok(tree_second(t, PIECE("k0")) == &t->members.at[19], "and the second, when asked for");
	ok(!tree_second(t, PIECE("k1")), "others are there once");
}

static void check_write(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct tree *t = tree_table(&a), *array = tree_array(&a);

	tree_put(&a, t, "a\"", tree_str(&a, "\x01"));
	tree_put(&a, t, "b", array);
	tree_put(&a, array, NULL, tree_int(&a, 7));
	tree_put(&a, array, NULL, tree_bool(&a, false));
	tree_put(&a, array, NULL, tree_table(&a));
	tree_write(&b, t);
	is(buf_str(&b), "{\"a\\\"\":\"\\u0001\",\"b\":[7,false,{}]}", "a tree as JSON");
}

static void check_exact(void)
{
	auto_arena struct arena a = { 0 };
	struct tree *x = tree_new(&a, TREE_TABLE, TREE_HEADER);
	struct tree *y = tree_new(&a, TREE_TABLE, TREE_HEADER);

	tree_put(&a, x, "a", (struct tree *)(size_t)number(&a, TREE_INT, "1"));
	tree_put(&a, x, "b", (struct tree *)(size_t)number(&a, TREE_INT, "2"));
	tree_put(&a, y, "b", (struct tree *)(size_t)number(&a, TREE_INT, "2"));
	tree_put(&a, y, "a", (struct tree *)(size_t)number(&a, TREE_INT, "1"));
	ok(tree_same(x, y), "order is no part of the meaning");
	ok(!tree_exact(x, y, true) && !tree_exact(x, y, false), "but what was there must keep it");
	tree_put(&a, x, "c", tree_int(&a, 3));
	ok(!tree_exact(x, y, false), "a missing key is seen");
	ok(tree_exact(x, x, true), "everything is exactly itself");
}

int main(void)
{
	check_numbers();
	check_many();
	check_twice();
	check_write();
	check_exact();
	return done_testing();
}
