/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: what keeps the driver where the plan puts it, by apt's preferences and by holds. */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

/* One less than what would let apt downgrade on its own. */
#define PRIORITY "995"

static const char *patterns(const struct solving *s, const char *family)
{
	const struct record *r = catalog_find(s->catalog, "package-family", family);

	return r ? record_get(r, "patterns") : "";
}

/* The comma-separated patterns with blanks, as preferences have them. */
static const char *pin_names(struct solving *s)
{
	auto_buf struct buf b = BUF_TEXT;

	for (const char *c = patterns(s, "driver"); *c; c++)
		buf_addc(&b, *c == ',' ? ' ' : *c);
	return arena_str(s->a, buf_str(&b));
}

/*
 * The versions of a branch have an apt glob; so has each build of one version. A preference knows
 * origin or version, not both: so the other origins come first, at the priority of what is
 * installed, and what is left of the branch are the versions of ours.
 */
static const char *pin_text(struct solving *s)
{
	const char *names = pin_names(s);
	const char *ours = s->choice.origin == FROM_NVIDIA ? "nvidia" : s->facts->os.id;
	const struct record *r = NULL;
	auto_buf struct buf b = BUF_TEXT;

	buf_addf(&b,
		 "# Written by gpuprov: the driver stays at %s, all of one origin.\n"
		 "# Do not edit; 'gpuprov rollback' takes it away again.\n",
		 choice_name(s, &s->choice));
	while ((r = catalog_next(s->catalog, "release-origin", r)))
		if (!str_eq(r->key, ours) &&
		    (!record_get(r, "distro") || record_is(r, "distro", s->facts->os.id)))
			buf_addf(&b, "\nPackage: %s\nPin: release o=%s\nPin-Priority: 100\n", names,
				 record_get(r, "origin"));
	buf_addf(&b, "\nPackage: %s\nPin: version %s%s\nPin-Priority: " PRIORITY "\n", names,
		 s->within, strchr(s->within, '.') ? "-*" : ".*");
	return arena_str(s->a, buf_str(&b));
}

/* Where one origin has one branch for the life of a release, nothing can go astray. */
static bool can_stray(const struct solving *s, const struct wants *w)
{
	if (s->choice.origin == FROM_NVIDIA || w->nvidia || str_eq(s->facts->os.id, "ubuntu") ||
	    facts_file(s->facts, PIN_FILE))
		return true;
	list_each (&s->facts->sources, it)
		if (str_eq(it->origin, "NVIDIA"))
			return true;
	return false;
}

void solve_pin(struct solving *s, const struct wants *w)
{
	struct plan_step *step;

	if (s->choice.origin == FROM_RUNFILE || !profile_on(s->profile, "apt.pin") ||
	    !can_stray(s, w))
		return;
	step = solve_file(s, "apt-pin", PIN_FILE, pin_text(s));
	step_reason(
		s->plan, step, s->choice.origin == FROM_NVIDIA ? "R34" : "R35", place(s, "apt.pin"),
		"every part of the driver of one branch and one origin, also when apt upgrades");
	plan_post(s->plan, "apt.pin", "file", PIN_FILE, NULL, NULL);
}

/* ---- holds ---- */

static void hold_family(struct solving *s, struct plan_step *step, const char *family,
			const char *within)
{
	for (const char *at = patterns(s, family); *at;) {
		size_t n = strcspn(at, ",");

		step_arg(s->plan, step, "package",
			 arena_printf(s->a, "%.*s%s%s", (int)n, at, within ? " " : "",
				      within ? within : ""));
		at += n + (at[n] == ',');
	}
}

static bool held_by_us(const struct facts *f, const struct fact_package *p)
{
	list_each (&f->pins, pin)
		if (str_eq(pin->file, HELD_FILE) && str_eq(pin->package, p->name) &&
		    str_eq(pin->pin, arena_printf(f->a, "version %s", p->version)))
			return p->held;
	return false;
}

/* Of what is installed: is each that the step names held, at the version it has? */
static bool all_held(const struct solving *s, const struct plan_step *step)
{
	list_each (&s->facts->packages, p)
		list_each (&step->args, arg)
			if (str_eq(arg->key, "package") && str_eq(p->status, "installed") &&
			    ver_deb_named(p->name, p->version, arg->value) &&
			    !held_by_us(s->facts, p))
				return false;
	return true;
}

void solve_hold(struct solving *s, const struct wants *w)
{
	const struct plan_step *packages = plan_find(s->plan, "packages:nvidia");
	bool changes = packages && packages->op != OP_KEEP;
	bool ours = facts_file(s->facts, HELD_FILE) != NULL;
	struct plan_step *step;

	if (!profile_on(s->profile, "apt.hold"))
		return;
	step = plan_add(s->plan, "hold", "nvidia", OP_ADD, "/%s", HELD_FILE);
	if (s->choice.origin != FROM_RUNFILE)
		hold_family(s, step, "driver", s->within);
	if (w->toolkit)
		hold_family(s, step, "container-toolkit", NULL);
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(
		s->plan, step, NULL, place(s, "apt.hold"),
		"no upgrade moves them, unattended ones neither; gpuprov itself does, when asked");
	if (ours)
		step->op = changes || !all_held(s, step) ? OP_CHANGE : OP_KEEP;
}
