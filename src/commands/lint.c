/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov lint: errors and warnings of profiles, without a host. */
#include "base/str.h"
#include "commands/common.h"
#include "solve.h"

/* What a refusal can be about that no host changes: driver and CUDA, and GPUs that are named. */
static const unsigned pair_rules[] = { 1, 13, 14, 15, 20, 21, 22, 23, 24 };

static bool is_pair_rule(enum code code, bool gpus_named)
{
	for (size_t i = 0; i < sizeof(pair_rules) / sizeof(*pair_rules); i++)
		if (code == GP_RULE + pair_rules[i])
			return gpus_named || i == 0;
	return false;
}

/* Only what the user wrote contradicts itself; a default is the solver's to choose. */
static bool is_about(const struct profile *p, const struct diag *d)
{
	static const char *const keys[] = { "driver.branch", "driver.version", "driver.modules",
					    "cuda.version" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct value *v = profile_given(p, keys[i]);

		if (v && str_eq(v->at.file, d->at.file) && v->at.line == d->at.line &&
		    v->at.col == d->at.col)
			return true;
	}
	return false;
}

/*
 * Where the driver is named, it is NVIDIA's list that counts, not what a distribution carries of
 * it. Only this look at the profile sees that.
 */
static void take_nvidias(struct job *j)
{
	list_each (&j->profile.root.items, v) {
		struct value *source;

		if (!str_eq(v->key, "driver") || v->form != VALUE_MAP || value_find(v, "source"))
			continue;
		source = list_push(&j->a, &v->items);
		source->key = "source";
		source->path = "driver.source";
		source->form = VALUE_TEXT;
		source->text = "nvidia";
	}
}

/* Settings that fit no host together: the solver's own rules, on a host of which nothing is known.
 */
static void check_pairs(struct job *j)
{
	const struct value *gpus = profile_given(&j->profile, "gpus");
	bool named = gpus && gpus->form == VALUE_LIST;
	bool chosen = profile_given(&j->profile, "driver.branch") ||
		      profile_given(&j->profile, "driver.version");
	struct fact_gpu any = { .vendor = "10de", .device = "1eb8", .class_id = "030200" };
	struct facts f = { .schema = FACTS_SCHEMA,
			   .os = { "debian", "12", "bookworm", "Debian 12", "amd64" },
			   .a = &j->a };
	struct plan plan;

	if (!named && !chosen)
		return;
	if (!named)
		list_add(&j->a, &f.gpus, any);
	if (chosen)
		take_nvidias(j);
	solve(&j->profile, &f, &j->catalog, &j->a, &plan);
	list_each (&plan.diags.list, d)
		if (d->severity == SEV_ERROR && is_pair_rule(d->code, named) &&
		    is_about(&j->profile, d) && (chosen || d->code != GP_RULE + 1))
			list_add(&j->a, &j->complaints.list, *d);
}

/* The complaints of one file; what it is called outlives the job. */
static void lint_one(struct job *j, const char *path, struct diags *all)
{
	if (!job_load_profile(j, path))
		check_pairs(j);
	list_each (&j->complaints.list, d)
		list_add(all->a, &all->list, *d);
}

static void add_sum(const struct diags *d, size_t files, struct buf *ret)
{
	size_t errors = diag_count(d, SEV_ERROR), warnings = diag_count(d, SEV_WARNING);

	if (errors || warnings)
		buf_addf(ret, "%zu error%s, %zu warning%s.\n", errors, errors == 1 ? "" : "s",
			 warnings, warnings == 1 ? "" : "s");
	else
		buf_addf(ret, "%s.\n", files == 1 ? "The profile is right" : "All are right");
}

static int show(const struct options *o, struct job *jobs, struct err *e)
{
	struct style style = terminal_style(o, stdout);
	struct diags all = { .a = &jobs[0].a };
	auto_buf struct buf text = BUF_TEXT;

	for (size_t i = 0; i < o->args.n; i++) {
		lint_one(&jobs[i], o->args.at[i], &all);
		if (opt_wants(o, "text"))
			render_diags(&jobs[i].complaints, &jobs[i].profile.text, &style, &text);
	}
	if (opt_wants(o, "json"))
		render_diags_json(&all, &text);
	else if (opt_wants(o, "sarif"))
		render_sarif(&all, &text);
	else
		add_sum(&all, o->args.n, &text);
	if (print(&text, e))
		return -1;
	return diag_count(&all, SEV_ERROR) ? STATUS_PROFILE : STATUS_OK;
}

static int run(const struct options *o, struct err *e)
{
	struct job *jobs = arena_alloc(o->a, o->args.n * sizeof(*jobs));
	int rc = 0;

	for (size_t i = 0; i < o->args.n && !rc; i++)
		rc = job_open(&jobs[i], o, e);
	if (!rc)
		rc = show(o, jobs, e);
	for (size_t i = 0; i < o->args.n; i++)
		job_release(&jobs[i]);
	return rc;
}

const struct command command_lint = {
	.name = "lint",
	.args = "PROFILE...",
	.min = 1,
	.max = 64,
	.summary = "check profiles, without a host",
	.about = "Shows all errors and warnings of profiles: for each the place, the reason and "
		 "what to write instead. Nothing but the profiles, and the files they extend, is "
		 "read.\n"
		 "\n"
		 "Exits with 65 when a profile has an error. SARIF is for code scanning.\n",
	.options = (const enum option[]){ OPT_JSON, OPT_FORMAT, OPT_CATALOG, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", "sarif", NULL },
	.run = run,
};
