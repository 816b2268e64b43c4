/* SPDX-License-Identifier: Apache-2.0 */
/* Asking libapt which exact set a plan comes to. */
#include "closure.h"

#include "base/str.h"
#include "base/ver.h"
#include "indexes.h"
#include "steps/step.h"
#include "sys/apt.h"
#include "sys/sys.h"

#include <string.h>

static void take_package(struct plan *plan, struct plan_step *s, const struct apt_package *p)
{
	struct plan_package *k = list_push(plan->a, &s->packages);

	*k = (struct plan_package){
		.name = arena_str(plan->a, p->name),
		.arch = arena_str(plan->a, p->arch),
		.change = apt_change_word(p->change),
		.version = arena_str(plan->a, p->version),
		.old_version = arena_str(plan->a, p->old_version),
		.origin = arena_str(plan->a, p->origin),
		.suite = arena_str(plan->a, p->suite),
		.component = arena_str(plan->a, p->component),
		.sha256 = arena_str(plan->a, p->sha256),
		.because = arena_str(plan->a, p->because),
		.download = p->change == APT_REMOVE ? 0 : p->download,
		.disk = p->disk,
	};
}

static int resolve_step(struct plan *plan, struct plan_step *s, const struct indexes *x,
			const struct sys *sys, const struct sys *cache,
			const struct closure_options *o, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct apt_answer answer = { .a = &a };
	struct apt_job job = {
		.verb = APT_RESOLVE,
		.root = sys->root,
		.sources = x->sources,
		.lists = x->lists,
		.caches = x->caches,
		.refresh = x->added ? APT_FETCH_LISTS : APT_FETCH_ABSENT,
	};

	if (o->offline || (x->complete && !o->refresh))
		job.refresh = APT_USE_LISTS;
	else if (o->refresh)
		job.refresh = APT_FETCH_LISTS;
	step_wants(s, &a, &job);
	if (sys_apt(sys, &job, o->listener, &answer, e))
		return -1;
	if (job.refresh != APT_USE_LISTS && indexes_fetched(cache, x, e))
		return -1;
	list_each (&answer.packages, p)
		take_package(plan, s, p);
	return 0;
}

/* The version a package will have when the plan is done; NULL when it is not in the picture. */
static const char *version_after(const struct plan *plan, const struct facts *facts,
				 const char *package)
{
	const struct fact_package *now = facts_package(facts, package);

	list_each (&plan->steps, s)
		list_each (&s->packages, k)
			if (str_eq(k->name, package))
				return k->version;
	return now ? now->version : NULL;
}

static void fill_posts(struct plan *plan, const struct facts *facts)
{
	list_each (&plan->posts, post) {
		const char *version = post->of ? version_after(plan, facts, post->of) : NULL;
		struct piece up;

		if (!version)
			continue;
		up = ver_deb_upstream(version);
		post->wanted = str_eq(post->kind, "package") ? version :
							       arena_strn(plan->a, up.at, up.len);
	}
}

int closure_resolve(struct plan *plan, const struct facts *facts, const struct sys *sys,
		    const struct sys *cache, const struct closure_options *options, struct err *e)
{
	struct indexes x;
	int lock, rc = 0;

	list_each (&plan->steps, s) {
		if (!str_eq(s->kind, "packages") || s->op == OP_KEEP)
			continue;
		if (indexes_prepare(sys, cache, plan, plan->a, &x, &lock, e))
			return -1;
		rc = resolve_step(plan, s, &x, sys, cache, options, e);
		sys_unlock(cache, lock);
		if (rc)
			return err_ctx(e, "finding the exact set of packages");
	}
	fill_posts(plan, facts);
	plan_finish(plan);
	return 0;
}
