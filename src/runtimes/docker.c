/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's daemon.json. */
#include "base/str.h"
#include "engines/locate.h"
#include "runtimes/runtime.h"

#include <string.h>

/* Options that set a key of the file; dockerd refuses to start when both are given. */
static const struct {
	const char *flag, *key;
} flags[] = {
	{ "--default-runtime", "default-runtime" },
	{ "--feature", "features" },
};

static void flag_keys(const struct runtime_ask *ask, struct arena *a, strs *ret)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (arg_value(&ask->args, flags[i].flag))
			list_add(a, ret, flags[i].key);
}

/* ---- the runtime ---- */

/* dockerd matches keys inside a runtime without case, as Go does. */
static const struct tree *any_case(const struct tree *t, const char *key)
{
	list_each (&t->members, m)
		if (m->key.len == strlen(key) && strncasecmp(m->key.at, key, m->key.len) == 0)
			return m->value;
	return NULL;
}

/* A second spelling of a key: which one counts depends on their order. */
static bool misspelled(const struct tree *t, const char *key)
{
	list_each (&t->members, m)
		if (m->key.len == strlen(key) && strncasecmp(m->key.at, key, m->key.len) == 0 &&
		    !piece_eq(m->key, key))
			return true;
	return false;
}

/* Does the entry say what we want said? dockerd ignores the `args` that nvidia-ctk writes. */
static bool is_ours(const struct runtime_ask *ask, const struct tree *entry)
{
	const struct tree *type = tree_get(entry, "runtimeType");
	const struct tree *path = tree_get(entry, "path");

	if (misspelled(entry, "path") || misspelled(entry, "runtimeType"))
		return false;
	if (!type)
		return runtime_is_binary(ask, path);
	return !path && runtime_is_binary(ask, tree_get(tree_get(entry, "options"), "BinaryName"));
}

static struct tree *entry_value(const struct runtime_work *w)
{
	struct tree *t = tree_table(w->a);

	tree_put(w->a, t, "path", tree_str(w->a, w->ask->binary));
	tree_put(w->a, t, "runtimeArgs", tree_array(w->a));
	return t;
}

static void tell_ignored(const struct runtime_work *w, struct edit *ed, const struct tree *entry)
{
	static const char *const known[] = { "path",    "runtimeArgs", "runtimeType",
					     "options", "shim",        NULL };

	list_each (&entry->members, m) {
		const char *const *k = known;

		while (*k && !piece_eq(m->key, *k))
			k++;
		if (!*k)
			edit_note(ed, EDIT_TYPE, m->value,
				  "unknown key runtimes.%s.%.*s ignored by dockerd", w->ask->name,
				  (int)m->key.len, m->key.at);
	}
}

static void add_runtime(const struct runtime_work *w, struct edit *ed)
{
	const char *name = w->ask->name;
	const char *const *path = EDIT_PATH("runtimes", name);
	const struct tree *entry = edit_at(ed, path);

	if (entry && entry->type == TREE_TABLE)
		edit_at(ed, EDIT_PATH("runtimes", name, "path")); /* complains about two of them */
	if (entry && is_ours(w->ask, entry)) {
		tell_ignored(w, ed, entry);
		return;
	}
	if (entry && !w->ask->replace) {
		edit_refuse(ed, entry->type == TREE_TABLE ? EDIT_CONFLICT : EDIT_TYPE, entry,
			    "the runtime '%s' is defined otherwise", name);
		edit_way(ed, "choose another name, or allow it to be replaced");
		return;
	}
	edit_set(ed, path, entry_value(w), EDIT_REPLACE);
}

/* ---- the default ---- */

static bool may_change_default(const struct runtime_work *w, struct edit *ed,
			       const struct tree *now)
{
	if (!now || tree_is(now, "runc") || tree_is(now, "") || w->ask->replace)
		return true;
	if (now->type == TREE_STRING)
		edit_refuse(ed, EDIT_CONFLICT, now, "default-runtime is already '%.*s'",
			    (int)now->text.len, now->text.at);
	else
		edit_refuse(ed, EDIT_TYPE, now, "default-runtime is %s, it must be a string",
			    tree_what(now));
	return false;
}

static void set_default(const struct runtime_work *w, struct edit *ed)
{
	const char *const *path = EDIT_PATH("default-runtime");
	const char *flag = arg_value(&w->ask->args, "--default-runtime");
	const struct tree *now = edit_at(ed, path);

	if (flag && str_eq(flag, w->ask->name)) {
		edit_note(ed, EDIT_CONFLICT, NULL, "dockerd has --default-runtime=%s already",
			  flag);
		return;
	}
	if (flag) {
		edit_refuse(ed, EDIT_CONFLICT, NULL,
			    "dockerd runs with --default-runtime=%s and would not start with "
			    "default-runtime in the file as well",
			    flag);
		edit_way(ed, "take the option out of docker.service");
		return;
	}
	if (!tree_is(now, w->ask->name) && may_change_default(w, ed, now))
		edit_set(ed, path, tree_str(w->a, w->ask->name), EDIT_REPLACE);
}

/* ---- CDI ---- */

/* Docker 25.0 to 28.1 must be told; 28.2 and later only if the file says no. */
static void enable_cdi(const struct runtime_work *w, struct edit *ed)
{
	const char *const *path = EDIT_PATH("features", "cdi");
	const struct tree *now = edit_at(ed, path);
	bool by_itself = runtime_since(w, "28.2");

	if (*runtime_version(w) && !runtime_since(w, "25")) {
		edit_refuse(ed, EDIT_UNSUPPORTED, NULL, "Docker %s has no CDI, it came with 25.0",
			    w->ask->version);
		return;
	}
	if (tree_is_bool(now, true) || (!now && by_itself))
		return;
	if (arg_value(&w->ask->args, "--feature")) {
		edit_refuse(ed, EDIT_CONFLICT, now,
			    "dockerd runs with --feature and would not start with features in "
			    "the file as well");
		edit_way(ed, "add --feature cdi=true to docker.service");
		return;
	}
	if (now && !w->ask->replace) {
		edit_refuse(ed, now->type == TREE_BOOL ? EDIT_CONFLICT : EDIT_TYPE, now,
			    now->type == TREE_BOOL ? "features.cdi is explicitly false" :
						     "features.cdi is not true or false");
		return;
	}
	edit_set(ed, path, tree_bool(w->a, true), EDIT_REPLACE);
}

/* ---- what --validate does not see and the daemon then trips over ---- */

static void check_runtimes(struct edit *ed, const struct tree *runtimes)
{
	const struct tree *runc = tree_get(runtimes, "runc");

	if (runc)
		edit_refuse(
			ed, EDIT_CONFLICT, runc,
			"'runc' is reserved: dockerd does not start with a runtime of that name");
	for (size_t i = 0; runtimes && i < runtimes->members.n; i++) {
		const struct tree_member *m = &runtimes->members.at[i];
		const struct tree *type = any_case(m->value, "runtimeType");

		if (type && any_case(m->value, "path"))
			edit_refuse(ed, EDIT_CONFLICT, type,
				    "the runtime '%.*s' has path and runtimeType: dockerd does not "
				    "start with both",
				    (int)m->key.len, m->key.at);
	}
}

/* --add-runtime NAME=PATH, any number of times. */
static bool added_by_flag(const struct runtime_ask *ask, struct piece name)
{
	const strs *args = &ask->args;

	for (size_t i = 0; i < args->n; i++) {
		strs rest = { args->at + i, args->n - i, 0 };
		const char *value = arg_value(&rest, "--add-runtime");

		if (value && strncmp(value, name.at, name.len) == 0 && value[name.len] == '=')
			return true;
	}
	return false;
}

static void check_default(const struct runtime_work *w, struct edit *ed)
{
	const struct tree *name = tree_get(edit_root(ed), "default-runtime");

	if (!name || name->type != TREE_STRING || !name->text.len || tree_is(name, "runc") ||
	    memchr(name->text.at, '.', name->text.len)) /* a shim: io.containerd.runc.v2 */
		return;
	if (tree_find(tree_get(edit_root(ed), "runtimes"), name->text) ||
	    added_by_flag(w->ask, name->text))
		return;
	edit_refuse(ed, EDIT_CONFLICT, name,
		    "default-runtime '%.*s' is not defined: dockerd does "
		    "not start",
		    (int)name->text.len, name->text.at);
}

static void check_cgroups(struct edit *ed)
{
	static const char key[] = "native.cgroupdriver=";
	const struct tree *opts = tree_get(edit_root(ed), "exec-opts");

	for (size_t i = 0; opts && opts->type == TREE_ARRAY && i < opts->members.n; i++) {
		const struct tree *one = opts->members.at[i].value;
		struct piece driver = one->text;

		if (one->type != TREE_STRING || !piece_starts(driver, key))
			continue;
		driver.at += strlen(key);
		driver.len -= strlen(key);
		if (!piece_eq(driver, "systemd") && !piece_eq(driver, "cgroupfs"))
			edit_refuse(ed, EDIT_CONFLICT, one,
				    "dockerd knows no cgroup driver '%.*s' and does not start",
				    (int)driver.len, driver.at);
	}
}

static void check(const struct runtime_work *w, struct edit *ed)
{
	if (edit_refused(ed))
		return;
	check_runtimes(ed, tree_get(edit_root(ed), "runtimes"));
	check_default(w, ed);
	check_cgroups(ed);
}

/* ---- taking out ---- */

static void take_out(const struct runtime_work *w, struct edit *ed)
{
	const char *name = w->ask->name;
	const struct tree *entry = edit_at(ed, EDIT_PATH("runtimes", name));

	if (entry && !is_ours(w->ask, entry) && !w->ask->replace) {
		edit_refuse(ed, EDIT_CONFLICT, entry, "the runtime '%s' is not ours", name);
		return;
	}
	if (tree_is(edit_at(ed, EDIT_PATH("default-runtime")), name))
		edit_remove(ed, EDIT_PATH("default-runtime"));
	if (!entry)
		return;
	edit_remove(ed, EDIT_PATH("runtimes", name));
	if (!edit_refused(ed) && !tree_get(edit_root(ed), "runtimes")->members.n)
		edit_remove(ed, EDIT_PATH("runtimes"));
}

/*
 * On SIGHUP dockerd keeps the values of keys that are gone. Loading a text that gives them their
 * defaults first makes it forget.
 */
static void add_interim(const struct runtime_work *w, struct runtime_write *write)
{
	const struct runtime_file *file = &w->ask->file;
	auto_edit struct edit *was = edit_open(w->a, EDIT_JSON, file->text, file->len);
	auto_edit struct edit *ed =
		edit_open(w->a, EDIT_JSON, write->text ? write->text : "", write->len);
	struct edit_result r;

	if (edit_at(was, EDIT_PATH("runtimes")) && !edit_at(ed, EDIT_PATH("runtimes")))
		edit_set(ed, EDIT_PATH("runtimes"), tree_table(w->a), EDIT_KEEP);
	if (edit_at(was, EDIT_PATH("default-runtime")) &&
	    !edit_at(ed, EDIT_PATH("default-runtime")))
		edit_set(ed, EDIT_PATH("default-runtime"), tree_str(w->a, "runc"), EDIT_KEEP);
	edit_done(ed, &r);
	if (!r.changed || !r.text)
		return;
	write->interim = r.text;
	write->interim_len = r.len;
}

static bool cdi_moved(const struct runtime_work *w)
{
	const struct runtime_file *file = &w->ask->file;
	const struct runtime_write *write = &w->ret->writes.at[0];
	auto_edit struct edit *was = edit_open(w->a, EDIT_JSON, file->text, file->len);
	auto_edit struct edit *is =
		edit_open(w->a, EDIT_JSON, write->text ? write->text : "", write->len);

	return !tree_same(edit_at(was, EDIT_PATH("features", "cdi")),
			  edit_at(is, EDIT_PATH("features", "cdi")));
}

static void settle(const struct runtime_work *w)
{
	struct runtime_answer *ret = w->ret;

	if (ret->refusals.n || !ret->writes.n) {
		runtime_settle(ret, RUNTIME_NOTHING, NULL);
	} else if ((w->ask->cdi || w->ask->remove) && cdi_moved(w)) {
		runtime_settle(ret, RUNTIME_RESTART,
			       "dockerd reads features.cdi only when it starts");
	} else {
		if (w->ask->remove)
			add_interim(w, &ret->writes.at[0]);
		runtime_settle(ret, RUNTIME_RELOAD, "dockerd reads its runtimes anew");
	}
}

static void edit(const struct runtime_ask *ask, struct arena *a, struct runtime_answer *ret)
{
	struct runtime_work w = { ask, a, ret };
	struct edit *ed;

	if (ask->remove && runtime_undo(&w, &ask->file)) {
		settle(&w);
		return;
	}
	if (ask->binary_missing && !ask->remove)
		runtime_refuse(&w, &ask->file, EDIT_PRECONDITION,
			       "%s is not there: containers of the runtime would fail",
			       ask->binary);
	ed = edit_open(a, EDIT_JSON, ask->file.text, ask->file.len);
	if (ask->remove) {
		take_out(&w, ed);
	} else if (!edit_refused(ed)) {
		add_runtime(&w, ed);
		if (ask->set_default)
			set_default(&w, ed);
		if (ask->cdi)
			enable_cdi(&w, ed);
		check(&w, ed);
	}
	runtime_put(&w, &ask->file, ed);
	settle(&w);
}

const struct runtime runtime_docker = {
	.name = "docker",
	.file = "/etc/docker/daemon.json",
	.flag_keys = flag_keys,
	.edit = edit,
};
