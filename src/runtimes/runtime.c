/* SPDX-License-Identifier: Apache-2.0 */
/* What several container engines share. */
#include "runtimes/runtime.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static void add_issues(const struct runtime_work *w, const struct runtime_file *file,
		       const edit_issues *issues, bool notes)
{
	list_each (issues, issue) {
		struct runtime_issue one = { file->path, *issue };

		if (notes)
			list_add(w->a, &w->ret->notes, one);
		else
			list_add(w->a, &w->ret->refusals, one);
	}
}

static void add_result(const struct runtime_work *w, const struct runtime_file *file,
		       struct edit_result *r, bool gone)
{
	struct runtime_write *write;

	add_issues(w, file, &r->issues, false);
	add_issues(w, file, &r->notes, true);
	if (!r->text || !(r->changed || gone))
		return;
	edit_seal(w->a, r, file->text, file->len, w->ask->hash);
	r->record.path = file->path;
	write = list_push(w->a, &w->ret->writes);
	*write = (struct runtime_write){ .path = file->path, .record = r->record };
	write->created = !file->text;
	if (!gone) {
		write->text = r->text;
		write->len = r->len;
	}
}

void runtime_put(const struct runtime_work *w, const struct runtime_file *file, struct edit *ed)
{
	struct edit_result r;

	edit_done(ed, &r);
	edit_close(ed);
	add_result(w, file, &r, false);
}

/* One splice from one text to another: what several undos in a row come to. */
static void one_splice(struct arena *a, const struct runtime_file *from, struct edit_result *r)
{
	size_t head = 0, tail = 0, most = from->len < r->len ? from->len : r->len;
	struct edit_splice s;

	while (head < most && from->text[head] == r->text[head])
		head++;
	while (tail < most - head && from->text[from->len - 1 - tail] == r->text[r->len - 1 - tail])
		tail++;
	s.at = (long long)head;
	s.removed = arena_strn(a, from->text + head, from->len - head - tail);
	s.inserted = arena_strn(a, r->text + head, r->len - head - tail);
	r->record.splices = (edit_splices){ 0 };
	r->record.changes = (edit_changes){ 0 };
	list_add(a, &r->record.splices, s);
	r->changed = *s.removed || *s.inserted;
}

bool runtime_undo(const struct runtime_work *w, const struct runtime_file *file)
{
	struct edit_result r = { .text = file->text, .len = file->len };
	bool gone = false;

	if (!file->records.n || !file->text)
		return false;
	list_each (&file->records, record) {
		edit_undo(w->a, record, r.text, r.len, w->ask->hash, &r, &gone);
		if (!r.text || gone)
			break;
	}
	if (r.text)
		one_splice(w->a, file, &r);
	add_result(w, file, &r, gone);
	return true;
}

void runtime_delete(const struct runtime_work *w, const struct runtime_file *file)
{
	struct edit_result gone = { .text = "" };
	struct edit_splice all = { .inserted = "" };

	if (!file->text)
		return;
	all.removed = arena_strn(w->a, file->text, file->len);
	gone.record.format = EDIT_TOML;
	list_add(w->a, &gone.record.splices, all);
	add_result(w, file, &gone, true);
}

void runtime_refuse(const struct runtime_work *w, const struct runtime_file *file,
		    enum edit_kind kind, const char *fmt, ...)
{
	struct runtime_issue *one = list_push(w->a, &w->ret->refusals);
	va_list ap;

	va_start(ap, fmt);
	*one = (struct runtime_issue){ .path = file->path };
	one->issue.kind = kind;
	one->issue.text = arena_vprintf(w->a, fmt, ap);
	va_end(ap);
}

void runtime_settle(struct runtime_answer *ret, enum runtime_effect effect, const char *why)
{
	if (ret->refusals.n)
		ret->writes.n = 0;
	if (!ret->writes.n)
		return;
	ret->effect = effect;
	ret->why = why;
}

void runtime_args(const char *text, struct arena *a, strs *ret)
{
	struct piece rest = { text ? text : "", text ? strlen(text) : 0 }, word;

	while (str_word(&rest, &word))
		list_add(a, ret, arena_strn(a, word.at, word.len));
}

const char *runtime_target(const struct runtime *r, const char *config, const char *args,
			   struct arena *a)
{
	strs list = { 0 };

	if (!r->own)
		return config;
	runtime_args(args, a, &list);
	return r->own(&list, a);
}

const char *runtime_version(const struct runtime_work *w)
{
	const char *v = w->ask->version ? w->ask->version : "";

	return arena_strn(w->a, v, strspn(v, "0123456789."));
}

bool runtime_since(const struct runtime_work *w, const char *version)
{
	const char *v = runtime_version(w);

	return *v && ver_cmp(v, version) >= 0;
}

bool runtime_is_binary(const struct runtime_ask *ask, const struct tree *value)
{
	const char *slash = strrchr(ask->binary, '/');

	return tree_is(value, ask->binary) || (slash && tree_is(value, slash + 1));
}

const char *runtime_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_strn(a, path, slash ? (size_t)(slash - path) : 0);
}

bool runtime_later(const char *ours, const char *path)
{
	const char *slash = strrchr(ours, '/');
	size_t folder = slash ? (size_t)(slash - ours) + 1 : 0;

	return strncmp(ours, path, folder) == 0 && strcmp(path + folder, ours + folder) > 0;
}

bool runtime_match(const char *pattern, const char *path)
{
	const char *star = NULL, *retry = NULL;

	while (*path) {
		if (*pattern == '*') {
			star = pattern++;
			retry = path;
		} else if (*pattern == *path || (*pattern == '?' && *path != '/')) {
			pattern++;
			path++;
		} else if (star && *retry != '/') {
			pattern = star + 1;
			path = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

void runtime_imports(const struct runtime_ask *ask, struct arena *a, const struct tree *root,
		     strs *ret)
{
	const struct tree *imports = tree_get(root, "imports");

	for (size_t i = 0; imports && i < imports->members.n; i++) {
		const struct tree *one = imports->members.at[i].value;
		const char *text;

		if (one->type != TREE_STRING)
			continue;
		text = arena_strn(a, one->text.at, one->text.len);
		if (*text != '/')
			text = arena_printf(a, "%s/%s", runtime_folder(a, ask->file.path), text);
		list_add(a, ret, text);
	}
}
