/* SPDX-License-Identifier: Apache-2.0 */
/* Undo, also after somebody else edited the file. */
#include "base/str.h"
#include "edit/edit.h"
#include "sys/hash.h"
#include "tap.h"

static const struct tree *entry(struct arena *a)
{
	struct tree *t = tree_table(a);

	tree_put(a, t, "path", tree_str(a, "/usr/bin/n"));
	return t;
}

/* What gpuprov does in these tests. */
static struct edit_result add(struct arena *a, enum edit_format format, const char *text)
{
	auto_edit struct edit *ed = edit_open(a, format, text, text ? strlen(text) : 0);
	struct edit_result r;

	edit_set(ed, EDIT_PATH("runtimes", "nvidia"), entry(a), EDIT_KEEP);
	edit_set(ed, EDIT_PATH("default"), tree_str(a, "nvidia"), EDIT_REPLACE);
	edit_append(ed, EDIT_PATH("list"), tree_str(a, "ours"));
	edit_done(ed, &r);
	edit_seal(a, &r, text, text ? strlen(text) : 0, hash_bytes);
	return r;
}

/* Somebody replaces one piece of text by another, "" being the end. */
static const char *by_user(struct arena *a, const char *text, const char *from, const char *to)
{
	const char *at = *from ? strstr(text, from) : text + strlen(text);

	if (!at)
		return NULL;
	return arena_printf(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

struct one {
	const char *name;
	enum edit_format format;
	const char *text;      /* before; NULL = no file */
	const char *from, *to; /* what the user does after us */
	const char *want;      /* after undo; NULL = a conflict; "-" = the file is deleted */
};

static const struct one cases[] = {
	{ "a key before", EDIT_JSON, "{\n  \"x\": 1\n}\n", "\"x\": 1", "\"x\": 2",
	  "{\n  \"x\": 2\n}\n" },
	{ "a key behind ours", EDIT_JSON, "{\n  \"x\": 1\n}\n", "\n}\n", ",\n  \"y\": 2\n}\n",
	  "{\n  \"x\": 1,\n  \"y\": 2\n}\n" },
	{ "a key into what was empty", EDIT_JSON, "{}\n", "\n}\n", ",\n    \"y\": 2\n}\n",
	  "{\n    \"y\": 2\n}\n" },
	{ "a key into our file", EDIT_JSON, NULL, "\n}\n", ",\n    \"y\": 2\n}\n",
	  "{\n    \"y\": 2\n}\n" },
	{ "blanks in our file", EDIT_JSON, NULL, "", "\n\n", "-" },
	{ "a runtime beside ours", EDIT_JSON, "{\"x\": 1}", "}}", "}, \"y\": {}}",
	  "{\"x\": 1, \"runtimes\": {\"y\": {}}}" },
	{ "ours was taken out", EDIT_JSON, "{\"x\": 1}",
	  ", \"runtimes\": {\"nvidia\": {\"path\": \"/usr/bin/n\"}}", "", "{\"x\": 1}" },
	{ "ours was changed", EDIT_JSON, "{\"x\": 1}", "/usr/bin/n", "/opt/n", NULL },
	{ "the default was changed", EDIT_JSON, "{\"default\": \"runc\"}",
	  "\"default\": \"nvidia\"", "\"default\": \"crun\"", NULL },
	{ "the default comes back as spelled", EDIT_JSON, "{\"default\": \"r\\u0075nc\", \"z\": 1}",
	  "\"z\": 1", "\"z\": 2", "{\"default\": \"r\\u0075nc\", \"z\": 2}" },
	{ "the list has another one now", EDIT_JSON, "{\"list\": [\"a\"]}", "\"ours\"",
	  "\"ours\", \"b\"", "{\"list\": [\"a\", \"b\"]}" },
	{ "our list has another one now", EDIT_JSON, "{\"x\":1}", "\"ours\"", "\"ours\",\"b\"",
	  "{\"x\":1,\"list\":[\"b\"]}" },
	{ "the file is broken", EDIT_JSON, "{\"x\": 1}", "1", "", NULL },

	{ "a key before", EDIT_TOML, "x = 1\n", "x = 1", "x = 2", "x = 2\n" },
	{ "a table behind ours", EDIT_TOML, "x = 1\n", "", "[y]\nz = 1\n", "x = 1\n[y]\nz = 1\n" },
	{ "a table between", EDIT_TOML, "x = 1\n[a]\n", "[a]\n", "[a]\n# c\n[b]\n",
	  "x = 1\n[a]\n# c\n[b]\n" },
	{ "a comment in our block", EDIT_TOML, "x = 1\n", "# <<<", "# mine\n# <<<",
	  "x = 1\n# >>> gpuprov: managed block, gpuprov takes it out as a whole >>>\n# mine\n"
	  "# <<< gpuprov <<<\n" },
	{ "a table in our block", EDIT_TOML, "x = 1\n", "# <<<", "[u]\n# <<<",
	  "x = 1\n# >>> gpuprov: managed block, gpuprov takes it out as a whole >>>\n[u]\n"
	  "# <<< gpuprov <<<\n" },
	{ "the value comes back as spelled", EDIT_TOML, "default = 'runc' # c\n", "# c", "# d",
	  "default = 'runc' # d\n" },
	{ "the newline we had to add goes, too", EDIT_TOML, "# c\nx = 1", "# c", "# d",
	  "# d\nx = 1" },
	{ "ours was changed", EDIT_TOML, "x = 1\n", "/usr/bin/n", "/opt/n", NULL },
	{ "ours got a key", EDIT_TOML, "x = 1\n", "[runtimes.nvidia]\n",
	  "[runtimes.nvidia]\nmore = 1\n", NULL },
	{ "a key into our file", EDIT_TOML, NULL, "", "[y]\n", "[y]\n" },
	{ "a blank line in our file", EDIT_TOML, NULL, "", "\n", "-" },
	{ "a comment in our file", EDIT_TOML, NULL, "", "# mine\n", "# mine\n" },
	{ "CRLF", EDIT_TOML, "x = 1\r\n[a]\r\n", "x = 1", "x = 2", "x = 2\r\n[a]\r\n" },
	{ "a list over lines", EDIT_TOML, "list = [\n  'a' # c\n]\n", "'a'", "'b'",
	  "list = [\n  'b' # c\n]\n" },
};

static void run(const struct one *c)
{
	auto_arena struct arena a = { 0 };
	struct edit_result r = add(&a, c->format, c->text), back;
	const char *text = r.text ? by_user(&a, r.text, c->from, c->to) : NULL;
	bool gone;

	if (!ok(text != NULL, "%s: set up", c->name)) {
		tap_show("after us", r.text);
		return;
	}
	edit_undo(&a, &r.record, text, strlen(text), hash_bytes, &back, &gone);
	if (!c->want) {
		ok(!back.text && back.issues.n && !gone, "%s: refused", c->name);
		ok(back.notes.n >= r.record.changes.n || back.issues.at[0].kind == EDIT_SYNTAX,
		   "%s: and says what to do by hand", c->name);
		return;
	}
	ok(gone == str_eq(c->want, "-"), "%s: the file is %s", c->name, gone ? "ours" : "kept");
	if (!gone)
		is(back.text ? back.text : back.issues.at[0].text, c->want, c->name);
}

static void check_exact(enum edit_format format, const char *text)
{
	auto_arena struct arena a = { 0 };
	struct edit_result r = add(&a, format, text), back;
	bool gone;

	edit_undo(&a, &r.record, r.text, r.len, hash_bytes, &back, &gone);
	is(back.text, text ? text : "", "the bytes from before");
	ok(gone == !text, "deleted only when it was ours");
	ok(back.changed, "a change it is");
}

/* Undo of one of two edits: the later one first, or both is a conflict or right. */
static void check_two(void)
{
	static const char text[] = "{\n  \"x\": 1\n}\n";
	auto_arena struct arena a = { 0 };
	struct edit_result first = add(&a, EDIT_JSON, text), second, back;
	auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, first.text, first.len);
	bool gone;

	edit_set(ed, EDIT_PATH("features", "cdi"), tree_bool(&a, true), EDIT_KEEP);
	edit_done(ed, &second);
	edit_seal(&a, &second, first.text, first.len, hash_bytes);
	edit_undo(&a, &first.record, second.text, second.len, hash_bytes, &back, &gone);
	is(back.text, "{\n  \"x\": 1,\n  \"features\": {\n    \"cdi\": true\n  }\n}\n",
	   "the earlier one alone");
	edit_undo(&a, &second.record, second.text, second.len, hash_bytes, &back, &gone);
	edit_undo(&a, &first.record, back.text, back.len, hash_bytes, &back, &gone);
	is(back.text, text, "one after the other");
}

static void check_removal(void)
{
	static const char text[] = "{\"a\": 0x, \"b\": [1, 2]}";
	static const char good[] = "{\"a\": 1.50, \"b\": [1, 2]}";
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, good, strlen(good));
	struct edit_result r, back;
	const char *edited;
	bool gone;

	edit_remove(ed, EDIT_PATH("a"));
	edit_done(ed, &r);
	edit_seal(&a, &r, good, strlen(good), hash_bytes);
	is(r.text, "{\"b\": [1, 2]}", "taken out");
	edited = by_user(&a, r.text, "[1", "[0, 1");
	edit_undo(&a, &r.record, edited, strlen(edited), hash_bytes, &back, &gone);
	is(back.text, "{\"b\": [0, 1, 2], \"a\": 1.50}", "comes back with its spelling");
	edit_undo(&a, &r.record, text, strlen(text), hash_bytes, &back, &gone);
	ok(!back.text && back.issues.at[0].kind == EDIT_SYNTAX, "not into a broken file");
}

static void check_wrong_record(void)
{
	auto_arena struct arena a = { 0 };
	struct edit_result r = add(&a, EDIT_JSON, "{}"), back;
	bool gone;

	r.record.splices.at[0].inserted = "something else";
	edit_undo(&a, &r.record, r.text, r.len, hash_bytes, &back, &gone);
	ok(!back.text && back.issues.at[0].kind == EDIT_INTERNAL, "a record that does not fit");
	r.record.splices.at[0].at = 1000000;
	edit_undo(&a, &r.record, r.text, r.len, hash_bytes, &back, &gone);
	ok(!back.text, "nor one that points outside");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run(&cases[i]);
	check_exact(EDIT_JSON, "{\"x\": 1, \"default\": \"runc\", \"list\": []}");
	check_exact(EDIT_JSON, NULL);
	check_exact(EDIT_TOML, "x = 1\nlist = [ # c\n]\n[a]");
	check_exact(EDIT_TOML, NULL);
	check_two();
	check_removal();
	check_wrong_record();
	return done_testing();
}
