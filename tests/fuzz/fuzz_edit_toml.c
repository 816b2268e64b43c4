/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: editing TOML. */
#include "edit_check.h"
#include "fuzz.h"

#define CRI "io.containerd.grpc.v1.cri"

static const struct tree *entry(struct arena *a)
{
	struct tree *t = tree_table(a), *options = tree_table(a);

	tree_put(a, t, "runtime_type", tree_str(a, "io.containerd.runc.v2"));
	tree_put(a, t, "options", options);
	tree_put(a, options, "BinaryName", tree_str(a, "/usr/bin/nvidia-container-runtime"));
	tree_put(a, options, "SystemdCgroup", tree_bool(a, true));
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

static const struct tree *two(struct arena *a)
{
	return tree_int(a, 2);
}

static const struct tree *pattern(struct arena *a)
{
	return tree_str(a, "/etc/containerd/conf.d/*.toml");
}

static const struct tree *odd(struct arena *a)
{
	return tree_str(a, "a \"b\"\\ \x01 \xc3\xa4\x7f");
}

static const struct tree *empty(struct arena *a)
{
	return tree_table(a);
}

#define P(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct fuzz_op ops[] = {
	{ 's', EDIT_SET, false, P("plugins", CRI, "containerd", "runtimes", "nvidia"), entry },
	{ 'd', EDIT_SET, false, P("plugins", CRI, "containerd", "default_runtime_name"), nvidia },
	{ 'D', EDIT_SET, true, P("plugins", CRI, "containerd", "default_runtime_name"), nvidia },
	{ 'c', EDIT_SET, true, P("plugins", CRI, "enable_cdi"), yes },
	{ 'v', EDIT_SET, false, P("version"), two },
	{ 'i', EDIT_APPEND, false, P("imports"), pattern },
	{ 'I', EDIT_DROP, false, P("imports"), pattern },
	{ 'a', EDIT_SET, true, P("a", "b"), two },
	{ 'b', EDIT_SET, true, P("a", "b", "c"), odd },
	{ 't', EDIT_SET, false, P("a", "t"), empty },
	{ 'k', EDIT_SET, true, P("", "\"\\ \xc3\xa4"), odd },
	{ 'z', EDIT_SET, true, P("z"), two },
	{ 'l', EDIT_APPEND, false, P("a", "l"), odd },
	{ 'x', EDIT_DROP, false, P("a", "l"), odd },
	{ 'm', EDIT_APPEND, false, P("l"), two },
	{ 'n', EDIT_DROP, false, P("l"), two },
	{ 'r', EDIT_REMOVE, false, P("a"), NULL },
	{ 'R', EDIT_REMOVE, false, P("a", "b"), NULL },
	{ 'q', EDIT_REMOVE, false, P("plugins"), NULL },
	{ 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_target t = { EDIT_TOML, ops, P("log", "level") };

	edit_check(&t, data, size);
	return 0;
}
