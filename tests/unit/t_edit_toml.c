/* SPDX-License-Identifier: Apache-2.0 */
/* Reading TOML: what is refused and where, what is taken, and that two readers agree. */
#include "edit/edit.h"

#include "tap.h"

static const struct {
	const char *text;
	unsigned line, col;
} refused[] = {
	/* keys */
	{ "= 1", 1, 1 },
	{ "a", 1, 2 },
	{ "a\n= 1", 1, 2 },
	{ "a = ", 1, 5 },
	{ "a = \n1", 1, 5 },
	{ "a = 1 b = 2", 1, 7 },
	{ "a. = 1", 1, 4 },
	{ ".a = 1", 1, 1 },
	{ "a b = 1", 1, 3 },
	{ "\"\"\"a\"\"\" = 1", 1, 1 },
	{ "\xc3\xa4 = 1", 1, 1 },
	{ "a = 1\na = 2", 2, 1 },
	{ "a = 1\n\"a\" = 2", 2, 1 },
	{ "a = 1\na.b = 2", 2, 1 },
	{ "a.b = 1\na = 2", 2, 1 },
	/* tables */
	{ "[a", 1, 3 },
	{ "[]", 1, 2 },
	{ "[a.]", 1, 4 },
	{ "[a]]", 1, 4 },
	{ "[[a]", 1, 4 },
	{ "[ [a]]", 1, 3 },
	{ "[a] b = 1", 1, 5 },
	{ "[a]\n[a]", 2, 2 },
	{ "[a]\n[b]\n[a]", 3, 2 },
	{ "[a.b]\n[a]\n[a]", 3, 2 },
	{ "[a.b]\n[a]\nb = 1", 3, 1 },
	{ "a = 1\n[a]", 2, 2 },
	{ "a = 1\n[a.b]", 2, 2 },
	{ "a = {}\n[a.b]", 2, 2 },
	{ "a = {}\na.b = 1", 2, 1 },
	{ "a.b = 1\n[a]", 2, 2 },
	{ "[t]\na.b = 1\n[t.a]", 3, 4 },
	{ "[a.b.c]\nx = 1\n[a]\nb.c.y = 2", 4, 3 },
	{ "[[a]]\n[a]", 2, 2 },
	{ "[a]\n[[a]]", 2, 3 },
	{ "a = []\n[[a]]", 2, 3 },
	{ "a = [{}]\n[a.b]", 2, 2 },
	{ "[a.b]\n[[a]]", 2, 3 },
	/* values */
	{ "a = [1 2]", 1, 8 },
	{ "a = [1,,2]", 1, 8 },
	{ "a = [", 1, 6 },
	{ "a = {b = 1,}", 1, 12 },
	{ "a = {b = 1\n}", 1, 11 },
	{ "a = {b = 1, b = 2}", 1, 13 },
	{ "a = {b = {}, b.c = 2}", 1, 14 },
	{ "a = TRUE", 1, 5 },
	{ "a = 01", 1, 5 },
	{ "a = 1_", 1, 5 },
	{ "a = _1", 1, 5 },
	{ "a = 1__0", 1, 5 },
	{ "a = 0X1", 1, 5 },
	{ "a = +0x1", 1, 5 },
	{ "a = 0xg", 1, 5 },
	{ "a = 9223372036854775808", 1, 5 },
	{ "a = 1.", 1, 5 },
	{ "a = .1", 1, 5 },
	{ "a = 1.e1", 1, 5 },
	{ "a = 1e", 1, 5 },
	{ "a = 00.1", 1, 5 },
	{ "a = infinity", 1, 5 },
	{ "a = 1e400", 1, 10 }, /* the other reader, behind it */
	{ "a = 1979-02-29", 1, 5 },
	{ "a = 1979-13-01", 1, 5 },
	{ "a = 24:00:00", 1, 5 },
	{ "a = 07:32", 1, 5 },
	{ "a = 1979-05-27T07:32:00+24:00", 1, 5 },
	{ "a = 1979-05-27T", 1, 5 },
	/* strings */
	{ "a = \"x", 1, 5 },
	{ "a = \"x\ny\"", 1, 5 },
	{ "a = 'x\ny'", 1, 5 },
	{ "a = \"\\x41\"", 1, 6 },
	{ "a = \"\\e\"", 1, 6 },
	{ "a = \"\\ud800\"", 1, 6 },
	{ "a = \"\\U00110000\"", 1, 6 },
	{ "a = \"\x01\"", 1, 6 },
	{ "a = \"\x7f\"", 1, 6 },
	{ "a = '\x1f'", 1, 6 },
	{ "a = \"\"\"x", 1, 5 },
	{ "a = \"\"\"x\"\"\"\"\"\"", 1, 14 },
	{ "a = \"\"\"\\ x\"\"\"", 1, 8 },
	/* lines */
	{ "# \x01", 1, 3 },
	{ "a = 1\rb = 2", 1, 6 },
	{ "a = 1 \r", 1, 7 },
	{ "a = \"\"\"\rx\"\"\"", 1, 8 },
	{ "\v", 1, 1 },
};

static void check_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		auto_arena struct arena a = { 0 };
		const char *text = refused[i].text;
		auto_edit struct edit *ed = edit_open(&a, EDIT_TOML, text, strlen(text));
		const struct edit_issue *issue;
		struct edit_result r;

		edit_done(ed, &r);
		if (!ok(r.issues.n == 1 && !r.text, "refused: %zu", i)) {
			tap_show("text", text);
			continue;
		}
		issue = &r.issues.at[0];
		if (!ok(issue->kind == EDIT_SYNTAX && issue->at.line == refused[i].line &&
				issue->at.col == refused[i].col,
			"%zu: %u:%u: %s", i, issue->at.line, issue->at.col, issue->text))
			tap_show("text", text);
	}
}

static void check_taken(void)
{
	static const char *const taken[] = {
		"",
		"\n\r\n # c\n\t\n",
		"\xef\xbb\xbf"
		"a = 1",
		"a = 1 # c\r\n[b]\r\n",
		"1 = 1\n-_- = 2\n\"\" . x = 3\n\'\' . y = 4",
		"a . \"b\" . 'c' = 1\na.b.d = 2\n[a.b.e]\n",
		"[a.b.c]\n[a]\nx = 1\n[a.b]\ny = 2\n",
		"[[a]]\n[a.b]\n[[a]]\n[a.b]\n[[a.c]]\n[[a.c]]\n",
		"a = [ # c\n1, # d\n\n2 , ]\nb = [[], [{}]]\n",
		"a = { b . c = 1 , \"d\" = { } }\n",
		"a = 9223372036854775807\nb = -9223372036854775808\nc = 0xFFFF_0000\nd = 0o7\ne = "
		"0b1\n",
		"a = 1.5\nb = -1e5\nc = 6.626e-34\nd = 1_0.0_1E+0_1\ne = -0.0\nf = +inf\ng = "
		"-nan\n",
		"a = 1979-05-27\nb = 07:32:00.123456789123\nc = 1979-05-27t07:32:00z\n"
		"d = 1979-05-27 07:32:00-07:30\ne = 2000-02-29T23:59:59\n",
		"a = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e4\\U0001f600\"\nb = 'C:\\x'\n",
		"a = \"\"\"\nx\\\n  \n  y \"\" z\"\"\"\"\"\nb = '''\n'x'''''\n",
		"a = \"\"\"\r\nx\r\n\"\"\"\n",
		"a = \"\"\"\"\"\"\nb = ''''''\nc = \"\"\nd = ''\n",
	};

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		auto_arena struct arena a = { 0 };
		auto_edit struct edit *ed = edit_open(&a, EDIT_TOML, taken[i], strlen(taken[i]));
		struct edit_result r;

		edit_done(ed, &r);
		if (!ok(!r.issues.n, "taken by both readers: %zu", i))
			printf("# %u:%u: %s\n", r.issues.at[0].at.line, r.issues.at[0].at.col,
			       r.issues.at[0].text);
	}
}

static void check_values(void)
{
	static const struct {
		const char *spelling, *value;
	} cases[] = {
		{ "+1_000", "1000" },
		{ "0xff", "255" },
		{ "-0", "0" },
		{ "0b101", "5" },
		{ "1979-05-27 07:32:00.5Z", "1979-05-27T07:32:00.500000000+0" },
		{ "1979-05-27T07:32:00-07:30", "1979-05-27T07:32:00.000000000-450" },
		{ "\"\"\"\nx \\\n   y\"\"\"", "x y" },
		{ "'\\u'", "\\u" },
		{ "\"\"\"a\"\"b\"\"\"\"\"", "a\"\"b\"\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_arena struct arena a = { 0 };
		const char *text = arena_printf(&a, "v = %s\n", cases[i].spelling);
		auto_edit struct edit *ed = edit_open(&a, EDIT_TOML, text, strlen(text));
		const struct tree *v = tree_get(edit_root(ed), "v");

		is(v ? arena_strn(&a, v->text.at, v->text.len) : NULL, cases[i].value,
		   arena_printf(&a, "value %zu", i));
	}
}

static void check_deep(const char *what, const char *head, const char *one, size_t n,
		       const char *tail)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct edit_result r;
	struct edit *ed;

	buf_adds(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, one);
	buf_adds(&b, tail);
	ed = edit_open(&a, EDIT_TOML, buf_str(&b), b.len);
	edit_done(ed, &r);
	ok(r.issues.n == 1 && r.issues.at[0].kind == EDIT_UNSUPPORTED && r.issues.at[0].at.line,
	   "%s: %s", what, r.issues.n ? r.issues.at[0].text : "read");
	edit_close(ed);
}

int main(void)
{
	check_refused();
	check_taken();
	check_values();
	check_deep("nested arrays", "a = ", "[", 100000, "");
	check_deep("nested inline tables", "a = ", "{a = ", 100000, "");
	check_deep("a long dotted key", "", "a.", 100000, "a = 1");
	check_deep("a long header", "[", "a.", 300, "a]");
	check_deep("a long way down", "[", "a.", 200,
		   "a]\nb.b.b.b.b = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		   "[[[[[[[[[[[[[[[[[[[[[[[[[");
	check_deep("many lines", "", "[[a]]\n", 20002, "");
	return done_testing();
}
