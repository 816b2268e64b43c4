/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov init: a commented profile that fits this host. */
#include "base/str.h"
#include "commands/common.h"
#include "emit/profile.h"
#include "profile/schema.h"
#include "solve/solve.h"

#include <string.h>

enum { MOST_ROUNDS = 8 };

/* "driver.source=nvidia", as a way out says it. */
static void put_setting(settings *set, const char *change, struct arena *a)
{
	size_t n = strcspn(change, "=");
	const char *path = arena_strn(a, change, n), *value = arena_str(a, change + n + 1);

	list_each (set, one) {
		if (!str_eq(one->path, path))
			continue;
		one->value = value;
		return;
	}
	list_add(a, set, ((struct setting){ path, value }));
}

/* The engine of a host that has one: the first of these. */
static void engine_settings(const struct facts *f, const char *kind, settings *set, struct arena *a)
{
	static const char *const docker[] = { "docker", "podman", "containerd", "crio", NULL };
	static const char *const k8s[] = { "k3s", "rke2", "k0s", "crio", "containerd", NULL };
	const char *const *names = str_eq(kind, "k8s") ? k8s : docker;

	if (str_eq(kind, "bare-metal"))
		return;
	for (; *names; names++) {
		if (!facts_engine(f, *names))
			continue;
		put_setting(set,
			    arena_printf(a, "%s=%s",
					 str_eq(kind, "k8s") ? "kubernetes.engine" : "engine",
					 *names),
			    a);
		return;
	}
}

/* The first change of the profile that a refusal offers; false when there is none. */
static bool take_way_out(const struct plan *p, settings *set, struct arena *a)
{
	list_each (&p->diags.list, d) {
		if (d->severity != SEV_ERROR)
			continue;
		list_each (&d->ways, w) {
			if (!w->sets.n)
				continue;
			list_each (&w->sets, change)
				put_setting(set, *change, a);
			return true;
		}
	}
	return false;
}

/*
 * The text, and whether a plan can be made of it: what stands in the way is settled as the solver
 * itself proposes.
 */
static bool fit(struct job *j, const char *kind, settings *set, struct buf *ret)
{
	for (unsigned round = 0; round < MOST_ROUNDS; round++) {
		struct diags complaints = { .a = &j->a };
		struct plan plan;
		const char *text;

		buf_clear(ret);
		emit_profile(&j->facts, &j->catalog, kind, set, &j->a, ret);
		text = arena_strn(&j->a, buf_str(ret), ret->len);
		if (profile_parse("-", text, ret->len, &j->a, &j->profile, &complaints))
			return false;
		solve(&j->profile, &j->facts, &j->catalog, &j->a, &plan);
		if (!plan_refused(&plan))
			return true;
		if (!take_way_out(&plan, set, &j->a))
			return false;
	}
	return false;
}

static int write_out(struct job *j, const char *file, const struct buf *text, bool plans,
		     struct err *e)
{
	const char *name = file ? file : "FILE";

	if (file && user_create(file, text->data, text->len, 0644, e)) {
		err_way(e, e->code == GP_NO_FILE ? "name a folder that is there" :
			   e->code == GP_IO      ? "choose another name, or move that file away" :
						   "choose another place, or print it: gpuprov init");
		return -1;
	}
	if (!file && print(text, e))
		return -1;
	if (file)
		fprintf(stderr, "Written to %s.\n", file);
	fprintf(stderr, "%s: gpuprov plan%s%s %s\n",
		plans ? "See what it means" : "What is still in the way, and the ways out",
		j->borrowed ? " --facts " : "", j->borrowed ? opt_value(j->o, OPT_FACTS) : "",
		name);
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	settings set = { 0 };
	const char *kind = opt_value(o, OPT_KIND);
	bool plans;

	if (job_open(&j, o, e) || job_facts(&j, e))
		return -1;
	if (!kind)
		kind = emit_kind(&j.facts);
	if (!j.facts.gpus.n)
		put_setting(&set, "gpus=[\"Tesla T4\"]", &j.a);
	engine_settings(&j.facts, kind, &set, &j.a);
	plans = fit(&j, kind, &set, &text);
	return write_out(&j, o->args.n ? o->args.at[0] : NULL, &text, plans, e) ? -1 : STATUS_OK;
}

const struct command command_init = {
	.name = "init",
	.args = "[FILE]",
	.min = 0,
	.max = 1,
	.summary = "write a commented profile that fits this host",
	.about = "Looks at the host and writes a profile for it, with a comment on each key. What "
		 "would stand in the way of a plan is settled in it where that can be done by "
		 "the profile.\n"
		 "\n"
		 "Without FILE the profile goes to standard output; a FILE that is there already "
		 "is not overwritten.\n"
		 "\n"
		 "  gpuprov init bare-metal.yaml\n"
		 "  gpuprov plan bare-metal.yaml\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_KIND, OPT_CATALOG, OPT_COUNT },
	.run = run,
};
