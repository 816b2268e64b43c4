/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's config.toml. Up to 1.7 an imported file replaces whole plugin sections, so the file
 * itself is edited; from 2.0 on imports are merged, so a file of our own is added and imported.
 */
#include "base/str.h"
#include "runtimes/runtime.h"

#include <string.h>

#define DROP_IN "99-gpuprov-nvidia.toml"
#define RUNC_V2 "io.containerd.runc.v2"

struct job {
	struct runtime_work w;
	bool drop_in;       /* 2.0 and later */
	long long version;  /* of the file; what a new one gets */
	const char *plugin; /* the CRI runtime plugin's id in that version */
	struct edit *root;
	const char *our_file;       /* path of the drop-in */
	LIST(struct edit *) others; /* other files in force now, in the order of loading */
	LIST(const char *) other_paths;
};

static const char *our_file(const struct runtime_ask *ask, struct arena *a)
{
	return arena_printf(a, "%s/conf.d/" DROP_IN, runtime_folder(a, ask->file.path));
}

/* ---- imports ---- */

static bool covered(const strs *imported, const char *path)
{
	list_each (imported, pattern)
		if (runtime_match(*pattern, path))
			return true;
	return false;
}

static void reads(const struct runtime_ask *ask, struct arena *a, strs *ret)
{
	auto_edit struct edit *root = edit_open(a, EDIT_TOML, ask->file.text, ask->file.len);
	const char *folder = arena_printf(a, "%s/conf.d/*.toml", runtime_folder(a, ask->file.path));

	runtime_imports(ask, a, edit_root(root), ret);
	if (!covered(ret, our_file(ask, a)))
		list_add(a, ret, folder);
}

/* ---- what is there ---- */

/* A path below the CRI plugin's section. */
#define CRI(j, ...) EDIT_PATH("plugins", (j)->plugin, __VA_ARGS__)

/* The value that counts now: that of the last file that has one. ret_in may be NULL. */
static const struct tree *effective(const struct job *j, const char *const *path,
				    struct edit **ret_in)
{
	const struct tree *found = edit_at(j->root, path);

	if (ret_in)
		*ret_in = j->root;
	for (size_t i = 0; i < j->others.n; i++) {
		const struct tree *t = edit_at(j->others.at[i], path);

		if (t && ret_in)
			*ret_in = j->others.at[i];
		if (t)
			found = t;
	}
	return found;
}

static long long highest(const struct runtime_work *w)
{
	if (runtime_since(w, "2.3"))
		return 4;
	return runtime_since(w, "2.0") ? 3 : 2;
}

/* The CRI plugin under any of its names. */
static bool names_cri(const struct tree *list)
{
	static const char *const names[] = { "cri", "io.containerd.grpc.v1.cri",
					     "io.containerd.cri.v1.runtime" };

	for (size_t i = 0; list && i < list->members.n; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (tree_is(list->members.at[i].value, names[k]))
				return true;
	return false;
}

static void check_disabled(struct job *j)
{
	const struct tree *off = edit_at(j->root, EDIT_PATH("disabled_plugins"));

	if (!names_cri(off))
		return;
	edit_refuse(j->root, EDIT_UNSUPPORTED, off,
		    "the CRI plugin is switched off by disabled_plugins: containerd serves no "
		    "Kubernetes here");
	edit_way(j->root, "take 'cri' out of disabled_plugins if it should");
}

static void no_version(struct job *j, const struct tree *version)
{
	edit_refuse(j->root, EDIT_UNSUPPORTED, version,
		    "config has no version key or version 1; migrate first");
	edit_way(j->root, "see containerd config migrate");
	check_disabled(j);
}

/* The version in the text decides the names; what `config dump` prints is always the newest. */
static void read_version(struct job *j)
{
	const struct tree *root = edit_root(j->root), *version = tree_get(root, "version");
	unsigned long long number;

	j->version = j->drop_in ? 3 : 2;
	if (version && version->type != TREE_INT) {
		edit_refuse(j->root, EDIT_TYPE, version, "version is %s, it must be a number",
			    tree_what(version));
		return;
	}
	if (!version && root->members.n) {
		no_version(j, NULL);
		return;
	}
	if (!version)
		return;
	if (!str_to_u64(version->text.at, &number) || number < 2) {
		no_version(j, version);
		return;
	}
	j->version = (long long)number;
	if (j->version > highest(&j->w))
		edit_refuse(j->root, EDIT_UNSUPPORTED, version,
			    "config version %lld is newer than this containerd (%s)", j->version,
			    j->w.ask->version);
}

/* ---- the values ---- */

/* As runc has it: with another cgroup driver than kubelet's, pods die one after another. */
static bool systemd_cgroup(struct job *j)
{
	const char *const *path =
		CRI(j, "containerd", "runtimes", "runc", "options", "SystemdCgroup");
	struct edit *in;
	const struct tree *t = effective(j, path, &in);

	if (j->w.ask->systemd_cgroup != TRI_UNKNOWN)
		return j->w.ask->systemd_cgroup == TRI_YES;
	if (t && t->type != TREE_BOOL)
		edit_refuse(in, EDIT_TYPE, t, "SystemdCgroup is %s, it must be true or false",
			    tree_what(t));
	return tree_is_bool(t, true);
}

static struct tree *entry(const struct job *j, const char *binary, bool systemd)
{
	struct arena *a = j->w.a;
	struct tree *t = tree_table(a), *options = tree_table(a);

	tree_put(a, t, "runtime_type", tree_str(a, RUNC_V2));
	tree_put(a, t, "options", options);
	if (binary)
		tree_put(a, options, "BinaryName", tree_str(a, binary));
	tree_put(a, options, "SystemdCgroup", tree_bool(a, systemd));
	return t;
}

/* A file that is loaded after ours would win over it, whatever we write. */
static bool loaded_later(const struct job *j, const struct edit *in)
{
	for (size_t i = 0; i < j->others.n; i++)
		if (j->others.at[i] == in)
			return runtime_later(j->our_file, j->other_paths.at[i]);
	return false;
}

/* Is what they say in the way? Not when our file says something already, and wins. */
static bool in_the_way(const struct job *j, const struct edit *in, bool mine)
{
	return loaded_later(j, in) || (!mine && !j->w.ask->replace);
}

/* The three values that make the runtime. */
#define ENTRY(j, ...) CRI(j, "containerd", "runtimes", (j)->w.ask->name, __VA_ARGS__)

static bool check_value(struct job *j, bool good, bool mine, struct edit *in,
			const struct tree *where)
{
	if (good || !in_the_way(j, in, mine))
		return good;
	edit_refuse(in, EDIT_CONFLICT, where, "the runtime '%s' is defined otherwise: %s",
		    j->w.ask->name, where ? "this differs" : "a value is missing");
	edit_way(in, "choose another name, or allow it to be replaced");
	return false;
}

/* Is the runtime that some file of others defines just as we would write it? */
static bool have_runtime(struct job *j, bool systemd, bool mine)
{
	const struct tree *t;
	struct edit *in;
	bool good;

	t = effective(j, ENTRY(j, "runtime_type"), &in);
	good = check_value(j, tree_is(t, RUNC_V2), mine, in, t);
	t = effective(j, ENTRY(j, "options", "BinaryName"), &in);
	good &= check_value(j, runtime_is_binary(j->w.ask, t), mine, in, t);
	t = effective(j, ENTRY(j, "options", "SystemdCgroup"), &in);
	good &= check_value(j, systemd == tree_is_bool(t, true), mine, in, t);
	return good;
}

/* Up to 1.7 a file that has any runtime must have runc too, or CRI does not load. */
static void keep_runc(struct job *j, bool systemd)
{
	const struct tree *runtimes = edit_at(j->root, CRI(j, "containerd", "runtimes"));

	if (j->drop_in || (runtimes && runtimes->members.n))
		return;
	edit_set(j->root, CRI(j, "containerd", "runtimes", "runc"), entry(j, NULL, systemd),
		 EDIT_KEEP);
}

static void add_runtime(struct job *j, struct edit *to, bool systemd)
{
	const char *const *path = CRI(j, "containerd", "runtimes", j->w.ask->name);
	const char *const *binary = ENTRY(j, "options", "BinaryName");
	const char *const *cgroup = ENTRY(j, "options", "SystemdCgroup");
	struct arena *a = j->w.a;
	bool mine = j->drop_in && edit_at(to, path);

	if (effective(j, path, NULL) && have_runtime(j, systemd, mine) && !mine)
		return;
	if (!edit_at(to, path)) {
		keep_runc(j, systemd);
		edit_set(to, path, entry(j, j->w.ask->binary, systemd), EDIT_KEEP);
		return;
	}
	edit_set(to, ENTRY(j, "runtime_type"), tree_str(a, RUNC_V2), EDIT_REPLACE);
	if (!runtime_is_binary(j->w.ask, edit_at(to, binary)))
		edit_set(to, binary, tree_str(a, j->w.ask->binary), EDIT_REPLACE);
	if (systemd != tree_is_bool(edit_at(to, cgroup), true))
		edit_set(to, cgroup, tree_bool(a, systemd), EDIT_REPLACE);
}

static void set_default(struct job *j, struct edit *to)
{
	const char *const *path = CRI(j, "containerd", "default_runtime_name");
	struct edit *in;
	const struct tree *now = effective(j, path, &in);
	bool mine = j->drop_in && edit_at(to, path);
	bool stock = !now || tree_is(now, "") || tree_is(now, "runc");

	if (tree_is(now, j->w.ask->name) && !mine)
		return;
	if (now && now->type != TREE_STRING) {
		edit_refuse(in, EDIT_TYPE, now, "default_runtime_name is %s, it must be a string",
			    tree_what(now));
	} else if (now && !tree_is(now, j->w.ask->name) && in_the_way(j, in, mine || stock)) {
		edit_refuse(in, EDIT_CONFLICT, now, "default_runtime_name is already '%.*s'",
			    (int)now->text.len, now->text.at);
		edit_way(in, "allow it to be replaced");
	} else {
		edit_set(to, path, tree_str(j->w.a, j->w.ask->name), EDIT_REPLACE);
	}
}

static void enable_cdi(struct job *j, struct edit *to)
{
	const char *const *path = CRI(j, "enable_cdi");
	struct edit *in;
	const struct tree *now = effective(j, path, &in);

	if (!runtime_since(&j->w, "1.7")) {
		edit_refuse(j->root, EDIT_UNSUPPORTED, NULL,
			    "containerd %s has no CDI, it came with 1.7", j->w.ask->version);
		return;
	}
	if (tree_is_bool(now, true) || (!now && j->drop_in))
		return;
	if (now && now->type != TREE_BOOL)
		edit_refuse(in, EDIT_TYPE, now, "enable_cdi is %s, it must be true or false",
			    tree_what(now));
	else if (now && !j->w.ask->replace)
		edit_refuse(in, EDIT_CONFLICT, now, "enable_cdi is explicitly false");
	else
		edit_set(to, path, tree_bool(j->w.a, true), EDIT_REPLACE);
}

/* All that is asked for, into the file itself or into ours. */
static void add_all(struct job *j, struct edit *to)
{
	if (j->w.ask->cdi)
		enable_cdi(j, to);
	if (j->w.ask->set_default)
		set_default(j, to);
	add_runtime(j, to, systemd_cgroup(j));
}

/* ---- 2.0 and later: a file of our own ---- */

static const struct runtime_file *find_file(const struct runtime_ask *ask, const char *path)
{
	list_each (&ask->others, file)
		if (str_eq(file->path, path))
			return file;
	return NULL;
}

static void check_imports(struct job *j)
{
	const struct tree *imports = edit_at(j->root, EDIT_PATH("imports"));
	bool good = !imports || (imports->type == TREE_ARRAY && imports->origin == TREE_WRITTEN);

	for (size_t i = 0; imports && good && i < imports->members.n; i++)
		good = imports->members.at[i].value->type == TREE_STRING;
	if (!good)
		edit_refuse(j->root, EDIT_TYPE, imports, "imports is not an array of strings");
}

/* Files beside ours that nobody imports yet: our pattern must not bring them into force. */
static bool sleepers(const struct job *j, const strs *imported)
{
	const char *folder = runtime_folder(j->w.a, j->our_file);
	const char *all = arena_printf(j->w.a, "%s/*.toml", folder);

	list_each (&j->w.ask->others, file)
		if (file->text && !str_eq(file->path, j->our_file) &&
		    runtime_match(all, file->path) && !covered(imported, file->path))
			return true;
	return false;
}

static void import_ours(struct job *j)
{
	const char *folder = runtime_folder(j->w.a, j->our_file);
	strs imported = { 0 };
	const char *pattern = arena_printf(j->w.a, "%s/*.toml", folder);

	runtime_imports(j->w.ask, j->w.a, edit_root(j->root), &imported);
	if (covered(&imported, j->our_file))
		return;
	if (sleepers(j, &imported)) {
		pattern = arena_printf(j->w.a, "%s/99-gpuprov-*.toml", folder);
		edit_note(j->root, EDIT_PRECONDITION, NULL,
			  "other files in %s are not imported now and stay so", folder);
	}
	if (!tree_get(edit_root(j->root), "version"))
		edit_set(j->root, EDIT_PATH("version"), tree_int(j->w.a, j->version), EDIT_KEEP);
	edit_after(j->root, "version");
	edit_append(j->root, EDIT_PATH("imports"), tree_str(j->w.a, pattern));
}

/* Read the files that are in force besides the root and ours. */
static void read_others(struct job *j)
{
	strs imported = { 0 };

	runtime_imports(j->w.ask, j->w.a, edit_root(j->root), &imported);
	list_each (&j->w.ask->others, file) {
		bool ctk = str_ends(file->path, "/conf.d/99-nvidia.toml");
		bool ours = str_eq(file->path, j->our_file);

		if (!file->text || ours || (!ctk && !covered(&imported, file->path)))
			continue;
		if (ctk)
			runtime_refuse(
				&j->w, file, EDIT_CONFLICT,
				"written by nvidia-ctk for the same purpose; remove it first");
		list_add(j->w.a, &j->others, edit_open(j->w.a, EDIT_TOML, file->text, file->len));
		list_add(j->w.a, &j->other_paths, file->path);
	}
}

static void put_others(struct job *j)
{
	for (size_t i = 0; i < j->others.n; i++) {
		struct runtime_file file = { .path = j->other_paths.at[i] };

		runtime_put(&j->w, &file, j->others.at[i]);
	}
}

/* Our file must have the version of the root, else the user's settings vanish or it is refused. */
static void set_version(struct job *j, struct edit *ours)
{
	const struct tree *version = tree_int(j->w.a, j->version);
	const struct tree *now = edit_at(ours, EDIT_PATH("version"));

	if (now && !tree_same(now, version))
		edit_remove(ours, EDIT_PATH("plugins")); /* names of another version */
	edit_set(ours, EDIT_PATH("version"), version, EDIT_REPLACE);
}

static void add_drop_in(struct job *j)
{
	const struct runtime_file *there = find_file(j->w.ask, j->our_file);
	struct runtime_file file = { .path = j->our_file };
	struct edit *ours;

	if (there)
		file = *there;
	ours = edit_open(j->w.a, EDIT_TOML, file.text, file.len);
	if (!edit_refused(j->root)) {
		if (file.text)
			set_version(j, ours);
		add_all(j, ours);
		if (file.text || edit_changed(ours)) {
			set_version(j, ours);
			import_ours(j);
		}
	}
	runtime_put(&j->w, &file, ours);
}

/* ---- taking out ---- */

static bool undo_recorded(struct job *j)
{
	const struct runtime_file *ours = find_file(j->w.ask, j->our_file);
	bool undone = runtime_undo(&j->w, &j->w.ask->file);

	if (ours)
		undone |= runtime_undo(&j->w, ours);
	return undone;
}

static void take_out(struct job *j)
{
	const struct runtime_file *ours = find_file(j->w.ask, j->our_file);
	const char *const *path = CRI(j, "containerd", "runtimes", j->w.ask->name);
	const char *const *chosen = CRI(j, "containerd", "default_runtime_name");
	const struct tree *t = edit_at(j->root, path);

	if (ours)
		runtime_delete(&j->w, ours);
	edit_drop(j->root, EDIT_PATH("imports"),
		  tree_str(j->w.a, arena_printf(j->w.a, "%s/99-gpuprov-*.toml",
						runtime_folder(j->w.a, j->our_file))));
	if (t && !runtime_is_binary(j->w.ask, tree_get(tree_get(t, "options"), "BinaryName")) &&
	    !j->w.ask->replace) {
		edit_refuse(j->root, EDIT_CONFLICT, t, "the runtime '%s' is not ours",
			    j->w.ask->name);
		return;
	}
	edit_remove(j->root, path);
	if (tree_is(edit_at(j->root, chosen), j->w.ask->name))
		edit_set(j->root, chosen, tree_str(j->w.a, "runc"), EDIT_REPLACE);
}

/* ---- all of it ---- */

/* Up to 1.7 what an imported file says about a plugin is all that counts. */
static void check_replaced(struct job *j)
{
	for (size_t i = 0; i < j->others.n; i++) {
		const struct tree *t = edit_at(j->others.at[i], EDIT_PATH("plugins", j->plugin));

		if (t)
			edit_refuse(j->others.at[i], EDIT_CONFLICT, t,
				    "this file is imported and replaces the whole section of the "
				    "CRI plugin; the runtime belongs here");
	}
}

static void work(struct job *j)
{
	const struct runtime_ask *ask = j->w.ask;

	read_version(j);
	j->plugin = j->version == 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
	if (edit_refused(j->root))
		return;
	check_disabled(j);
	if (ask->remove) {
		take_out(j);
		return;
	}
	read_others(j);
	if (j->drop_in) {
		check_imports(j);
		add_drop_in(j);
	} else {
		check_replaced(j);
		if (!tree_get(edit_root(j->root), "version"))
			edit_set(j->root, EDIT_PATH("version"), tree_int(j->w.a, j->version),
				 EDIT_KEEP);
		add_all(j, j->root);
	}
	put_others(j);
}

static void refuse_bom(struct job *j)
{
	struct piece text = { j->w.ask->file.text, j->w.ask->file.len };

	if (j->drop_in && text.at && piece_starts(text, "\xef\xbb\xbf"))
		runtime_refuse(&j->w, &j->w.ask->file, EDIT_ENCODING,
			       "containerd 2 does not read a file with a byte-order mark");
}

static void edit(const struct runtime_ask *ask, struct arena *a, struct runtime_answer *ret)
{
	struct job j = { .w = { ask, a, ret } };

	j.drop_in = runtime_since(&j.w, "2.0");
	j.our_file = our_file(ask, a);
	if (!*runtime_version(&j.w))
		runtime_refuse(&j.w, &ask->file, EDIT_PRECONDITION,
			       "the version of containerd is needed and not known");
	if (ask->binary_missing && !ask->remove)
		runtime_refuse(&j.w, &ask->file, EDIT_PRECONDITION,
			       "%s is not there: containers of the runtime would fail",
			       ask->binary);
	if (!ask->remove || !undo_recorded(&j)) {
		refuse_bom(&j);
		j.root = edit_open(a, EDIT_TOML, ask->file.text, ask->file.len);
		if (!edit_refused(j.root))
			work(&j);
		runtime_put(&j.w, &ask->file, j.root);
	}
	runtime_settle(ret, RUNTIME_RESTART,
		       "containerd reads its configuration only when it starts; containers go on");
}

const struct runtime runtime_containerd = {
	.name = "containerd",
	.file = "/etc/containerd/config.toml",
	.reads = reads,
	.edit = edit,
};
