/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: a driver that came another way is taken away before this one comes (R31). */
#include "solve/priv.h"

#include "base/str.h"

const char *driver_packages(const struct solving *s)
{
	auto_buf struct buf b = BUF_TEXT;

	list_each (&s->facts->packages, p)
		if (str_eq(p->status, "installed") && fact_of_driver(p->name))
			buf_addf(&b, "%s%s", b.len ? " " : "", p->name);
	return arena_str(s->a, buf_str(&b));
}

/* Also by those of an archive that is not known. */
bool driver_is_packaged(const struct solving *s)
{
	const char *origin = s->facts->driver.origin;

	return str_eq(origin, "distro") || str_eq(origin, "nvidia") ||
	       (str_eq(origin, "unknown") && *driver_packages(s));
}

/* The modules that run now belong to what goes away. */
static void needs_boot(struct solving *s, struct plan_step *step)
{
	if (!s->facts->live || !s->facts->driver.loaded)
		return;
	s->plan->totals.reboot = true;
	step_reason(s->plan, step, "R44", NULL, "its module stays loaded until the next boot");
}

static void remove_packages(struct solving *s)
{
	const char *version = s->facts->driver.version;
	struct plan_step *step = plan_add(s->plan, "packages", "other-driver", OP_REMOVE,
					  "NVIDIA driver %s of packages", version ? version : "");

	list_each (&s->facts->packages, p)
		if (str_eq(p->status, "installed") && fact_of_driver(p->name))
			step_arg(s->plan, step, "away", p->name);
	step_reason(s->plan, step, "R31", place(s, "driver.existing"),
		    "packages and .run installers overwrite each other's files");
	needs_boot(s, step);
}

static void remove_runfile(struct solving *s)
{
	const char *version = s->facts->driver.version;
	struct plan_step *step = plan_add(s->plan, "driver-away", "nvidia", OP_REMOVE,
					  "NVIDIA driver %s of a .run", version ? version : "");

	step_arg(s->plan, step, "version", version ? version : "");
	step->risk = "undo does not put it back";
	step_reason(s->plan, step, "R31", place(s, "driver.existing"),
		    "packages and .run installers overwrite each other's files");
	needs_boot(s, step);
}

void solve_switch(struct solving *s)
{
	if (s->choice.origin == FROM_RUNFILE && driver_is_packaged(s))
		remove_packages(s);
	if (s->choice.origin != FROM_RUNFILE && str_eq(s->facts->driver.origin, "runfile") &&
	    (s->facts->driver.version || facts_file(s->facts, FACT_INSTALLING "/driver")))
		remove_runfile(s);
}
