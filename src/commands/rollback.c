/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov rollback: put back what a run did. */
#include "commands/acting.h"

#include "base/str.h"
#include "execute/journal.h"
#include "execute/undo.h"

/* Those that could be meant are named: all that did something and are not put back. */
static int no_such_run(const char *name, const runs *all, struct err *e)
{
	enum { SHOWN = 10 };
	auto_buf struct buf there = BUF_TEXT;
	size_t n = 0, left = 0;

	list_each (all, run)
		left += !run->rollback && run->started && run->state != RUN_ROLLED_BACK;
	list_each (all, run)
		if (!run->rollback && run->started && run->state != RUN_ROLLED_BACK &&
		    n++ + SHOWN >= left)
			buf_addf(&there, "%s%lld", there.len ? ", " : "", run->number);
	err_set(e, GP_NO_RUN, "there is no run '%s' here; %s%s%s", name,
		left ? "those that can be put back are " : "there is none that could be put back",
		left > SHOWN ? "..., " : "", buf_str(&there));
	err_way(e, "gpuprov history lists the runs with their numbers");
	if (left)
		err_way(e, "gpuprov rollback without a number puts back the last one");
	return -1;
}

/* Which run the user means; 0 when there is nothing to put back. */
static int choose(const struct options *o, const runs *all, long long *ret, struct err *e)
{
	const struct run *run = runs_undoable(all);
	unsigned long long number;

	*ret = run ? run->number : 0;
	if (!o->args.n)
		return 0;
	run = str_to_u64(o->args.at[0], &number) ? runs_find(all, (long long)number) : NULL;
	if (run && !run->rollback) {
		*ret = run->state == RUN_ROLLED_BACK || !run->started ? 0 : run->number;
		return 0;
	}
	if (run) {
		err_set(e, GP_NO_RUN, "run %lld is a rollback itself", run->number);
		err_way(e, "apply the profile again: gpuprov apply %s",
			run->profile ? run->profile : "PROFILE");
		return -1;
	}
	return no_such_run(o->args.at[0], all, e);
}

static int rollback_locked(struct job *j, struct err *e)
{
	long long from;
	runs all = { 0 };

	if (runs_list(&j->sys, &j->a, &all, e) || choose(j->o, &all, &from, e))
		return -1;
	if (!from) {
		fprintf(stderr, "There is nothing to put back.\n");
		return STATUS_OK;
	}
	if (undo_plan(&j->sys, &all, from, &j->a, &j->plan, e) || acting_show(j, e))
		return -1;
	if (plan_pending(&j->plan) && acting_confirm(j, e))
		return -1;
	if (acting_carry_out(j, e))
		return -1;
	fprintf(stderr, "Put back.%s\n",
		j->plan.totals.reboot ? " A reboot is needed to unload the driver." : "");
	return STATUS_OK;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	int lock, rc;

	if (job_open(&j, o, e))
		return -1;
	if (acting_rights(&j, "rollback", e) || journal_lock(&j.sys, &lock, e))
		return -1;
	rc = rollback_locked(&j, e);
	sys_unlock(&j.sys, lock);
	return rc;
}

const struct command command_rollback = {
	.name = "rollback",
	.args = "[RUN]",
	.min = 0,
	.max = 1,
	.summary = "put back what a run changed",
	.about = "Shows the plan that puts back the last run that changed something, or RUN and "
		 "every later one; asks, and carries it out, with a journal of its own. Files get "
		 "their old bytes, mode, owner and attributes; packages their old versions, from "
		 "files that were kept; what was not there before is removed.\n"
		 "\n"
		 "What cannot be put back to the byte is named in the plan. A file that somebody "
		 "else changed meanwhile is left alone, and said so. A rollback that was cut off "
		 "goes on when it is run again.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_YES, OPT_JSON, OPT_FORMAT, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
