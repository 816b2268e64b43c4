/* SPDX-License-Identifier: Apache-2.0 */
/* What a container engine itself says about a configuration that is not in force yet. */
#include "engines/engine.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define SCRATCH "var/lib/gpuprov/candidate"

/* A copy for the engine to look at; nobody else's business. */
static int scratch_file(const struct sys *sys, const char *path, const char *text, size_t len,
			struct err *e)
{
	const struct sys_attr attr = { .mode = 0600 };

	return sys_mkdirs(sys, SCRATCH, 0700, e) || sys_replace(sys, path, text, len, &attr, e);
}

static int scratch_drop(const struct sys *sys, const strs *paths, struct err *e)
{
	list_each (paths, path)
		if (sys_remove(sys, *path, e))
			return -1;
	return sys_rmdir(sys, SCRATCH, e);
}

static int run(const struct sys *sys, const strs *args, struct sys_done *ret, struct err *e)
{
	const struct sys_cmd cmd = { .argv = args->at, .timeout_s = 60, .output_limit = 4 << 20 };

	return sys_run(sys, &cmd, ret, e);
}

static int refused_by(const struct engine_view *v, const struct buf *output, struct err *e)
{
	const char *text = buf_str(output);
	size_t n = output->len;

	while (n && text[n - 1] == '\n')
		n--;
	err_set(e, GP_EDIT_PRECONDITION, "%s would not take the new configuration: %.*s",
		v->program, (int)(n > 600 ? 600 : n), n > 600 ? text + n - 600 : text);
	err_way(e, "nothing was written; mend the configuration first if it was wrong before");
	return -1;
}

/* The daemon's own arguments, without the one that names its file. */
static void other_args(const struct engine_view *v, strs *ret)
{
	const strs *args = &v->ask.args;

	for (size_t i = 0; i < args->n; i++) {
		if (str_eq(args->at[i], "--config-file"))
			i++;
		else if (!str_starts(args->at[i], "--config-file="))
			list_add(v->a, ret, args->at[i]);
	}
}

/* dockerd --validate came with 23.0. It looks for a helper that it does not need here. */
static int validate_docker(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	static const char file[] = SCRATCH "/daemon.json";
	const struct runtime_work w = { &v->ask, v->a, NULL };
	struct sys_done done = { 0 };
	strs args = { 0 }, scratch = { 0 };
	const char *text;
	size_t len;
	int rc;

	engine_text(v, v->ask.file.path, true, &text, &len);
	if (!runtime_since(&w, "23.0") || !text)
		return 0;
	list_add(v->a, &args, v->program);
	list_add(v->a, &args, "--validate");
	list_add(v->a, &args, "--config-file");
	list_add(v->a, &args, "/" SCRATCH "/daemon.json");
	other_args(v, &args);
	list_add(v->a, &scratch, file);
	list_add(v->a, &args, NULL);
	rc = scratch_file(sys, file, text, len, e) || run(sys, &args, &done, e);
	if (!rc && done.status && strstr(buf_str(&done.output), "userland-proxy-path")) {
		buf_release(&done.output);
		args.at[args.n - 1] = "--userland-proxy=false";
		list_add(v->a, &args, NULL);
		rc = run(sys, &args, &done, e);
	}
	if (!rc && done.status)
		rc = refused_by(v, &done.output, e);
	buf_release(&done.output);
	if (rc)
		return -1;
	return scratch_drop(sys, &scratch, e);
}

/* ---- containerd ---- */

/* Copies of what is loaded, one by one, and the root file that names them. */
struct copy {
	const struct sys *sys;
	const struct engine_view *v;
	bool after;       /* what is to be; else what is */
	strs files;       /* beneath the root */
	const char *root; /* as containerd names it; NULL = there is no file */
};

static int add_copy(struct copy *c, const char *name, const char *text, size_t len, struct err *e)
{
	const char *path =
		arena_printf(c->v->a, SCRATCH "/%s-%s.toml", c->after ? "new" : "old", name);

	list_add(c->v->a, &c->files, path);
	return scratch_file(c->sys, path, text, len, e);
}

/* All paths that are loaded, of those that are known. */
static void loaded(const struct copy *c, const strs *patterns, strs *ret)
{
	list_each (&c->v->files, f) {
		bool match = false;

		list_each (patterns, pattern)
			match |= runtime_match(*pattern, f->path);
		if (match && f->path != c->v->ask.file.path)
			list_add(c->v->a, ret, f->path);
	}
}

/* A file named without a star must be there: containerd 2 says so only when it starts. */
static int check_named(const struct copy *c, const strs *patterns, struct err *e)
{
	list_each (patterns, pattern) {
		const char *text = NULL;
		size_t len;

		if (strpbrk(*pattern, "*?["))
			continue;
		engine_text(c->v, *pattern, c->after, &text, &len);
		if (text)
			continue;
		err_set(e, GP_EDIT_PRECONDITION,
			"'%s' imports '%s', which is not there: containerd would not start",
			c->v->ask.file.path, *pattern);
		err_way(e, "take the import out, or make the file");
		return -1;
	}
	return 0;
}

static int copy_root(struct copy *c, struct edit *root, struct tree *imports, struct err *e)
{
	struct edit_result r;
	const char *const *key = EDIT_PATH("imports");

	edit_remove(root, key);
	if (imports->members.n)
		edit_set(root, key, imports, EDIT_KEEP);
	edit_done(root, &r);
	if (r.issues.n)
		return edit_err(&r.issues.at[0], c->v->ask.file.path, e);
	c->root = c->after ? "/" SCRATCH "/new-root.toml" : "/" SCRATCH "/old-root.toml";
	return add_copy(c, "root", r.text, r.len, e);
}

static int copy_all(struct copy *c, struct err *e)
{
	struct tree *imports = tree_array(c->v->a);
	auto_edit struct edit *root = NULL;
	strs patterns = { 0 }, paths = { 0 };
	const char *text;
	size_t len;

	engine_text(c->v, c->v->ask.file.path, c->after, &text, &len);
	if (!text)
		return 0;
	root = edit_open(c->v->a, EDIT_TOML, text, len);
	runtime_imports(&c->v->ask, c->v->a, edit_root(root), &patterns);
	if (c->after && check_named(c, &patterns, e))
		return -1;
	loaded(c, &patterns, &paths);
	list_each (&paths, path) {
		const char *name = arena_printf(c->v->a, "%zu", imports->members.n);

		engine_text(c->v, *path, c->after, &text, &len);
		if (!text)
			continue;
		if (add_copy(c, name, text, len, e))
			return -1;
		tree_put(c->v->a, imports, NULL,
			 tree_str(c->v->a,
				  arena_printf(c->v->a, "/%s", c->files.at[c->files.n - 1])));
	}
	return copy_root(c, root, imports, e);
}

/* What it prints, without the log lines between. */
static const char *dumped(struct arena *a, const struct buf *output, size_t *ret_len)
{
	struct piece rest = { buf_str(output), output->len }, line;
	auto_buf struct buf clean = BUF_INIT(4 << 20);

	while (str_line(&rest, &line))
		if (!piece_starts(line, "time=")) {
			buf_add(&clean, line.at, line.len);
			buf_addc(&clean, '\n');
		}
	*ret_len = clean.len;
	return arena_strn(a, buf_str(&clean), clean.len);
}

/* The effective configuration; *ret stays NULL when there is no file or the dump is unreadable. */
static int dump(struct copy *c, struct edit **ret, struct err *e)
{
	struct sys_done done = { 0 };
	strs args = { 0 };
	const char *text;
	size_t len;
	int rc;

	if (copy_all(c, e))
		return -1;
	if (!c->root)
		return 0;
	list_add(c->v->a, &args, c->v->program);
	list_add(c->v->a, &args, "-c");
	list_add(c->v->a, &args, c->root);
	list_add(c->v->a, &args, "config");
	list_add(c->v->a, &args, "dump");
	list_add(c->v->a, &args, NULL);
	rc = run(c->sys, &args, &done, e);
	if (!rc && done.status && c->after)
		rc = refused_by(c->v, &done.output, e);
	if (!rc && !done.status) {
		text = dumped(c->v->a, &done.output, &len);
		*ret = edit_open(c->v->a, EDIT_TOML, text, len);
	}
	buf_release(&done.output);
	return rc;
}

/* ---- before and after ---- */

struct compare {
	const struct engine_view *v;
	strs way;          /* to where we are */
	const char *other; /* the first key that differs and should not */
};

/* May this key differ? Only what the operation is about. */
static bool ours(const struct compare *c)
{
	const strs *w = &c->way;
	const char *name = w->n ? w->at[w->n - 1] : "";

	if (w->n == 1 && (str_eq(name, "imports") || str_eq(name, "version")))
		return true;
	if (w->n < 3 || !str_eq(w->at[0], "plugins"))
		return false;
	if (str_eq(name, "enable_cdi") || str_eq(name, "default_runtime_name"))
		return true;
	return w->n == 5 && str_eq(w->at[3], "runtimes") &&
	       (str_eq(name, c->v->ask.name) || str_eq(name, "runc"));
}

static void compare(struct compare *c, const struct tree *was, const struct tree *is);

static void compare_key(struct compare *c, struct piece key, const struct tree *was,
			const struct tree *is)
{
	auto_buf struct buf way = BUF_TEXT;

	list_add(c->v->a, &c->way, arena_strn(c->v->a, key.at, key.len));
	if (!ours(c) && !c->other) {
		if (was && is && was->type == TREE_TABLE && is->type == TREE_TABLE) {
			compare(c, was, is);
		} else if (!was || !is || !tree_same(was, is)) {
			list_each (&c->way, part)
				buf_addf(&way, "%s%s", way.len ? "." : "", *part);
			c->other = arena_str(c->v->a, buf_str(&way));
		}
	}
	c->way.n--;
}

static void compare(struct compare *c, const struct tree *was, const struct tree *is)
{
	list_each (&was->members, m) {
		const struct tree_member *now = tree_find(is, m->key);

		compare_key(c, m->key, m->value, now ? now->value : NULL);
	}
	list_each (&is->members, m)
		if (!tree_find(was, m->key))
			compare_key(c, m->key, NULL, m->value);
}

static bool has_runtime(const struct engine_view *v, const struct tree *root)
{
	const struct tree *plugins = tree_get(root, "plugins");

	for (size_t i = 0; plugins && i < plugins->members.n; i++) {
		const struct tree *cri = tree_get(plugins->members.at[i].value, "containerd");

		if (tree_get(tree_get(cri, "runtimes"), v->ask.name))
			return true;
	}
	return false;
}

static int judge(const struct engine_view *v, struct edit *was, struct edit *is, struct err *e)
{
	struct compare c = { .v = v };

	if (!is)
		return 0;
	if (edit_refused(is))
		return 0; /* a dump that we cannot read says nothing about the file */
	if (!v->ask.remove && !has_runtime(v, edit_root(is)))
		return err_set(e, GP_INTERNAL,
			       "containerd does not see the runtime '%s' in the new configuration",
			       v->ask.name);
	if (!was || edit_refused(was))
		return 0;
	compare(&c, edit_root(was), edit_root(is));
	if (!c.other)
		return 0;
	err_set(e, GP_INTERNAL, "the new configuration would change '%s' of containerd too",
		c.other);
	err_way(e, "nothing was written; report this with your configuration");
	return -1;
}

/* The dump of 2.0 leaves CRI settings of a version 2 file out. */
static bool tells(const struct engine_view *v)
{
	const struct runtime_work w = { &v->ask, v->a, NULL };

	return !runtime_since(&w, "2.0") || runtime_since(&w, "2.1");
}

static int validate_containerd(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	struct copy old = { sys, v, false, { 0 }, NULL }, new = { sys, v, true, { 0 }, NULL };
	auto_edit struct edit *was = NULL;
	auto_edit struct edit *is = NULL;
	auto_err late = { 0 };
	int rc = dump(&new, &is, e);

	if (!rc && tells(v))
		rc = dump(&old, &was, e) || judge(v, was, is, e);
	list_each (&new.files, path)
		list_add(v->a, &old.files, *path);
	if (scratch_drop(sys, &old.files, rc ? &late : e))
		return -1;
	return rc ? -1 : 0;
}

/* ---- CRI-O ---- */

static int validate_crio(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	static const char file[] = SCRATCH "/99-gpuprov-nvidia.conf";
	struct sys_done done = { 0 };
	strs args = { 0 }, scratch = { 0 };
	const char *text = v->answer.writes.at[0].text;
	int rc;

	if (!text)
		return 0;
	list_add(v->a, &scratch, file);
	list_add(v->a, &args, v->program);
	list_add(v->a, &args, "--config");
	list_add(v->a, &args, v->ask.file.text ? v->ask.file.path : "");
	list_add(v->a, &args, "--config-dir");
	list_add(v->a, &args, "/" SCRATCH);
	list_add(v->a, &args, "config");
	list_add(v->a, &args, NULL);
	rc = scratch_file(sys, file, text, v->answer.writes.at[0].len, e) ||
	     run(sys, &args, &done, e);
	if (!rc && done.status)
		rc = refused_by(v, &done.output, e);
	buf_release(&done.output);
	return rc ? -1 : scratch_drop(sys, &scratch, e);
}

int engine_validate(const struct sys *sys, const struct engine_view *v, struct err *e)
{
	struct sys_stat st;
	int rc = 0;

	if (!sys->live || !v->program || !v->answer.writes.n)
		return 0;
	if (sys_stat(sys, v->program + 1, &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return 0;
	if (str_eq(v->runtime->name, "docker"))
		rc = validate_docker(sys, v, e);
	else if (str_eq(v->runtime->name, "containerd"))
		rc = validate_containerd(sys, v, e);
	else if (str_eq(v->runtime->name, "crio"))
		rc = validate_crio(sys, v, e);
	return rc ? err_ctx(e, "trying the new configuration of %s", v->runtime->name) : 0;
}
