/* SPDX-License-Identifier: Apache-2.0 */
/* Structs by rows: written and read back, what is refused, what differs. */
#include "base/rec.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

enum colour { RED, GREEN, BLUE };
static const char *const colours[] = { "red", "green", "blue", NULL };

struct inner {
	const char *name;
	long long size;
};

struct outer {
	const char *text;
	bool flag;
	enum tri maybe;
	long long number;
	enum colour colour;
	strs words;
	LIST(struct inner) items;
	struct inner one;
};

static const struct rec_row inner_rows[] = {
	REC_ROW(struct inner, name, REC_STR, NULL),
	REC_ROW(struct inner, size, REC_INT, NULL),
	REC_END,
};

static const struct rec_row rows[] = {
	REC_ROW(struct outer, text, REC_STR, NULL),
	REC_ROW(struct outer, flag, REC_BOOL, NULL),
	REC_ROW(struct outer, maybe, REC_TRI, NULL),
	REC_ROW(struct outer, number, REC_INT, NULL),
	{ .name = "colour",
	  .type = REC_WORD,
	  .offset = offsetof(struct outer, colour),
	  .words = colours },
	REC_ROW(struct outer, words, REC_STRS, NULL),
	{ .name = "items",
	  .type = REC_LIST,
	  .offset = offsetof(struct outer, items),
	  .rows = inner_rows,
	  .size = sizeof(struct inner) },
	{ .name = "one",
	  .type = REC_OBJ,
	  .offset = offsetof(struct outer, one),
	  .rows = inner_rows },
	REC_END,
};

static const char full_text[] = "{\"text\":\"a \\\"b\\\"\",\"flag\":true,\"maybe\":false,"
				"\"number\":-5,\"colour\":\"blue\",\"words\":[\"x\",\"y\"],"
				"\"items\":[{\"name\":\"n\",\"size\":1},{\"size\":2}],"
				"\"one\":{\"name\":\"o\",\"size\":3}}";

static void fill(struct outer *o, struct arena *a)
{
	*o = (struct outer){ .text = "a \"b\"",
			     .flag = true,
			     .maybe = TRI_NO,
			     .number = -5,
			     .colour = BLUE,
			     .one = { "o", 3 } };
	list_add(a, &o->words, "x");
	list_add(a, &o->words, "y");
	*list_push(a, &o->items) = (struct inner){ "n", 1 };
	*list_push(a, &o->items) = (struct inner){ NULL, 2 };
}

static char *written(const struct outer *o)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };

	rec_write(&j, rows, o);
	return buf_steal_str(&b);
}

static int reading(const char *text, struct outer *o, struct arena *a, struct err *e)
{
	*o = (struct outer){ 0 };
	return rec_read(text, strlen(text), "T", rows, o, a, e);
}

static void test_write(void)
{
	auto_arena struct arena a = { 0 };
	struct outer o = { 0 };
	auto_free char *empty = written(&o);
	auto_free char *full = NULL;

	is(empty, "{\"flag\":false,\"number\":0,\"colour\":\"red\",\"one\":{\"size\":0}}",
	   "absent strings, unknown facts and empty lists are left out");
	fill(&o, &a);
	full = written(&o);
	is(full, full_text, "members in the order of the rows");
}

static void test_round_trip(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct outer o;
	auto_free char *again = NULL;
	auto_free char *from_empty = NULL;

	ok(reading(full_text, &o, &a, &e) == 0 && !e.text, "reading what was written");
	again = written(&o);
	is(again, full_text, "gives the same bytes again");
	ok(o.words.n == 2 && o.items.n == 2 && o.maybe == TRI_NO, "lists and unknowns are right");
	is(o.items.at[1].name, NULL, "what is not in the file stays NULL");
	ok(reading("{}", &o, &a, &e) == 0 && o.maybe == TRI_UNKNOWN && !o.text,
	   "everything may be left out");
	from_empty = written(&o);
	ok(reading("{\"words\":[],\"items\":[]}", &o, &a, &e) == 0 && !o.words.n && !o.items.n,
	   "lists may be empty");
	list_add(&a, &o.words, "grown");
	is(o.words.at[0], "grown", "a list that was read can grow");
}

static void test_refused(void)
{
	static const char *const cases[][2] = {
		{ "{\"text\":1}", "T: 'text' must be a string" },
		{ "{\"text\":null}", "T: 'text' must be a string" },
		{ "{\"flag\":\"true\"}", "T: 'flag' must be true or false" },
		{ "{\"flag\":0}", "T: 'flag' must be true or false" },
		{ "{\"maybe\":\"yes\"}", "T: 'maybe' must be true or false" },
		{ "{\"number\":1.5}", "T: 'number' must be a whole number" },
		{ "{\"number\":\"1\"}", "T: 'number' must be a whole number" },
		{ "{\"colour\":\"pink\"}", "T: 'colour' has a value that is not known here" },
		{ "{\"colour\":1}", "T: 'colour' has a value that is not known here" },
		{ "{\"words\":\"x\"}", "T: 'words' must be a list" },
		{ "{\"words\":[\"x\",1]}", "T: 'words[1]' must be a string" },
		{ "{\"items\":{}}", "T: 'items' must be a list" },
		{ "{\"items\":[1]}", "T: 'items[0]' must be an object" },
		{ "{\"items\":[{},{\"size\":\"\"}]}", "T: 'items[1].size' must be a whole number" },
		{ "{\"items\":[{\"x\":1}]}", "T: unknown key 'items[0].x'" },
		{ "{\"one\":[]}", "T: 'one' must be an object" },
		{ "{\"one\":{\"nam\":\"\"}}", "T: unknown key 'one.nam'" },
		{ "{\"txet\":\"\"}", "T: unknown key 'txet'" },
		{ "[]", "T: 'the top' must be an object" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct outer o;
		int rc = reading(cases[i][0], &o, &a, &e);

		ok(rc == -1 && e.code == GP_BAD_FACTS, "refused: %s", cases[i][0]);
		is(e.text, cases[i][1], "saying where");
	}
}

/* Text that is no JSON, or none we take. Only the beginning of the message is ours. */
static void test_syntax(void)
{
	static const char *const cases[] = {
		"",
		"{",
		"{\"text\":\"a\"",
		"{\"text\":\"a\"} x",
		"{\"text\":\"a\",}",
		"{text:\"a\"}",
		"{\"text\":\"a\",\"text\":\"b\"}",
		"{\"one\":{\"size\":1,\"size\":1}}",
		"{\"text\":\"\\u0000\"}",
		"{\"text\":\"\377\"}",
		"{\"number\":99999999999999999999}",
		"{\"number\":0x10}",
		"\"text\"",
		"1",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct outer o;

		ok(reading(cases[i], &o, &a, &e) == -1 && e.code == GP_BAD_FACTS &&
			   str_starts(e.text, "T:"),
		   "no JSON of ours: case %zu", i);
	}
}

static void test_syntax_place(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	auto_buf struct buf deep = BUF_TEXT;
	struct outer o;

	reading("{\n  \"flag\": treu\n}", &o, &a, &e);
	ok(e.text && str_starts(e.text, "T:2:"), "a syntax error names its line");
	buf_adds(&deep, "{\"words\":");
	buf_pad(&deep, '[', 100000);
	ok(reading(buf_str(&deep), &o, &a, &e) == -1, "deep nesting is refused, not followed");
	ok(rec_read("{} \0", 4, "T", rows, &o, &a, &e) == -1, "so is a NUL after the end");
}

static void note(void *ctx, const char *path, const char *left, const char *right)
{
	buf_addf(ctx, "%s:%s>%s\n", path, left ? left : "(none)", right ? right : "(none)");
}

static void differing(const struct outer *l, const struct outer *r, const char *want,
		      const char *what)
{
	auto_buf struct buf b = BUF_TEXT;

	rec_diff(rows, l, r, note, &b);
	is(buf_str(&b), want, what);
}

static void test_diff(void)
{
	auto_arena struct arena a = { 0 };
	struct outer l, r, none = { 0 };

	fill(&l, &a);
	fill(&r, &a);
	differing(&l, &r, "", "equal structs do not differ, wherever their strings lie");
	r.text = NULL;
	r.flag = false;
	r.maybe = TRI_UNKNOWN;
	r.number = 7;
	r.colour = RED;
	r.one.size = 4;
	differing(&l, &r,
		  "text:a \"b\">(none)\nflag:true>false\nmaybe:false>(none)\nnumber:-5>7\n"
		  "colour:\"blue\">\"red\"\none.size:3>4\n",
		  "each member that differs, with its path");
	fill(&r, &a);
	r.items.n = 1;
	differing(&l, &r, "items[1]:{\"size\":2}>(none)\n", "an item less");
	differing(&r, &l, "items[1]:(none)>{\"size\":2}\n", "an item more");
	r.items.n = 2;
	r.items.at[1].name = "late";
	differing(
		&l, &r,
		"items[1]:{\"size\":2}>(none)\nitems[late]:(none)>{\"name\":\"late\",\"size\":2}\n",
		"an item under another name is another item");
	fill(&r, &a);
	r.items.at[0] = l.items.at[1];
	r.items.at[1] = l.items.at[0];
	differing(&l, &r, "", "the order of items with names is no difference");
	r.items.at[1].size = 9;
	differing(&l, &r, "items[n].size:1>9\n", "a member of an item, by its name");
	fill(&r, &a);
	r.words.at[1] = "z";
	differing(&l, &r, "words:y>(none)\nwords:(none)>z\n", "one of several strings");
	r.words.n = 1;
	differing(&l, &r, "words:y>(none)\n", "a string less");
	differing(&none, &none, "", "nothing and nothing");
}

int main(void)
{
	test_write();
	test_round_trip();
	test_refused();
	test_syntax();
	test_syntax_place();
	test_diff();
	return done_testing();
}
