/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k0s: a file of our own in containerd.d, which k0s itself merges into the configuration of its
 * containerd. What k0s generates is only read.
 *
 * docs.k0sproject.io/stable/runtime "k0s managed dynamic runtime configuration": from 1.27.1 on.
 * CRI settings of all files are merged table by table with what k0s generates (k0sproject/k0s#2637,
 * #3412); with containerd 2 it imports the folder and leaves the merging to containerd (#7713).
 */
#include "base/str.h"
#include "runtimes/runtime.h"

#include <string.h>

#define FOLDER "/etc/k0s/containerd.d"
#define OURS FOLDER "/99-gpuprov-nvidia.toml"
#define RUNC_V2 "io.containerd.runc.v2"

struct job {
	struct runtime_work w;
	struct edit *root; /* what k0s generated */
	struct edit *ours;
	LIST(struct edit *) others;
	LIST(const char *) other_paths;
	long long version;
	const char *plugin;
};

static void reads(const struct runtime_ask *ask, struct arena *a, strs *ret)
{
	(void)ask;
	list_add(a, ret, FOLDER "/*.toml");
}

static const char *own(const strs *args, struct arena *a)
{
	(void)args;
	(void)a;
	return OURS;
}

#define CRI(j, ...) EDIT_PATH("plugins", (j)->plugin, "containerd", __VA_ARGS__)

/* ---- what is there ---- */

/* Who replaced the generated file must import the folder himself. */
static void check_root(struct job *j)
{
	const struct runtime_file *file = &j->w.ask->file;
	const char *end = file->text ? strchrnul(file->text, '\n') : NULL;
	strs imported = { 0 };

	if (*runtime_version(&j->w) && !runtime_since(&j->w, "1.27.1")) {
		runtime_refuse(&j->w, file, EDIT_UNSUPPORTED,
			       "k0s %s reads no " FOLDER
			       ": 1.27.1 is the first that does; update it",
			       runtime_version(&j->w));
		return;
	}
	if (!file->text) {
		runtime_refuse(&j->w, file, EDIT_PRECONDITION,
			       "k0s writes it at its first start, and has not started yet: the "
			       "version of our file must be the same");
		return;
	}
	if (memmem(file->text, (size_t)(end - file->text), "k0s_managed=true",
		   strlen("k0s_managed=true")))
		return;
	runtime_imports(j->w.ask, j->w.a, edit_root(j->root), &imported);
	list_each (&imported, pattern)
		if (runtime_match(*pattern, OURS))
			return;
	edit_refuse(j->root, EDIT_UNSUPPORTED, NULL,
		    "k0s does not manage this file, and it does not import " FOLDER);
	edit_way(j->root, "add " FOLDER "/*.toml to its imports, or let k0s generate it");
}

static void read_version(struct job *j)
{
	const struct tree *version = edit_at(j->root, EDIT_PATH("version"));
	unsigned long long number = 0;

	if (version && version->type == TREE_INT)
		str_to_u64(arena_strn(j->w.a, version->text.at, version->text.len), &number);
	j->version = (long long)number;
	j->plugin = number == 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
	if (!edit_refused(j->root) && (number < 2 || number > 4))
		edit_refuse(j->root, EDIT_UNSUPPORTED, version,
			    "this version of containerd's configuration is not known here");
}

static void open_others(struct job *j)
{
	list_each (&j->w.ask->others, file) {
		if (!file->text || str_eq(file->path, OURS))
			continue;
		list_add(j->w.a, &j->others, edit_open(j->w.a, EDIT_TOML, file->text, file->len));
		list_add(j->w.a, &j->other_paths, file->path);
	}
}

/* The last of the others that says something; NULL = none does. */
static const struct tree *theirs(const struct job *j, const char *const *path, struct edit **ret_in)
{
	const struct tree *found = edit_at(j->root, path);

	*ret_in = j->root;
	list_each (&j->others, ed) {
		const struct tree *t = edit_at(*ed, path);

		if (!t)
			continue;
		found = t;
		*ret_in = *ed;
	}
	return found;
}

/* ---- ours ---- */

static struct tree *entry(struct job *j)
{
	struct arena *a = j->w.a;
	struct tree *t = tree_table(a), *options = tree_table(a);
	struct edit *in;
	const struct tree *runc =
		theirs(j, CRI(j, "runtimes", "runc", "options", "SystemdCgroup"), &in);
	bool systemd = j->w.ask->systemd_cgroup == TRI_UNKNOWN ?
			       tree_is_bool(runc, true) :
			       j->w.ask->systemd_cgroup == TRI_YES;

	tree_put(a, t, "runtime_type", tree_str(a, RUNC_V2));
	tree_put(a, t, "options", options);
	tree_put(a, options, "BinaryName", tree_str(a, j->w.ask->binary));
	tree_put(a, options, "SystemdCgroup", tree_bool(a, systemd));
	return t;
}

static bool defines_ours(const struct job *j, const struct tree *t)
{
	return tree_is(tree_get(t, "runtime_type"), RUNC_V2) &&
	       runtime_is_binary(j->w.ask, tree_get(tree_get(t, "options"), "BinaryName"));
}

static void add_runtime(struct job *j)
{
	const char *const *path = CRI(j, "runtimes", j->w.ask->name);
	struct edit *in;
	const struct tree *t = theirs(j, path, &in);

	if (t && defines_ours(j, t))
		return;
	if (t && !j->w.ask->replace) {
		edit_refuse(in, EDIT_CONFLICT, t, "the runtime '%s' is defined otherwise",
			    j->w.ask->name);
		edit_way(in, "choose another name, or allow it to be replaced");
		return;
	}
	edit_set(j->ours, path, entry(j), EDIT_REPLACE);
}

static void set_default(struct job *j)
{
	const char *const *path = CRI(j, "default_runtime_name");
	struct edit *in;
	const struct tree *t = theirs(j, path, &in);

	if (tree_is(t, j->w.ask->name))
		return;
	if (t && !tree_is(t, "") && !tree_is(t, "runc") && !j->w.ask->replace) {
		edit_refuse(in, EDIT_CONFLICT, t, "default_runtime_name is already '%.*s'",
			    (int)t->text.len, t->text.at);
		edit_way(in, "allow it to be replaced");
		return;
	}
	edit_set(j->ours, path, tree_str(j->w.a, j->w.ask->name), EDIT_REPLACE);
}

static void add(struct job *j, const struct runtime_file *file)
{
	j->root = edit_open(j->w.a, EDIT_TOML, j->w.ask->file.text, j->w.ask->file.len);
	j->ours = edit_open(j->w.a, EDIT_TOML, file->text, file->len);
	open_others(j);
	check_root(j);
	read_version(j);
	if (!edit_refused(j->root)) {
		edit_set(j->ours, EDIT_PATH("version"), tree_int(j->w.a, j->version), EDIT_REPLACE);
		if (j->w.ask->set_default)
			set_default(j);
		add_runtime(j);
	}
	runtime_put(&j->w, file, j->ours);
	runtime_put(&j->w, &j->w.ask->file, j->root);
	for (size_t i = 0; i < j->others.n; i++) {
		struct runtime_file other = { .path = j->other_paths.at[i] };

		runtime_put(&j->w, &other, j->others.at[i]);
	}
}

static void edit(const struct runtime_ask *ask, struct arena *a, struct runtime_answer *ret)
{
	struct job j = { .w = { ask, a, ret } };
	struct runtime_file file = { .path = OURS };

	list_each (&ask->others, other)
		if (str_eq(other->path, OURS))
			file = *other;
	if (ask->remove) {
		if (!runtime_undo(&j.w, &file))
			runtime_delete(&j.w, &file);
	} else {
		if (ask->binary_missing)
			runtime_refuse(&j.w, &file, EDIT_PRECONDITION,
				       "%s is not there: containers of the runtime would fail",
				       ask->binary);
		add(&j, &file);
	}
	runtime_settle(ret, RUNTIME_RESTART,
		       "k0s merges its files when it starts; containers go on");
}

const struct runtime runtime_k0s = {
	.name = "k0s",
	.file = "/etc/k0s/containerd.toml",
	.reads = reads,
	.own = own,
	.edit = edit,
};
