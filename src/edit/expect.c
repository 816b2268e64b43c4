/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tree must be after an operation. This is the other opinion on the splices, so it shares
 * nothing with the code that makes them.
 */
#include "edit/priv.h"

#include <string.h>

static struct piece copy(struct arena *a, struct piece p)
{
	return (struct piece){ p.at ? arena_strn(a, p.at, p.len) : NULL, p.len };
}

struct tree *expect_copy(struct arena *a, const struct tree *t)
{
	struct tree *new = tree_new(a, t->type, t->origin);

	new->raw = copy(a, t->raw);
	new->text = copy(a, t->text);
	list_each (&t->members, m) {
		struct tree_member to = { .key = copy(a, m->key),
					  .value = expect_copy(a, m->value) };

		tree_put_at(a, new, &to);
	}
	return new;
}

static struct tree *child(const struct tree *t, struct piece key, size_t *ret_i)
{
	const struct tree_member *m = tree_find(t, key);

	if (!m)
		return NULL;
	*ret_i = (size_t)(m - t->members.at);
	return m->value;
}

static void expect_value(struct arena *a, struct tree *root, const struct edit_op *op,
			 const struct tree *value)
{
	struct tree *t = root;
	size_t i;

	for (const char *const *key = op->path; *key; key++) {
		struct tree *next = child(t, PIECE(*key), &i);
		bool last = !key[1];

		if (next && last)
			t->members.at[i].value = expect_copy(a, value);
		else if (!next)
			next = tree_put(a, t, *key, last ? expect_copy(a, value) : tree_table(a));
		t = next;
	}
}

/* Tables that were there only because of what is gone now are gone too. */
static void prune(struct arena *a, struct tree *t)
{
	while (t->up && !t->members.n && (t->origin == TREE_IMPLIED || t->origin == TREE_DOTTED)) {
		struct tree *up = t->up;

		for (size_t i = 0; i < up->members.n; i++) {
			if (up->members.at[i].value == t) {
				tree_take(a, up, i);
				break;
			}
		}
		t = up;
	}
}

static void expect_nothing(struct arena *a, struct tree *root, const struct edit_op *op)
{
	const char *const *key = op->path;
	struct tree *t = root;
	size_t i;

	for (; t && key[1]; key++)
		t = child(t, PIECE(*key), &i);
	if (!t || !child(t, PIECE(*key), &i))
		return;
	tree_take(a, t, i);
	prune(a, t);
}

static struct tree *array_of(struct tree *root, const struct edit_op *op)
{
	struct tree *t = root;
	size_t i;

	for (const char *const *key = op->path; t && *key; key++)
		t = child(t, PIECE(*key), &i);
	return t;
}

static void expect_without(struct arena *a, struct tree *array, const struct tree *value)
{
	size_t i = 0;

	while (!tree_same(array->members.at[i].value, value))
		i++;
	tree_take(a, array, i);
}

void expect(struct arena *a, struct tree *root, const struct edit_op *op)
{
	struct tree *array, *fresh;

	switch (op->verb) {
	case EDIT_SET:
		expect_value(a, root, op, op->value);
		return;
	case EDIT_APPEND:
		array = array_of(root, op);
		if (array) {
			tree_put(a, array, NULL, expect_copy(a, op->value));
			return;
		}
		fresh = tree_array(a);
		tree_put(a, fresh, NULL, expect_copy(a, op->value));
		expect_value(a, root, op, fresh);
		return;
	case EDIT_REMOVE:
		expect_nothing(a, root, op);
		return;
	case EDIT_DROP:
		expect_without(a, array_of(root, op), op->value);
		return;
	}
}
