/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON: layout, quoting, and that another parser reads the same back. */
#include "base/json.h"

#include "base/str.h"
#include "tap.h"

#include <jansson.h>

static void write_all(struct jw *j)
{
	jw_open(j, '{');
	jw_put_str(j, "text", "a");
	jw_put_str(j, "none", NULL);
	jw_put_int(j, "number", -9223372036854775807LL - 1);
	jw_put_bool(j, "yes", true);
	jw_key(j, "list");
	jw_open(j, '[');
	jw_int(j, 1);
	jw_null(j);
	jw_open(j, '{');
	jw_close(j, '}');
	jw_open(j, '[');
	jw_close(j, ']');
	jw_bool(j, false);
	jw_close(j, ']');
	jw_key(j, "empty");
	jw_open(j, '{');
	jw_close(j, '}');
	jw_put_int(j, "last", 0);
	jw_close(j, '}');
}

static void test_layout(void)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b };

	write_all(&j);
	is(buf_str(&b),
	   "{\n"
	   "  \"text\": \"a\",\n"
	   "  \"none\": null,\n"
	   "  \"number\": -9223372036854775808,\n"
	   "  \"yes\": true,\n"
	   "  \"list\": [\n"
	   "    1,\n"
	   "    null,\n"
	   "    {},\n"
	   "    [],\n"
	   "    false\n"
	   "  ],\n"
	   "  \"empty\": {},\n"
	   "  \"last\": 0\n"
	   "}",
	   "indented");
	ok(j.depth == 0, "every bracket is closed");
}

static void test_compact(void)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };

	write_all(&j);
	is(buf_str(&b),
	   "{\"text\":\"a\",\"none\":null,\"number\":-9223372036854775808,\"yes\":true,"
	   "\"list\":[1,null,{},[],false],\"empty\":{},\"last\":0}",
	   "on one line");
	buf_clear(&b);
	j = (struct jw){ .out = &b, .compact = true };
	jw_str(&j, "alone");
	is(buf_str(&b), "\"alone\"", "a value alone");
}

static void test_quote(void)
{
	static const char *const rows[][2] = {
		{ "", "\"\"" },
		{ "a/b", "\"a/b\"" },
		{ "say \"hi\"", "\"say \\\"hi\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "a\nb\tc\r", "\"a\\nb\\tc\\u000d\"" },
		{ "\001\037\177", "\"\\u0001\\u001f\\u007f\"" },
		{ "gr\303\274n \360\237\230\200", "\"gr\303\274n \360\237\230\200\"" },
		{ "a\377b", "\"a\357\277\275b\"" },
		{ "\303", "\"\357\277\275\"" },
		{ "\355\240\200", "\"\357\277\275\357\277\275\357\277\275\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_buf struct buf b = BUF_TEXT;

		jw_quote(&b, rows[i][0]);
		is(buf_str(&b), rows[i][1], rows[i][1]);
	}
}

/* The same numbers on every machine; no seed from outside. */
static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 16;
}

/* Strings of random bytes: another parser reads them, and reads valid ones as they were. */
static void test_strings_are_read_back(void)
{
	unsigned state = 1, unreadable = 0, changed = 0, valid = 0;

	for (int round = 0; round < 5000; round++) {
		auto_buf struct buf b = BUF_TEXT;
		struct jw j = { .out = &b, .compact = round % 2 };
		char s[12] = "";
		size_t n = next_random(&state) % 11;
		size_t bad_at;
		json_t *read;

		for (size_t i = 0; i < n; i++)
			s[i] = (char)(1 + next_random(&state) % (round % 3 ? 127 : 255));
		s[n] = '\0';
		jw_open(&j, '{');
		jw_put_str(&j, "s", s);
		jw_close(&j, '}');
		read = json_loadb(buf_str(&b), b.len, JSON_REJECT_DUPLICATES, NULL);
		unreadable += !read;
		if (utf8_valid(s, n, &bad_at)) {
			valid++;
			changed += !str_eq(json_string_value(json_object_get(read, "s")), s);
		}
		json_decref(read);
	}
	ok(!unreadable, "every string can be read by jansson");
	ok(!changed && valid > 1000, "and what was valid is unchanged");
}

static void test_keys(void)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };

	jw_open(&j, '{');
	jw_put_int(&j, "a\"b\n", 1);
	jw_close(&j, '}');
	is(buf_str(&b), "{\"a\\\"b\\n\":1}", "keys are quoted like strings");
}

int main(void)
{
	test_layout();
	test_compact();
	test_quote();
	test_strings_are_read_back();
	test_keys();
	return done_testing();
}
