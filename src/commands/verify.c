/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov verify: prove the postconditions. */
#include "commands/common.h"
#include "execute/runs.h"
#include "verify/verify.h"

struct report {
	const char *schema;
	verdicts checks;
};

static const struct rec_row report_rows[] = {
	REC_ROW(struct report, schema, REC_STR, "format"),
	{ .name = "checks",
	  .type = REC_LIST,
	  .offset = offsetof(struct report, checks),
	  .rows = verdict_rows,
	  .size = sizeof(struct verdict) },
	REC_END,
};

static int show(const struct job *j, const verdicts *v, struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;

	if (opt_wants(j->o, "json")) {
		struct report r = { .schema = "gpuprov.verify/1", .checks = *v };
		struct jw w = { .out = &text };

		rec_write(&w, report_rows, &r);
		buf_addc(&text, '\n');
	} else if (opt_wants(j->o, "junit")) {
		render_junit(v, &text);
	} else {
		render_verdicts(v, &style, &text);
	}
	return print(&text, e);
}

/* Only root can read what was done; without it the profile's own words are the measure. */
static int last_applied(struct job *j, struct plan *ret, bool *ret_there, struct err *e)
{
	auto_err problem = { 0 };

	if (runs_applied(&j->sys, &j->a, ret, ret_there, &problem) == 0)
		return 0;
	if (problem.code == GP_NO_PERMISSION) {
		*ret_there = false;
		return 0;
	}
	err_move(e, &problem);
	return -1;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	struct plan applied;
	verdicts v = { 0 };
	bool there;
	struct verify_subject what = { .plan = &j.plan, .facts = &j.facts, .sys = &j.sys };

	if (opt_given(o, OPT_PYTORCH) && *opt_value(o, OPT_PYTORCH) != '/')
		return err_set(e, GP_USAGE,
			       "--pytorch takes the absolute path of a Python, not '%s'",
			       opt_value(o, OPT_PYTORCH));
	if (job_open(&j, o, e))
		return -1;
	if (job_profile(&j, o->args.at[0], e))
		return e->code ? -1 : STATUS_PROFILE;
	if (job_facts(&j, e) || job_plan(&j, false, e))
		return -1;
	job_show_diags(&j);
	if (plan_refused(&j.plan))
		return (int)job_refusal(&j);
	if (last_applied(&j, &applied, &there, e))
		return -1;
	what.applied = there ? &applied : NULL;
	what.profile = &j.profile;
	what.run = opt_given(o, OPT_RUN);
	what.pytorch = opt_value(o, OPT_PYTORCH);
	if (verify_all(&what, &j.a, &v, e) || show(&j, &v, e))
		return -1;
	list_each (&v, one)
		if (one->result == VERDICT_FAIL)
			return STATUS_MISMATCH;
	return STATUS_OK;
}

const struct command command_verify = {
	.name = "verify",
	.args = "PROFILE",
	.min = 1,
	.max = 1,
	.summary = "prove that the host is what the profile says",
	.about = "Checks each postcondition of the profile on the host itself and shows what was "
		 "seen: PASS, FAIL, DEFERRED for what needs a boot or a GPU to be proved, or N/A "
		 "for what does not apply here.\n"
		 "\n"
		 "NVML and CUDA are asked in processes of their own, so that a crash or a hang "
		 "of theirs is a verdict too.\n"
		 "\n"
		 "Exits with 5 when anything failed.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_GPU, OPT_RUN, OPT_PYTORCH, OPT_JSON,
					  OPT_FORMAT, OPT_CATALOG, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", "junit", NULL },
	.run = run,
};
