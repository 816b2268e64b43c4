/* SPDX-License-Identifier: Apache-2.0 */
/* The text of apt's sources, with what lies on the root's disk moved beneath the root. */
#include "closure/indexes.h"

#include "base/str.h"
#include "closure/index_dates.h"
#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void moved(bool deb822, const char *root, const char *text, const char *want)
{
	auto_buf struct buf b = BUF_TEXT;

	indexes_move_keys(text, strlen(text), deb822, root, &b);
	is(buf_str(&b), want, text);
}

static void test_one_line(void)
{
	static const char *const rows[][2] = {
		{ "deb http://d/ bookworm main\n", "deb http://d/ bookworm main\n" },
		{ "deb [signed-by=/k/a.gpg] http://d/ bookworm main\n",
		  "deb [signed-by=/R/k/a.gpg] http://d/ bookworm main\n" },
		{ "deb [ signed-by=/k/a.gpg arch=amd64 ] http://d/ b main\n",
		  "deb [ signed-by=/R/k/a.gpg arch=amd64 ] http://d/ b main\n" },
		{ "deb [arch=amd64 signed-by=/k/a.gpg] http://d/ b main",
		  "deb [arch=amd64 signed-by=/R/k/a.gpg] http://d/ b main\n" },
		{ "deb [signed-by=/k/a.gpg,/k/b.gpg] http://d/ b main\n",
		  "deb [signed-by=/R/k/a.gpg,/R/k/b.gpg] http://d/ b main\n" },
		{ "deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] http://d/ b main\n",
		  "deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] http://d/ b main\n" },
		{ "deb [signed-by=/k/a.gpg] http://d/signed-by=/x b main\n",
		  "deb [signed-by=/R/k/a.gpg] http://d/signed-by=/x b main\n" },
		{ "deb [trusted=yes] file:///srv/repo ./\n",
		  "deb [trusted=yes] file:///R/srv/repo ./\n" },
		{ "deb file:/srv/repo b main\n", "deb file:/R/srv/repo b main\n" },
		{ "deb copy:/srv/repo b main\n", "deb copy:/R/srv/repo b main\n" },
		{ "\n\tdeb\thttp://d/  b  main \n\n", "\n\tdeb\thttp://d/  b  main \n\n" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		moved(false, "/R", rows[i][0], rows[i][1]);
}

static void test_deb822(void)
{
	static const char *const rows[][2] = {
		{ "Types: deb\nURIs: http://d/\nSuites: b\nComponents: main\n",
		  "Types: deb\nURIs: http://d/\nSuites: b\nComponents: main\n" },
		{ "Signed-By: /k/a.gpg\n", "Signed-By: /R/k/a.gpg\n" },
		{ "signed-by:/k/a.gpg", "signed-by:/R/k/a.gpg\n" },
		{ "SIGNED-BY:\t/k/a.gpg, /k/b.gpg\n", "SIGNED-BY:\t/R/k/a.gpg, /R/k/b.gpg\n" },
		{ "Signed-By:\n /k/a.gpg\nTypes: deb\n", "Signed-By:\n /R/k/a.gpg\nTypes: deb\n" },
		{ "Signed-By: 0123456789ABCDEF0123456789ABCDEF01234567\n",
		  "Signed-By: 0123456789ABCDEF0123456789ABCDEF01234567\n" },
		{ "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n /abc/def=\n "
		  "-----END PGP PUBLIC KEY BLOCK-----\n",
		  "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n /abc/def=\n "
		  "-----END PGP PUBLIC KEY BLOCK-----\n" },
		{ "Signed-By:\n -----BEGIN PGP\n /x\n\nSigned-By: /k/a.gpg\n",
		  "Signed-By:\n -----BEGIN PGP\n /x\n\nSigned-By: /R/k/a.gpg\n" },
		{ "Types: deb\nURIs: file:///srv/repo http://d/\nSuites: /\n",
		  "Types: deb\nURIs: file:///R/srv/repo http://d/\nSuites: /\n" },
		{ "URIs:\n http://d/\n file:/srv/repo\n",
		  "URIs:\n http://d/\n file:/R/srv/repo\n" },
		{ "Signed-By-Not: /k/a.gpg\n", "Signed-By-Not: /k/a.gpg\n" },
		{ "X: y\n /k/a.gpg\n", "X: y\n /k/a.gpg\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		moved(true, "/R", rows[i][0], rows[i][1]);
}

/* On the running system nothing moves; whatever the text is. */
static void test_live(void)
{
	static const char *const words[] = { "deb", "[signed-by=/k]", "file:///s", " ",  "\n",
					     "\t",  "Signed-By:",     "/k",        ",",  "[",
					     "# x", "-----BEGIN",     "file:",     "\r", "]" };
	unsigned state = 7, wrong = 0;

	for (int round = 0; round < 3000; round++) {
		auto_buf struct buf text = BUF_TEXT;
		auto_buf struct buf same = BUF_TEXT;

		for (int i = 0; i < 12; i++) {
			state = state * 1103515245u + 12345u;
			buf_adds(&text, words[(state >> 16) % COUNT(words)]);
		}
		indexes_move_keys(buf_str(&text), text.len, round % 2, "", &same);
		if (text.data[text.len - 1] != '\n')
			buf_addc(&text, '\n');
		wrong += !str_eq(buf_str(&text), buf_str(&same));
	}
	ok(!wrong, "without a root, the text stays as it is");
}

static void test_dates(void)
{
	static const struct {
		const char *text;
		int64_t date;
	} rows[] = {
		{ "Origin: x\nDate: Thu, 01 Jan 1970 00:00:01 UTC\n", 1 },
		{ "Date: Sun, 22 Nov 2026 18:50:19 UTC\nSHA256:\n", 1795373419 },
		{ "Date: Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
		{ "Date:  Fri,  1 Mar 2024 00:00:00 +0000\n", 1709251200 },
		{ "Date: Sun, 22 Nov 2026 18:50:19 +0100\n", 0 },
		{ "Date: Sun, 22 Nox 2026 18:50:19 UTC\n", 0 },
		{ "Date: Sun, 22 Nov 2026 25:50:19 UTC\n", 0 },
		{ "Date: Sun, 22 Nov 2026 18:50 UTC\n", 0 },
		{ "Date: 22 Nov 2026\n", 0 },
		{ " Date: Sun, 22 Nov 2026 18:50:19 UTC\n", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = release_date(rows[i].text, strlen(rows[i].text));

		ok(got == rows[i].date, "%s: %lld", rows[i].text, (long long)got);
	}
}

static void test_ages(void)
{
	auto_arena struct arena a = { 0 };

	is(index_age(59, &a), "59 seconds", "seconds");
	is(index_age(60, &a), "1 minute", "one of them");
	is(index_age(3 * 3600 + 59 * 60, &a), "3 hours", "cut, not rounded");
	is(index_age(86400 * 12, &a), "12 days", "days");
}

int main(void)
{
	test_one_line();
	test_deb822();
	test_live();
	test_dates();
	test_ages();
	return done_testing();
}
