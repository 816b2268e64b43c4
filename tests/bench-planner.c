/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-planner PROFILE FACTS...: what loading the catalog costs; how many hosts a second the
 * planner plans on one core, facts in memory, without apt (goal: 5,000); and how many with their
 * JSON read first. One line each, for bench.sh.
 */
#include "base/buf.h"
#include "base/err.h"
#include "catalog.h"
#include "facts.h"
#include "profile/profile.h"
#include "solve/solve.h"
#include "sys/real.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SECONDS = 2 };

struct host {
	const char *file;
	struct buf text;
	struct facts facts;
};

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench {
	struct arena a;
	struct catalog catalog;
	struct profile profile;
	struct host *hosts;
	size_t n;
};

static size_t plan_all(struct bench *b, bool read_too)
{
	size_t refused = 0;

	for (size_t i = 0; i < b->n; i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct facts facts = b->hosts[i].facts;
		struct plan plan;

		if (read_too && facts_read(buf_str(&b->hosts[i].text), b->hosts[i].text.len,
					   b->hosts[i].file, &a, &facts, &e))
			exit(1);
		solve(&b->profile, &facts, &b->catalog, &a, &plan);
		refused += plan_refused(&plan);
	}
	return refused;
}

static void measure(struct bench *b, bool read_too, const char *what)
{
	double start = cpu(), spent;
	size_t hosts = 0, refused = plan_all(b, read_too);

	start = cpu();
	do {
		plan_all(b, read_too);
		hosts += b->n;
		spent = cpu() - start;
	} while (spent < SECONDS);
	printf("%-24s %8.0f hosts/s on one core (%zu hosts, %zu of them refused)\n", what,
	       (double)hosts / spent, b->n, refused);
}

static int measure_catalog(struct err *e)
{
	size_t len, before = mallinfo2().uordblks;
	const char *text = catalog_builtin(&len);
	double start = cpu(), spent;
	size_t n = 0, held = 0;

	do {
		auto_arena struct arena a = { 0 };
		struct catalog c;

		if (catalog_load(text, len, "built in", &a, &c, e))
			return -1;
		held = mallinfo2().uordblks + mallinfo2().hblkhd - before;
		n++;
		spent = cpu() - start;
	} while (spent < 1);
	printf("%-24s %8.2f ms, %.1f MiB (goal: 2 ms, 4 MiB)\n", "loading the catalog",
	       spent * 1e3 / (double)n, (double)held / (1 << 20));
	return 0;
}

static int load(struct bench *b, const char *profile, char **files, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	struct diags diags = { .a = &b->a };
	size_t len;
	const char *catalog = catalog_builtin(&len);

	if (catalog_load(catalog, len, "built in", &b->a, &b->catalog, e) ||
	    user_read(profile, &text, e))
		return -1;
	if (profile_parse(profile, arena_str(&b->a, buf_str(&text)), text.len, &b->a, &b->profile,
			  &diags))
		return err_set(e, GP_USAGE, "%s is no good profile", profile);
	for (b->n = 0; files[b->n];)
		b->n++;
	b->hosts = arena_alloc(&b->a, b->n * sizeof(*b->hosts));
	for (size_t i = 0; i < b->n; i++) {
		struct host *h = &b->hosts[i];

		h->file = files[i];
		h->text = (struct buf)BUF_INIT(8 << 20);
		if (user_read(h->file, &h->text, e) ||
		    facts_read(buf_str(&h->text), h->text.len, h->file, &b->a, &h->facts, e))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	auto_err e = { 0 };

	if (argc < 3) {
		fputs("bench-planner PROFILE FACTS...\n", stderr);
		return 64;
	}
	if (measure_catalog(&e) || load(&b, argv[1], argv + 2, &e)) {
		fprintf(stderr, "bench-planner: %s\n", e.text);
		return 1;
	}
	measure(&b, false, "planner alone");
	measure(&b, true, "with reading its facts");
	return 0;
}
