/* SPDX-License-Identifier: Apache-2.0 */
/* CRI-O: a file of our own in crio.conf.d; the main file is only read. */
#include "base/str.h"
#include "engines/locate.h"
#include "runtimes/runtime.h"

#include <string.h>

#define DROP_IN "99-gpuprov-nvidia.conf"

struct job {
	struct runtime_work w;
	const char *our_file;
	LIST(struct edit *) files; /* the main one, then the folder's, without ours */
	LIST(struct runtime_file) texts;
};

/* The folder is beside the main file. Who uses --config-dir names its files in `others`. */
static const char *folder(const strs *args)
{
	const char *dir = arg_value(args, "--config-dir");

	if (!dir)
		dir = arg_value(args, "-d");
	return dir ? dir : "/etc/crio/crio.conf.d";
}

static const char *own(const strs *args, struct arena *a)
{
	return arena_printf(a, "%s/" DROP_IN, folder(args));
}

/* Every file counts, whatever its name. */
static void reads(const struct runtime_ask *ask, struct arena *a, strs *ret)
{
	list_add(a, ret, arena_printf(a, "%s/**", folder(&ask->args)));
}

static void open_all(struct job *j)
{
	struct arena *a = j->w.a;

	list_add(a, &j->texts, j->w.ask->file);
	list_each (&j->w.ask->others, file)
		if (file->text && !str_eq(file->path, j->our_file))
			list_add(a, &j->texts, *file);
	list_each (&j->texts, file)
		list_add(a, &j->files, edit_open(a, EDIT_TOML, file->text, file->len));
}

static void put_all(struct job *j)
{
	for (size_t i = 0; i < j->files.n; i++)
		runtime_put(&j->w, &j->texts.at[i], j->files.at[i]);
}

/* The last file that says something about it counts; a runtime's table is replaced as a whole. */
static const struct tree *effective(const struct job *j, const char *const *path,
				    struct edit **ret_in)
{
	const struct tree *found = NULL;

	list_each (&j->files, ed) {
		const struct tree *t = edit_at(*ed, path);

		if (!t)
			continue;
		found = t;
		*ret_in = *ed;
	}
	return found;
}

/* A file that is loaded after ours would win over it, whatever we write. */
static bool loaded_later(const struct job *j, const struct edit *in)
{
	for (size_t i = 0; i < j->files.n; i++)
		if (j->files.at[i] == in)
			return runtime_later(j->our_file, j->texts.at[i].path);
	return false;
}

/* Is what they say in the way? Not when our file says something already, and wins. */
static bool in_the_way(const struct job *j, const struct edit *in, bool mine)
{
	return loaded_later(j, in) || (!mine && !j->w.ask->replace);
}

static void refuse_ctk(struct job *j)
{
	list_each (&j->texts, file)
		if (str_ends(file->path, "/99-nvidia.conf"))
			runtime_refuse(
				&j->w, file, EDIT_CONFLICT,
				"written by nvidia-ctk for the same purpose; remove it first");
}

/* ---- the runtime ---- */

static struct tree *strings(struct arena *a, const struct tree *t)
{
	struct tree *new = tree_array(a);

	list_each (&t->members, m)
		tree_put(a, new, NULL,
			 tree_str(a, arena_strn(a, m->value->text.at, m->value->text.len)));
	return new;
}

static bool all_strings(const struct tree *t)
{
	list_each (&t->members, m)
		if (m->value->type != TREE_STRING)
			return false;
	return t->type == TREE_ARRAY;
}

/* The runtime that is the default now; unless told, newer CRI-O takes crun, older runc. */
static const struct tree *default_entry(const struct job *j)
{
	struct edit *in = NULL;
	const struct tree *name =
		effective(j, EDIT_PATH("crio", "runtime", "default_runtime"), &in);
	const struct tree *crun;

	if (name && name->type == TREE_STRING && name->text.len)
		return effective(j, EDIT_PATH("crio", "runtime", "runtimes", name->text.at), &in);
	crun = effective(j, EDIT_PATH("crio", "runtime", "runtimes", "crun"), &in);
	return crun ? crun : effective(j, EDIT_PATH("crio", "runtime", "runtimes", "runc"), &in);
}

/* The monitor must be named where the default names it: CRI-O would look for it in PATH. */
static void inherit(const struct job *j, struct tree *to)
{
	struct arena *a = j->w.a;
	const struct tree *from = default_entry(j);
	const struct tree *monitor = tree_get(from, "monitor_path");
	const struct tree *allowed = tree_get(from, "allowed_annotations");

	if (monitor && monitor->type == TREE_STRING && monitor->text.len)
		tree_put(a, to, "monitor_path",
			 tree_str(a, arena_strn(a, monitor->text.at, monitor->text.len)));
	if (allowed && all_strings(allowed))
		tree_put(a, to, "allowed_annotations", strings(a, allowed));
}

static void add_runtime(struct job *j, struct edit *ours)
{
	const char *name = j->w.ask->name;
	const char *const *path = EDIT_PATH("crio", "runtime", "runtimes", name);
	struct arena *a = j->w.a;
	struct edit *in = NULL;
	const struct tree *there = effective(j, path, &in), *mine = edit_at(ours, path);
	struct tree *t = tree_table(a);
	bool good = tree_is(tree_get(there, "runtime_path"), j->w.ask->binary);

	if (good && !mine)
		return;
	if (there && !good && in_the_way(j, in, mine)) {
		edit_refuse(in, EDIT_CONFLICT, there, "the runtime '%s' is defined otherwise",
			    name);
		edit_way(in, "choose another name, or allow it to be replaced");
		return;
	}
	tree_put(a, t, "runtime_path", tree_str(a, j->w.ask->binary));
	tree_put(a, t, "runtime_type", tree_str(a, "oci"));
	inherit(j, t);
	if (mine && !tree_same(mine, t))
		edit_remove(ours, path);
	edit_set(ours, path, t, EDIT_KEEP);
}

static void set_default(struct job *j, struct edit *ours)
{
	const char *const *path = EDIT_PATH("crio", "runtime", "default_runtime");
	struct edit *in = NULL;
	const struct tree *now = effective(j, path, &in), *mine = edit_at(ours, path);
	bool stock = !now || tree_is(now, "") || tree_is(now, "runc") || tree_is(now, "crun");
	bool good = tree_is(now, j->w.ask->name);

	if (good && !mine)
		return;
	if (now && !good && in_the_way(j, in, mine || stock)) {
		edit_refuse(in, EDIT_CONFLICT, now, "default_runtime is already '%.*s'",
			    (int)now->text.len, now->text.at);
		edit_way(in, "allow it to be replaced");
		return;
	}
	edit_set(ours, path, tree_str(j->w.a, j->w.ask->name), EDIT_REPLACE);
}

/* ---- all of it ---- */

static void add(struct job *j, const struct runtime_file *file)
{
	struct edit *ours = edit_open(j->w.a, EDIT_TOML, file->text, file->len);

	open_all(j);
	refuse_ctk(j);
	if (j->w.ask->set_default)
		set_default(j, ours);
	add_runtime(j, ours);
	runtime_put(&j->w, file, ours);
	put_all(j);
}

static void edit(const struct runtime_ask *ask, struct arena *a, struct runtime_answer *ret)
{
	struct job j = { .w = { ask, a, ret } };
	struct runtime_file file = { 0 };

	j.our_file = own(&ask->args, a);
	file.path = j.our_file;
	list_each (&ask->others, other)
		if (str_eq(other->path, j.our_file))
			file = *other;
	if (ask->remove) {
		if (!runtime_undo(&j.w, &file))
			runtime_delete(&j.w, &file);
	} else {
		if (ask->binary_missing)
			runtime_refuse(&j.w, &file, EDIT_PRECONDITION,
				       "%s is not there: CRI-O would not start", ask->binary);
		add(&j, &file);
	}
	runtime_settle(ret, RUNTIME_RELOAD, "CRI-O reads its runtimes anew");
}

const struct runtime runtime_crio = {
	.name = "crio",
	.file = "/etc/crio/crio.conf",
	.reads = reads,
	.own = own,
	.edit = edit,
};
