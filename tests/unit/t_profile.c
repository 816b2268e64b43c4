/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a profile: what is refused and where, what is kept as written, and how much it costs.
 */
#include "profile/profile.h"

#include "parsing.h"
#include "sanitized.h"

#include <time.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define HEAD "version: 1\nkind: bare-metal\n"
#define TEXT(s) (s), sizeof(s) - 1

/* All complaints about a text, in order, as "CODE at LINE:COL". */
struct refusal {
	const char *what, *text;
	size_t len;
	const char *complaints;
};

static const struct refusal refusals[] = {
	{ "an empty file", TEXT(""), "GP0105 at 1:1" },
	{ "an empty line", TEXT("\n"), "GP0105 at 1:1" },
	{ "comments only", TEXT("# one\n# two\n"), "GP0105 at 1:1" },
	{ "a document without content", TEXT("---\n"), "GP0106 at 2:1" },
	{ "a list", TEXT("- a\n- b\n"), "GP0106 at 1:1" },
	{ "a word", TEXT("hello\n"), "GP0106 at 1:1" },
	{ "a tab for indentation", TEXT(HEAD "driver:\n\tmodules: none\n"), "GP0104 at 4:1" },
	{ "a quote that is not closed", TEXT(HEAD "reboot: \"ask\nx: y\n"), "GP0104 at 3:9" },
	{ "a bracket that is not closed", TEXT(HEAD "gpus: [a, b\nreboot: ask\n"),
	  "GP0104 at 3:7" },
	{ "a key indented unlike the others", TEXT("version: 1\nkind: x\n  reboot: ask\n"),
	  "GP0104 at 3:9" },
	{ "a colon in a plain value", TEXT(HEAD "reboot: a: b\n"), "GP0104 at 3:10" },
	{ "a second document", TEXT(HEAD "---\nversion: 1\n"), "GP0107 at 3:1" },
	{ "a second document after dots", TEXT(HEAD "...\n---\nkind: x\n"), "GP0107 at 4:1" },
	{ "an anchor", TEXT(HEAD "reboot: &a ask\n"), "GP0108 at 3:9" },
	{ "an anchor on a map", TEXT(HEAD "driver: &a\n  modules: none\n"), "GP0108 at 3:9" },
	{ "an anchor on a key", TEXT(HEAD "&a reboot: ask\n"), "GP0108 at 3:1" },
	{ "an alias", TEXT(HEAD "gpus: [ *a ]\n"), "GP0109 at 3:9" },
	{ "an alias to its own parent", TEXT(HEAD "gpus: &a [*a]\n"),
	  "GP0108 at 3:7, GP0109 at 3:11" },
	{ "an alias as a key", TEXT(HEAD "*a : b\n"), "GP0118 at 3:1" },
	{ "a tag", TEXT(HEAD "reboot: !!str ask\n"), "GP0110 at 3:9" },
	{ "a tag of its own", TEXT(HEAD "driver: !x\n  modules: none\n"), "GP0110 at 3:9" },
	{ "a tag directive", TEXT("%TAG !a! tag:x,2000:\n---\n" HEAD), "GP0110 at 1:1" },
	{ "a merge key", TEXT(HEAD "<<: {reboot: ask}\n"), "GP0111 at 3:1" },
	{ "a duplicate key", TEXT(HEAD "reboot: ask\nkind: bare-metal\n"), "GP0112 at 4:1" },
	{ "a duplicate key in a map", TEXT(HEAD "driver:\n  source: auto\n  source: auto\n"),
	  "GP0112 at 5:3" },
	{ "a duplicate in another spelling", TEXT(HEAD "\"\\x6bind\": bare-metal\n"),
	  "GP0112 at 3:1" },
	{ "a list as a key", TEXT(HEAD "[a, b]: c\n"), "GP0118 at 3:1" },
	{ "a map as a key", TEXT(HEAD "? {a: b}\n: c\n"), "GP0118 at 3:3" },
	{ "UTF-16, little endian", TEXT("\377\376k\0i\0n\0d\0"), "GP0103 at 1:1" },
	{ "UTF-16, big endian", TEXT("\376\377\0k\0i\0n\0d"), "GP0103 at 1:1" },
	{ "UTF-16 without a mark", TEXT("k\0i\0n\0d\0"), "GP0116 at 1:2" },
	{ "a byte-order mark", TEXT("\357\273\277" HEAD), "GP0103 at 1:1" },
	{ "bad UTF-8", TEXT(HEAD "# gr\374n\n"), "GP0103 at 3:5" },
	{ "an overlong character", TEXT(HEAD "reboot: \300\200\n"), "GP0103 at 3:9" },
	{ "UTF-8 cut off at the end", TEXT(HEAD "reboot: \303"), "GP0103 at 3:9" },
	{ "a raw NUL", TEXT(HEAD "reboot: a\0sk\n"), "GP0116 at 3:10" },
	{ "a raw NUL behind umlauts", TEXT("# \303\274\303\274\n# \303\244\0\n"), "GP0116 at 2:4" },
	{ "an escaped NUL", TEXT(HEAD "reboot: \"ask\\0\"\n"), "GP0116 at 3:9" },
	{ "a raw escape", TEXT(HEAD "reboot: \033[2J\n"), "GP0116 at 3:9" },
	{ "a raw bell in a comment", TEXT(HEAD "# \007\n"), "GP0116 at 3:3" },
	{ "DEL", TEXT(HEAD "reboot: ask\177\n"), "GP0116 at 3:12" },
	{ "a C1 control", TEXT(HEAD "reboot: \302\233m\n"), "GP0116 at 3:9" },
	{ "a line break of its own (NEL)", TEXT("# a\302\205reboot: x\n" HEAD), "GP0116 at 1:4" },
	{ "a line separator",
	  TEXT("# a\342\200\250"
	       "reboot: x\n" HEAD),
	  "GP0116 at 1:4" },
	{ "a paragraph separator", TEXT(HEAD "# \342\200\251\n"), "GP0116 at 3:3" },
	{ "a lone CR", TEXT("version: 1\rkind: bare-metal\r"), "GP0116 at 1:11" },
	{ "CR at the end", TEXT(HEAD "\r"), "GP0116 at 3:1" },
	{ "a noncharacter", TEXT(HEAD "reboot: \357\277\277\n"), "GP0116 at 3:9" },
	{ "an escaped escape", TEXT(HEAD "reboot: \"\\e\"\n"), "GP0116 at 3:9" },
	{ "an escaped escape in a key", TEXT(HEAD "\"a\\e\": 1\n"), "GP0116 at 3:1" },
	{ "a newline in a value", TEXT(HEAD "driver:\n  version: \"535.1\\n\"\n"),
	  "GP0116 at 4:12" },
	{ "a text of two lines", TEXT(HEAD "reboot: |\n  ask\n  never\n"), "GP0116 at 3:9" },
	{ "a right-to-left override", TEXT(HEAD "driver:\n  version: \"535\342\200\256.1\"\n"),
	  "GP0117 at 4:12" },
	{ "a zero-width space", TEXT(HEAD "driver:\n  version: 535\342\200\213.1\n"),
	  "GP0117 at 4:12" },
	{ "a byte-order mark in the middle", TEXT(HEAD "reboot: a\357\273\277sk\n"),
	  "GP0117 at 3:9" },
	{ "a soft hyphen in a key",
	  TEXT(HEAD "re\302\255"
		    "boot: ask\n"),
	  "GP0117 at 3:1" },
	{ "columns count characters",
	  TEXT(HEAD "gpus: [\"\303\274\303\274\", \"\346\227\245\", *a]\n"), "GP0109 at 3:19" },
	{ "all errors of one file",
	  TEXT("version: 2\nkind: &a bare-metal\nreboot: !x maybe\nfoo: *a\n"),
	  "GP0207 at 1:10, GP0108 at 2:7, GP0110 at 3:9, GP0203 at 3:9, GP0201 at 4:1, "
	  "GP0109 at 4:6" },
};

static void test_refusals(void)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		auto_parsed p = { 0 };
		auto_buf struct buf got = BUF_TEXT;
		unsigned silent = 0;

		parse(&p, refusals[i].text, refusals[i].len);
		complaints(&p, &got);
		is(buf_str(&got), refusals[i].complaints, refusals[i].what);
		list_each (&p.diags.list, d)
			silent += str_empty(d->what) || !str_eq(d->at.file, "p.yaml");
		ok(p.rc == -1 && !silent, "each with its words and its file");
	}
}

static void test_both_positions(void)
{
	auto_parsed p = { 0 };
	const struct diag *d;

	parse(&p, TEXT(HEAD "driver:\n  source: auto\n  modules: none\n  source: distro\n"));
	d = complaint(&p, GP_PROFILE_DUPLICATE_KEY);
	ok(d && d->at.line == 6 && d->at.col == 3 && d->at.width == 6, "the second place of a key");
	ok(d && d->also.line == 4 && d->also.col == 3 && d->also_note, "the first place of it");
	ok(d && d->ways.n == 1, "and a way out");
}

/* What is taken apart by line and column is found again by byte. */
static void test_spans(void)
{
	static const char text[] =
		HEAD "gpus: [ \"\303\274\", '\346\227\245\346\234\254', Tesla T4 ]\r\n"
		     "driver:\r\n  branch: \"535\" # \303\274\r\n";
	static const char *const want[] = { "\"\303\274\"", "'\346\227\245\346\234\254'",
					    "Tesla T4" };
	auto_parsed p = { 0 };
	const struct value *v;

	parse(&p, TEXT(text));
	v = profile_given(&p.profile, "gpus");
	ok(p.rc == 0 && v && v->form == VALUE_LIST && v->items.n == 3, "CRLF is accepted");
	for (size_t i = 0; v && i < v->items.n; i++) {
		const struct span *at = &v->items.at[i].at;

		ok(piece_eq((struct piece){ text + at->off, at->len }, want[i]),
		   "item %zu covers its bytes", i);
	}
	v = profile_given(&p.profile, "driver.branch");
	ok(v && v->at.line == 5 && v->at.col == 11 && v->at.width == 5, "a value's place");
	ok(v && v->key_at.line == 5 && v->key_at.col == 3 && v->key_at.width == 6, "a key's place");
	ok(v && piece_eq((struct piece){ text + v->key_at.off, v->key_at.len }, "branch"),
	   "its bytes");
}

static void test_kept_as_written(void)
{
	static const char *const rows[][2] = {
		{ "12.10", "12.10" },
		{ "1e3", "1e3" },
		{ "0x10", "0x10" },
		{ "-1", "-1" },
		{ "no", "no" },
		{ "010", "010" },
		{ "1_000", "1_000" },
		{ ".5", ".5" },
		{ "true", "true" },
		{ "'it''s'", "it's" },
		{ "\"\\u00fc\"", "\303\274" },
		{ "\"null\"", "null" },
		{ "2026-11-22", "2026-11-22" },
		{ "12:30:45", "12:30:45" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_parsed p = { 0 };
		auto_buf struct buf text = BUF_TEXT;
		const struct value *v;

		buf_addf(&text, HEAD "driver:\n  version: %s\n", rows[i][0]);
		parse(&p, buf_str(&text), text.len);
		v = profile_given(&p.profile, "driver.version");
		is(v ? v->text : NULL, rows[i][1], rows[i][0]);
	}
}

static void test_nothing(void)
{
	static const char *const rows[] = { "", " ", "null", "~", " # a comment" };

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_parsed p = { 0 };
		auto_buf struct buf text = BUF_TEXT;

		buf_addf(&text, HEAD "reboot: %s\n", rows[i]);
		parse(&p, buf_str(&text), text.len);
		ok(p.rc == -1 && complaint(&p, GP_WRONG_TYPE) &&
			   !profile_given(&p.profile, "reboot"),
		   "'%s' is no value", rows[i]);
	}
}

static void test_asking(void)
{
	auto_parsed p = { 0 };
	struct span at;

	parse(&p,
	      TEXT(HEAD "driver:\n  branch: 535\napt: {mirror: \"https://deb.example.org/\"}\n"));
	ok(p.rc == 0 && !p.diags.list.n, "a good profile has no complaints");
	is(p.profile.kind, "bare-metal", "its kind");
	is(profile_get(&p.profile, "driver.branch"), "535", "a value that was given");
	is(profile_get(&p.profile, "driver.modules"), "auto", "a default");
	is(profile_get(&p.profile, "driver.version"), NULL, "neither");
	is(profile_get(&p.profile, "driver"), NULL, "a map has no text");
	is(profile_get(&p.profile, "no.such.key"), NULL, "a key that does not exist");
	ok(profile_is(&p.profile, "reboot", "ask") && !profile_is(&p.profile, "reboot", "never"),
	   "a default can be compared");
	ok(!profile_given(&p.profile, "drive") && !profile_given(&p.profile, "driver.bran") &&
		   !profile_given(&p.profile, "driver.branch.x"),
	   "a path is matched whole");
	at = profile_at(&p.profile, "driver.branch");
	ok(at.line == 4 && at.col == 11, "a setting comes from its value");
	at = profile_at(&p.profile, "driver.modules");
	ok(at.line == 3 && at.col == 1, "else from the map above it");
	at = profile_at(&p.profile, "reboot");
	ok(at.line == 0 && str_eq(at.file, "p.yaml"), "else from the file");
}

/* ---- limits ---- */

/* `n` times `unit` between head and tail. */
static void repeat(struct buf *b, const char *head, const char *unit, size_t n, const char *tail)
{
	buf_clear(b);
	buf_adds(b, head);
	while (n--)
		buf_adds(b, unit);
	buf_adds(b, tail);
}

static void parse_buf(struct parsed *p, const struct buf *b)
{
	parse(p, buf_str(b), b->len);
}

static void test_depth(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	const struct diag *d;

	repeat(&b, "a: ", "[", 31, "");
	buf_pad(&b, ']', 31);
	parse_buf(&p, &b);
	ok(!complaint(&p, GP_PROFILE_TOO_DEEP) && complaint(&p, GP_UNKNOWN_KEY),
	   "depth 32 is read");
	repeat(&b, "a: ", "[", 32, "");
	buf_pad(&b, ']', 32);
	parse_buf(&p, &b);
	d = complaint(&p, GP_PROFILE_TOO_DEEP);
	ok(d && d->at.line == 1 && d->at.col == 35, "depth 33 is not");
	ok(p.diags.list.n == 1, "and nothing is said about the rest");
	repeat(&b, "", "{a: ", 33, "1");
	buf_pad(&b, '}', 33);
	parse_buf(&p, &b);
	d = complaint(&p, GP_PROFILE_TOO_DEEP);
	ok(d && d->at.col == 4 * 32 + 1, "maps count like lists");
}

static void test_scalar(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	const struct diag *d;

	repeat(&b, HEAD "reboot: ", "x", 4096, "\n");
	parse_buf(&p, &b);
	ok(!complaint(&p, GP_PROFILE_LONG_SCALAR) && complaint(&p, GP_BAD_VALUE),
	   "4096 bytes are read");
	repeat(&b, HEAD "reboot: ", "x", 4097, "\n");
	parse_buf(&p, &b);
	d = complaint(&p, GP_PROFILE_LONG_SCALAR);
	ok(d && d->at.line == 3 && d->at.col == 9, "4097 are not");
	repeat(&b, HEAD, "k", 200, ": 1\n");
	parse_buf(&p, &b);
	d = complaint(&p, GP_PROFILE_LONG_SCALAR);
	ok(d && d->at.line == 3 && d->at.col == 1, "nor is a key of 200 bytes");
}

static void test_keys(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	const struct diag *d;

	for (int i = 1; i <= 200; i++)
		buf_addf(&b, "k%d: 1\n", i);
	parse_buf(&p, &b);
	ok(!complaint(&p, GP_PROFILE_MANY_KEYS), "200 keys are read");
	ok(p.diags.list.n == PROFILE_MAX_ERRORS, "at most %d errors are shown", PROFILE_MAX_ERRORS);
	buf_adds(&b, "k201: 1\n");
	parse_buf(&p, &b);
	d = complaint(&p, GP_PROFILE_MANY_KEYS);
	ok(d && d->at.line == 201 && d->at.col == 1, "201 are not");
	repeat(&b, "", "a: {b: 1, c: 2}\n", 67, "");
	parse_buf(&p, &b);
	ok(p.rc == -1 && p.diags.list.n <= PROFILE_MAX_ERRORS,
	   "also when most of them are doubled");
	repeat(&b, HEAD "gpus: [", "a,", 20000, "]\n");
	parse_buf(&p, &b);
	ok(p.rc == -1 && complaint(&p, GP_PROFILE_MANY_KEYS), "nor are 20,000 items");
}

static void test_bytes(void)
{
	auto_parsed p = { 0 };
	auto_buf struct buf b = BUF_TEXT;

	repeat(&b, HEAD, "#\n", (PROFILE_MAX_BYTES - sizeof(HEAD) + 1) / 2, "");
	while (b.len < PROFILE_MAX_BYTES)
		buf_addc(&b, '\n');
	parse_buf(&p, &b);
	ok(p.rc == 0 && b.len == 256 << 10, "256 KiB are read");
	buf_addc(&b, '\n');
	parse_buf(&p, &b);
	ok(p.rc == -1 && p.diags.list.n == 1 && p.diags.list.at[0].code == GP_PROFILE_TOO_LARGE &&
		   p.diags.list.at[0].at.line == 1,
	   "one byte more is not");
	buf_pad(&b, '\n', 1023);
	parse_buf(&p, &b);
	ok(p.rc == -1 && complaint(&p, GP_PROFILE_TOO_LARGE), "257 KiB are not");
}

/* ---- cost ---- */

/* Processor time of this thread: what else the machine does is not counted. */
static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

enum { PATIENCE = SANITIZED ? 10 : 1 };

static void cheap(const char *what, const struct buf *b)
{
	auto_parsed p = { 0 };
	double ms = now_ms();

	parse_buf(&p, b);
	ms = now_ms() - ms;
	ok(p.rc == -1 && ms < 50 * PATIENCE, "%s: refused in time (%.0f ms)", what, ms);
	ok(p.a.total < 16 << 20, "%s: and in little memory (%zu KiB)", what, p.a.total >> 10);
}

static void test_cost(void)
{
	static const struct {
		const char *what, *head, *unit;
		size_t n;
		const char *tail;
	} rows[] = {
		{ "2,000,000 x [", "", "[", 2000000, "" },
		{ "250,000 x [", "", "[", 250000, "" },
		{ "250,000 x {", "", "{", 250000, "" },
		{ "125,000 x -", "", "- ", 125000, "" },
		{ "125,000 x ?", "", "? ", 125000, "" },
		{ "250,000 x !", "", "!", 250000, "" },
		{ "anchors", "", "- &a\n", 50000, "" },
		{ "aliases", "a: [", "*a,", 80000, "]" },
		{ "tag directives", "", "%TAG !a! x\n", 20000, "---\n" },
		{ "one long line of items", "x: [", "aaaaaaaaaaa,", 19990, "]\n" },
		{ "one long line of keys", "x: {", "a: 1,", 50000, "}\n" },
		{ "a long scalar", "a: ", "x", 250000, "\n" },
		{ "a long key", "? ", "x", 250000, "\n: a\n" },
		{ "a folded scalar", "a: ", "x\n  ", 60000, "" },
		{ "empty lines", "a: |\n", "\n", 250000, "" },
		{ "comments", "", "#\n", 125000, "" },
		{ "documents", "", "---\n", 60000, "" },
		{ "quotes", "", "a: \"\\\n", 40000, "" },
		{ "invisible characters", "a: ", "\342\200\213", 80000, "\n" },
		{ "bad bytes", "a: ", "\377", 250000, "\n" },
	};
	auto_buf struct buf b = BUF_TEXT;

	for (size_t i = 0; i < COUNT(rows); i++) {
		repeat(&b, rows[i].head, rows[i].unit, rows[i].n, rows[i].tail);
		cheap(rows[i].what, &b);
	}
	/* Everything below a key carries its path. */
	repeat(&b, "? ", "k", 200000, "\n: [");
	for (int i = 0; i < 19000; i++)
		buf_adds(&b, "a,");
	buf_adds(&b, "]\n");
	cheap("a long key above many items", &b);
	buf_clear(&b);
	for (int i = 0; i < 19000; i++)
		buf_addf(&b, "key%d: 1\n", i);
	cheap("thousands of keys", &b);
}

/* A good profile cut off anywhere, or with any byte changed, is answered and never followed too
 * far. */
static void test_mangled(void)
{
	static const char good[] =
		HEAD "gpus: [\"Tesla T4\", 10de:1eb8]\ndriver:\n  branch: \"535\"\n"
		     "  modules: none\napt: {mirror: 'https://deb.example.org/'}\n";
	static const char bytes[] = "\0\t\n\r \"'#%&*,-:>?@[]`{|}~!\177\200\302\377a1";
	unsigned wrong = 0, accepted = 0;

	for (size_t i = 0; i < sizeof(good); i++) {
		auto_parsed p = { 0 };

		parse(&p, good, i);
		wrong += (p.rc == 0) != (diag_count(&p.diags, SEV_ERROR) == 0);
		for (size_t j = 0; i + 1 < sizeof(good) && j < sizeof(bytes) - 1; j++) {
			char changed[sizeof(good)];

			memcpy(changed, good, sizeof(good));
			changed[i] = bytes[j];
			parse(&p, changed, sizeof(good) - 1);
			wrong += (p.rc == 0) != (diag_count(&p.diags, SEV_ERROR) == 0);
			accepted += p.rc == 0;
			list_each (&p.diags.list, d)
				wrong += !d->at.line || !d->at.col ||
					 d->at.off + d->at.len > sizeof(good);
		}
	}
	ok(!wrong, "every mangled profile is accepted, or refused with a place in it");
	ok(accepted > 0, "some still are profiles");
}

int main(void)
{
	test_refusals();
	test_both_positions();
	test_spans();
	test_kept_as_written();
	test_nothing();
	test_asking();
	test_depth();
	test_scalar();
	test_keys();
	test_bytes();
	test_cost();
	test_mangled();
	return done_testing();
}
