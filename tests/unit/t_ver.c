/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: NVIDIA's dotted ones and Debian's order, the latter as dpkg 1.21.22 answered. */
#include "base/ver.h"

#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void test_valid(void)
{
	static const char *const good[] = { "580",        "12.10",
					    "535.161.08", "0",
					    "1.2.3.4.5",  "999999",
					    "000001",     "535.00.00.00.000000" };
	static const char *const bad[] = {
		"",
		".",
		"1.",
		".1",
		"1..2",
		"1.2.3.4.5.6",
		"1234567",
		"1.1234567",
		"1e3",
		"0x10",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1\n",
		"535;",
		"$(id)",
		"`id`",
		"535a",
		"v535",
		"535.",
		"12,10",
		"1.2-3",
		"\331\241",
		"535\342\200\213",
		"1.-1",
		"1111111111222222222233333333334444444444",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		ok(ver_valid(good[i]), "'%s' is a version", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!ver_valid(bad[i]), "row %zu of what is no version", i);
}

/* In rising order, one more part or one more digit at a time; every pair is compared. */
static void test_dotted_order(void)
{
	static const char *const rising[] = {
		"0",         "1",          "9",          "10",        "12.1",
		"12.2",      "12.9",       "12.10",      "12.10.1",   "12.11",
		"13",        "100",        "390.157",    "470.42.01", "470.256.02",
		"535.43.02", "535.161.07", "535.161.08", "535.309",   "535.309.1",
		"550.40.07", "550.54.14",  "550.163.01", "580.65.06", "999999.999999",
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(rising); i++)
		for (size_t j = 0; j < COUNT(rising); j++)
			wrong += sign(ver_cmp(rising[i], rising[j])) != (i > j) - (i < j);
	ok(!wrong, "%zu versions compare as they stand in the list", COUNT(rising));
	ok(ver_cmp("12", "12.0") == 0 && ver_cmp("12.0.0", "12") == 0, "a missing part is 0");
	ok(ver_cmp("535.1", "535.01") == 0, "parts are numbers");
	ok(ver_cmp("", "0") == 0 && ver_cmp("", "1") < 0, "nothing is 0");
	ok(ver_cmp("1.9999999999999999999999", "1.10000000000000000000000") < 0,
	   "parts beyond any integer");
}

static void test_within(void)
{
	static const struct {
		const char *v, *head;
		bool within;
	} rows[] = {
		{ "535.161.08", "535", true },
		{ "535.161.08", "535.161", true },
		{ "535.161.08", "535.161.08", true },
		{ "535", "535", true },
		{ "12.10", "12.1", false },
		{ "12.1", "12.10", false },
		{ "12.1", "12.1", true },
		{ "12.1.0", "12.1", true },
		{ "5350.1", "535", false },
		{ "53", "535", false },
		{ "535.161.08", "535.161.0", false },
		{ "535.161.08", "161", false },
		{ "1535.1", "535", false },
		{ "", "535", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(ver_within(rows[i].v, rows[i].head) == rows[i].within, "%s %s %s", rows[i].head,
		   rows[i].within ? "covers" : "does not cover", rows[i].v);
}

struct link {
	const char *version;
	bool same; /* equal to the one before; else greater */
};

static const struct link chain[] = {
	{ "0~~", false },
	{ "0~", false },
	{ "0", false },
	{ "0:0", true },
	{ "1", false },
	{ "1.0~~", false },
	{ "1.0~", false },
	{ "1.0~rc1-1", false },
	{ "1.0-~", false },
	{ "1.0", false },
	{ "1.0-0", true },
	{ "0:1.0", true },
	{ "00:1.0-00", true },
	{ "1.00", true },
	{ "1.0-00", true },
	{ "1.0-0+", false },
	{ "1.0-0.1", false },
	{ "1.0-1~bpo12+1", false },
	{ "1.0-1", false },
	{ "1.0-1build1", false },
	{ "1.0-1ubuntu1", false },
	{ "1.0-1+b1", false },
	{ "1.0-1.1", false },
	{ "1.0-2", false },
	{ "1.0-10", false },
	{ "1.0-a", false },
	{ "1.0Z", false },
	{ "1.0a", false },
	{ "1.0+", false },
	{ "1.0+a", false },
	{ "1.0+dfsg-1", false },
	{ "1.0-1-1", false },
	{ "1.0-1-2", false },
	{ "1.0.", false },
	{ "1.0.a", false },
	{ "1.01", false },
	{ "1.1", true },
	{ "1.2z", false },
	{ "1.2.z", false },
	{ "1.9", false },
	{ "1.10", false },
	{ "3.9.0-4", false },
	{ "12.1", false },
	{ "12.8.9-1", false },
	{ "12.8.90-1", false },
	{ "12.10", false },
	{ "535.261.03-1~deb12u1", false },
	{ "535.261.03-1", false },
	{ "535.309.01-1~deb12u1", false },
	{ "550.163.01-5.1", false },
	{ "580.95.05-0ubuntu0.24.04.2", false },
	{ "580.95.05-0ubuntu1", false },
	{ "580.95.05-1", false },
	{ "9999999999999999999999", false },
	{ "10000000000000000000000", false },
	{ "1:0.1", false },
	{ "1:3.9.0-4", false },
	{ "2:1.0", false },
};

static void test_debian_order(void)
{
	int rank[COUNT(chain)];

	for (size_t i = 0, r = 0; i < COUNT(chain); i++) {
		r += !chain[i].same;
		rank[i] = (int)r;
	}
	for (size_t i = 0; i < COUNT(chain); i++) {
		size_t wrong_with = COUNT(chain);

		for (size_t j = 0; j < COUNT(chain); j++)
			if (sign(ver_deb_cmp(chain[i].version, chain[j].version)) !=
			    sign(rank[i] - rank[j]))
				wrong_with = j;
		ok(wrong_with == COUNT(chain), "%s compares as dpkg says, with every other%s%s",
		   chain[i].version, wrong_with < COUNT(chain) ? ", but not with " : "",
		   wrong_with < COUNT(chain) ? chain[wrong_with].version : "");
	}
}

static void test_upstream(void)
{
	static const struct {
		const char *v, *upstream;
	} rows[] = {
		{ "1:3.9.0-4", "3.9.0" },
		{ "535.309.01-1~deb12u1", "535.309.01" },
		{ "580.95.05-0ubuntu1", "580.95.05" },
		{ "1.0", "1.0" },
		{ "1.0-1-2", "1.0-1" },
		{ "2:1.0:3-1", "1.0:3" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(piece_eq(ver_deb_upstream(rows[i].v), rows[i].upstream),
		   "upstream of '%s' is '%s'", rows[i].v, rows[i].upstream);
}

static void test_debian_within(void)
{
	static const struct {
		const char *v, *head;
		bool within;
	} rows[] = {
		{ "535.309.01-1~deb12u1", "535", true },
		{ "535.309.01-1~deb12u1", "535.309.01", true },
		{ "535.309.01-1~deb12u1", "535.309.0", false },
		{ "535.309.01-1~deb12u1", "535.30", false },
		{ "580.95.05-0ubuntu1", "580.95.05", true },
		{ "1:535.309.01-1", "535", true },
		{ "1:535.309.01-1", "1", false },
		{ "12.10-1", "12.1", false },
		{ "12.1-10", "12.1", true },
		{ "12.1.0-10", "12.1", true },
		{ "12.1", "12.10", false },
		{ "535+dfsg-1", "535", true },
		{ "5351-1", "535", false },
		{ "1.0-535", "535", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(ver_deb_within(rows[i].v, rows[i].head) == rows[i].within, "%s %s %s",
		   rows[i].head, rows[i].within ? "covers" : "does not cover", rows[i].v);
}

int main(void)
{
	test_valid();
	test_dotted_order();
	test_within();
	test_debian_order();
	test_upstream();
	test_debian_within();
	return done_testing();
}
