/* SPDX-License-Identifier: Apache-2.0 */
/* All cases of tests/vectors: what comes out means, and every property that is about text. */
#include "base/str.h"
#include "tap.h"
#include "vector.h"

/* Properties of files, not of texts; who writes files tests them. */
static const char *const of_files[] = {
	"parent-directory-created-0755",
	"file-mode-0644",
	"mode-owner-kept",
	"no-backup-or-temp-file-inside-crio.conf.d",
	"effective-config-of-user-keys-unchanged", /* needs the daemon */
	NULL,
};

static enum edit_format format_of(const struct vector *v)
{
	return str_eq(v->engine, "docker") ? EDIT_JSON : EDIT_TOML;
}

/* A file of the host as the ask knows it. */
static const struct runtime_file *before(const struct vector *v, const char *path)
{
	static const struct runtime_file none;

	if (str_eq(v->ask.file.path, path))
		return &v->ask.file;
	list_each (&v->ask.others, file)
		if (str_eq(file->path, path))
			return file;
	return &none;
}

/* The host after the writes, with the records of what was put there. */
static struct runtime_ask written(struct arena *a, const struct vector *v,
				  const struct runtime_answer *r)
{
	struct runtime_ask ask = v->ask;

	ask.others.n = 0;
	ask.others.cap = 0;
	list_each (&v->ask.others, file)
		list_add(a, &ask.others, *file);
	list_each (&r->writes, w) {
		struct runtime_file *to = NULL;

		if (str_eq(w->path, ask.file.path))
			to = &ask.file;
		for (size_t i = 0; !to && i < ask.others.n; i++)
			if (str_eq(ask.others.at[i].path, w->path))
				to = &ask.others.at[i];
		if (!to)
			to = list_push(a, &ask.others);
		to->path = w->path;
		to->text = w->text;
		to->len = w->len;
		if (!v->ask.remove)
			list_add(a, &to->records, w->record);
	}
	return ask;
}

/* What the file has after the writes. */
static const char *after(const struct vector *v, const struct runtime_answer *r, const char *path,
			 size_t *ret_len)
{
	list_each (&r->writes, w) {
		if (str_eq(w->path, path)) {
			*ret_len = w->len;
			return w->text;
		}
	}
	*ret_len = before(v, path)->len;
	return before(v, path)->text;
}

/* ---- meaning and refusals ---- */

static void check_meaning(struct arena *a, const struct vector *v, const struct runtime_answer *r,
			  const char *path, const json_t *wanted)
{
	size_t len = 0;
	const char *text = after(v, r, path, &len);
	auto_edit struct edit *ed = NULL;
	size_t ref_len;
	const char *name = vector_str(wanted, "reference_output");
	const char *ref = name ? vector_file(a, v->folder, name, &ref_len) : NULL;

	if (!ok(text != NULL, "%s: %s is there", v->id, path))
		return;
	ed = edit_open(a, format_of(v), text, len);
	if (!ok(!edit_refused(ed) &&
			vector_means(edit_root(ed), json_object_get(wanted, "semantic")),
		"%s: %s means what it should", v->id, path))
		tap_show("got", text);
	if (ref && !(ref_len == len && memcmp(ref, text, len) == 0))
		printf("# %s: %s is spelled otherwise than the reference\n", v->id, path);
}

static void check_refusal(const struct vector *v, const struct runtime_answer *r)
{
	const json_t *wanted = json_object_get(json_object_get(v->json, "expect"), "error");
	const char *kind = vector_str(wanted, "kind");
	const char *words = vector_str(wanted, "message_must_name");
	const json_t *line = json_object_get(wanted, "line");
	const struct edit_issue *issue;

	ok(!r->writes.n, "%s: nothing is written", v->id);
	if (!ok(r->refusals.n > 0, "%s: refused", v->id))
		return;
	issue = &r->refusals.at[0].issue;
	printf("# %s: %u:%u: %s\n", v->id, issue->at.line, issue->at.col, issue->text);
	is(edit_kind_words[issue->kind], kind, v->id);
	if (line)
		ok(issue->at.line == json_integer_value(line), "%s: the line is named", v->id);
	if (words && !line)
		ok(strstr(issue->text, words) != NULL, "%s: says '%s'", v->id, words);
}

static void check_warnings(const struct vector *v, const struct runtime_answer *r)
{
	const json_t *expect = json_object_get(v->json, "expect");
	const json_t *list = json_object_get(expect, "warnings");
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		bool found = false;

		list_each (&r->notes, note)
			found |= strstr(note->issue.text, json_string_value(one)) != NULL;
		ok(found, "%s: warns '%s'", v->id, json_string_value(one));
	}
}

/* ---- properties ---- */

/* With the splices turned round the text is the one before. */
static bool same_outside(struct arena *a, const struct vector *v, const struct runtime_write *w)
{
	auto_buf struct buf b = BUF_TEXT;
	const struct runtime_file *was = before(v, w->path);
	size_t done = 0;
	long long moved = 0;

	(void)a;
	list_each (&w->record.splices, s) {
		size_t at = (size_t)(s->at + moved), in = strlen(s->inserted);

		if (at < done || at + in > w->len || memcmp(w->text + at, s->inserted, in) != 0)
			return false;
		buf_add(&b, w->text + done, at - done);
		buf_adds(&b, s->removed);
		done = at + in;
		moved += (long long)in - (long long)strlen(s->removed);
	}
	buf_add(&b, w->text + done, w->len - done);
	return b.len == was->len && memcmp(buf_str(&b), was->text ? was->text : "", b.len) == 0;
}

/* Keys of the first tree follow each other in the second. */
static bool order_kept(const struct tree *was, const struct tree *is)
{
	const struct tree_member *last = NULL;

	if (was->type != TREE_TABLE || is->type != TREE_TABLE)
		return true;
	list_each (&was->members, m) {
		const struct tree_member *now = tree_find(is, m->key);

		if (tree_find(was, m->key) != m)
			continue;
		if (!now || (last && now <= last) || !order_kept(m->value, now->value))
			return false;
		last = now;
	}
	return true;
}

/* How many scalars of the first tree are spelled otherwise in the second. */
static size_t respelled(const struct tree *was, const struct tree *is, enum tree_type type)
{
	size_t n = 0;

	if (was->type < TREE_ARRAY)
		return was->type == type && !piece_same(was->raw, is->raw);
	for (size_t i = 0; i < was->members.n; i++) {
		const struct tree_member *m = &was->members.at[i], *now = NULL;

		if (is->type == TREE_TABLE && tree_find(was, m->key) != m)
			continue;
		if (is->type == TREE_TABLE)
			now = tree_find(is, m->key);
		else if (i < is->members.n)
			now = &is->members.at[i];
		n += now ? respelled(m->value, now->value, type) : 1;
	}
	return n;
}

static bool spelling_kept(struct arena *a, const struct vector *v, const struct runtime_write *w,
			  enum tree_type type)
{
	const struct runtime_file *was = before(v, w->path);
	auto_edit struct edit *old = edit_open(a, format_of(v), was->text, was->len);
	auto_edit struct edit *new = edit_open(a, format_of(v), w->text, w->len);
	size_t replaced = 0;

	list_each (&w->record.changes, c)
		replaced += c->was != NULL;
	return respelled(edit_root(old), edit_root(new), type) <= replaced;
}

static bool keys_kept(struct arena *a, const struct vector *v, const struct runtime_write *w)
{
	const struct runtime_file *was = before(v, w->path);
	auto_edit struct edit *old = edit_open(a, format_of(v), was->text, was->len);
	auto_edit struct edit *new = edit_open(a, format_of(v), w->text, w->len);

	return order_kept(edit_root(old), edit_root(new));
}

/* Headers, or comments: lines of the first text that come again in order. */
static bool lines_kept(const struct runtime_file *was, const struct runtime_write *w, char sign)
{
	struct piece a = { was->text, was->len }, b = { w->text, w->len }, x, y;

	while (str_line(&a, &x)) {
		const char *at = memchr(x.at, sign, x.len);
		bool found = false;

		if (!at || (sign == '[' && at != str_trim(x).at))
			continue;
		x.len -= (size_t)(at - x.at);
		x.at = at;
		while (!found && str_line(&b, &y))
			found = memmem(y.at, y.len, x.at, x.len) != NULL;
		if (!found)
			return false;
	}
	return true;
}

/* A text of CRLF lines has no others, and the other way round. */
static bool eol_kept(const struct runtime_file *was, const struct runtime_write *w)
{
	bool crlf = was->text && memmem(was->text, was->len, "\r\n", 2);

	for (size_t i = 0; i < w->len; i++)
		if (w->text[i] == '\n' && (i && w->text[i - 1] == '\r') != crlf)
			return false;
	return true;
}

static bool ends(const char *text, size_t len)
{
	return len && text[len - 1] == '\n';
}

/* One property of one file that is written; false for a property nobody knows. */
static bool known(struct arena *a, const struct vector *v, const char *name,
		  const struct runtime_write *w, bool *ret_holds)
{
	const struct runtime_file *was = before(v, w->path);

	if (str_eq(name, "bytes-outside-edits-identical"))
		*ret_holds = same_outside(a, v, w);
	else if (str_eq(name, "key-order-kept"))
		*ret_holds = keys_kept(a, v, w);
	else if (str_eq(name, "table-order-kept"))
		*ret_holds = lines_kept(was, w, '[');
	else if (str_eq(name, "comments-kept"))
		*ret_holds = lines_kept(was, w, '#');
	else if (str_eq(name, "eol-style-kept"))
		*ret_holds = !was->text || eol_kept(was, w);
	else if (str_eq(name, "final-newline-state-kept"))
		*ret_holds = ends(was->text, was->len) == ends(w->text, w->len);
	else if (str_eq(name, "final-newline-state-kept-for-user-part"))
		*ret_holds = !ends(was->text, was->len) || ends(w->text, w->len);
	else if (str_eq(name, "number-lexemes-kept"))
		*ret_holds = spelling_kept(a, v, w, TREE_INT) && spelling_kept(a, v, w, TREE_FLOAT);
	else if (str_eq(name, "string-lexemes-kept"))
		*ret_holds = spelling_kept(a, v, w, TREE_STRING);
	else
		return false;
	return true;
}

static void check_second_run(struct arena *a, const struct vector *v,
			     const struct runtime_answer *r)
{
	struct runtime_ask again = written(a, v, r);
	struct runtime_answer second = { 0 };

	v->runtime->edit(&again, a, &second);
	if (!ok(!second.writes.n && !second.refusals.n, "%s: a second run changes nothing", v->id))
		tap_show("got", second.writes.n ? second.writes.at[0].text :
						  second.refusals.at[0].issue.text);
}

static void check_undo(struct arena *a, const struct vector *v, const struct runtime_answer *r)
{
	struct runtime_ask undo = written(a, v, r);
	struct runtime_answer back = { 0 };

	undo.remove = true;
	v->runtime->edit(&undo, a, &back);
	ok(!back.refusals.n && (!r->writes.n || back.writes.n == r->writes.n),
	   "%s: undo undoes all", v->id);
	list_each (&back.writes, w) {
		const struct runtime_file *was = before(v, w->path);
		bool same = !w->text == !was->text && w->len == was->len &&
			    (!w->text || memcmp(w->text, was->text, w->len) == 0);

		if (r->writes.n && !ok(same, "%s: undo of %s gives the bytes back", v->id, w->path))
			tap_show("got", w->text);
	}
}

static bool listed(const char *const *names, const char *name)
{
	while (*names && !str_eq(*names, name))
		names++;
	return *names != NULL;
}

static void check_property(struct arena *a, const struct vector *v, const struct runtime_answer *r,
			   const char *name)
{
	if (listed(of_files, name))
		return;
	if (str_eq(name, "no-write")) {
		ok(!r->writes.n, "%s: no-write", v->id);
	} else if (str_eq(name, "only-our-drop-in-written")) {
		ok(r->writes.n == 1 && !str_eq(r->writes.at[0].path, v->ask.file.path),
		   "%s: only our file is written", v->id);
	} else if (str_eq(name, "second-run-byte-identical")) {
		check_second_run(a, v, r);
	} else if (str_eq(name, "undo-restores-input-bytes") || str_eq(name, "undo-removes-file")) {
		check_undo(a, v, r);
	} else {
		list_each (&r->writes, w) {
			bool holds = false;

			if (!w->text)
				continue;
			if (!known(a, v, name, w, &holds))
				printf("# nobody knows the property %s\n", name);
			if (!ok(holds, "%s: %s", v->id, name))
				tap_show("got", w->text);
		}
	}
}

static void check_changed(struct arena *a, const struct vector *v, const struct runtime_answer *r)
{
	const json_t *expect = json_object_get(v->json, "expect");
	const json_t *files = json_object_get(expect, "files");
	const char *status = vector_str(expect, "status"), *path;
	json_t *one;

	list_each (&r->refusals, refusal)
		printf("# %s: %u:%u: %s\n", refusal->path, refusal->issue.at.line,
		       refusal->issue.at.col, refusal->issue.text);
	ok(!r->refusals.n && (r->writes.n > 0) == !str_eq(status, "unchanged"), "%s: %s", v->id,
	   status);
	if (str_eq(status, "created") && r->writes.n)
		ok(r->writes.at[0].created, "%s: the file is new", v->id);
	if (!files)
		check_meaning(a, v, r, v->ask.file.path, expect);
	json_object_foreach ((json_t *)(size_t)files, path, one)
		check_meaning(a, v, r, path, one);
	check_warnings(v, r);
}

static void run(const char *folder)
{
	auto_arena struct arena a = { 0 };
	struct vector v = vector_load(&a, folder);
	struct runtime_answer r = { 0 };
	const json_t *properties = json_object_get(v.json, "properties");
	size_t i;
	json_t *one;

	v.runtime->edit(&v.ask, &a, &r);
	if (str_eq(vector_str(json_object_get(v.json, "expect"), "status"), "refused"))
		check_refusal(&v, &r);
	else
		check_changed(&a, &v, &r);
	json_array_foreach(properties, i, one) check_property(&a, &v, &r, json_string_value(one));
	json_decref(v.json);
}

int main(int argc, char **argv)
{
	static const char *const tops[] = { "tests/vectors/docker", "tests/vectors/containerd",
					    "tests/vectors/crio", "tests/vectors/own" };
	auto_arena struct arena a = { 0 };
	strs folders = { 0 };

	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		vector_list(&a, tops[i], &folders);
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	for (size_t i = 0; argc == 1 && i < folders.n; i++)
		run(folders.at[i]);
	ok(folders.n > 0, "there are %zu cases", folders.n);
	return done_testing();
}
