/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov lint: errors and warnings of profiles, without a host. */
#include "base/str.h"
#include "commands/common.h"
#include "solve/solve.h"

/* The complaints of one file; what it is called outlives the job. */
static void lint_one(struct job *j, const char *path, struct diags *all)
{
	if (!job_load_profile(j, path))
		solve_pairs(&j->profile, &j->catalog, &j->a, &j->complaints);
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
