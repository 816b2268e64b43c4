/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: comparing, cutting, numbers, suggestions, escaping, sizes. */
#include "base/str.h"

#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void test_compare(void)
{
	const char copy[] = "abc";

	ok(str_eq("abc", copy) && !str_eq("abc", "ab") && !str_eq("ab", "abc"), "equality");
	ok(str_eq(NULL, NULL) && !str_eq(NULL, "") && !str_eq("", NULL), "NULL equals only NULL");
	ok(str_empty(NULL) && str_empty("") && !str_empty(" "), "emptiness");
	ok(str_starts("abc", "ab") && str_starts("abc", "abc") && str_starts("abc", ""), "heads");
	ok(!str_starts("ab", "abc") && !str_starts("abc", "b"), "what is no head");
	ok(str_ends("abc", "bc") && str_ends("abc", "") && str_ends("", ""), "tails");
	ok(!str_ends("bc", "abc") && !str_ends("abc", "b"), "what is no tail");
	ok(str_cmp("a", "b") < 0 && str_cmp("b", "a") > 0 && str_cmp("a", "a") == 0, "order");
	ok(str_cmp(NULL, "") < 0 && str_cmp("", NULL) > 0 && str_cmp(NULL, NULL) == 0,
	   "NULL comes first");
}

static void test_numbers(void)
{
	static const char *const bad[] = { "",    " ",   "-1",  "+1",  " 1", "1 ",
					   "1.0", "1e3", "0x1", "abc", "1a", "18446744073709551616",
					   "\n1", "1\n", "--1", "1-",  "0b1" };
	static const char *const bad_hex[] = { "",   "x",    "0x",    "-1",
					       " 1", "+f",   "0x0x1", "0x 1",
					       "fg", "0x-1", "1 ",    "10000000000000000" };
	unsigned long long v = 7;

	ok(str_to_u64("0", &v) && v == 0, "zero");
	ok(str_to_u64("18446744073709551615", &v) && v == ~0ULL, "the largest number");
	ok(str_to_u64("007", &v) && v == 7, "leading zeros are decimal");
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!str_to_u64(bad[i], &v) && v == 7, "'%s' is no number", bad[i]);
	ok(str_to_hex("1eb8", &v) && v == 0x1eb8, "hex");
	ok(str_to_hex("0x1EB8", &v) && v == 0x1eb8, "hex with 0x, capitals");
	ok(str_to_hex("ffffffffffffffff", &v) && v == ~0ULL, "the largest hex number");
	for (size_t i = 0; i < COUNT(bad_hex); i++)
		ok(!str_to_hex(bad_hex[i], &v) && v == ~0ULL, "'%s' is no hex number", bad_hex[i]);
}

static void test_lines(void)
{
	struct piece rest = PIECE("one\n\n two\r\nlast"), line;

	ok(str_line(&rest, &line) && piece_eq(line, "one"), "the first line");
	ok(str_line(&rest, &line) && piece_eq(line, ""), "an empty line");
	ok(str_line(&rest, &line) && piece_eq(line, " two\r"), "blanks and CR belong to the line");
	ok(str_line(&rest, &line) && piece_eq(line, "last"), "a last line without a newline");
	ok(!str_line(&rest, &line), "no more");
	rest = PIECE("x\n");
	ok(str_line(&rest, &line) && piece_eq(line, "x") && !str_line(&rest, &line),
	   "a final newline ends a line, it does not begin one");
	rest = PIECE("");
	ok(!str_line(&rest, &line), "an empty text has no lines");
}

static void test_words(void)
{
	struct piece rest = PIECE(" \t one two\r\nthree "), w;

	ok(str_word(&rest, &w) && piece_eq(w, "one"), "blanks before a word are skipped");
	ok(str_word(&rest, &w) && piece_eq(w, "two"), "CR ends a word");
	ok(str_word(&rest, &w) && piece_eq(w, "three"), "so does a newline");
	ok(!str_word(&rest, &w) && !rest.len, "blanks at the end are no word");
}

static void test_pieces(void)
{
	struct piece p = str_trim(PIECE(" \t\r\n a b \n"));

	ok(piece_eq(p, "a b"), "trimming leaves the middle alone");
	ok(str_trim(PIECE(" \t ")).len == 0 && str_trim(PIECE("")).len == 0, "nothing is left");
	ok(piece_starts(p, "a ") && piece_starts(p, "") && !piece_starts(p, "a b c"), "heads");
	ok(!piece_eq(p, "a") && !piece_eq(p, "a bc"), "equality looks at the length");
}

/* The definition, spelt out: optimal string alignment. Slow, and plainly right. */
static unsigned slow_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned best, d;

	if (!n || !m)
		return (unsigned)(n + m);
	best = slow_distance(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
	d = slow_distance(a, n - 1, b, m) + 1;
	best = d < best ? d : best;
	d = slow_distance(a, n, b, m - 1) + 1;
	best = d < best ? d : best;
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
		d = slow_distance(a, n - 2, b, m - 2) + 1;
		best = d < best ? d : best;
	}
	return best;
}

enum { WORDS = 1 + 3 + 9 + 27 + 81 };

static void all_words(char (*words)[5])
{
	size_t n = 1, first = 0;

	words[0][0] = '\0';
	for (size_t len = 1; len <= 4; len++) {
		size_t end = n;

		for (size_t i = first; i < end; i++) {
			for (char c = 'a'; c <= 'c'; c++, n++) {
				memcpy(words[n], words[i], 5);
				words[n][len - 1] = c;
				words[n][len] = '\0';
			}
		}
		first = end;
	}
}

static void test_distance(void)
{
	static char words[WORDS][5];
	unsigned wrong = 0, capped = 0;
	char longer[66];

	all_words(words);
	for (size_t i = 0; i < WORDS; i++) {
		for (size_t j = 0; j < WORDS; j++) {
			const char *a = words[i], *b = words[j];
			unsigned want = slow_distance(a, strlen(a), b, strlen(b));

			wrong += str_distance(a, b, 10) != want;
			capped += str_distance(a, b, 1) != (want > 1 ? 2 : want);
		}
	}
	ok(!wrong, "the distance of all words of up to four letters");
	ok(!capped, "it stops counting one above the most");
	memset(longer, 'a', 65);
	longer[65] = '\0';
	ok(str_distance(longer, longer, 2) == 3, "words beyond 64 bytes are far from everything");
	longer[64] = '\0';
	ok(str_distance(longer, longer, 2) == 0, "words of 64 bytes are measured");
	ok(str_distance(longer, "", 100) == 64, "also against nothing");
}

static void test_meant(void)
{
	static const struct {
		const char *typed, *candidate;
		bool meant;
		unsigned distance;
	} rows[] = {
		{ "branch", "branch", true, 0 },  { "barnch", "branch", true, 1 },
		{ "brnach", "branch", true, 1 },  { "banch", "branch", true, 1 },
		{ "brannch", "branch", true, 1 }, { "bramch", "branch", true, 1 },
		{ "brunhc", "branch", true, 2 },  { "brunhx", "branch", false, 0 },
		{ "kin", "kind", true, 1 },       { "knid", "kind", true, 1 },
		{ "kidn", "kind", true, 1 },      { "kids", "kind", false, 0 },
		{ "askes", "ask", true, 2 },      { "asks", "task", false, 0 },
		{ "ak", "ask", true, 1 },         { "no", "ask", false, 0 },
		{ "drvier", "driver", true, 1 },  { "version", "driver", false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned d = 77;
		bool meant = str_meant(rows[i].typed, rows[i].candidate, &d);

		ok(meant == rows[i].meant && d == (meant ? rows[i].distance : 77), "'%s' %s '%s'",
		   rows[i].typed, rows[i].meant ? "means" : "does not mean", rows[i].candidate);
	}
}

static void test_escape(void)
{
	static const struct {
		const char *text, *shown, *what;
	} rows[] = {
		{ "plain 'text' \"quoted\"", "plain 'text' \"quoted\"", "plain text stays" },
		{ "", "", "nothing stays nothing" },
		{ "a\033[31mred", "a\\x1b[31mred", "an escape sequence" },
		{ "a\nb\tc\r", "a\\x0ab\\x09c\\x0d", "newline, tab, CR" },
		{ "\177", "\\x7f", "DEL" },
		{ "\302\233"
		  "2J",
		  "\\x9b2J", "a C1 control" },
		{ "gr\303\274n \346\227\245 \360\237\230\200",
		  "gr\303\274n \346\227\245 \360\237\230\200", "letters of all lengths stay" },
		{ "570\342\200\213", "570\\u200b", "a zero-width space" },
		{ "a\342\200\256b", "a\\u202eb", "a right-to-left override" },
		{ "a\342\201\246b", "a\\u2066b", "an isolate" },
		{ "\357\273\277a", "\\ufeffa", "a byte-order mark" },
		{ "1\357\270\217", "1\\ufe0f", "a variation selector" },
		{ "a\377b", "a\\xffb", "a byte that is not UTF-8" },
		{ "\303", "\\xc3", "a character cut off" },
		{ "\300\200", "\\xc0\\x80", "an overlong NUL" },
		{ "\355\240\200", "\\xed\\xa0\\x80", "a surrogate" },
	};
	auto_buf struct buf b = BUF_TEXT;

	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_clear(&b);
		str_escape(&b, rows[i].text, strlen(rows[i].text));
		is(buf_str(&b), rows[i].shown, rows[i].what);
	}
	buf_clear(&b);
	str_escape(&b, "a\0b", 3);
	is(buf_str(&b), "a\\x00b", "a NUL inside");
	buf_clear(&b);
	for (int c = 0; c < 256; c++)
		str_escape(&b, (const char[]){ (char)c, 'x' }, 2);
	ok(utf8_valid(buf_str(&b), b.len, &(size_t){ 0 }), "whatever comes in, UTF-8 comes out");
}

static void test_size(void)
{
	static const struct {
		unsigned long long bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 kB" },
		{ 1049, "1.0 kB" },
		{ 1050, "1.1 kB" },
		{ 99949, "99.9 kB" },
		{ 99950, "100 kB" },
		{ 100499, "100 kB" },
		{ 100500, "101 kB" },
		{ 999499, "999 kB" },
		{ 999500, "1.0 MB" },
		{ 99949999, "99.9 MB" },
		{ 1000000, "1.0 MB" },
		{ 14100000, "14.1 MB" },
		{ 14149999, "14.1 MB" },
		{ 14150000, "14.2 MB" },
		{ 123456789, "123 MB" },
		{ 2500000000ULL, "2.5 GB" },
		{ 1000000000000ULL, "1.0 TB" },
		{ 5000000000000000ULL, "5000 TB" },
		{ ~0ULL, "18446744 TB" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_buf struct buf b = BUF_TEXT;

		str_size(&b, rows[i].bytes);
		is(buf_str(&b), rows[i].text, rows[i].text);
	}
}

int main(void)
{
	test_compare();
	test_numbers();
	test_lines();
	test_words();
	test_pieces();
	test_distance();
	test_meant();
	test_escape();
	test_size();
	return done_testing();
}
