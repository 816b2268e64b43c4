/* SPDX-License-Identifier: Apache-2.0 */
/* Is there room for what a plan comes to? */
#include "tap.h"

#include "closure/room.h"

enum { MB = 1000000 };

static void mount(struct facts *f, const char *path, long long megabytes)
{
	struct fact_mount *m = list_push(f->a, &f->mounts);

	m->path = path;
	m->free_bytes = megabytes * MB;
}

/* A plan with packages of these sizes, on a host with /usr and /var/cache as given. */
static struct facts host(struct arena *a, struct plan *plan, long long usr, long long cache)
{
	struct facts f = { .a = a };
	struct plan_step *s;

	mount(&f, "/", usr);
	if (cache != usr)
		mount(&f, "var/cache/apt/archives", cache);
	plan_init(plan, a);
	s = plan_add(plan, "packages", "nvidia", OP_ADD, "driver");
	*list_push(a, &s->packages) =
		(struct plan_package){ .download = 100 * MB, .disk = 500 * MB };
	*list_push(a, &s->packages) = (struct plan_package){ .disk = -50 * MB };
	return f;
}

static const char *said(const struct plan *plan, enum severity severity)
{
	list_each (&plan->diags.list, d)
		if (d->severity == severity && d->code == GP_NO_SPACE)
			return d->what;
	return NULL;
}

static void one_file_system(void)
{
	auto_arena struct arena a = { 0 };
	struct plan plan;
	struct facts f = host(&a, &plan, 549, 549);

	room_judge(&plan, &f);
	is(said(&plan, SEV_ERROR), "the plan takes 550 MB, and / has 549 MB",
	   "packages and their files are summed, what goes is taken off");
	is(plan.diags.list.at[0].why, "packages to download: 100 MB, packages to install: 450 MB",
	   "what it consists of");

	f = host(&a, &plan, 659, 659);
	room_judge(&plan, &f);
	ok(!said(&plan, SEV_ERROR), "it fits");
	is(said(&plan, SEV_WARNING), "the plan takes 550 MB, and / has 659 MB: hardly more",
	   "but less than a fifth would be left");

	f = host(&a, &plan, 660, 660);
	room_judge(&plan, &f);
	ok(plan.diags.list.n == 0, "with a fifth to spare nothing is said");
}

static void two_file_systems(void)
{
	auto_arena struct arena a = { 0 };
	struct plan plan;
	struct facts f = host(&a, &plan, 540, 99);

	room_judge(&plan, &f);
	is(said(&plan, SEV_ERROR), "the plan takes 100 MB, and /var/cache/apt/archives has 99.0 MB",
	   "each by itself");
	ok(plan.diags.list.n == 1, "the other has room");
}

static void estimates(void)
{
	auto_arena struct arena a = { 0 };
	struct plan plan;
	struct facts f = host(&a, &plan, 800, 800);

	diag_add(&plan.diags, SEV_WARNING, GP_NO_SPACE, NULL, "usually takes more");
	diag_add(&plan.diags, SEV_WARNING, GP_HELD, NULL, "something else");
	plan_room(&plan, "usr", 300 * MB, /* guessed= */ true, "%s installed", "d.run");
	room_judge(&plan, &f);
	ok(!plan_refused(&plan), "an estimate refuses nothing");
	is(said(&plan, SEV_WARNING), "the plan takes about 850 MB, and / has 800 MB",
	   "it is a warning, in place of the solver's");
	ok(plan.diags.list.n == 2, "what else was said stays");

	f = host(&a, &plan, 800, 800);
	plan_room(&plan, "usr", 300 * MB, /* guessed= */ false, "%s installed", "d.run");
	room_judge(&plan, &f);
	ok(plan_refused(&plan), "what is known does");

	f = host(&a, &plan, 1, 1);
	f.mounts.n = 0;
	room_judge(&plan, &f);
	ok(plan.diags.list.n == 0, "where nothing was measured nothing is said");
}

int main(void)
{
	one_file_system();
	two_file_systems();
	estimates();
	done_testing();
}
