/* SPDX-License-Identifier: Apache-2.0 */
/* Asking libapt which exact set a plan comes to. */
#include "closure/closure.h"

#include "base/str.h"
#include "base/ver.h"
#include "closure/index_dates.h"
#include "closure/indexes.h"
#include "closure/keys.h"
#include "closure/predict.h"
#include "closure/room.h"
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

/* ---- what a set must not do ---- */

static bool has_arg(const struct plan_step *s, const char *key, const char *value)
{
	list_each (&s->args, arg)
		if (str_eq(arg->key, key) && str_eq(arg->value, value))
			return true;
	return false;
}

/* The container toolkit has versions and a repository of its own. */
static bool of_toolkit(const char *name)
{
	return str_starts(name, "nvidia-container") || str_starts(name, "libnvidia-container");
}

static void judge_removals(struct plan *plan, const struct plan_step *s,
			   const struct apt_answer *answer)
{
	struct diags *diags = &plan->diags;

	list_each (&answer->packages, p) {
		struct diag *d;

		/* Another branch of the driver makes room: that is what the profile asks for. */
		if (p->change != APT_REMOVE || fact_of_driver(p->name) ||
		    has_arg(s, "remove", p->name))
			continue;
		d = diag_add(diags, SEV_ERROR, GP_WOULD_REMOVE, NULL,
			     "installing this would remove %s %s", p->name, p->old_version);
		diag_why(diags, d, "it conflicts with what the plan installs");
		diag_way(diags, d, arena_printf(plan->a, "apt.remove=%s", p->name),
			 "if it may go, name it: apt.remove: [%s]", p->name);
		diag_way(diags, d, NULL, "remove it by hand first, and look at what goes with it");
	}
}

/* R12, R28: installing an empty package brings another branch than its name says. */
static void judge_transitional(struct plan *plan, const struct apt_answer *answer)
{
	struct diags *diags = &plan->diags;

	list_each (&answer->packages, p) {
		struct diag *d;

		if (!p->transitional || p->because || p->change == APT_REMOVE)
			continue;
		d = diag_add(diags, SEV_ERROR, GP_TRANSITIONAL, NULL,
			     "%s %s is an empty package on the way to another", p->name,
			     p->version);
		diag_why(diags, d, "the repository moved this branch to a newer one");
		diag_way(diags, d, NULL, "name the branch that is really wanted: driver.branch");
	}
}

/* "Debian" of "Debian-Security": one origin in several archives. */
static bool same_origin(const char *a, const char *b)
{
	struct piece x = { a ? a : "", strcspn(a ? a : "", "-") };

	return strcspn(b ? b : "", "-") == x.len && memcmp(x.at, b ? b : "", x.len) == 0;
}

/* Asked for within a version: the driver's own parts. */
static bool versioned(const struct plan_step *s, const char *name)
{
	list_each (&s->args, arg)
		if (str_eq(arg->key, "want") && str_starts(arg->value, name) &&
		    arg->value[strlen(name)] == ' ')
			return true;
	return false;
}

static void judge_mix(struct plan *plan, const struct plan_step *s, const struct apt_answer *answer)
{
	const struct apt_package *first = NULL;
	struct diags *diags = &plan->diags;

	list_each (&answer->packages, p) {
		struct piece a, b;
		struct diag *d;

		if (!p->version || !versioned(s, p->name) || of_toolkit(p->name))
			continue;
		if (!first)
			first = p;
		a = ver_deb_upstream(first->version);
		b = ver_deb_upstream(p->version);
		if (a.len == b.len && memcmp(a.at, b.at, a.len) == 0 &&
		    same_origin(first->origin, p->origin))
			continue;
		d = diag_add(diags, SEV_ERROR, GP_MIXED_SET, NULL,
			     "the driver would be put together from %s %s (%s) and %s %s (%s)",
			     first->name, first->version, first->origin ? first->origin : "?",
			     p->name, p->version, p->origin ? p->origin : "?");
		diag_why(diags, d,
			 "its parts work only with each other when all are of one version "
			 "and one origin");
		diag_way(diags, d, NULL, "say exactly which: driver.version");
		diag_way(diags, d, NULL, "take out the repository that has only a part of it");
		return;
	}
}

/* R31: a driver that comes by a .run gets no packages beside it. */
static void judge_sources(struct plan *plan, const struct apt_answer *answer)
{
	struct diags *diags = &plan->diags;
	const char *with = NULL;
	struct diag *d;

	if (!plan_find(plan, "driver-run:nvidia"))
		return;
	list_each (&answer->packages, p)
		if (p->change != APT_REMOVE && fact_of_driver(p->name) && !with)
			with = arena_printf(plan->a, "%s%s%s", p->name,
					    p->because ? ", which is needed by " : "",
					    p->because ? p->because : "");
	if (!with)
		return;
	d = diag_add(diags, SEV_ERROR, (enum code)(GP_RULE + 31), NULL,
		     "beside the driver of the .run a part of a packaged one would be installed: "
		     "%s",
		     with);
	d->rule = "R31";
	diag_why(diags, d, "packages and .run installers overwrite each other's files");
	diag_way(diags, d, NULL, "leave out what needs it");
	diag_way(diags, d, NULL,
		 "take the driver from packages too: driver.source: auto, and "
		 "driver.existing: replace");
}

/* A hold that we did not set is the user's word: it is moved by nobody else. */
static void judge_held(struct plan *plan, const struct facts *facts,
		       const struct apt_answer *answer)
{
	struct diags *diags = &plan->diags;

	list_each (&answer->packages, p) {
		struct diag *d;

		if (p->change == APT_NEW || !held_by_user(facts, p->name))
			continue;
		d = diag_add(diags, SEV_ERROR, GP_HELD, NULL,
			     "%s is held at %s, and this would %s it%s%s", p->name, p->old_version,
			     apt_change_word(p->change), p->version ? " to " : "",
			     p->version ? p->version : "");
		diag_why(diags, d, "gpuprov did not hold it, so somebody wants it to stay");
		diag_way(diags, d, NULL, "if it may move: apt-mark unhold %s", p->name);
		diag_way(diags, d, NULL, "plan for the version that is held: driver.version");
	}
}

/* ---- a module for each kernel that boots ---- */

/* What a kernel's module takes: compiled ones its headers, prebuilt ones a package of its own. */
enum module_kind { MODULES_NONE, MODULES_COMPILED, MODULES_PREBUILT };

static enum module_kind modules_of(const struct plan *plan, const struct plan_step *s)
{
	list_each (&s->args, arg)
		if (str_eq(arg->key, "want") && str_starts(arg->value, "linux-modules-nvidia-"))
			return MODULES_PREBUILT;
	list_each (&plan->posts, post)
		if (str_eq(post->kind, "module-source"))
			return MODULES_COMPILED;
	return MODULES_NONE;
}

static bool serves(enum module_kind kind, const char *package, const char *release)
{
	static const char headers[] = STEP_HEADERS;

	if (kind == MODULES_COMPILED)
		return str_starts(package, headers) &&
		       str_eq(package + sizeof(headers) - 1, release);
	return str_starts(package, "linux-modules-nvidia-") && str_ends(package, release);
}

/* Will the kernel have that, when this set is installed? *ret_goes: what takes it away. */
static bool served_after(enum module_kind kind, const struct facts *facts, const char *release,
			 const struct apt_answer *answer, const char **ret_goes)
{
	bool there = false;

	*ret_goes = NULL;
	list_each (&answer->packages, p) {
		if (!serves(kind, p->name, release))
			continue;
		if (p->version)
			return true;
		*ret_goes = p->name;
	}
	list_each (&facts->kernels, k)
		there |= kind == MODULES_COMPILED && k->headers && str_eq(k->release, release);
	list_each (&facts->packages, p)
		there |= str_eq(p->status, "installed") && serves(kind, p->name, release) &&
			 !str_eq(p->name, *ret_goes);
	return there && (!*ret_goes || kind == MODULES_PREBUILT);
}

static bool image_goes(const struct apt_answer *answer, struct arena *a, const char *release)
{
	list_each (&answer->packages, p)
		if (!p->version && str_eq(p->name, arena_printf(a, "linux-image-%s", release)))
			return true;
	return false;
}

static void judge_kernel(struct plan *plan, const struct facts *facts, enum module_kind kind,
			 const char *release, const struct apt_answer *answer)
{
	const char *goes, *missing = kind == MODULES_COMPILED ? "headers" : "a compiled module";
	struct diags *diags = &plan->diags;
	struct diag *d;

	if (image_goes(answer, plan->a, release) ||
	    served_after(kind, facts, release, answer, &goes))
		return;
	d = diag_add(diags, SEV_ERROR, GP_NO_MODULE, NULL,
		     "kernel %s would be left without an NVIDIA module", release);
	if (goes)
		diag_why(diags, d, "%s, which it needs, would be removed", goes);
	else
		diag_why(diags, d, "no package of this set brings %s for it", missing);
	if (!goes && kind == MODULES_COMPILED)
		diag_way(diags, d, NULL,
			 "install its headers: apt-get install linux-headers-%s; where that is no "
			 "longer on offer, upgrade the kernel, boot the new one, and plan again",
			 release);
	diag_way(diags, d, NULL,
		 "remove that kernel, if it is no longer booted: apt-get purge "
		 "linux-image-%s",
		 release);
	diag_way(diags, d, "driver.modules=none", "user space only: driver.modules: none");
}

/* Those that can be booted now, and those that come with this set. */
static void judge_kernels(struct plan *plan, const struct facts *facts, const struct plan_step *s,
			  const struct apt_answer *answer)
{
	static const char image[] = "linux-image-";
	enum module_kind kind = modules_of(plan, s);

	if (kind == MODULES_NONE)
		return;
	list_each (&facts->kernels, k)
		if (k->image || k->running)
			judge_kernel(plan, facts, kind, k->release, answer);
	list_each (&answer->packages, p)
		if (p->change == APT_NEW && str_starts(p->name, image) &&
		    strspn(p->name + sizeof(image) - 1, "0123456789"))
			judge_kernel(plan, facts, kind,
				     arena_str(plan->a, p->name + sizeof(image) - 1), answer);
}

/*
 * The meta-package brings the headers of the newest kernel. What is booted now, or was before an
 * upgrade, may be another one, whose headers are often still on offer.
 */
static void want_exact_headers(const struct plan *plan, const struct facts *facts,
			       const struct plan_step *s, struct arena *a, struct apt_job *job)
{
	if (modules_of(plan, s) != MODULES_COMPILED)
		return;
	list_each (&facts->kernels, k)
		if ((k->image || k->running) && !k->headers) {
			struct apt_want *w = list_push(a, &job->wants);

			w->name = arena_printf(a, STEP_HEADERS "%s", k->release);
			w->if_offered = true;
		}
}

static void judge(struct plan *plan, const struct facts *facts, const struct plan_step *s,
		  const struct apt_answer *answer)
{
	judge_held(plan, facts, answer);
	judge_kernels(plan, facts, s, answer);
	judge_removals(plan, s, answer);
	judge_transitional(plan, answer);
	judge_mix(plan, s, answer);
	judge_sources(plan, answer);
}

static int resolve_step(struct plan *plan, struct plan_step *s, const struct facts *facts,
			struct indexes *x, const struct sys *sys, const struct sys *cache,
			const struct closure_options *o, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct apt_answer answer = { .a = &a };
	struct apt_job job = {
		.verb = APT_RESOLVE,
		.root = sys->root,
		.sources = x->sources,
		.preferences = x->preferences,
		.lists = x->lists,
		.caches = x->caches,
		.refresh = x->added ? APT_FETCH_LISTS : APT_FETCH_ABSENT,
	};

	if (o->offline || (x->complete && !o->refresh))
		job.refresh = APT_USE_LISTS;
	else if (o->refresh)
		job.refresh = APT_FETCH_LISTS;
	step_wants(s, &a, &job);
	want_exact_headers(plan, facts, s, &a, &job);
	if (predict_status(plan, facts, sys, cache, x->key, &a, &job.status, e))
		return -1;
	if (sys_apt(sys, &job, o->listener, &answer, e))
		return -1;
	if (answer.fetched) {
		x->since = sys_now(cache);
		if (index_dates_check(sys, cache, x, e))
			return -1;
	}
	if (job.refresh != APT_USE_LISTS && indexes_fetched(cache, x, e))
		return -1;
	plan->indexes_since = x->since;
	list_each (&answer.packages, p)
		take_package(plan, s, p);
	judge(plan, facts, s, &answer);
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

	if (keys_get(plan, sys, cache, options, e))
		return -1;
	list_each (&plan->steps, s) {
		if (!str_eq(s->kind, "packages") || s->op == OP_KEEP)
			continue;
		if (indexes_prepare(sys, cache, plan, plan->a, &x, &lock, e))
			return -1;
		rc = resolve_step(plan, s, facts, &x, sys, cache, options, e);
		sys_unlock(cache, lock);
		if (rc)
			return err_ctx(e, "finding the exact set of packages");
	}
	fill_posts(plan, facts);
	room_judge(plan, facts);
	plan_finish(plan);
	/* A refused plan has no steps: nobody shall run half of it. */
	if (plan_refused(plan)) {
		plan->steps.n = plan->posts.n = plan->omitted.n = 0;
		plan->totals = (struct plan_totals){ 0 };
	}
	return 0;
}
