/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov apply: carry the plan out. */
#include "commands/acting.h"

#include "base/str.h"
#include "commands/outcome.h"
#include "commands/saving.h"
#include "commands/sitting.h"
#include "execute/journal.h"
#include "execute/resume.h"
#include "execute/runs.h"

static int carry_out(struct job *j, bool booted, struct err *e)
{
	if (acting_carry_out(j, e) == 0)
		return sitting_end(j, booted, e);
	sitting_failed(j, e);
	return -1;
}

/* What it finished is not done again, whatever the host looks like now. */
static int keep_finished(struct job *j, const struct run *run, struct err *e)
{
	journal_records records = { 0 };

	if (journal_read(&j->sys, run->number, &j->a, &records, e))
		return -1;
	list_each (&j->plan.steps, s)
		list_each (&records, r)
			if (str_eq(r->kind, "done") && str_eq(r->step, s->id))
				s->op = OP_KEEP;
	plan_finish(&j->plan);
	return 0;
}

/* What its journal says was finished may be put back by now. */
static int half_back(const struct run *run, struct err *e)
{
	err_set(e, GP_NO_RUN, "run %lld is half put back: there is nothing to go on with",
		run->number);
	err_way(e, "gpuprov rollback puts the rest back");
	err_way(e, "gpuprov apply %s does it again", run->profile ? run->profile : "PROFILE");
	return -1;
}

/* The run that did not come to its end, by its own plan. */
static int resumed(struct job *j, struct err *e)
{
	const struct run *open;
	runs all = { 0 };

	if (runs_list(&j->sys, &j->a, &all, e))
		return -1;
	if (runs_half_back(&all))
		return half_back(runs_half_back(&all), e);
	open = runs_open(&all);
	if (open)
		return journal_plan(&j->sys, open->number, &j->a, &j->plan, e) ||
				       keep_finished(j, open, e) ?
			       -1 :
			       0;
	err_set(e, GP_NO_RUN, "there is no run to go on with");
	err_way(e, "gpuprov apply PROFILE begins one");
	err_way(e, "gpuprov history lists those that were made");
	return -1;
}

/* A plan only warns of what it would write to and cannot; who carries it out is stopped by it. */
static void stop_at_read_only(struct plan *p)
{
	list_each (&p->diags.list, d)
		if (d->code == GP_READ_ONLY)
			d->severity = SEV_ERROR;
	if (!plan_refused(p))
		return;
	p->steps.n = p->posts.n = p->omitted.n = 0;
	p->totals = (struct plan_totals){ 0 };
}

/* The plan: of the run to go on with, from a file, or made from a profile. */
static int make_plan(struct job *j, const struct saved *saved, struct err *e)
{
	if (opt_given(j->o, OPT_RESUME))
		return resumed(j, e);
	if (job_facts(j, e))
		return -1;
	if (saved)
		return saving_check(j, saved, e);
	if (job_plan(j, true, e))
		return -1;
	stop_at_read_only(&j->plan);
	sitting_rules(j);
	return 0;
}

/* A run that did not end in three boots has failed, and status shall say so. */
static void give_up(struct job *j, long long run, const struct err *why)
{
	auto_err late = { 0 }; /* the reason itself is already on its way to the user */
	struct journal journal;

	if (journal_open(&j->sys, run, &j->a, &journal, &late) == 0 &&
	    journal_add(&journal, "failed", NULL, why->text, &late) == 0)
		journal_add(&journal, "end", NULL, "failed", &late);
}

/* Is this the sitting after the boot that a run waits for? */
static int see_boot(struct job *j, bool *ret_booted, struct err *e)
{
	struct resume r;
	bool there;

	if (resume_begin(&j->sys, &j->a, &r, &there, ret_booted, e)) {
		if (e->code == GP_BOOT_LOOP)
			give_up(j, r.run, e);
		return -1;
	}
	if (!there || *ret_booted || !opt_given(j->o, OPT_RESUME))
		return 0;
	err_set(e, GP_NOT_BOOTED, "run %lld waits for a reboot, and there was none yet", r.run);
	err_way(e, "reboot; gpuprov-resume.service goes on with it then");
	return -1;
}

static int apply_locked(struct job *j, const struct saved *saved, struct err *e)
{
	bool booted;

	if (see_boot(j, &booted, e) || make_plan(j, saved, e) || acting_show(j, e))
		return -1;
	job_show_diags(j);
	if (plan_refused(&j->plan))
		return (int)job_refusal(j);
	if (plan_pending(&j->plan) && acting_confirm(j, e))
		return -1;
	return carry_out(j, booted, e);
}

static int check_args(const struct options *o, struct err *e)
{
	bool resume = opt_given(o, OPT_RESUME);

	if (resume != (o->args.n > 0))
		return 0;
	if (resume)
		return err_set(e, GP_USAGE,
			       "--resume goes on with the plan of the last run: leave '%s' out",
			       o->args.at[0]);
	return err_set(e, GP_USAGE, "'apply' needs PROFILE; see gpuprov apply --help");
}

int work_apply(struct job *j, struct err *e)
{
	const struct options *o = j->o;
	struct saved saved;
	bool is_saved = false;
	int lock, rc;

	if (check_args(o, e) || job_open(j, o, e))
		return -1;
	if (o->args.n && !j->profile_inline && saving_read(j, o->args.at[0], &saved, &is_saved, e))
		return -1;
	if (o->args.n && !is_saved && job_profile(j, o->args.at[0], e))
		return e->code ? -1 : STATUS_PROFILE;
	if (acting_rights(j, "apply", e) || journal_lock(&j->sys, &lock, e))
		return -1;
	rc = apply_locked(j, is_saved ? &saved : NULL, e);
	sys_unlock(&j->sys, lock);
	return rc;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { .o = o };

	return outcome_asked(o) ? outcome_of(&j, work_apply, e) : work_apply(&j, e);
}

const struct command command_apply = {
	.name = "apply",
	.args = "PROFILE|PLAN",
	.min = 0,
	.max = 1,
	.summary = "carry the plan out, step by step, with a journal",
	.about = "Makes the plan as 'gpuprov plan' does, shows it, asks, and carries it out. "
		 "Every step is written to a journal before it is done; when something fails or "
		 "is cut off, running the same command again goes on from there.\n"
		 "\n"
		 "A host that already is what the profile says is left alone: exit 0, no network, "
		 "nothing written.\n"
		 "\n"
		 "A PLAN saved by 'gpuprov plan --out' is carried out exactly as it is, or refused "
		 "with exit 6 and the name of each fact that has moved since. It must belong to "
		 "root or to you, and nobody else may be able to write it.\n"
		 "\n"
		 "With --resume the run that did not come to its end is gone on with, by its own "
		 "plan; what it finished is not done again.\n"
		 "\n"
		 "With --format result one JSON object is printed at the end, whatever happens "
		 "(schema gpuprov.result/1); with --format salt the line that Salt's cmd.run takes "
		 "with 'stateful: True'.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_GPU, OPT_YES, OPT_RESUME, OPT_JSON,
					  OPT_FORMAT, OPT_REFRESH, OPT_OFFLINE, OPT_CACHE,
					  OPT_CATALOG, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", "result", "salt", NULL },
	.run = run,
};
