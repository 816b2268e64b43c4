/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: editing JSON. */
#include "edit_check.h"
#include "fuzz.h"

static const struct tree *entry(struct arena *a)
{
	struct tree *t = tree_table(a);

	tree_put(a, t, "path", tree_str(a, "/usr/bin/nvidia-container-runtime"));
	tree_put(a, t, "runtimeArgs", tree_array(a));
	return t;
}

static const struct tree *nvidia(struct arena *a)
{
	return tree_str(a, "nvidia");
}

static const struct tree *yes(struct arena *a)
{
	return tree_bool(a, true);
}

static const struct tree *one(struct arena *a)
{
	return tree_int(a, 1);
}

static const struct tree *odd(struct arena *a)
{
	return tree_str(a, "a \"b\"\\ \x01 \xc3\xa4\x7f");
}

static const struct tree *nested(struct arena *a)
{
	struct tree *t = tree_table(a), *array = tree_array(a);

	tree_put(a, array, NULL, tree_str(a, "x"));
	tree_put(a, array, NULL, tree_int(a, 2));
	tree_put(a, t, "l", array);
	tree_put(a, t, "t", tree_table(a));
	return t;
}

#define P(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct fuzz_op ops[] = {
	{ 's', EDIT_SET, false, P("runtimes", "nvidia"), entry },
	{ 'S', EDIT_SET, true, P("runtimes", "nvidia"), entry },
	{ 'd', EDIT_SET, false, P("default-runtime"), nvidia },
	{ 'D', EDIT_SET, true, P("default-runtime"), nvidia },
	{ 'c', EDIT_SET, false, P("features", "cdi"), yes },
	{ 'C', EDIT_SET, true, P("features", "cdi"), yes },
	{ 'o', EDIT_APPEND, false, P("exec-opts"), odd },
	{ 'O', EDIT_DROP, false, P("exec-opts"), odd },
	{ 'a', EDIT_SET, true, P("a", "b"), one },
	{ 'b', EDIT_SET, true, P("b"), nested },
	{ 'k', EDIT_SET, true, P("", "\"\\ \xc3\xa4"), odd },
	{ 'l', EDIT_APPEND, false, P("a", "l"), one },
	{ 'x', EDIT_DROP, false, P("a", "l"), one },
	{ 'r', EDIT_REMOVE, false, P("a"), NULL },
	{ 'R', EDIT_REMOVE, false, P("a", "b"), NULL },
	{ 'q', EDIT_REMOVE, false, P("runtimes"), NULL },
	{ 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_target t = { EDIT_JSON, ops, P("log", "level") };

	edit_check(&t, data, size);
	return 0;
}
