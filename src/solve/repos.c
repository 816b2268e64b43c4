/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: repositories that the packages come from. */
#include "solve/priv.h"

#include "base/str.h"

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
static const char *distro_repo(struct solving *s, const strs *components)
{
	const char *path =
		arena_printf(s->a, "etc/apt/sources.list.d/gpuprov-%s.sources", s->facts->os.id);
	const struct fact_file *ours = facts_file(s->facts, path);
	struct facts others = sources_without(s, path);
	bool missing = false;
	const struct mirrors mirrors = { profile_get(s->profile, "apt.mirror"),
					 profile_get(s->profile, "apt.security-mirror") };
	const char *text = s->distro->enable(s->a, &others, components, &mirrors, &missing);
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
	step = plan_add(s->plan, "repo", s->facts->os.id, op, "/%s", path);
	step_arg(s->plan, step, "path", path);
	step_arg(s->plan, step, "content", text ? text : ours->content);
	step_reason(s->plan, step, NULL, place(s, "driver.source"),
		    op != OP_KEEP ? "what the driver needs is in components that are not enabled" :
				    "enables the components that the driver needs");
	return step->id;
}

const char *repo_for(struct solving *s, const char *which, const strs *components, const char *path)
{
	if (str_eq(which, "distro"))
		return distro_repo(s, components);
	return vendor_repo(s, which, path);
}
