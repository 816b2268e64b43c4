/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov plan: show what would be done. */
#include "base/str.h"
#include "commands/fleet.h"
#include "commands/outcome.h"
#include "commands/saving.h"
#include "commands/sitting.h"
#include "render/html.h"

#include <string.h>
#include <unistd.h>

static int show(struct job *j, struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;

	if (j->outcome)
		return outcome_plan(j, e);
	if (opt_wants(j->o, "json"))
		plan_write(&j->plan, &text);
	else if (opt_wants(j->o, "html"))
		render_html(&j->plan, &j->facts, &text);
	else if (opt_wants(j->o, "dot"))
		render_dot(&j->plan, &text);
	else if (!plan_refused(&j->plan))
		render_plan(&j->plan, &style, &text);
	if (opt_given(j->o, OPT_EXPLAIN) && opt_wants(j->o, "text"))
		render_tried(&j->plan, &style, &text);
	return print(&text, e);
}

/* What comes next, to who looks at it; who reads it by a program knows. */
static void show_next(const struct job *j)
{
	const char *out = opt_value(j->o, OPT_OUT), *root = opt_value(j->o, OPT_ROOT);
	bool gpus = opt_given(j->o, OPT_GPU);

	/* A plan of another host is not carried out here; a saved one was already named. */
	if (j->borrowed || out || gpus || !plan_pending(&j->plan) || plan_refused(&j->plan) ||
	    !opt_wants(j->o, "text") || !terminal_is(stdout) || str_eq(j->o->args.at[0], "-"))
		return;
	fprintf(stderr, "To carry it out: %sgpuprov apply%s%s %s\n", geteuid() ? "sudo " : "",
		root ? " --root " : "", root ? root : "", j->o->args.at[0]);
}

/* For whoever watches the file: never half of a report. */
static int report(const struct job *j, struct err *e)
{
	const char *path = opt_value(j->o, OPT_REPORT);
	const char *slash = path ? strrchr(path, '/') : NULL;
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct sys dir = { 0 };
	int rc;

	if (!path)
		return 0;
	plan_write(&j->plan, &text);
	if (sys_real_open(slash ? arena_strn(&a, path, (size_t)(slash - path + 1)) : ".", &dir, e))
		return err_ctx(e, "opening the folder of the report");
	rc = sys_replace(&dir, slash ? slash + 1 : path, buf_str(&text), text.len, NULL, e);
	sys_real_close(&dir);
	return rc ? err_ctx(e, "writing the report") : 0;
}

int work_plan(struct job *j, struct err *e)
{
	const struct options *o = j->o;

	if (job_open(j, o, e))
		return -1;
	if (job_profile(j, o->args.at[0], e))
		return e->code ? -1 : STATUS_PROFILE;
	if (fleet_asked(o) && !opt_wants(o, "text") && !opt_wants(o, "json"))
		return err_set(e, GP_USAGE, "--format %s shows the plan of one host",
			       opt_format(o));
	if (fleet_asked(o))
		return fleet_plan(j, e);
	/* Another host's packages cannot be resolved here: its steps can. */
	if (job_facts(j, e) || job_plan(j, !j->borrowed, e) || show(j, e))
		return -1;
	sitting_rules(j);
	if (opt_given(o, OPT_OUT) && !plan_refused(&j->plan) && saving_write(j, e))
		return -1;
	if (report(j, e))
		return -1;
	job_show_diags(j);
	show_next(j);
	job_stage(j, "render");
	job_show_stages(j);
	if (plan_refused(&j->plan))
		return (int)job_refusal(j);
	return opt_given(o, OPT_DETAILED_EXITCODE) && plan_pending(&j->plan) ? STATUS_PENDING :
									       STATUS_OK;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { .o = o };

	return outcome_asked(o) ? outcome_of(&j, work_plan, e) : work_plan(&j, e);
}

const struct command command_plan = {
	.name = "plan",
	.args = "PROFILE",
	.min = 1,
	.max = 1,
	.summary = "show what would be done, and why; changes nothing",
	.about = "Shows every step that leads from this host as it is to the profile: each "
		 "package with its exact version, origin and size, each file, each service, and "
		 "for each the reason and the place in the profile that asked for it.\n"
		 "\n"
		 "Nothing on the host is changed, and no rights are needed. Package indexes of "
		 "repositories that the host does not have yet are fetched into a cache folder.\n"
		 "\n"
		 "With --out the plan is saved, with the facts it was made from. 'gpuprov apply "
		 "FILE' carries out exactly that, or names each fact that has moved meanwhile.\n"
		 "\n"
		 "With --facts several times, or with a folder of facts files, many hosts are "
		 "planned, one line each; --json prints one object a line.\n"
		 "\n"
		 "With --format html it is one page for a review, with nothing from outside; with "
		 "--format dot a graph of the steps for Graphviz.\n",
	.options =
		(const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_GPU, OPT_JSON, OPT_FORMAT, OPT_OUT,
				       OPT_REPORT, OPT_EXPLAIN, OPT_DETAILED_EXITCODE, OPT_REFRESH,
				       OPT_OFFLINE, OPT_CACHE, OPT_CATALOG, OPT_TIMING, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", "html", "dot", "result", "salt", NULL },
	.run = run,
};
