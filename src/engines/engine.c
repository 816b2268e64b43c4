/* SPDX-License-Identifier: Apache-2.0 */
/* A container engine of a host: its files, and what an edit of them comes to. */
#include "engines/engine.h"

#include "base/str.h"
#include "registry.h"
#include "sys/hash.h"

#include <string.h>

enum { MOST_LINKS = 40 };

const char *engine_version_in(const char *text, struct arena *a)
{
	struct piece rest = { text, strcspn(text, "\n") }, word;

	while (str_word(&rest, &word)) {
		if (word.len && *word.at == 'v')
			word.at++, word.len--;
		if (word.len && word.at[word.len - 1] == ',')
			word.len--;
		if (word.len > 2 && *word.at >= '0' && *word.at <= '9' &&
		    memchr(word.at, '.', word.len))
			return arena_strn(a, word.at, word.len);
	}
	return NULL;
}

/* ---- which file it really is ---- */

struct walk {
	const struct sys *sys;
	struct arena *a;
	const char *path; /* as it was asked for */
	const char *done; /* no link in it; "" = the root */
	const char *rest;
	const char *target; /* of the last link */
	const char *unsafe; /* a folder or link on the way that others can change */
	bool last;          /* the last name was a link */
	bool gone;          /* a folder on the way is not there */
	struct sys_stat st; /* of `done` */
	unsigned links;
};

static const char *joined(struct walk *w, const char *dir, const char *name)
{
	return *dir ? arena_printf(w->a, "%s/%s", dir, name) : name;
}

/* Only root may have made it, and only root may change it. */
static bool is_roots(const struct sys_stat *st)
{
	return st->uid == 0 && (st->type == SYS_LINK || !(st->mode & 022));
}

static int follow(struct walk *w, const char *link, struct err *e)
{
	auto_buf struct buf target = BUF_INIT(4096);

	if (++w->links > MOST_LINKS) {
		err_set(e, GP_UNSAFE_PATH, "'%s': too many symbolic links, or a loop of them",
			w->path);
		err_way(e, "make it a file, or a link to one");
		return -1;
	}
	if (sys_readlink(w->sys, link, &target, e))
		return -1;
	w->last |= !w->rest[strspn(w->rest, "/")];
	w->target = arena_str(w->a, buf_str(&target));
	w->rest = arena_printf(w->a, "%s/%s", w->target, w->rest);
	if (*w->target == '/')
		w->done = "";
	return 0;
}

static int step_into(struct walk *w, const char *name, struct err *e)
{
	const char *next = joined(w, w->done, name), *slash = strrchr(w->done, '/');

	if (str_eq(name, ".."))
		w->done = slash ? arena_strn(w->a, w->done, (size_t)(slash - w->done)) : "";
	if (str_eq(name, ".") || str_eq(name, ".."))
		return 0;
	if (sys_stat(w->sys, next, &w->st, e))
		return -1;
	if (w->st.type != SYS_ABSENT && !is_roots(&w->st) && !w->unsafe)
		w->unsafe = next;
	if (w->st.type == SYS_LINK)
		return follow(w, next, e);
	w->done = next;
	w->gone |= w->st.type == SYS_ABSENT && w->rest[strspn(w->rest, "/")];
	return 0;
}

static int check_walk(const struct walk *w, struct err *e)
{
	if (w->st.type != SYS_ABSENT && w->st.type != SYS_FILE) {
		err_set(e, GP_UNSAFE_PATH, "'%s' is not a regular file; it is left alone", w->path);
		err_way(e, "move it away, then run this again");
		return -1;
	}
	if (!w->links)
		return 0;
	if (w->gone || (w->last && w->st.type == SYS_ABSENT)) {
		err_set(e, GP_UNSAFE_PATH,
			"'%s' leads through a symbolic link to '%s', which is "
			"not there",
			w->path, w->target);
		err_way(e, "take the link away, or make what it points to");
		return -1;
	}
	if (!w->unsafe)
		return 0;
	err_set(e, GP_UNSAFE_PATH,
		"'%s' is a symbolic link, and '/%s' on its way does not belong to root alone: "
		"somebody else could point it elsewhere",
		w->path, w->unsafe);
	err_way(e,
		"chown root '/%s' and take the write permission of others away, or name the "
		"file itself",
		w->unsafe);
	return -1;
}

static int walk(struct walk *w, struct err *e)
{
	w->done = "";
	w->rest = w->path;
	for (;;) {
		const char *name = w->rest + strspn(w->rest, "/");
		size_t n = strcspn(name, "/");

		if (!n)
			return 0;
		w->rest = name + n;
		if (step_into(w, arena_strn(w->a, name, n), e))
			return -1;
	}
}

int engine_behind(const struct sys *sys, const char *path, struct arena *a, struct engine_file *ret,
		  struct err *e)
{
	struct walk w = { .sys = sys, .a = a, .path = path };

	if (walk(&w, e) || check_walk(&w, e))
		return -1;
	*ret = (struct engine_file){
		.path = path, .real = w.done, .linked = w.links > 0, .st = w.st
	};
	return 0;
}

const struct engine_file *engine_file(const struct engine_view *v, const char *path)
{
	list_each (&v->files, file)
		if (str_eq(file->path, path))
			return file;
	return NULL;
}

/* ---- reading ---- */

static int read_file(const struct sys *sys, struct engine_view *v, const char *path,
		     struct runtime_file *ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(EDIT_MAX_BYTES);
	struct engine_file file;

	if (engine_behind(sys, path, v->a, &file, e))
		return -1;
	ret->path = path;
	if (file.st.type == SYS_FILE) {
		if (sys_read(sys, file.real, &text, e))
			return -1;
		ret->text = arena_strn(v->a, buf_str(&text), text.len);
		ret->len = text.len;
	}
	list_add(v->a, &v->files, file);
	return 0;
}

/* All files of a folder, at any depth, by path. */
static int list_below(const struct sys *sys, const char *folder, unsigned depth, struct arena *a,
		      strs *ret, struct err *e)
{
	strs names = { 0 };

	if (sys_list(sys, folder + strspn(folder, "/"), a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *path = arena_printf(a, "%s/%s", folder, *name);
		struct sys_stat st;

		if (sys_stat(sys, path + strspn(path, "/"), &st, e))
			return -1;
		if (st.type == SYS_DIR && depth && list_below(sys, path, depth - 1, a, ret, e))
			return -1;
		if (st.type == SYS_FILE || st.type == SYS_LINK)
			list_add(a, ret, path);
	}
	return 0;
}

enum { DEEPEST = 8 };

/* What a pattern of runtime->reads() stands for. */
static int expand(const struct sys *sys, const char *pattern, struct arena *a, strs *ret,
		  struct err *e)
{
	const char *folder = runtime_folder(a, pattern);
	bool deep = str_ends(pattern, "/**");
	strs all = { 0 };

	if (!strpbrk(pattern, "*?")) {
		list_add(a, ret, pattern);
		return 0;
	}
	if (list_below(sys, folder, deep ? DEEPEST : 0, a, &all, e))
		return -1;
	list_each (&all, path)
		if (deep || runtime_match(pattern, *path))
			list_add(a, ret, *path);
	return 0;
}

static bool known(const struct engine_view *v, const char *path)
{
	return engine_file(v, path) != NULL;
}

static int read_others(const struct sys *sys, struct engine_view *v, struct err *e)
{
	strs patterns = { 0 }, paths = { 0 };

	if (v->runtime->reads)
		v->runtime->reads(&v->ask, v->a, &patterns);
	list_each (&patterns, pattern)
		if (expand(sys, *pattern, v->a, &paths, e))
			return -1;
	list_each (&paths, path) {
		struct runtime_file file = { 0 };

		if (known(v, *path))
			continue;
		if (read_file(sys, v, *path, &file, e))
			return -1;
		list_add(v->a, &v->ask.others, file);
	}
	return 0;
}

/* ---- what is asked for ---- */

static bool says(const struct plan_step *s, const char *key)
{
	return str_eq(step_get(s, key), "yes");
}

/* The records belong to files by their paths. */
static int add_records(const struct plan_step *s, struct engine_view *v, struct err *e)
{
	list_each (&s->args, arg) {
		struct edit_record record = { 0 };
		struct runtime_file *to = NULL;

		if (!str_eq(arg->key, "record"))
			continue;
		if (rec_read(arg->value, strlen(arg->value), "the record of an edit",
			     edit_record_rows, &record, v->a, e))
			return -1;
		if (str_eq(record.path, v->ask.file.path))
			to = &v->ask.file;
		list_each (&v->ask.others, other)
			if (str_eq(record.path, other->path))
				to = other;
		if (to)
			list_add(v->a, &to->records, record);
	}
	return 0;
}

static int ask_version(const struct sys *sys, const char *program, struct arena *a,
		       const char **ret, struct err *e)
{
	const char *const argv[] = { program, "--version", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 20 };
	struct sys_done done = { 0 };
	struct sys_stat st;

	if (sys_stat(sys, program + 1, &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return 0;
	if (sys_run(sys, &cmd, &done, e))
		return -1;
	*ret = done.status ? NULL : engine_version_in(buf_str(&done.output), a);
	buf_release(&done.output);
	return 0;
}

static int read_step(const struct sys *sys, const struct plan_step *s, struct engine_view *v,
		     struct err *e)
{
	const char *cgroup = step_get(s, "cgroup");

	v->runtime = runtime_find(step_get(s, "engine"));
	if (!v->runtime)
		return err_set(e, GP_INTERNAL, "there is no engine '%s'", step_get(s, "engine"));
	v->program = step_get(s, "program");
	v->unit = step_get(s, "unit");
	v->hands_off = str_eq(step_get(s, "restart"), "never");
	v->ask = (struct runtime_ask){ .version = step_get(s, "version"),
				       .name = step_get(s, "name"),
				       .binary = step_get(s, "binary"),
				       .set_default = says(s, "default"),
				       .cdi = says(s, "cdi"),
				       .replace = says(s, "replace"),
				       .remove = says(s, "remove"),
				       .hash = hash_bytes };
	if (cgroup)
		v->ask.systemd_cgroup = str_eq(cgroup, "systemd") ? TRI_YES : TRI_NO;
	runtime_args(step_get(s, "args"), v->a, &v->ask.args);
	if (!v->ask.version && v->program)
		return ask_version(sys, v->program, v->a, &v->ask.version, e);
	return 0;
}

/* Is there something at an absolute path, behind whatever links? */
static int is_there(const struct sys *sys, const char *path, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct walk w = { .sys = sys, .a = &a, .path = path };

	if (walk(&w, e))
		return -1;
	*ret = w.st.type == SYS_FILE;
	return 0;
}

/* A second name would be left with the old text. */
static void refuse_names(struct engine_view *v)
{
	list_each (&v->answer.writes, w) {
		const struct engine_file *file = engine_file(v, w->path);
		struct runtime_issue *one;

		if (!file || file->st.type != SYS_FILE || file->st.links < 2 || v->ask.replace)
			continue;
		one = list_push(v->a, &v->answer.refusals);
		one->path = w->path;
		one->issue.kind = EDIT_CONFLICT;
		one->issue.text = arena_printf(v->a,
					       "the file has %u names (hard links); the "
					       "others would keep the old text",
					       file->st.links);
		one->issue.way = "allow it to be replaced, or make it a file of its own";
	}
	runtime_settle(&v->answer, v->answer.effect, v->answer.why);
}

int engine_look(const struct sys *sys, const struct plan_step *s, struct arena *a,
		struct engine_view *ret, struct err *e)
{
	struct engine_view v = { .a = a };
	bool binary = true;

	if (read_step(sys, s, &v, e) || read_file(sys, &v, step_get(s, "config"), &v.ask.file, e) ||
	    read_others(sys, &v, e) || add_records(s, &v, e) ||
	    (!v.ask.remove && is_there(sys, v.ask.binary, &binary, e)))
		return err_ctx(e, "reading the configuration of %s", step_get(s, "engine"));
	v.ask.binary_missing = !binary;
	v.runtime->edit(&v.ask, a, &v.answer);
	/* A file that is to be made was not looked at yet. */
	list_each (&v.answer.writes, w) {
		struct engine_file file;

		if (known(&v, w->path))
			continue;
		if (engine_behind(sys, w->path, a, &file, e))
			return -1;
		list_add(a, &v.files, file);
	}
	refuse_names(&v);
	*ret = v;
	return 0;
}

int engine_refused(const struct engine_view *v, struct err *e)
{
	const struct runtime_issue *first = v->answer.refusals.at;

	return v->answer.refusals.n ? edit_err(&first->issue, first->path, e) : 0;
}
