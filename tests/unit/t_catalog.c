/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog: its grammar, questions to it, and that what is built in holds together. */
#include "catalog.h"

#include "base/str.h"
#include "base/ver.h"
#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define TOP "file a.cat\ncatalog 1 date=2026-01-02\n"
#define IN TOP "source \"s\"\n"

static int load(struct catalog *c, const char *text, struct arena *a, struct err *e)
{
	return catalog_load(text, strlen(text), "C", a, c, e);
}

static void test_good(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct catalog c;
	const struct record *r;
	const char *text = "# comment\n"
			   "file a.cat\n"
			   "catalog 1 date=2026-01-02\n"
			   "\n"
			   "group one\n"
			   "source \"a book, page 5\"\n"
			   "thing k1 a=1 b=\"two words\" c=x=y d=\"\"\n"
			   "thing \"k 2\"\n"
			   "file b.cat\n"
			   "source web\n"
			   "other k1 list=a,bb,ccc";

	ok(load(&c, text, &a, &e) == 0 && !e.text, "a good catalog is read");
	is(c.date, "2026-01-02", "its date");
	ok(c.records.n == 3, "its records");
	r = catalog_find(&c, "thing", "k1");
	is(record_get(r, "a"), "1", "a value");
	is(record_get(r, "b"), "two words", "a quoted value");
	is(record_get(r, "c"), "x=y", "a value with an equals sign");
	is(record_get(r, "d"), "", "an empty value, in quotes");
	is(record_get(r, "e"), NULL, "a value that is not there");
	is(r->source, "a book, page 5", "where it comes from");
	ok(str_eq(r->file, "a.cat") && r->line == 5, "and where it is written");
	r = catalog_find(&c, "thing", "k 2");
	ok(r && r->n == 0, "a quoted key, no values");
	r = catalog_find(&c, "other", "k1");
	is(r ? r->source : NULL, "web", "another source");
	ok(r && str_eq(r->file, "b.cat") && r->line == 2, "another file, counted anew");
	ok(!catalog_find(&c, "thing", "k3") && !catalog_find(&c, "none", "k1"),
	   "what is not there");
}

static void test_attributes(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct catalog c;
	const struct record *r;

	load(&c, IN "x k list=a,bb,ccc empty=\"\" one=a\n", &a, &e);
	r = catalog_find(&c, "x", "k");
	ok(record_has(r, "list", "a") && record_has(r, "list", "bb") &&
		   record_has(r, "list", "ccc"),
	   "words of a list");
	ok(!record_has(r, "list", "b") && !record_has(r, "list", "cc") &&
		   !record_has(r, "list", ""),
	   "parts of words are not words");
	ok(!record_has(r, "none", "a") && !record_has(r, "empty", "a"), "no list, no words");
	ok(record_is(r, "one", "a") && !record_is(r, "one", "b") && !record_is(r, "none", "a"),
	   "comparing a value");
}

static void test_next(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct catalog c, none;
	const struct record *r = NULL;

	load(&c, IN "x 1\ny 2\nx 3\nx 4\ny 5\n", &a, &e);
	while ((r = catalog_next(&c, "x", r)))
		buf_adds(&b, r->key);
	is(buf_str(&b), "134", "walking one kind, in order");
	load(&none, TOP, &a, &e);
	ok(!catalog_next(&none, "x", NULL), "walking nothing");
}

static void test_refused(void)
{
	static const char *const rows[][2] = {
		{ "", "catalog C is empty" },
		{ "# only a comment\n", "catalog C is empty" },
		{ "file a.cat\n", "catalog C is empty" },
		{ "catalog 2 date=2030-01-01\n",
		  "catalog C has format 2, this program reads format 1" },
		{ "catalog 0 date=2030-01-01\n",
		  "catalog C has format 0, this program reads format 1" },
		{ "catalog one date=x\n", "catalog C, top:1: expected: catalog FORMAT date=DATE" },
		{ "catalog -1 date=x\n", "catalog C, top:1: expected: catalog FORMAT date=DATE" },
		{ "catalog 1\n", "catalog C, top:1: expected: catalog FORMAT date=DATE" },
		{ "catalog 1 day=x\n", "catalog C, top:1: expected: catalog FORMAT date=DATE" },
		{ "catalog 1 date=x y=z\n",
		  "catalog C, top:1: expected: catalog FORMAT date=DATE" },
		{ "file a.cat\ngroup g\nsource s\nx k\n",
		  "catalog C, a.cat:3: the first record must be: catalog FORMAT date=DATE" },
		{ TOP "x k\n", "catalog C, a.cat:2: no source is given for this record" },
		{ IN "x k\ngroup g\nx k\n",
		  "catalog C, a.cat:5: no source is given for this record" },
		{ IN "x k\nfile b.cat\nx k\n",
		  "catalog C, b.cat:1: no source is given for this record" },
		{ IN "x\n", "catalog C, a.cat:3: expected KIND KEY" },
		{ IN "x \n", "catalog C, a.cat:3: expected KIND KEY" },
		{ IN " x k\n", "catalog C, a.cat:3: expected KIND KEY" },
		{ IN "x  k\n", "catalog C, a.cat:3: expected KIND KEY" },
		{ IN "x \"k\n", "catalog C, a.cat:3: expected KIND KEY" },
		{ IN "x k\"k\n", "catalog C, a.cat:3: expected KIND KEY" },
		{ IN "x k a\n", "catalog C, a.cat:3: expected NAME=VALUE" },
		{ IN "x k a b=c\n", "catalog C, a.cat:3: expected NAME=VALUE" },
		{ IN "x k =c\n", "catalog C, a.cat:3: expected NAME=VALUE" },
		{ IN "x k  a=b\n", "catalog C, a.cat:3: expected NAME=VALUE" },
		{ IN "\nx k a=\n",
		  "catalog C, a.cat:4: a value is empty or its quotes are not closed" },
		{ IN "x k a=\"b\n",
		  "catalog C, a.cat:3: a value is empty or its quotes are not closed" },
		{ IN "x k a=\"b\"c\n",
		  "catalog C, a.cat:3: a value is empty or its quotes are not closed" },
		{ IN "x k a=b\"c\n",
		  "catalog C, a.cat:3: a value is empty or its quotes are not closed" },
		{ TOP "source s a=b\n", "catalog C, a.cat:2: expected only a name" },
		{ TOP "group g a=b\n", "catalog C, a.cat:2: expected only a name" },
		{ IN "gpu 1eb8 arch=Turing\n", "catalog C, a.cat:3: gpu 1eb8 has no name" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct catalog c;

		ok(load(&c, rows[i][0], &a, &e) == -1 && e.code == GP_BAD_CATALOG,
		   "malformed catalog %zu is refused", i);
		is(e.text, rows[i][1], "with file, line and reason");
	}
}

static void test_limits(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct catalog c;
	unsigned failed = 0;

	buf_adds(&b, IN "x k");
	for (int i = 0; i < 64; i++)
		buf_addf(&b, " a%d=%d", i, i);
	ok(load(&c, buf_str(&b), &a, &e) == 0 && c.records.at[0].n == 64, "64 values");
	is(record_get(&c.records.at[0], "a63"), "63", "are all there");
	buf_adds(&b, " a64=64");
	ok(load(&c, buf_str(&b), &a, &e) == -1, "65 are too many");
	is(e.text, "catalog C, a.cat:3: too many values", "which is said");
	ok(catalog_load(TOP "# a\0b\n", sizeof(TOP "# a\0b\n") - 1, "C", &a, &c, &e) == -1,
	   "NUL is refused");
	buf_clear(&b);
	buf_adds(&b, IN "x k a=1 b=\"two words\" c=3\nsource \"t\"\ny \"k 2\" d=4\n");
	for (size_t n = 0; n <= b.len; n++) {
		auto_err cut = { 0 };

		failed += catalog_load(buf_str(&b), n, "C", &a, &c, &cut) && !cut.text;
	}
	ok(!failed, "cut anywhere, it is read or refused with a reason");
}

/* ---- what is built in ---- */

static void load_builtin(struct catalog *c, struct arena *a)
{
	auto_err e = { 0 };
	size_t len;
	const char *text = catalog_builtin(&len);

	ok(strlen(text) == len, "the text that is built in ends with a NUL");
	ok(catalog_load(text, len, "built in", a, c, &e) == 0, "the built-in catalog is read");
	is(e.text, NULL, "without complaint");
	ok(c->date && strlen(c->date) == 10, "it has a date");
}

static void test_gpus(const struct catalog *c)
{
	static const char *const classes[] = { "datacenter", "workstation",     "geforce", "mining",
					       "unlisted",   "soc_or_embedded", "other" };
	const struct record *r = NULL;
	unsigned n = 0, bad_id = 0, no_arch = 0, classless = 0, twice = 0, bad_branch = 0;

	while ((r = catalog_next(c, "gpu", r))) {
		const char *legacy = record_get(r, "legacy"), *in = record_get(r, "in");
		bool known = false;

		n++;
		bad_id += strlen(r->key) != 4 || strspn(r->key, "0123456789abcdef") != 4;
		no_arch +=
			!record_get(r, "arch") || !catalog_find(c, "arch", record_get(r, "arch"));
		twice += catalog_gpu(c, r->key) != r;
		for (size_t i = 0; i < COUNT(classes); i++)
			known |= record_is(r, "class", classes[i]);
		classless += !known;
		bad_branch += legacy && !ver_valid(legacy);
		for (const char *at = in; at && *at; at += strcspn(at, ","), at += *at == ',')
			bad_branch += strspn(at, "0123456789") != 3;
		if (str_empty(record_get(r, "name")) || str_empty(r->source))
			ok(false, "GPU %s has a name and a source", r->key);
	}
	ok(n > 0, "there are GPUs");
	ok(!bad_id, "each has a PCI device id in lower case");
	ok(!no_arch, "each has an architecture that is there");
	ok(!twice, "each id is there once");
	ok(!classless, "each has a class");
	ok(!bad_branch, "branches are numbers");
}

static long rank_of(const struct catalog *c, const char *arch)
{
	const struct record *r = arch ? catalog_find(c, "arch", arch) : NULL;
	unsigned long long rank = 0;

	return r && record_get(r, "rank") && str_to_u64(record_get(r, "rank"), &rank) ? (long)rank :
											-1;
}

/* What an architecture says of branches is what the branches say of it. */
static void test_branches(const struct catalog *c)
{
	const struct record *b = NULL;
	unsigned n = 0, bad = 0, disagree = 0, twice = 0;

	while ((b = catalog_next(c, "branch", b))) {
		long lo = rank_of(c, record_get(b, "min_arch"));
		long hi = rank_of(c, record_get(b, "max_arch"));
		const char *first = record_get(b, "first"), *last = record_get(b, "last");
		const char *cuda = record_get(b, "max_cuda");
		const struct record *a = NULL;

		n++;
		twice += catalog_find(c, "branch", b->key) != b;
		if (lo < 0 || hi < lo || !first || !last || !ver_within(first, b->key) ||
		    !ver_within(last, b->key) || ver_cmp(first, last) > 0 || !cuda ||
		    !ver_valid(cuda)) {
			bad++;
			continue;
		}
		while ((a = catalog_next(c, "arch", a))) {
			const char *from = record_get(a, "first_branch");
			const char *upto = record_get(a, "last_branch");
			long rank = rank_of(c, a->key);
			bool by_arch = (!from || ver_cmp(from, b->key) <= 0) &&
				       (!upto || ver_cmp(b->key, upto) <= 0);

			disagree += by_arch != (lo <= rank && rank <= hi);
		}
	}
	ok(n > 0 && !bad, "each branch has architectures, first and last version and CUDA version");
	ok(!disagree, "architectures and branches agree about each other");
	ok(!twice, "each branch is there once");
}

static void test_archs(const struct catalog *c)
{
	const struct record *r = NULL;
	long before = 0;
	unsigned bad = 0, dangling = 0;

	while ((r = catalog_next(c, "arch", r))) {
		const char *ends[] = { record_get(r, "first_branch"),
				       record_get(r, "last_branch") };
		long rank = rank_of(c, r->key);

		bad += rank <= before;
		before = rank;
		for (size_t i = 0; i < 2; i++)
			dangling += ends[i] && !catalog_find(c, "branch", ends[i]);
	}
	ok(before > 0 && !bad, "architectures stand in order of age");
	ok(!dangling, "the branches they name are there");
}

static void test_packages(const struct catalog *c)
{
	const struct record *r = NULL;
	unsigned n = 0, bad = 0;

	while ((r = catalog_next(c, "archive-driver", r))) {
		const char *at = record_get(r, "branches");

		n++;
		bad += !strchr(r->key, '/');
		while (*at) {
			char branch[16], name[32];
			size_t len = strcspn(at, ",");
			const char *version;

			snprintf(branch, sizeof(branch), "%.*s", (int)len, at);
			snprintf(name, sizeof(name), "version.%s", branch);
			version = record_get(r, name);
			bad += !catalog_find(c, "branch", branch) ||
			       (version && !ver_within(version, branch));
			at += len + (at[len] == ',');
		}
	}
	ok(n > 0 && !bad, "the driver of an archive is of a branch that is there");
	r = NULL;
	n = bad = 0;
	while ((r = catalog_next(c, "role", r))) {
		const char *packages = record_get(r, "packages");

		n++;
		bad += !strchr(r->key, '/') || str_empty(packages) ||
		       str_empty(record_get(r, "what")) ||
		       strspn(packages, "abcdefghijklmnopqrstuvwxyz0123456789+-.,{}") !=
			       strlen(packages);
	}
	ok(n > 0 && !bad, "each role has packages and says what it is for");
	ok(catalog_find(c, "role", "debian/libcuda") &&
		   catalog_find(c, "archive-driver", "debian/12"),
	   "Debian 12 is known");
}

static void test_asking(const struct catalog *c)
{
	const struct record *t4 = catalog_gpu(c, "1eb8");

	ok(t4 && record_is(t4, "arch", "Turing"), "a GPU by its id");
	ok(!catalog_gpu(c, "1EB8") && !catalog_gpu(c, "") && !catalog_gpu(c, "ffff"),
	   "ids are lower case and whole");
	ok(t4 && catalog_gpu_named(c, record_get(t4, "name")) == t4, "by its name");
	ok(catalog_gpu_named(c, "tesla t4") == t4, "in any case");
	ok(catalog_gpu_named(c, "NVIDIA Tesla T4") == t4 &&
		   catalog_gpu_named(c, "nvidia TESLA T4") == t4,
	   "with the maker's name in front");
	ok(!catalog_gpu_named(c, "Tesla") && !catalog_gpu_named(c, "Tesla T4 ") &&
		   !catalog_gpu_named(c, ""),
	   "names are whole");
	ok(catalog_gpu_named(c, "GeForce 840M") == catalog_gpu_named(c, "NVIDIA GeForce 840M") &&
		   catalog_gpu_named(c, "GeForce 840M"),
	   "a name that the catalog writes with the maker is found without");
	is(catalog_gpu_name(c, "1eb8"), record_get(t4, "name"), "the name of a known id");
	is(catalog_gpu_name(c, "ffff"), "GPU 10de:ffff", "the name of an unknown id");
}

int main(void)
{
	auto_arena struct arena a = { 0 };
	struct catalog c = { 0 };

	test_good();
	test_attributes();
	test_next();
	test_refused();
	test_limits();
	load_builtin(&c, &a);
	test_gpus(&c);
	test_branches(&c);
	test_archs(&c);
	test_packages(&c);
	test_asking(&c);
	return done_testing();
}
