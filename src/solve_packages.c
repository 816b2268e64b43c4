/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: which packages, and the repositories they come from. */
#include "solve_priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

struct wanted {
	const char *package;
	const char *within; /* version head, or NULL */
	const char *rule, *why;
	struct span *at;
};

struct wants {
	LIST(struct wanted) list;
	strs components;
};

static void want_components(struct solving *s, struct wants *w, const char *at)
{
	while (at && *at) {
		size_t n = strcspn(at, ",");
		const char *name = arena_strn(s->a, at, n);
		bool there = false;

		list_each (&w->components, c)
			there |= str_eq(*c, name);
		if (!there)
			list_add(s->a, &w->components, name);
		at += n + (at[n] == ',');
	}
}

static void want_role(struct solving *s, struct wants *w, const char *role, const char *within,
		      const char *path)
{
	const struct record *r = catalog_find(s->catalog, "role",
					      arena_printf(s->a, "%s/%s", s->distro->world, role));
	struct wanted *one;

	if (!r)
		return;
	one = list_push(s->a, &w->list);
	one->package = record_get(r, "packages");
	one->within = within;
	one->why = record_get(r, "what");
	one->at = place(s, path);
	want_components(s, w, record_get(r, "components"));
}

static void want_headers(struct solving *s, struct wants *w)
{
	list_each (&s->facts->kernels, k) {
		const char *name = k->image ? s->distro->headers(s->a, k) : NULL;
		struct wanted *one;
		bool there = false;

		list_each (&w->list, it)
			there |= str_eq(it->package, name);
		if (!name || there)
			continue;
		one = list_push(s->a, &w->list);
		one->package = name;
		one->rule = "R38";
		one->why =
			"headers for every kernel that will boot: DKMS builds the module for each";
		one->at = place(s, "driver.modules");
	}
}

static void want_all(struct solving *s, struct wants *w)
{
	const char *purpose = profile_get(s->profile, "purpose");
	bool desktop = str_eq(purpose, "desktop");

	want_role(s, w, "libcuda", s->within, "driver");
	want_role(s, w, "smi", s->within, "driver");
	if (s->modules) {
		want_role(s, w, "module-proprietary", s->within, "driver.modules");
		want_role(s, w, "persistence", NULL, "driver");
		want_headers(s, w);
	} else {
		plan_omit(s->plan, "kernel modules", NULL, place(s, "driver.modules"),
			  "driver.modules is none: user space only");
	}
	if (desktop) {
		want_role(s, w, "desktop", s->within, "purpose");
		want_role(s, w, "settings", NULL, "purpose");
	} else {
		plan_omit(s->plan, "nvidia-settings", NULL, place(s, "purpose"),
			  "purpose is %s: X server settings are for desktops", purpose);
	}
	plan_omit(s->plan, "CUDA toolkit", NULL, place(s, "purpose"),
		  "purpose is %s: the driver is all that running CUDA programs needs", purpose);
}

/* Without our own file: what it enables is what it must go on to enable. */
static struct facts sources_without(const struct solving *s, const char *path)
{
	struct facts others = *s->facts;

	others.sources.at = NULL;
	others.sources.n = others.sources.cap = 0;
	list_each (&s->facts->sources, it)
		if (!str_eq(it->file, path))
			list_add(s->a, &others.sources, *it);
	return others;
}

/* The step that enables the components; returns its id, NULL when there is none. */
static const char *add_source(struct solving *s, const struct wants *w)
{
	const char *path = "etc/apt/sources.list.d/gpuprov-debian.sources";
	const struct fact_file *ours = facts_file(s->facts, path);
	struct facts others = sources_without(s, path);
	bool missing = false;
	const char *text = s->distro->enable(s->a, &others, &w->components,
					     profile_get(s->profile, "apt.mirror"), &missing);
	enum plan_op op = !ours ? OP_ADD : OP_CHANGE;
	struct plan_step *step;
	struct diag *d;

	if (missing) {
		d = refuse(s, GP_UNKNOWN_FACT, "driver.source",
			   "this host has no apt source of %s to build on", s->facts->os.id);
		diag_way(&s->plan->diags, d, NULL,
			 "put the distribution's own entries back into /etc/apt/sources.list");
		return NULL;
	}
	if (!text && (!ours || !ours->content))
		return NULL;
	if (!text || (ours && str_eq(ours->content, text)))
		op = OP_KEEP;
	step = plan_add(s->plan, "repo", "debian", op, "/%s", path);
	step_arg(s->plan, step, "path", path);
	step_arg(s->plan, step, "content", text ? text : ours->content);
	step_reason(s->plan, step, NULL, place(s, "driver.source"),
		    op != OP_KEEP ? "the driver is in contrib and non-free, which are not enabled" :
				    "enables contrib and non-free");
	return step->id;
}

/* Installed, whole, and of the version asked for. */
static bool satisfied(const struct solving *s, const struct wanted *w)
{
	const struct fact_package *p = facts_package(s->facts, w->package);

	return p && str_eq(p->status, "installed") &&
	       (!w->within || ver_deb_within(p->version, w->within));
}

/*
 * All packages are one step, because they are one transaction: libapt resolves them together, and a
 * plan in which half of a driver is installed does not exist.
 */
static void add_packages(struct solving *s, const struct wants *w, const char *repo)
{
	struct plan_step *step =
		plan_add(s->plan, "packages", "nvidia", OP_KEEP, "NVIDIA driver %s", s->within);

	list_each (&w->list, one) {
		const char *want = one->within ?
					   arena_printf(s->a, "%s %s", one->package, one->within) :
					   one->package;

		if (!satisfied(s, one))
			step->op = OP_ADD;
		step_arg(s->plan, step, "want", want);
		step_reason(s->plan, step, one->rule, one->at, "%s: %s", one->package, one->why);
		plan_post(s->plan, arena_printf(s->a, "package.%s", one->package), "package",
			  one->package, one->within, one->package);
	}
	if (repo)
		step_needs(s->plan, step, repo);
	step_needs(s->plan, step, "file:nouveau");
}

void solve_packages(struct solving *s)
{
	struct wants w = { 0 };
	const char *repo;

	want_all(s, &w);
	repo = add_source(s, &w);
	add_packages(s, &w, repo);
	plan_post(s->plan, "driver.libcuda", "library", "libcuda.so.1", s->within, "libcuda1");
	plan_post(s->plan, "driver.nvidia-smi", "program", "usr/bin/nvidia-smi", s->within,
		  "nvidia-smi");
	plan_post(s->plan, "dpkg.clean", "dpkg", "dpkg", NULL, NULL);
}
