/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: order, totals, questions, JSON that is the same bytes again. */
#include "plan.h"

#include "base/str.h"
#include "tap.h"

static void order_of(const struct plan *p, struct buf *ret)
{
	buf_clear(ret);
	list_each (&p->steps, s)
		buf_addf(ret, "%s%s", ret->len ? " " : "", s->id);
}

static struct plan_step *add(struct plan *p, const char *name, enum plan_op op)
{
	return plan_add(p, "k", name, op, "%s", name);
}

static void test_ties(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf got = BUF_TEXT;
	struct plan p;

	plan_init(&p, &a);
	is(p.schema, PLAN_SCHEMA, "a new plan has a schema");
	plan_finish(&p);
	ok(!p.steps.n && !plan_pending(&p) && !plan_refused(&p), "an empty plan");
	add(&p, "c", OP_ADD);
	add(&p, "a", OP_CHANGE);
	add(&p, "b", OP_KEEP);
	add(&p, "B", OP_ADD);
	plan_finish(&p);
	order_of(&p, &got);
	is(buf_str(&got), "k:B k:a k:b k:c", "without needs, by id");
	add(&p, "z", OP_REMOVE);
	add(&p, "y", OP_REMOVE);
	plan_finish(&p);
	order_of(&p, &got);
	is(buf_str(&got), "k:y k:z k:B k:a k:b k:c", "removals first");
}

static void test_needs(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf got = BUF_TEXT;
	struct plan p;
	struct plan_step *s;

	plan_init(&p, &a);
	s = add(&p, "a", OP_ADD);
	step_needs(&p, s, "k:z");
	step_needs(&p, s, "k:absent");
	add(&p, "z", OP_ADD);
	add(&p, "m", OP_ADD);
	s = add(&p, "gone", OP_REMOVE);
	step_needs(&p, s, "k:z");
	plan_finish(&p);
	order_of(&p, &got);
	is(buf_str(&got), "k:m k:z k:gone k:a",
	   "after what it needs; a need that is no step holds nothing up");
}

/* The same numbers everywhere. */
static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 16;
}

enum { STEPS = 12 };

/* Step i may need only those with a smaller number in a hidden order, so there is no cycle. */
static void random_plan(struct plan *p, struct arena *a, unsigned seed, const unsigned *added)
{
	unsigned state = seed;
	bool edges[STEPS][STEPS] = { 0 };
	enum plan_op ops[STEPS];

	plan_init(p, a);
	for (unsigned i = 0; i < STEPS; i++) {
		ops[i] = (enum plan_op)(next_random(&state) % 5);
		for (unsigned j = 0; j < i; j++)
			edges[i][j] = next_random(&state) % 4 == 0;
	}
	for (unsigned k = 0; k < STEPS; k++) {
		unsigned i = added[k];
		/* Names say nothing about the hidden order. */
		struct plan_step *s = add(p, arena_printf(a, "%02u", i * 7 % STEPS), ops[i]);

		for (unsigned j = 0; j < i; j++)
			if (edges[i][j])
				step_needs(p, s, arena_printf(a, "k:%02u", j * 7 % STEPS));
	}
	plan_finish(p);
}

static bool placed_before(const struct plan *p, const char *id, const struct plan_step *end)
{
	for (const struct plan_step *s = p->steps.at; s < end; s++)
		if (str_eq(s->id, id))
			return true;
	return false;
}

static bool was_ready(const struct plan *p, const struct plan_step *s, const struct plan_step *at)
{
	list_each (&s->needs, id)
		if (!placed_before(p, *id, at))
			return false;
	return true;
}

/* Each step comes after its needs, and none that could have come first was passed over. */
static unsigned faults(const struct plan *p)
{
	unsigned wrong = 0;

	list_each (&p->steps, s) {
		wrong += !was_ready(p, s, s);
		for (const struct plan_step *later = s + 1; later < p->steps.at + p->steps.n;
		     later++) {
			bool removal = later->op == OP_REMOVE, first = s->op == OP_REMOVE;

			if (was_ready(p, later, s))
				wrong += removal != first ? removal : str_cmp(later->id, s->id) < 0;
		}
	}
	return wrong;
}

static void test_random(void)
{
	unsigned wrong = 0, differing = 0;

	for (unsigned seed = 1; seed <= 300; seed++) {
		auto_arena struct arena a = { 0 };
		auto_buf struct buf one = BUF_TEXT;
		auto_buf struct buf two = BUF_TEXT;
		unsigned up[STEPS], down[STEPS];
		struct plan p, q;

		for (unsigned i = 0; i < STEPS; i++)
			up[i] = i, down[STEPS - 1 - i] = i;
		random_plan(&p, &a, seed, up);
		random_plan(&q, &a, seed, down);
		wrong += faults(&p) + faults(&q);
		plan_write(&p, &one);
		plan_write(&q, &two);
		differing += !str_eq(buf_str(&one), buf_str(&two));
	}
	ok(!wrong, "random plans: needs, then removals, then ids");
	ok(!differing, "the order in which steps were added does not matter");
}

static void package(struct plan *p, struct plan_step *s, long long download, long long disk)
{
	*list_push(p->a, &s->packages) =
		(struct plan_package){ .name = "n", .download = download, .disk = disk };
}

static void test_totals(void)
{
	auto_arena struct arena a = { 0 };
	struct plan p;
	struct plan_step *s;

	plan_init(&p, &a);
	s = add(&p, "a", OP_ADD);
	package(&p, s, 100, 1000);
	package(&p, s, 0, -300);
	s = add(&p, "b", OP_KEEP);
	add(&p, "c", OP_KEEP);
	add(&p, "d", OP_CHANGE);
	add(&p, "e", OP_REPLACE);
	add(&p, "f", OP_REMOVE);
	p.totals.reboot = true;
	plan_finish(&p);
	ok(p.totals.add == 1 && p.totals.keep == 2 && p.totals.remove == 1, "added, kept, removed");
	ok(p.totals.change == 2, "replacing is a change");
	ok(p.totals.packages == 2 && p.totals.download == 100 && p.totals.disk == 700, "packages");
	ok(p.totals.reboot, "a reboot is remembered");
	plan_finish(&p);
	ok(p.totals.add == 1 && p.totals.disk == 700, "finishing again counts once");
}

static void test_pending(void)
{
	for (int op = OP_REMOVE; op <= OP_KEEP; op++) {
		auto_arena struct arena a = { 0 };
		struct plan p;

		plan_init(&p, &a);
		add(&p, "a", OP_KEEP);
		add(&p, "b", (enum plan_op)op);
		plan_finish(&p);
		ok(plan_pending(&p) == (op != OP_KEEP), "pending, with operation %d", op);
	}
}

static void test_refused(void)
{
	auto_arena struct arena a = { 0 };
	struct plan p;

	plan_init(&p, &a);
	diag_add(&p.diags, SEV_WARNING, GP_RULE + 26, NULL, "w");
	ok(!plan_refused(&p), "a warning refuses nothing");
	diag_add(&p.diags, SEV_ERROR, GP_NO_GPU, NULL, "e");
	ok(plan_refused(&p), "an error does");
}

/* A plan with something in every member. */
static void fill(struct plan *p, struct arena *a)
{
	const struct span at = { .file = "p.yaml", .line = 7, .col = 3, .width = 1 };
	struct plan_step *s;
	struct diag *d;

	plan_init(p, a);
	p->header = (struct plan_header){ "p.yaml", "0123", "bare-metal", "2026-01-02", "host",
					  "3",      "auto", "rollback",   "/r",         "/c" };
	s = plan_add(p, "file", "x", OP_CHANGE, "/etc/%s", "x");
	step_arg(p, s, "path", "etc/x");
	step_arg(p, s, "want", "one");
	step_arg(p, s, "want", "two \"quoted\"\n");
	step_needs(p, s, "packages:nvidia");
	step_reason(p, s, "R39", &at, "because of %d", 5);
	step_reason(p, s, NULL, NULL, "it follows");
	s->risk = "none to speak of";
	s->when = "boot";
	s = plan_add(p, "packages", "nvidia", OP_ADD, "driver");
	*list_push(a, &s->packages) =
		(struct plan_package){ "libcuda1", "amd64",      "new",         "535-1",
				       NULL,       "Debian",     "bookworm",    "non-free",
				       "ab",       "nvidia-smi", 12345678901LL, -5 };
	plan_omit(p, "toolkit", "R1", &at, "not %s", "wanted");
	plan_post(p, "z", "file", "etc/x", NULL, NULL);
	plan_post(p, "a", "package", "libcuda1", "535", "libcuda1")->needs = "boot";
	d = diag_add(&p->diags, SEV_WARNING, GP_RULE + 26, &at, "unknown");
	d->rule = "R26";
	diag_why(&p->diags, d, "why");
	diag_way(&p->diags, d, "k=v", "way");
	p->totals.reboot = true;
	plan_finish(p);
}

static void test_asking(void)
{
	auto_arena struct arena a = { 0 };
	struct plan p;
	const struct plan_step *s;

	fill(&p, &a);
	s = plan_find(&p, "file:x");
	is(s ? s->what : NULL, "/etc/x", "a step by its id");
	is(step_get(s, "path"), "etc/x", "an argument");
	is(step_get(s, "want"), "one", "the first of several");
	is(step_get(s, "none"), NULL, "none");
	ok(!plan_find(&p, "file:y") && !plan_find(&p, "file"), "what is not there");
	ok(str_eq(s->reasons.at[0].file, "p.yaml") && s->reasons.at[0].line == 7 &&
		   s->reasons.at[0].col == 3,
	   "a reason knows its place");
	ok(!s->reasons.at[1].file && !s->reasons.at[1].line, "or has none");
	ok(str_eq(p.posts.at[0].id, "a") && str_eq(p.posts.at[1].id, "z"),
	   "postconditions are sorted by id");
}

static void test_round_trip(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf one = BUF_TEXT;
	auto_buf struct buf two = BUF_TEXT;
	auto_err e = { 0 };
	struct plan p, q;

	fill(&p, &a);
	plan_write(&p, &one);
	ok(plan_read(buf_str(&one), one.len, "P", &a, &q, &e) == 0 && !e.text,
	   "a plan is read back");
	plan_write(&q, &two);
	is(buf_str(&two), buf_str(&one), "and written again as the same bytes");
	ok(one.len && one.data[one.len - 1] == '\n', "which end with a newline");
	ok(q.steps.n == 2 && q.steps.at[1].op == OP_CHANGE && q.steps.at[1].args.n == 3, "steps");
	ok(q.totals.reboot && q.totals.download == 12345678901LL && q.totals.disk == -5, "totals");
	add(&q, "new", OP_ADD);
	diag_add(&q.diags, SEV_ERROR, GP_IO, NULL, "new");
	ok(q.steps.n == 3 && plan_refused(&q), "it can be built on");
}

static void test_read_refused(void)
{
	static const char *const rows[][2] = {
		{ "{}", "P: schema is 'missing', this program reads gpuprov.plan/1" },
		{ "{\"schema\":\"gpuprov.plan/2\"}",
		  "P: schema is 'gpuprov.plan/2', this program reads gpuprov.plan/1" },
		{ "{\"schema\":\"gpuprov.plan/1\",\"stpes\":[]}", "P: unknown key 'stpes'" },
		{ "{\"steps\":[{\"op\":\"destroy\"}]}",
		  "P: 'steps[0].op' has a value that is not known here" },
		{ "{\"steps\":[{\"args\":[{\"key\":1}]}]}",
		  "P: 'steps[0].args[0].key' must be a string" },
		{ "{\"totals\":{\"reboot\":\"no\"}}", "P: 'totals.reboot' must be true or false" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct plan p;

		ok(plan_read(rows[i][0], strlen(rows[i][0]), "P", &a, &p, &e) == -1, "refused: %s",
		   rows[i][0]);
		is(e.text, rows[i][1], "saying why");
	}
}

/* A file that is cut off, or in which a byte was changed, is refused or is another plan: no crash.
 */
static void test_mangled(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct plan p;
	unsigned accepted = 0;

	fill(&p, &a);
	plan_write(&p, &text);
	for (size_t n = 0; n + 1 < text.len; n++) {
		auto_arena struct arena b = { 0 };
		auto_err e = { 0 };

		accepted += plan_read(text.data, n, "P", &b, &p, &e) == 0;
		accepted += !e.text;
	}
	ok(!accepted, "cut anywhere, a plan is refused with a reason");
}

int main(void)
{
	test_ties();
	test_needs();
	test_random();
	test_totals();
	test_pending();
	test_refused();
	test_asking();
	test_round_trip();
	test_read_refused();
	test_mangled();
	return done_testing();
}
