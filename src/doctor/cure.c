/* SPDX-License-Identifier: Apache-2.0 */
/* Cures: which profile they are planned from, and whether they mend. */
#include "doctor/cure.h"

#include "base/str.h"
#include "doctor/after.h"
#include "emit/profile.h"
#include "solve/solve.h"

#include <string.h>

typedef LIST(const struct finding *) patients;

/* ---- the profile of a host that is to stay what it is ---- */

/* How much of what is there is kept: each step back leaves out more, the last keeps nothing. */
enum keeping { KEEP_ALL, KEEP_ORIGIN, KEEP_MODULES, KEEP_NOTHING };

static bool is_word(const char *word, const char *a, const char *b)
{
	return str_eq(word, a) || str_eq(word, b);
}

static void add_driver(const struct facts *f, enum keeping keep, struct buf *ret)
{
	const struct fact_driver *d = &f->driver;
	const char *flavour = d->flavour ? d->flavour : d->loaded_flavour;
	bool known = d->version && is_word(d->origin, "distro", "nvidia");

	buf_adds(ret, "driver:\n");
	if (known && keep <= KEEP_ORIGIN)
		buf_addf(ret, "  source: %s\n", d->origin);
	if (known && keep <= KEEP_ALL)
		buf_addf(ret, "  branch: \"%.*s\"\n", (int)strcspn(d->version, "."), d->version);
	if (flavour && keep <= KEEP_MODULES)
		buf_addf(ret, "  modules: %s\n", flavour);
	else
		buf_adds(ret, "  modules: auto\n");
}

static void add_engine(const struct facts *f, const char *kind, struct buf *ret)
{
	static const char *const docker[] = { "docker", "podman", "containerd", "crio", NULL };
	static const char *const k8s[] = { "k3s", "rke2", "k0s", "crio", "containerd", NULL };
	bool cluster = str_eq(kind, "k8s");

	for (const char *const *name = cluster ? k8s : docker; *name; name++) {
		if (!facts_engine(f, *name))
			continue;
		buf_addf(ret, cluster ? "kubernetes:\n  engine: %s\n" : "engine: %s\n", *name);
		return;
	}
}

static bool derive(const struct cure_ask *ask, bool containers, enum keeping keep, struct arena *a,
		   struct profile *ret)
{
	const struct facts *f = ask->facts;
	const char *kind = containers ? emit_kind(f) : "bare-metal", *text;
	struct diags complaints = { .a = a };
	auto_buf struct buf b = BUF_TEXT;

	buf_addf(&b, "version: 1\nkind: %s\npurpose: %s\n", kind,
		 containers ? "containers" : "run");
	if (!str_eq(kind, "bare-metal"))
		add_engine(f, kind, &b);
	add_driver(f, keep, &b);
	text = arena_strn(a, buf_str(&b), b.len);
	return profile_parse("this host", text, b.len, a, ret, &complaints) == 0;
}

/* ---- one try ---- */

static const char *fix_of(const struct cure_ask *ask, const struct finding *f)
{
	const struct record *r = catalog_find(ask->catalog, "symptom", f->symptom);

	return r ? record_get(r, "fix") : NULL;
}

static bool any_fix(const struct cure_ask *ask, const patients *who, const char *fix)
{
	list_each (who, f)
		if (str_eq(fix_of(ask, *f), fix))
			return true;
	return false;
}

/* The profile, with the changes that the findings propose. */
static bool prescribe(const struct cure_ask *ask, const patients *who, enum keeping keep,
		      struct arena *a, struct profile *ret)
{
	struct profile own;
	const struct profile *base = ask->profile;
	struct diags complaints = { .a = a };
	strs sets = { 0 };

	if (!base && !derive(ask, any_fix(ask, who, "containers"), keep, a, &own))
		return false;
	list_each (who, f)
		list_each (&(*f)->sets, set)
			list_add(a, &sets, *set);
	return profile_changed(base ? base : &own, &sets, a, ret, &complaints) == 0;
}

static bool has(const findings *all, const char *symptom)
{
	list_each (all, f)
		if (str_eq(f->symptom, symptom))
			return true;
	return false;
}

/* All that were meant are gone, and nothing new is broken. */
static bool mended(const findings *before, const patients *who, const findings *left)
{
	list_each (who, f)
		if (has(left, (*f)->symptom))
			return false;
	list_each (left, f)
		if (f->severity == SEV_ERROR && !has(before, f->symptom))
			return false;
	return true;
}

/* Places in a profile that nobody has written lead nowhere. */
static void forget_places(struct plan *p)
{
	list_each (&p->steps, s)
		list_each (&s->reasons, r)
			r->file = NULL;
	list_each (&p->omitted, o)
		o->reason.file = NULL;
	list_each (&p->diags.list, d)
		d->at = d->also = (struct span){ 0 };
}

static bool make_plan(const struct cure_ask *ask, const patients *who, enum keeping keep,
		      struct arena *a, struct cure *ret)
{
	auto_buf struct buf host = BUF_TEXT;
	bool whole = any_fix(ask, who, "driver") || any_fix(ask, who, "containers");

	*ret = (struct cure){ 0 };
	plan_init(&ret->plan, a);
	if (whole) {
		if (!prescribe(ask, who, keep, a, &ret->profile))
			return false;
		solve(&ret->profile, ask->facts, ask->catalog, a, &ret->plan);
	}
	facts_summary(ask->facts, ask->catalog, &host);
	ret->plan.header.host = arena_str(a, buf_str(&host));
	ret->plan.header.catalog = ask->catalog->date;
	ret->plan.header.profile = "doctor --fix";
	if (!ask->profile)
		forget_places(&ret->plan);
	list_each (who, f)
		if (str_eq(fix_of(ask, *f), "steps") && !cure_steps(*f, ask, &ret->plan))
			return false;
	if (!plan_refused(&ret->plan))
		plan_finish(&ret->plan);
	return !plan_refused(&ret->plan);
}

/* Why it is not mended: the first refusal. */
static const char *first_refusal(const struct plan *p)
{
	list_each (&p->diags.list, d)
		if (d->severity == SEV_ERROR)
			return d->what;
	return NULL;
}

/* *ret_good: the plan is there and mends. */
static int attempt(const struct cure_ask *ask, const findings *all, const patients *who,
		   enum keeping keep, struct arena *a, struct cure *ret, bool *ret_good,
		   struct err *e)
{
	struct facts then = { 0 };

	*ret_good = false;
	if (!make_plan(ask, who, keep, a, ret))
		return 0;
	if (facts_after(ask->facts, &ret->plan, a, &then, e))
		return err_ctx(e, "looking at the host as it will be");
	doctor(&then, ask->catalog, a, &ret->left);
	*ret_good = mended(all, who, &ret->left);
	return 0;
}

/* As much of the host as possible is kept. */
static int mend(const struct cure_ask *ask, const findings *all, const patients *who,
		struct arena *a, struct cure *ret, bool *ret_good, const char **ret_why,
		struct err *e)
{
	enum keeping last = ask->profile ? KEEP_ALL : KEEP_NOTHING;

	*ret_why = NULL;
	for (enum keeping k = KEEP_ALL; k <= last; k++) {
		if (attempt(ask, all, who, k, a, ret, ret_good, e))
			return -1;
		if (*ret_good)
			return 0;
		if (!*ret_why)
			*ret_why = first_refusal(&ret->plan);
	}
	return 0;
}

/* ---- the two questions ---- */

static bool waits_for_a_boot(const struct plan *p)
{
	return p->totals.reboot;
}

int cure_judge(const struct cure_ask *ask, struct arena *a, findings *io, struct err *e)
{
	list_each (io, f) {
		const struct record *r = catalog_find(ask->catalog, "symptom", f->symptom);
		struct cure cure;
		patients who = { 0 };
		const char *why;
		bool good;

		f->fix = FIX_BY_HAND;
		f->by_hand = r ? record_get(r, "by-hand") : NULL;
		if (!r || !record_get(r, "fix") || f->severity == SEV_NOTE)
			continue;
		list_add(a, &who, f);
		if (mend(ask, io, &who, a, &cure, &good, &why, e))
			return -1;
		if (good) {
			f->fix = waits_for_a_boot(&cure.plan) ? FIX_PLAN_AND_BOOT : FIX_PLAN;
			f->by_hand = NULL;
		} else if (!f->by_hand) {
			f->by_hand = why ? arena_printf(a, "there is no plan: %s", why) :
					   "what a plan can change does not mend it here";
		}
	}
	return 0;
}

static void choose(const findings *all, struct arena *a, patients *ret)
{
	list_each (all, f)
		if (f->fix != FIX_BY_HAND)
			list_add(a, ret, f);
}

int cure_plan(const struct cure_ask *ask, const findings *all, struct arena *a, struct cure *ret,
	      struct err *e)
{
	patients who = { 0 };
	const char *why;
	bool good = false;

	choose(all, a, &who);
	if (mend(ask, all, &who, a, ret, &good, &why, e))
		return -1;
	/* Two cures that exclude each other: one after the other then, the gravest first. */
	for (size_t i = 0; i < who.n && !good; i++) {
		patients one = { 0 };

		list_add(a, &one, who.at[i]);
		if (mend(ask, all, &one, a, ret, &good, &why, e))
			return -1;
	}
	return 0;
}
