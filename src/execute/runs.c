/* SPDX-License-Identifier: Apache-2.0 */
/* The runs that were made on a host. */
#include "execute/runs.h"

#include "base/str.h"
#include "execute/journal.h"
#include "sys/sys.h"

static const char *const state_words[] = {
	"done", "failed", "interrupted", "cut off", "waits for a reboot", "rolled back", NULL
};

const struct rec_row run_rows[] = {
	REC_ROW(struct run, number, REC_INT, "number"),
	{ .name = "state",
	  .type = REC_WORD,
	  .offset = offsetof(struct run, state),
	  .words = state_words,
	  .help = "how it ended" },
	REC_ROW(struct run, rollback, REC_BOOL, "it put back what others did"),
	REC_ROW(struct run, undoes, REC_STR, "the oldest run that it puts back"),
	REC_ROW(struct run, continues, REC_STR, "the run it goes on with"),
	REC_ROW(struct run, who, REC_STR, "the user"),
	REC_ROW(struct run, profile, REC_STR, "profile"),
	REC_ROW(struct run, plan_hash, REC_STR, "SHA-256 of its plan"),
	REC_ROW(struct run, boot, REC_STR, "boot id"),
	REC_ROW(struct run, began, REC_INT, "when, in seconds since the epoch"),
	REC_ROW(struct run, ended, REC_INT, "when, 0 = it did not end"),
	REC_ROW(struct run, started, REC_INT, "steps begun"),
	REC_ROW(struct run, finished, REC_INT, "steps done"),
	REC_ROW(struct run, cause, REC_STR, "why it failed"),
	REC_END,
};

const char *run_state_word(enum run_state state)
{
	return state_words[state];
}

static void take_end(struct run *run, const struct journal_record *r)
{
	run->ended = r->time;
	run->state = str_eq(r->text, "done")        ? RUN_DONE :
		     str_eq(r->text, "interrupted") ? RUN_INTERRUPTED :
		     str_eq(r->text, "reboot")      ? RUN_REBOOT :
						      RUN_FAILED;
}

static void take(struct run *run, const struct journal_record *r)
{
	if (str_eq(r->kind, "begin")) {
		run->began = r->time;
		run->who = r->who;
		run->plan_hash = r->text;
		run->boot = r->boot;
		run->continues = r->continues;
	} else if (str_eq(r->kind, "start")) {
		run->started++;
	} else if (str_eq(r->kind, "done")) {
		run->finished++;
	} else if (str_eq(r->kind, "failed")) {
		run->cause = r->text;
	} else if (str_eq(r->kind, "end")) {
		take_end(run, r);
	}
	if (str_eq(r->kind, "start") || str_eq(r->kind, "resume")) {
		run->state = RUN_CUT_OFF;
		run->ended = 0;
	}
}

static int load(const struct sys *sys, long long number, struct arena *a, struct run *ret,
		struct err *e)
{
	journal_records records = { 0 };
	struct plan plan;

	*ret = (struct run){ .number = number, .state = RUN_CUT_OFF };
	if (journal_read(sys, number, a, &records, e))
		return -1;
	list_each (&records, r)
		take(ret, r);
	if (ret->state == RUN_DONE)
		ret->cause = NULL;
	/* Cut off before its first record was whole: the plan may be all there is, or not even. */
	if (!records.n)
		return 0;
	if (journal_plan(sys, number, a, &plan, e))
		return -1;
	ret->profile = plan.header.profile;
	ret->undoes = plan.header.undoes;
	ret->rollback = plan.header.undoes != NULL;
	return 0;
}

/* A rollback that came to its end took away everything from the run it names on. */
static void mark_rolled_back(runs *all)
{
	list_each (all, by) {
		unsigned long long from;

		if (!by->rollback || by->state != RUN_DONE || !str_to_u64(by->undoes, &from))
			continue;
		list_each (all, run)
			if (run->number >= (long long)from && run->number < by->number &&
			    !run->rollback)
				run->state = RUN_ROLLED_BACK;
	}
}

int runs_list(const struct sys *sys, struct arena *a, runs *ret, struct err *e)
{
	long long newest;

	if (journal_newest(sys, &newest, e))
		return -1;
	for (long long n = 1; n <= newest; n++)
		if (load(sys, n, a, list_push(a, ret), e))
			return -1;
	mark_rolled_back(ret);
	return 0;
}

const struct run *runs_find(const runs *all, long long number)
{
	list_each (all, run)
		if (run->number == number)
			return run;
	return NULL;
}

const struct run *runs_open(const runs *all)
{
	const struct run *open = NULL;

	/* Without a first record there was no run: nothing was done, and nothing says what for. */
	list_each (all, run)
		if (!run->rollback && run->state != RUN_ROLLED_BACK && run->plan_hash)
			open = run->state == RUN_DONE ? NULL : run;
	return open;
}

const struct run *runs_half_back(const runs *all)
{
	const struct run *by = NULL;
	unsigned long long from;

	list_each (all, run)
		if (run->rollback)
			by = run->state == RUN_DONE ? NULL : run;
		else if (run->started)
			by = NULL;
	return by && str_to_u64(by->undoes, &from) ? runs_find(all, (long long)from) : NULL;
}

/* The run that this one goes on with; NULL when there is none, or it was rolled back. */
static const struct run *before(const runs *all, const struct run *run)
{
	const struct run *first = NULL;
	unsigned long long number;

	if (run->continues && str_to_u64(run->continues, &number) &&
	    (long long)number < run->number)
		first = runs_find(all, (long long)number);
	return first && first->state != RUN_ROLLED_BACK ? first : NULL;
}

const struct run *runs_waiting(const runs *all, const struct run *open)
{
	while (open && open->state != RUN_REBOOT)
		open = before(all, open);
	return open;
}

const struct run *runs_undoable(const runs *all)
{
	const struct run *found = NULL;

	list_each (all, run)
		if (!run->rollback && run->state != RUN_ROLLED_BACK && run->started)
			found = run;
	while (found && before(all, found))
		found = before(all, found);
	return found;
}

int runs_applied(const struct sys *sys, struct arena *a, struct plan *ret, bool *ret_there,
		 struct err *e)
{
	const struct run *last = NULL;
	runs all = { 0 };

	*ret_there = false;
	if (runs_list(sys, a, &all, e))
		return -1;
	list_each (&all, run)
		if (!run->rollback && run->state == RUN_DONE)
			last = run;
	if (!last)
		return 0;
	*ret_there = true;
	return journal_plan(sys, last->number, a, ret, e);
}

int runs_reboot(const struct sys *sys, const runs *all, struct arena *a, bool *ret, struct err *e)
{
	const struct run *run = all->n ? &all->at[all->n - 1] : NULL, *waiting;
	struct sys_ident id;
	struct plan plan;

	*ret = false;
	if (!run || run->rollback || (run->state != RUN_DONE && run->state != RUN_REBOOT))
		return 0;
	if (sys_ident(sys, &id, e) || journal_plan(sys, run->number, a, &plan, e))
		return -1;
	/* What went on after the boot that it waited for needs no other. */
	waiting = runs_waiting(all, run);
	*ret = plan.totals.reboot && str_eq(run->boot, id.boot_id) &&
	       (!waiting || str_eq(waiting->boot, id.boot_id));
	return 0;
}
