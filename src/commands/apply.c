/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov apply: carry the plan out. */
#include "commands/acting.h"
#include "journal.h"

static int carry_out(struct job *j, struct err *e)
{
	if (acting_carry_out(j, e))
		return -1;
	if (plan_pending(&j->plan))
		fprintf(stderr, "Done.%s\n",
			j->plan.totals.reboot ? " A reboot is needed to load the driver." : "");
	return 0;
}

static int apply_locked(struct job *j, struct err *e)
{
	if (job_facts(j, e) || job_plan(j, true, e) || acting_show(j, e))
		return -1;
	job_show_diags(j);
	if (plan_refused(&j->plan))
		return (int)job_refusal(j);
	if (plan_pending(&j->plan) && acting_confirm(j, e))
		return -1;
	return carry_out(j, e) ? -1 : STATUS_OK;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	int lock, rc;

	if (job_open(&j, o, e))
		return -1;
	if (job_profile(&j, o->args.at[0], e))
		return e->code ? -1 : STATUS_PROFILE;
	if (acting_rights(&j, "apply", e) || journal_lock(&j.sys, &lock, e))
		return -1;
	rc = apply_locked(&j, e);
	sys_unlock(&j.sys, lock);
	return rc;
}

const struct command command_apply = {
	.name = "apply",
	.args = "PROFILE",
	.min = 1,
	.max = 1,
	.summary = "carry the plan out, step by step, with a journal",
	.about = "Makes the plan as 'gpuprov plan' does, shows it, asks, and carries it out. "
		 "Every step is written to a journal before it is done; when something fails or "
		 "is cut off, running the same command again goes on from there.\n"
		 "\n"
		 "A host that already is what the profile says is left alone: exit 0, no network, "
		 "nothing written.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_GPU, OPT_YES, OPT_JSON, OPT_FORMAT,
					  OPT_REFRESH, OPT_OFFLINE, OPT_CACHE, OPT_CATALOG,
					  OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
