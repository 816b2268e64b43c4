/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON: what is refused, where, and what dockerd takes beyond the RFC. */
#include "edit/edit.h"

#include "tap.h"

static const struct {
	const char *text;
	enum edit_kind kind;
	unsigned line, col, col_bytes;
} refused[] = {
	{ "{", EDIT_SYNTAX, 1, 2, 2 },
	{ "}", EDIT_SYNTAX, 1, 1, 1 },
	{ "{\"a\"}", EDIT_SYNTAX, 1, 5, 5 },
	{ "{\"a\":}", EDIT_SYNTAX, 1, 6, 6 },
	{ "{\"a\":1,}", EDIT_SYNTAX, 1, 8, 8 },
	{ "{,}", EDIT_SYNTAX, 1, 2, 2 },
	{ "{\"a\":[1,]}", EDIT_SYNTAX, 1, 9, 9 },
	{ "{\"a\":[1 2]}", EDIT_SYNTAX, 1, 9, 9 },
	{ "{\"a\":1 \"b\":2}", EDIT_SYNTAX, 1, 8, 8 },
	{ "{a:1}", EDIT_SYNTAX, 1, 2, 2 },
	{ "{'a':1}", EDIT_SYNTAX, 1, 2, 2 },
	{ "{\"\xc3\xa4\": x}", EDIT_SYNTAX, 1, 7, 8 },
	{ "{\n\t\"\xe6\x97\xa5\": tru}", EDIT_SYNTAX, 2, 7, 9 },
	{ "\xef\xbb\xbf{\"a\":}", EDIT_SYNTAX, 1, 6, 6 },
	{ "\xef\xbb\xbf\xef\xbb\xbf{}", EDIT_SYNTAX, 1, 1, 1 },
	{ "{\"a\":+1}", EDIT_SYNTAX, 1, 6, 6 },
	{ "{\"a\":.5}", EDIT_SYNTAX, 1, 6, 6 },
	{ "{\"a\":1.}", EDIT_SYNTAX, 1, 8, 8 },
	{ "{\"a\":1e}", EDIT_SYNTAX, 1, 8, 8 },
	{ "{\"a\":01}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":-}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":0x1}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":NaN}", EDIT_SYNTAX, 1, 6, 6 },
	{ "{\"a\":True}", EDIT_SYNTAX, 1, 6, 6 },
	{ "{\"a\":truex}", EDIT_SYNTAX, 1, 10, 10 },
	{ "{\"a\":\"x}", EDIT_SYNTAX, 1, 6, 6 },
	{ "{\"a\":\"\t\"}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":\"\\x\"}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":\"\\u12g4\"}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":\"\\u12\"}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":\"\\", EDIT_SYNTAX, 1, 7, 7 },
	{ "{}\n//", EDIT_SYNTAX, 2, 1, 1 },
	{ "{}\n{}", EDIT_SYNTAX, 2, 1, 1 },
	{ "{\"a\":1\v}", EDIT_SYNTAX, 1, 7, 7 },
	{ "{\"a\":1}\xc2\xa0", EDIT_SYNTAX, 1, 8, 8 },
	{ "nul", EDIT_SYNTAX, 1, 1, 1 },
	{ "[]", EDIT_TYPE, 1, 1, 1 },
	{ "\n\"x\"", EDIT_TYPE, 2, 1, 1 },
	{ "1", EDIT_TYPE, 1, 1, 1 },
	{ "{\"\xc3\xa4\":\"\xff\"}", EDIT_ENCODING, 1, 7, 8 },
	{ "{\"a\":\"\xed\xa0\x80\"}", EDIT_ENCODING, 1, 7, 7 },
	{ "{\"a\":\"\xc0\x80\"}", EDIT_ENCODING, 1, 7, 7 },
	{ "\xfe\xff", EDIT_ENCODING, 1, 1, 1 },
};

static void check_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		auto_arena struct arena a = { 0 };
		const char *text = refused[i].text;
		auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, text, strlen(text));
		const struct edit_place *at;
		struct edit_result r;

		edit_done(ed, &r);
		if (!ok(r.issues.n == 1 && !r.text, "refused: %zu", i))
			continue;
		at = &r.issues.at[0].at;
		ok(r.issues.at[0].kind == refused[i].kind && at->line == refused[i].line &&
			   at->col == refused[i].col && at->col_bytes == refused[i].col_bytes,
		   "%zu: %s at %u:%u (%u): %s", i, edit_kind_words[r.issues.at[0].kind], at->line,
		   at->col, at->col_bytes, r.issues.at[0].text);
	}
}

static void check_taken(void)
{
	static const char *const taken[] = {
		"",
		" \t\r\n",
		"null",
		"\xef\xbb\xbf",
		"{}",
		"{\"a\":[[],{},\"\",-0,1e5,-1.5E-10,true,false,null]}",
		"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\x7f\"}",
		"{\"\":{\"\":1}}",
		"\r{\r\"a\"\r:\r1\r}\r",
	};

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		auto_arena struct arena a = { 0 };
		auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, taken[i], strlen(taken[i]));

		ok(!edit_refused(ed), "taken: %zu", i);
	}
}

static void check_strings(void)
{
	static const char text[] = "{\"s\":\"\\u0041\\ud83d\\ude00\\ud800x\\udc00\\u0000\\/\"}";
	static const char want[] = "A\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd\0/";
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, text, strlen(text));
	const struct tree *s = tree_get(edit_root(ed), "s");

	ok(s && s->text.len == sizeof(want) - 1 && memcmp(s->text.at, want, s->text.len) == 0,
	   "escapes mean what they mean to Go");
	ok(s && s->raw.len == strlen(text) - 6, "and the spelling is kept");
}

static void check_nul(void)
{
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, "{\"a\":1\0}", 8);
	struct edit_result r;

	edit_done(ed, &r);
	ok(r.issues.n && r.issues.at[0].kind == EDIT_SYNTAX && r.issues.at[0].at.col == 7,
	   "a NUL byte is an error at its place");
}

static void check_deep(size_t depth, bool good)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct edit *ed;

	buf_adds(&b, "{\"a\":");
	buf_pad(&b, '[', depth);
	buf_pad(&b, ']', depth);
	buf_adds(&b, "}");
	ed = edit_open(&a, EDIT_JSON, buf_str(&b), b.len);
	ok(edit_refused(ed) != good, "%zu levels are %s", depth, good ? "read" : "refused");
	edit_close(ed);
}

static void check_err(void)
{
	auto_arena struct arena a = { 0 };
	auto_edit struct edit *ed = edit_open(&a, EDIT_JSON, "{\n  x", 5);
	struct edit_result r;
	auto_err e = { 0 };

	edit_done(ed, &r);
	ok(edit_err(&r.issues.at[0], "daemon.json", &e) == -1, "an issue as an error");
	is(e.at.file, "daemon.json", "with the file");
	ok(e.at.line == 2 && e.at.col == 3 && e.code == GP_EDIT_SYNTAX, "the place and the code");
	ok(code_status(edit_code(EDIT_SYNTAX)) == STATUS_PROFILE, "a bad file ends with 65");
	ok(code_status(edit_code(EDIT_CONFLICT)) == STATUS_NO_PLAN, "a conflict with 3");
}

static void check_large(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct edit *ed;

	buf_pad(&b, ' ', EDIT_MAX_BYTES + 1);
	ed = edit_open(&a, EDIT_JSON, buf_str(&b), b.len);
	ok(edit_refused(ed), "more than 1 MiB is refused");
	edit_close(ed);
}

int main(void)
{
	check_refused();
	check_taken();
	check_strings();
	check_nul();
	check_deep(200, true);
	check_deep(100000, false);
	check_err();
	check_large();
	return done_testing();
}
