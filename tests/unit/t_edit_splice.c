/* SPDX-License-Identifier: Apache-2.0 */
/* One operation, one text: the exact bytes that come out, or which kind of refusal. */
#include "base/str.h"
#include "edit/edit.h"
#include "tap.h"

struct one {
	enum edit_verb verb;
	const char *path;  /* keys parted by slashes */
	const char *value; /* "s:text", "i:5", "t:" a table, "l:" an array */
	const char *text;
	const char *want; /* or "!kind" */
};

static const struct one json[] = {
	/* adding */
	{ EDIT_SET, "a", "i:1", "{}", "{\n    \"a\": 1\n}" },
	{ EDIT_SET, "a", "i:1", "{ }\n", "{\n    \"a\": 1\n}\n" },
	{ EDIT_SET, "a", "i:1", "{\n}\n", "{\n    \"a\": 1\n}\n" },
	{ EDIT_SET, "a", "i:1", "\t{\n\t}\n", "\t{\n\t    \"a\": 1\n\t}\n" },
	{ EDIT_SET, "a/b", "i:1", "", "{\n    \"a\": {\n        \"b\": 1\n    }\n}" },
	{ EDIT_SET, "a", "i:1", "null", "{\n    \"a\": 1\n}" },
	{ EDIT_SET, "a", "i:1", "\r\n", "{\r\n    \"a\": 1\r\n}\r\n" },
	{ EDIT_SET, "b", "i:1", "{\"a\":1}", "{\"a\":1,\"b\":1}" },
	{ EDIT_SET, "b", "i:1", "{\"a\": 1}", "{\"a\": 1, \"b\": 1}" },
	{ EDIT_SET, "b", "i:1", "{\"a\": 1,\"x\": 2 }", "{\"a\": 1,\"x\": 2,\"b\": 1 }" },
	{ EDIT_SET, "b", "i:1", "{\n\"a\": 1}", "{\n\"a\": 1,\n\"b\": 1}" },
	{ EDIT_SET, "b", "i:1", "{ \"a\" : 1,\n  \"x\" : 2\n}",
	  "{ \"a\" : 1,\n  \"x\" : 2,\n  \"b\" : 1\n}" },
	{ EDIT_SET, "b/c", "t:", "{\"a\":1}", "{\"a\":1,\"b\":{\"c\":{\"k\":\"v\"}}}" },
	{ EDIT_SET, "b", "t:", "{\n  \"a\": 1\n}",
	  "{\n  \"a\": 1,\n  \"b\": {\n    \"k\": \"v\"\n  }\n}" },
	{ EDIT_SET, "x/b", "i:1", "{\n\t\"x\": {}\n}", "{\n\t\"x\": {\n\t\t\"b\": 1\n\t}\n}" },
	{ EDIT_SET, "x/b", "i:1", "{\"x\": { }}", "{\"x\": {\"b\": 1}}" },
	{ EDIT_SET, "x/b", "i:1", "{\"x\":{}}", "{\"x\":{\"b\":1}}" },
	{ EDIT_SET, "\"\n/", "i:1", "{\"a\":1}", "{\"a\":1,\"\\\"\\n\":{\"\":1}}" },
	/* replacing */
	{ EDIT_SET, "a", "i:1", "{\"a\": \"x\" }", "{\"a\": 1 }" },
	{ EDIT_SET, "a", "i:1", "{\"a\": 1.0}", "{\"a\": 1}" },
	{ EDIT_SET, "a", "i:1", "{\"\\u0061\":  1 }", "{\"\\u0061\":  1 }" },
	{ EDIT_SET, "a/b", "i:1", "{\"a\": [1]}", "!type" },
	{ EDIT_SET, "a", "i:1", "{\"a\": 1, \"a\": 2}", "!duplicate-key" },
	/* arrays */
	{ EDIT_APPEND, "l", "s:x", "{\"l\":[]}", "{\"l\":[\"x\"]}" },
	{ EDIT_APPEND, "l", "s:x", "{\"l\": [1, 2]}", "{\"l\": [1, 2, \"x\"]}" },
	{ EDIT_APPEND, "l", "s:x", "{\"l\": [\n  1\n]}", "{\"l\": [\n  1,\n  \"x\"\n]}" },
	{ EDIT_APPEND, "l", "s:x", "{\"l\": [\"x\"]}", "{\"l\": [\"x\"]}" },
	{ EDIT_APPEND, "l", "s:x", "{\"a\":1}", "{\"a\":1,\"l\":[\"x\"]}" },
	{ EDIT_APPEND, "l", "s:x", "{\"l\":{}}", "!type" },
	{ EDIT_DROP, "l", "i:1", "{\"l\":[1]}", "{\"l\":[]}" },
	{ EDIT_DROP, "l", "i:1", "{\"l\":[1, 2, 1]}", "{\"l\":[2]}" },
	{ EDIT_DROP, "l", "i:1", "{\"l\":[2]}", "{\"l\":[2]}" },
	/* taking out */
	{ EDIT_REMOVE, "a", NULL, "{ \"a\": 1 }", "{}" },
	{ EDIT_REMOVE, "a", NULL, "{\n  \"a\": 1,\n  \"b\": 2\n}", "{\n  \"b\": 2\n}" },
	{ EDIT_REMOVE, "b", NULL, "{\n  \"a\": 1,\n  \"b\": 2\n}", "{\n  \"a\": 1\n}" },
	{ EDIT_REMOVE, "x/y", NULL, "{\"x\": {}}", "{\"x\": {}}" },
};

static const struct one toml[] = {
	/* the root */
	{ EDIT_SET, "a", "i:1", "", "a = 1\n" },
	{ EDIT_SET, "a", "i:1", "# c", "# c\na = 1  # gpuprov" },
	{ EDIT_SET, "a", "i:1", "b = 2\n# c\n[t]\n", "b = 2\na = 1  # gpuprov\n# c\n[t]\n" },
	{ EDIT_SET, "a", "i:1", "[t]\n", "a = 1  # gpuprov\n[t]\n" },
	{ EDIT_SET, "a", "i:1", "\xef\xbb\xbf[t]\n",
	  "\xef\xbb\xbf"
	  "a = 1  # gpuprov\n[t]\n" },
	{ EDIT_SET, "a", "i:1", "  b = \"\"\"\n\"\"\" # x",
	  "  b = \"\"\"\n\"\"\" # x\n  a = 1  # gpuprov" },
	/* a table */
	{ EDIT_SET, "t/a", "s:x\"", "[t]", "[t]\n  a = \"x\\\"\"  # gpuprov" },
	{ EDIT_SET, "t/a", "i:1", "[t]\r\n\tb = 1\r\n",
	  "[t]\r\n\ta = 1  # gpuprov\r\n\tb = 1\r\n" },
	{ EDIT_SET, "t/a", "i:1", "[t] # x\n[t.u]\nb = 1\n",
	  "[t] # x\n  a = 1  # gpuprov\n[t.u]\nb = 1\n" },
	{ EDIT_SET, "t/a", "i:1", "[[x]]\n[t]\nb = 1\n[[x]]\n",
	  "[[x]]\n[t]\na = 1  # gpuprov\nb = 1\n[[x]]\n" },
	{ EDIT_SET, "t/a", "i:1", "t.b = 1\n", "t.b = 1\nt.a = 1  # gpuprov\n" },
	{ EDIT_SET, "t/u/a", "i:1", "[t]\n \"u\" . b = 1 # c\n",
	  "[t]\n \"u\" . b = 1 # c\n \"u\".a = 1  # gpuprov\n" },
	{ EDIT_SET, "t/a", "i:1", "t = {b = 1}\n", "!unsupported" },
	{ EDIT_SET, "t/a", "i:1", "t = {a = 2}\n", "t = {a = 1}\n" },
	{ EDIT_SET, "t/u/a", "i:1", "t = {u = {}}\n", "!unsupported" },
	{ EDIT_SET, "t/a", "i:1", "[[t]]\n", "!type" },
	{ EDIT_SET, "t/a", "i:1", "t = [{}]\n", "!type" },
	{ EDIT_SET, "t/a", "i:1", "t = 1\n", "!type" },
	{ EDIT_SET, "t", "i:1", "[t]\n", "!unsupported" },
	{ EDIT_SET, "t", "t:", "t = 1\n", "!unsupported" },
	/* new tables */
	{ EDIT_SET, "t/a", "i:1", "b = 1",
	  "b = 1\n# >>> gpuprov: managed block, gpuprov takes it out as a whole >>>\n[t]\n  a = 1\n"
	  "# <<< gpuprov <<<\n" },
	{ EDIT_SET, "x y/\"", "t:", "# >>> gpuprov\n[a]\n# <<< gpuprov\n# end",
	  "# >>> gpuprov\n[a]\n[\"x y\".\"\\\"\"]\n  k = \"v\"\n# <<< gpuprov\n# end" },
	{ EDIT_SET, "t/a", "i:1", "[t.u]\n# >>> gpuprov\n[a]\n# <<< gpuprov\n",
	  "[t.u]\n# >>> gpuprov\n[a]\n[t]\n  a = 1\n# <<< gpuprov\n" },
	/* replacing */
	{ EDIT_SET, "a", "i:1", "a = '''\nx''' # c\n", "a = 1 # c\n" },
	{ EDIT_SET, "a", "i:1", "a = +0_1\n", "!syntax" },
	{ EDIT_SET, "a", "i:1", "a = 0x01\n", "a = 0x01\n" },
	{ EDIT_SET, "a", "s:x", "a = '''x'''\n", "a = '''x'''\n" },
	{ EDIT_SET, "a", "i:1", "a = [ # c\n]\n", "a = 1\n" },
	/* arrays */
	{ EDIT_APPEND, "l", "i:1", "l = []\n", "l = [1]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [ ] # c\n", "l = [1 ] # c\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [\n]\n", "l = [\n  1\n]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [2]\n", "l = [2, 1]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [2, ]\n", "l = [2, 1, ]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [2,\n 3,]\n", "l = [2,\n 3, 1,]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [\n\t2\n]\n", "l = [\n\t2,\n\t1\n]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [\n  2, # ,\n]\n", "l = [\n  2, # ,\n  1,\n]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [2 # ]\n]\n", "l = [2, # ]\n  1\n]\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [2\r\n  ,\r\n]\r\n", "l = [2\r\n  ,\r\n  1,\r\n]\r\n" },
	{ EDIT_APPEND, "l", "i:1", "l = [[\n1], [2]]\n", "l = [[\n1], [2], 1]\n" },
	{ EDIT_APPEND, "l", "i:1", "a = 1\n", "a = 1\nl = [1]  # gpuprov\n" },
	{ EDIT_APPEND, "t/l", "i:1", "t = {l = [2]}\n", "t = {l = [2, 1]}\n" },
	{ EDIT_APPEND, "l", "i:1", "[[l]]\n", "!type" },
	{ EDIT_DROP, "l", "i:1", "l = [1]\n", "l = []\n" },
	{ EDIT_DROP, "l", "i:1", "l = [1,]\n", "l = []\n" },
	{ EDIT_DROP, "l", "i:1", "l = [1, 2]\n", "l = [2]\n" },
	{ EDIT_DROP, "l", "i:1", "l = [2, 1]\n", "l = [2]\n" },
	{ EDIT_DROP, "l", "i:1", "l = [\n  2,\n  1, # c\n]\n", "l = [\n  2,\n  # c\n]\n" },
	{ EDIT_DROP, "l", "i:1", "l = [\n  2, # b\n  1 # c\n]\n", "l = [\n  2 # b\n  # c\n]\n" },
	{ EDIT_DROP, "l", "i:1", "l = [\n  1,\n  2,\n]\n", "l = [\n  2,\n]\n" },
	/* taking out */
	{ EDIT_REMOVE, "a", NULL, "a = 1\nb = 2\n", "b = 2\n" },
	{ EDIT_REMOVE, "a", NULL, "a = 1  # gpuprov\n", "" },
	{ EDIT_REMOVE, "a", NULL, "  a = 1  # mine\n", "  # mine\n" },
	{ EDIT_REMOVE, "t", NULL, "[t] # x\na = 1\n# y\n[u]\n[t.v]\n[w]\n",
	  "# x\n# y\n[u]\n[w]\n" },
	{ EDIT_REMOVE, "t/u", NULL, "[t]\nu.a = 1\nb = 2\n[t.u.c]\nd = 3\n", "[t]\nb = 2\n" },
	{ EDIT_REMOVE, "t", NULL, "x = 1\n# >>> gpuprov\n[t]\na = 1\n# <<< gpuprov\n[y]\n",
	  "x = 1\n[y]\n" },
	{ EDIT_REMOVE, "t", NULL, "# >>> gpuprov\n[t]\n# mine\n# <<< gpuprov\n",
	  "# >>> gpuprov\n# mine\n# <<< gpuprov\n" },
	{ EDIT_REMOVE, "t/a", NULL, "t = {a = 1}\n", "!unsupported" },
	{ EDIT_REMOVE, "t", NULL, "[[t]]\na = 1\n[[t.u]]\n[[t]]\n[u]\n", "[u]\n" },
};

static const struct tree *value_of(struct arena *a, const char *spec)
{
	struct tree *t;

	if (!spec)
		return NULL;
	if (str_starts(spec, "s:"))
		return tree_str(a, spec + 2);
	if (str_starts(spec, "i:"))
		return tree_int(a, atoi(spec + 2));
	t = tree_table(a);
	tree_put(a, t, "k", tree_str(a, "v"));
	return t;
}

static const char *const *path_of(struct arena *a, const char *path)
{
	const char **keys = arena_alloc(a, 8 * sizeof(*keys));
	size_t n = 0;

	for (;;) {
		const char *slash = strchr(path, '/');

		keys[n++] = arena_strn(a, path, slash ? (size_t)(slash - path) : strlen(path));
		if (!slash)
			return (const char *const *)keys;
		path = slash + 1;
	}
}

static void apply(struct edit *ed, const struct one *c, struct arena *a)
{
	const char *const *path = path_of(a, c->path);
	const struct tree *value = value_of(a, c->value);

	if (c->verb == EDIT_SET)
		edit_set(ed, path, value, EDIT_REPLACE);
	else if (c->verb == EDIT_APPEND)
		edit_append(ed, path, value);
	else if (c->verb == EDIT_DROP)
		edit_drop(ed, path, value);
	else
		edit_remove(ed, path);
}

static void run(enum edit_format format, const struct one *c, size_t i)
{
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = edit_open(&a, format, c->text, strlen(c->text));
	const char *name = arena_printf(&a, "%s %zu", format == EDIT_JSON ? "json" : "toml", i);
	struct edit_result r;

	apply(ed, c, &a);
	edit_done(ed, &r);
	if (*c->want != '!')
		is(r.text ? r.text : r.issues.at[0].text, c->want, name);
	else if (ok(r.issues.n, "%s is refused", name))
		is(edit_kind_words[r.issues.at[0].kind], c->want + 1, name);
}

/* Without a file: a text of our own, without the comments that part it from others'. */
static void check_absent(void)
{
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *js = edit_open(&a, EDIT_JSON, NULL, 0);
	auto_edit struct edit *to = edit_open(&a, EDIT_TOML, NULL, 0);
	struct edit_result r;

	edit_done(js, &r);
	ok(!r.changed, "nothing asked, nothing made");
	edit_set(js, EDIT_PATH("a"), tree_int(&a, 1), EDIT_KEEP);
	edit_done(js, &r);
	is(r.text, "{\n    \"a\": 1\n}\n", "a new JSON file");
	ok(r.changed && r.record.created, "is known to be new");
	edit_set(to, EDIT_PATH("t", "a"), tree_int(&a, 1), EDIT_KEEP);
	edit_set(to, EDIT_PATH("version"), tree_int(&a, 2), EDIT_KEEP);
	edit_set(to, EDIT_PATH("t", "b"), tree_int(&a, 2), EDIT_KEEP);
	edit_done(to, &r);
	is(r.text, "# written by gpuprov\nversion = 2\n[t]\n  b = 2\n  a = 1\n", "a new TOML file");
	ok(r.record.splices.n == 1 && r.record.changes.n == 3, "one splice, three changes");
}

static void check_conflict(void)
{
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, "{\n \"a\": 2}", 10);
	struct edit_result r;

	edit_set(ed, EDIT_PATH("a"), tree_int(&a, 1), EDIT_KEEP);
	edit_set(ed, EDIT_PATH("b"), tree_int(&a, 1), EDIT_KEEP);
	edit_done(ed, &r);
	ok(r.issues.n == 1 && r.issues.at[0].kind == EDIT_CONFLICT && r.issues.at[0].at.line == 2 &&
		   !r.text && !r.changed,
	   "another value is a conflict, and nothing comes out");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(json) / sizeof(*json); i++)
		run(EDIT_JSON, &json[i], i);
	for (size_t i = 0; i < sizeof(toml) / sizeof(*toml); i++)
		run(EDIT_TOML, &toml[i], i);
	check_absent();
	check_conflict();
	return done_testing();
}
