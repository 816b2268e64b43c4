/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories: which entries are the distribution's own, mirrors. */
#include "solving.h"
#include "tap.h"

#define SOURCE "repo:debian"

static struct fact_source *source(struct facts *f, const char *uri, const char *suite)
{
	struct fact_source *s = list_push(f->a, &f->sources);

	*s = (struct fact_source){ .file = "etc/apt/sources.list", .uri = uri, .suite = suite };
	list_add(f->a, &s->components, "main");
	return s;
}

/* URIs and suites of the file that a step writes, in order. */
static const char *entries(struct solved *s, const char *id)
{
	const struct plan_step *step = plan_find(&s->plan, id);
	const char *content = step ? step_get(step, "content") : NULL;
	auto_buf struct buf b = BUF_TEXT;
	struct piece rest, line;

	if (!content)
		return "none";
	rest = PIECE(content);
	while (str_line(&rest, &line))
		if (piece_starts(line, "URIs: ") || piece_starts(line, "Suites: "))
			buf_addf(&b, "%.*s ", (int)(line.len - strcspn(line.at, " ") - 1),
				 line.at + strcspn(line.at, " ") + 1);
	return arena_str(&s->a, buf_str(&b));
}

static void fresh(struct solved *s)
{
	host(s);
	s->facts.sources.n = 0;
}

static void test_whose(void)
{
	auto_solved a = { 0 }, b = { 0 }, c = { 0 };

	fresh(&a);
	source(&a.facts, "http://near.example/debian/", "bookworm");
	source(&a.facts, "http://sec.example/debian-security/", "bookworm-security")->origin =
		"Debian";
	source(&a.facts, "https://packages.example/debian/12/prod/", "bookworm");
	source(&a.facts, "https://fork.example/debian/", "bookworm")->origin = "Fork";
	source(&a.facts, "https://near.example/debian/", "trixie");
	solve_for(&a, "");
	is(entries(&a, SOURCE),
	   "http://near.example/debian/ bookworm "
	   "http://sec.example/debian-security/ bookworm-security ",
	   "the distribution's own, by Release file or address");

	fresh(&b);
	source(&b.facts, "http://127.0.0.1:8000/", "bookworm");
	solve_for(&b, "");
	is(entries(&b, SOURCE), "http://127.0.0.1:8000/ bookworm ",
	   "an address that tells nothing, and nothing better");

	fresh(&c);
	source(&c.facts, "https://fork.example/debian/", "bookworm")->origin = "Fork";
	solve_for(&c, "");
	ok(refusal(&c.plan, GP_UNKNOWN_FACT) != NULL, "only another's: refused");
}

static void test_mirrors(void)
{
	auto_solved a = { 0 }, b = { 0 };

	fresh(&a);
	source(&a.facts, "http://far.example/debian/", "bookworm");
	source(&a.facts, "http://far.example/debian-security/", "bookworm-security");
	solve_for(&a, "apt: {mirror: \"http://near.example/debian/\"}\n");
	is(entries(&a, SOURCE),
	   "http://near.example/debian/ bookworm "
	   "http://far.example/debian-security/ bookworm-security ",
	   "a mirror of the archive does not replace the security archive");

	fresh(&b);
	source(&b.facts, "http://far.example/debian/", "bookworm");
	source(&b.facts, "http://far.example/debian-security/", "bookworm-security");
	solve_for(&b, "apt: {security-mirror: \"http://near.example/security/\"}\n");
	is(entries(&b, SOURCE),
	   "http://far.example/debian/ bookworm "
	   "http://near.example/security/ bookworm-security ",
	   "that has a mirror of its own");
}

int main(void)
{
	test_whose();
	test_mirrors();
	return done_testing();
}
