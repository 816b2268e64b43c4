/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: which driver. Every one that could be had is tried against the rules, best first. */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <stdint.h>
#include <string.h>

typedef LIST(struct choice) choices;

/* ---- what could be had ---- */

struct offer {
	struct solving *s;
	choices *list;
	enum driver_origin origin;
	const char *world;
	const char *branch;
	const char *version; /* exact, or NULL */
	const char *lacking; /* or why it cannot be had */
};

/* The newest .run installer of a branch, or the one of that version; NULL = none known. */
static const struct record *runfile_of(const struct solving *s, const char *branch,
				       const char *version)
{
	const char *hash = str_eq(s->facts->os.arch, "arm64") ? "aarch64.sha256" : "x86_64.sha256";
	const struct record *r = NULL;

	/* Newest first. */
	while ((r = catalog_next(s->catalog, "run", r)))
		if ((version ? str_eq(r->key, version) : ver_within(r->key, branch)) &&
		    record_get(r, hash))
			return r;
	return NULL;
}

static void find_newest_dated(struct solving *s)
{
	const struct record *r = NULL;

	while ((r = catalog_next(s->catalog, "branch", r)))
		if (record_get(r, "eol") &&
		    (!s->newest_dated || ver_cmp(r->key, s->newest_dated) > 0))
			s->newest_dated = r->key;
}

/* The better a choice suits, the higher its rank: the parts do not overlap. */
static int rank_of(const struct solving *s, const struct choice *c)
{
	const struct fact_driver *there = &s->facts->driver;
	const char *kind = c->known ? record_get(c->known, "kind") : NULL;
	bool ended = !branch_lives(s, c->known);
	bool open_first = c->known && (record_is(c->known, "open", "default") ||
				       record_is(c->known, "open", "only"));
	int rank = 0;

	/* What is there stays, unless it is past its life. */
	rank += str_eq(there->origin, origin_word(c->origin)) ? 4000 : 0;
	rank += there->version && ver_within(there->version, c->branch) && !ended ? 2000 : 0;
	rank += c->origin == FROM_DISTRO ? 1000 : c->origin == FROM_NVIDIA ? 500 : 0;
	rank += ended ? 0 : 200;
	/* Of those that have ended the newest is the least stale. */
	if (ended)
		kind = NULL;
	if (str_eq(kind, "LTS"))
		rank += on_data_center(s) ? 100 : 60;
	else if (str_eq(kind, "production"))
		rank += 80;
	else if (str_eq(kind, "new-feature"))
		rank += 20;
	rank += (c->flavour == FLAVOUR_OPEN) == open_first ? 10 : 0;
	return rank;
}

static void add_choice(const struct offer *o, enum driver_flavour flavour, bool prebuilt)
{
	struct solving *s = o->s;
	struct choice c = { .origin = o->origin,
			    .flavour = flavour,
			    .branch = o->branch,
			    .version = o->version,
			    .world = o->world,
			    .lacking = o->lacking,
			    .prebuilt = prebuilt };
	const char *last;

	/* User space in a container must be of the version of the module that its host has. */
	if (!c.version && in_container(s) && s->facts->driver.loaded &&
	    ver_within(s->facts->driver.loaded, c.branch))
		c.version = s->facts->driver.loaded;
	c.known = catalog_find(s->catalog, "branch", o->branch);
	last = c.known ? record_get(c.known, "last") : NULL;
	c.newest = c.version ? c.version : last ? last : o->branch;
	if (c.world && flavour != FLAVOUR_NONE && !c.lacking) {
		const char *role = arena_printf(s->a, "%s-%s", prebuilt ? "prebuilt" : "module",
						flavour_word(flavour));

		if (!role_of(s, c.world, role, c.branch))
			c.lacking = arena_printf(s->a, "it has no %s kernel modules%s",
						 flavour_word(flavour),
						 prebuilt ? " that are compiled" : "");
	}
	/* Compiled modules that are there go on being compiled. */
	c.rank = rank_of(s, &c) + (prebuilt == !has_dkms_driver(s) ? 5 : 0);
	list_add(s->a, o->list, c);
}

static void add_flavours(const struct offer *o)
{
	const struct asks *asks = &o->s->asks;
	bool any = str_eq(asks->modules, "auto");

	if (str_eq(asks->modules, "none") || (any && in_container(o->s))) {
		add_choice(o, FLAVOUR_NONE, false);
		return;
	}
	for (int prebuilt = 0; prebuilt < 2; prebuilt++) {
		/* Only where a source compiles for its kernels is there something to choose. */
		if (prebuilt ? str_eq(asks->build, "dkms") || o->origin != FROM_DISTRO :
			       str_eq(asks->build, "prebuilt"))
			continue;
		if (any || str_eq(asks->modules, "open"))
			add_choice(o, FLAVOUR_OPEN, prebuilt);
		if (any || str_eq(asks->modules, "proprietary"))
			add_choice(o, FLAVOUR_PROPRIETARY, prebuilt);
	}
}

static const struct record *archive_driver(const struct solving *s)
{
	const struct fact_os *os = &s->facts->os;

	return catalog_find(s->catalog, "archive-driver",
			    arena_printf(s->a, "%s/%s", os->id, os->version ? os->version : "sid"));
}

/* "535.309.01" where there is one version, else the branches: "535, 550". */
static const char *archive_has(struct solving *s, const struct record *archive)
{
	const char *branches = record_get(archive, "branches");
	const char *version = record_get(archive, arena_printf(s->a, "version.%s", branches));
	auto_buf struct buf b = BUF_TEXT;

	if (version)
		return version;
	for (const char *p = branches; *p; p++)
		buf_adds(&b, *p == ',' ? ", " : arena_strn(s->a, p, 1));
	return arena_str(s->a, buf_str(&b));
}

static void offer_distro(struct solving *s, const char *branch, choices *list)
{
	const struct record *archive = archive_driver(s);
	struct offer o = { s, list, FROM_DISTRO, NULL, branch, NULL, NULL };

	if (!archive || !known_arch(s)) {
		o.lacking = arena_printf(s->a, "it is not known which drivers %s carries%s%s",
					 s->facts->os.name, known_arch(s) ? "" : " for ",
					 known_arch(s) ? "" : s->facts->os.arch);
	} else {
		o.world = has_server_driver(s) ? "ubuntu-server" : record_get(archive, "world");
		o.version = record_get(archive, arena_printf(s->a, "version.%s", branch));
		if (record_has(archive, "transitional", branch))
			o.lacking = arena_printf(
				s->a, "its packages of %s are empty and bring another branch (R35)",
				branch);
		else if (!record_has(archive, "branches", branch))
			o.lacking =
				arena_printf(s->a, "its archive has %s", archive_has(s, archive));
		else if (s->asks.version && o.version && !ver_within(o.version, s->asks.version))
			o.lacking = arena_printf(s->a, "its archive has %s", o.version);
	}
	if (s->asks.version && !o.version)
		o.version = s->asks.version;
	add_flavours(&o);
}

static void offer_nvidia(struct solving *s, const char *branch, choices *list)
{
	const char *arch = str_eq(s->facts->os.arch, "arm64") ? "sbsa" : "x86_64";
	struct offer o = { s, list, FROM_NVIDIA, NULL, branch, s->asks.version, NULL };

	if (!s->release || !record_get(s->release, "nvidia_repo"))
		o.lacking = arena_printf(s->a, "it has no directory for %s", s->facts->os.name);
	else if (!known_arch(s) || !record_has(s->release, "arches", arch))
		o.lacking = arena_printf(s->a, "it has no packages for %s on %s", s->facts->os.arch,
					 s->facts->os.name);
	else if (str_eq(s->facts->os.id, "debian"))
		o.world = "nvidia-debian";
	else
		o.world = ver_cmp(branch, "590") >= 0 ? "nvidia-ubuntu-590" : "nvidia-ubuntu";
	add_flavours(&o);
}

static void offer_runfile(struct solving *s, const char *branch, choices *list)
{
	struct offer o = { s, list, FROM_RUNFILE, NULL, branch, s->asks.version, NULL };
	const struct record *r = known_arch(s) ? runfile_of(s, branch, s->asks.version) : NULL;

	if (r)
		o.version = r->key;
	else if (!profile_given(s->profile, "driver.runfile"))
		o.lacking = "the catalog has no hash of it; name the file and its SHA-256 in "
			    "driver.runfile";
	add_flavours(&o);
}

static void offer_all(struct solving *s, const char *branch, choices *list)
{
	const char *source = s->asks.source;
	bool any = str_eq(source, "auto");
	bool run_there = str_eq(s->facts->driver.origin, "runfile") ||
			 profile_given(s->profile, "driver.runfile");

	if (any || str_eq(source, "distro"))
		offer_distro(s, branch, list);
	if (any || str_eq(source, "nvidia"))
		offer_nvidia(s, branch, list);
	if (str_eq(source, "runfile") || (any && run_there))
		offer_runfile(s, branch, list);
}

/* In order of rank; the same rank keeps the order of the catalog, which is oldest branch first. */
static void sort_choices(choices *list)
{
	for (size_t i = 1; i < list->n; i++) {
		struct choice c = list->at[i];
		size_t j = i;

		for (; j && list->at[j - 1].rank <= c.rank; j--)
			list->at[j] = list->at[j - 1];
		list->at[j] = c;
	}
}

/* What a source does not have is no choice, unless it was asked for, or is all there is. */
static void drop_lacking(choices *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		kept += !list->at[i].lacking;
	if (!kept)
		return;
	kept = 0;
	for (size_t i = 0; i < list->n; i++)
		if (!list->at[i].lacking)
			list->at[kept++] = list->at[i];
	list->n = kept;
}

static void all_choices(struct solving *s, choices *ret)
{
	const struct record *r = NULL;
	const char *asked = s->asks.version ? s->asks.version : s->asks.branch;

	if (asked) {
		offer_all(s, arena_strn(s->a, asked, strcspn(asked, ".")), ret);
	} else {
		while ((r = catalog_next(s->catalog, "branch", r)))
			offer_all(s, r->key, ret);
		drop_lacking(ret);
	}
	sort_choices(ret);
}

/* ---- trying ---- */

/* What the rules say about a choice. Returns how much speaks against it; 0 = nothing. */
static size_t try_choice(struct solving *s, const struct choice *c, struct diags *ret)
{
	struct diags outer = s->plan->diags;
	size_t refusals;

	s->plan->diags = (struct diags){ .a = s->a };
	rules_run(s, rules_driver, c);
	rules_run(s, rules_cuda, c);
	*ret = s->plan->diags;
	s->plan->diags = outer;
	refusals = diag_count(ret, SEV_ERROR);
	/* What is there and does not fit tells more than what is not there. */
	return refusals + (c->lacking ? 100 : 0);
}

enum { TRIED_MAX = 12 };

/* Keep what was looked at, for those who ask why this driver and not another. */
static void remember(struct solving *s, const struct choice *c, const struct diags *said)
{
	static const char *const modules[] = { "no", "proprietary", "open" };
	const char *outcome = "taken";

	if (s->plan->tried.n >= TRIED_MAX)
		return;
	list_each (&said->list, d) {
		if (d->severity != SEV_ERROR)
			continue;
		outcome = d->rule ? arena_printf(s->a, "%s (%s)", d->what, d->rule) : d->what;
		break;
	}
	*list_push(s->a, &s->plan->tried) =
		(struct plan_tried){ arena_printf(s->a, "%s, %s modules", choice_name(s, c),
						  modules[c->flavour]),
				     outcome };
}

/* Is there one that nothing speaks against? */
bool any_choice(struct solving *s)
{
	choices list = { 0 };
	bool good = false;

	all_choices(s, &list);
	s->quiet = true;
	list_each (&list, c) {
		s->refusals = 0;
		if (c->lacking)
			continue;
		rules_run(s, rules_driver, c);
		rules_run(s, rules_cuda, c);
		good = !s->refusals;
		if (good)
			break;
	}
	s->quiet = false;
	return good;
}

/*
 * The first choice that nothing speaks against. When there is none, *ret is the one with the least
 * against it, the better ranked first.
 */
static bool best_choice(struct solving *s, struct choice *ret, struct diags *ret_diags)
{
	choices list = { 0 };
	size_t fewest = SIZE_MAX;

	all_choices(s, &list);
	list_each (&list, c) {
		struct diags said;
		size_t refusals = try_choice(s, c, &said);

		remember(s, c, &said);
		if (refusals < fewest) {
			*ret = *c;
			*ret_diags = said;
			fewest = refusals;
		}
		if (!refusals)
			return true;
	}
	return false;
}

/* R24: no single driver for all of the GPUs, though there is one for each. */
static bool no_common_driver(struct solving *s)
{
	const char *last = NULL, *first = NULL;
	const struct target *old = NULL, *new = NULL;
	struct diag *d;

	list_each (&s->targets, t) {
		const char *l = catalog_last_branch(t->gpu, t->arch);
		const char *f = catalog_first_branch(t->gpu, t->arch);

		if (l && (!last || ver_cmp(l, last) < 0)) {
			last = l;
			old = t;
		}
		if (f && (!first || ver_cmp(f, first) > 0)) {
			first = f;
			new = t;
		}
	}
	if (!last || !first || ver_cmp(first, last) <= 0)
		return false;
	d = by_rule(s, SEV_ERROR, 24, "gpus", "no driver supports both the %s and the %s",
		    old->name, new->name);
	why(s, d, "all GPUs of a host share one driver; %s ends with branch %s, %s begins with %s",
	    old->arch->key, last, new->arch->key, first);
	way(s, d, NULL, "take one kind of them out of this host");
	way(s, d, NULL,
	    "leave one kind to a virtual machine, and plan with gpus: [...] for the other");
	return true;
}

static void take(struct solving *s, const struct choice *c, const struct diags *said)
{
	bool refused = diag_count(said, SEV_ERROR) > 0;

	s->choice = *c;
	s->modules = c->flavour != FLAVOUR_NONE;
	s->within = s->asks.version               ? s->asks.version :
		    in_container(s) && c->version ? c->version :
						    c->branch;
	list_each (&said->list, d)
		if (d->severity == SEV_ERROR || !refused)
			list_add(s->a, &s->plan->diags.list, *d);
}

bool solve_driver(struct solving *s)
{
	struct choice c = { 0 };
	struct diags said = { .a = s->a };
	bool found;

	if (no_common_driver(s))
		return false;
	find_newest_dated(s);
	found = best_choice(s, &c, &said);
	if (!found)
		find_ways(s, &said);
	take(s, &c, &said);
	/* All that speaks against it, not only the driver. */
	rules_run(s, rules_host, &s->choice);
	if (str_eq(s->profile->kind, "k8s"))
		rules_run(s, rules_k8s, &s->choice);
	return found && !plan_refused(s->plan);
}
