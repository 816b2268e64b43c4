/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: decoding all of it, refusing what is malformed, measuring in terminal cells. */
#include "base/str.h"

#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static size_t encode(unsigned c, char *ret)
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		ret[0] = (char)(0xe0 | c >> 12);
		ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | c >> 18);
	ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Every number that four bytes can hold: characters decode to themselves, the rest is refused. */
static void test_all(void)
{
	unsigned wrong = 0, accepted = 0, cut = 0;

	for (unsigned c = 0; c < 0x200000; c++) {
		bool good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		unsigned got = ~0u;
		char s[4];
		size_t n = encode(c, s);
		int bytes = utf8_next(s, n, &got);

		if (good)
			wrong += bytes != (int)n || got != c;
		else
			accepted += bytes != -1;
		for (size_t part = 1; part < n; part++)
			cut += utf8_next(s, part, &got) != -1;
	}
	ok(!wrong, "every character is decoded");
	ok(!accepted, "surrogates and what lies beyond U+10FFFF are refused");
	ok(!cut, "a character that is cut off is refused");
}

static void test_malformed(void)
{
	static const struct {
		const char *bytes;
		size_t bad_at;
		const char *what;
	} rows[] = {
		{ "\200", 0, "a lone continuation" },
		{ "a\277", 1, "a lone continuation after a letter" },
		{ "\300\257", 0, "an overlong slash in two bytes" },
		{ "\301\277", 0, "the largest overlong two bytes" },
		{ "\340\200\257", 0, "an overlong slash in three" },
		{ "\340\237\277", 0, "the largest overlong three bytes" },
		{ "\360\200\200\257", 0, "an overlong slash in four" },
		{ "\360\217\277\277", 0, "the largest overlong four bytes" },
		{ "\355\240\200", 0, "a surrogate" },
		{ "\364\220\200\200", 0, "U+110000" },
		{ "\370\210\200\200\200", 0, "five bytes" },
		{ "\374\204\200\200\200\200", 0, "six bytes" },
		{ "\376", 0, "FE" },
		{ "\377", 0, "FF" },
		{ "ab\303\050", 2, "a start without its continuation" },
		{ "\303\274\342\202", 2, "three bytes cut off at the end" },
		{ "\360\237\230x", 0, "four bytes with a letter in them" },
	};
	size_t at = 99;

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool valid = utf8_valid(rows[i].bytes, strlen(rows[i].bytes), &at);

		ok(!valid && at == rows[i].bad_at, "%s, at byte %zu", rows[i].what, rows[i].bad_at);
	}
	at = 99;
	ok(utf8_valid("", 0, &at) && utf8_valid("a\303\274\0z", 5, &at) && at == 99,
	   "good text, also with a NUL");
	ok(utf8_next("", 0, &(unsigned){ 0 }) == 0, "the end is no error");
}

static void test_count(void)
{
	ok(utf8_count("", 0) == 0 && utf8_count("abc", 3) == 3, "letters");
	ok(utf8_count("gr\303\274n", 5) == 4, "characters, not bytes");
	ok(utf8_count("a\377\377b", 4) == 4, "a bad byte counts one");
	ok(utf8_count("e\314\201", 3) == 2, "a combining mark is a character");
}

/* First and last of ranges, and the neighbours that are not in them. */
static void test_widths(void)
{
	static const struct {
		unsigned c, width;
		const char *what;
	} rows[] = {
		{ 'a', 1, "a letter" },
		{ 0xfc, 1, "a letter with umlaut" },
		{ 0x3b1, 1, "Greek" },
		{ 0x416, 1, "Cyrillic" },
		{ 0x2500, 1, "box drawing" },
		{ 0x2713, 1, "a check mark" },
		{ 0x10ff, 1, "the last before Hangul" },
		{ 0x1100, 2, "Hangul Jamo" },
		{ 0x3042, 2, "Hiragana" },
		{ 0x30ab, 2, "Katakana" },
		{ 0x3000, 2, "ideographic space" },
		{ 0x303f, 1, "half fill space" },
		{ 0x3400, 2, "CJK extension A, first" },
		{ 0x4dbf, 2, "CJK extension A, last" },
		{ 0x4dc0, 1, "a hexagram" },
		{ 0x4e00, 2, "CJK, first" },
		{ 0x9fff, 2, "CJK, last" },
		{ 0xac00, 2, "Hangul, first" },
		{ 0xd7a3, 2, "Hangul, last" },
		{ 0xd7a4, 1, "behind Hangul" },
		{ 0xff01, 2, "full-width exclamation mark" },
		{ 0xff60, 2, "the last full-width form" },
		{ 0xff61, 1, "half-width full stop" },
		{ 0xffe6, 2, "full-width won" },
		{ 0x20000, 2, "CJK extension B" },
		{ 0x3fffd, 2, "the last of plane 3" },
		{ 0x0300, 0, "combining grave accent" },
		{ 0x036f, 0, "the last combining mark" },
		{ 0x0370, 1, "the letter behind it" },
		{ 0x05b0, 0, "a Hebrew point" },
		{ 0x064e, 0, "an Arabic vowel" },
		{ 0x094d, 0, "a Devanagari virama" },
		{ 0x0e34, 0, "a Thai vowel above" },
		{ 0x20dd, 0, "an enclosing circle" },
		{ 0x200b, 0, "zero-width space" },
		{ 0x200d, 0, "zero-width joiner" },
		{ 0xfe0f, 0, "variation selector" },
		{ 0xfeff, 0, "byte-order mark" },
		{ 0x3099, 0, "a combining voiced mark" },
		{ 0x1f600, 2, "a grinning face" },
		{ 0x1f680, 2, "a rocket" },
		{ 0x2705, 2, "a heavy check mark" },
		{ 0x2b50, 2, "a star" },
		{ 0x26a0, 1, "a warning sign, which is text by default" },
		{ 0x1f3fb, 0, "a skin tone, which joins the emoji before it" },
		{ 0x1faff, 2, "a late emoji" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(utf8_char_width(rows[i].c) == rows[i].width, "U+%04X takes %u: %s", rows[i].c,
		   rows[i].width, rows[i].what);
}

static void test_width_of_text(void)
{
	static const struct {
		const char *text;
		size_t width;
		const char *what;
	} rows[] = {
		{ "", 0, "nothing" },
		{ "driver", 6, "letters" },
		{ "\346\227\245\346\234\254", 4, "two ideographs" },
		{ "e\314\201t\303\251", 3, "accents, combining and precomposed" },
		{ "\360\237\230\200!", 3, "an emoji and a letter" },
		{ "\360\237\221\213\360\237\217\275", 2, "an emoji with a skin tone" },
		{ "a\377b", 3, "a bad byte takes one cell" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(utf8_width(rows[i].text, strlen(rows[i].text)) == rows[i].width, "%s",
		   rows[i].what);
}

/* What can hide in a version or turn a line around; and what must not be called invisible. */
static void test_invisible(void)
{
	static const unsigned hidden[] = {
		0x00ad, 0x034f, 0x061c, 0x115f, 0x180e,  0x200b,  0x200c,  0x200d,  0x200e,  0x200f,
		0x2028, 0x2029, 0x202a, 0x202e, 0x2060,  0x2066,  0x2069,  0x206f,  0x3164,  0xfe00,
		0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xe0001, 0xe0020, 0xe007f, 0xe0100, 0xe01ef,
	};
	static const unsigned shown[] = {
		' ',    'a',    0x00a0, 0x00ac, 0x00ae, 0x0301, 0x2010,  0x2027,  0x202f,
		0x2070, 0x3042, 0x4e00, 0xfdff, 0xfe10, 0xfffd, 0x1f600, 0xe01f0,
	};

	for (size_t i = 0; i < COUNT(hidden); i++)
		ok(utf8_is_invisible(hidden[i]), "U+%04X cannot be seen", hidden[i]);
	for (size_t i = 0; i < COUNT(shown); i++)
		ok(!utf8_is_invisible(shown[i]), "U+%04X can be seen", shown[i]);
}

int main(void)
{
	test_all();
	test_malformed();
	test_count();
	test_widths();
	test_width_of_text();
	test_invisible();
	return done_testing();
}
