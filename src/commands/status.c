/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov status: how the last run ended, and what is left to do. */
#include "commands/common.h"

#include "base/str.h"
#include "journal.h"
#include "runs.h"

struct status_report {
	const char *schema;
	bool running;      /* somebody holds the lock */
	const char *state; /* of the last run; "none" */
	const char *next;  /* what to do about it; NULL = nothing */
	bool reboot_required;
	struct run last;
	strs unfinished; /* steps begun and not ended */
};

static const struct rec_row status_rows[] = {
	REC_ROW(struct status_report, schema, REC_STR, "format"),
	REC_ROW(struct status_report, running, REC_BOOL, "a run is going on now"),
	REC_ROW(struct status_report, state, REC_STR, "how the last run ended"),
	REC_ROW(struct status_report, next, REC_STR, "what to do about it"),
	REC_ROW(struct status_report, reboot_required, REC_BOOL, "the next boot is waited for"),
	{ .name = "last",
	  .type = REC_OBJ,
	  .offset = offsetof(struct status_report, last),
	  .rows = run_rows,
	  .help = "the last run" },
	REC_ROW(struct status_report, unfinished, REC_STRS, "steps begun and not ended"),
	REC_END,
};

static int see_steps(struct job *j, const struct run *run, struct status_report *r, struct err *e)
{
	journal_records records = { 0 };

	if (journal_read(&j->sys, run->number, &j->a, &records, e))
		return -1;
	list_each (&records, it) {
		if (str_eq(it->kind, "start") || str_eq(it->kind, "undo"))
			list_add(&j->a, &r->unfinished, it->step);
		else if ((str_eq(it->kind, "done") || str_eq(it->kind, "undone")) &&
			 r->unfinished.n)
			r->unfinished.n--;
	}
	return 0;
}

static const char *what_next(const struct run *run, bool running)
{
	if (running)
		return "wait until it is done";
	switch (run->state) {
	case RUN_DONE:
	case RUN_ROLLED_BACK:
		return NULL;
	case RUN_FAILED:
	case RUN_INTERRUPTED:
	case RUN_CUT_OFF:
		return run->rollback ? "run gpuprov rollback again: it goes on from there" :
				       "run the same apply again: it goes on from there; or "
				       "gpuprov rollback, to put everything back";
	case RUN_REBOOT:
		return "reboot; the rest is done then";
	}
	return NULL;
}

static void show(const struct status_report *r, struct buf *ret)
{
	if (r->running)
		buf_adds(ret, "A run is going on now.\n");
	if (!r->last.number) {
		buf_adds(ret, "No run was made here yet.\n");
		return;
	}
	buf_addf(ret, "Run %lld, %s%s by %s: %s.\n", r->last.number,
		 r->last.rollback ? "rollback" : "apply ",
		 r->last.rollback ? "" :
		 r->last.profile  ? r->last.profile :
				    "-",
		 r->last.who ? r->last.who : "-", r->state);
	if (r->last.cause)
		buf_addf(ret, "  because: %s\n", r->last.cause);
	list_each (&r->unfinished, id)
		buf_addf(ret, "  begun and not ended: %s\n", *id);
	if (r->reboot_required)
		buf_adds(ret, "A reboot is needed.\n");
	if (r->next)
		buf_addf(ret, "To do: %s.\n", r->next);
}

static int look(struct job *j, struct status_report *r, struct err *e)
{
	runs all = { 0 };

	if (sys_locked(&j->sys, STATE_DIR "/lock", &r->running, e) ||
	    runs_list(&j->sys, &j->a, &all, e))
		return -1;
	r->state = "none";
	if (!all.n)
		return 0;
	r->last = all.at[all.n - 1];
	r->state = r->running ? "running" : run_state_word(r->last.state);
	r->next = what_next(&r->last, r->running);
	return see_steps(j, &r->last, r, e) ||
			       runs_reboot(&j->sys, &all, &j->a, &r->reboot_required, e) ?
		       -1 :
		       0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct status_report r = { .schema = "gpuprov.status/1" };
	struct jw w = { .out = &text };

	if (job_open(&j, o, e) || look(&j, &r, e))
		return -1;
	if (opt_wants(o, "json")) {
		rec_write(&w, status_rows, &r);
		buf_addc(&text, '\n');
	} else {
		show(&r, &text);
	}
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_status = {
	.name = "status",
	.args = "",
	.min = 0,
	.max = 0,
	.summary = "show how the last run ended, and what is left to do",
	.about = "Shows the last run: who made it, from which profile, how it ended, which step "
		 "was cut off, whether a reboot is needed, and what to do next. Needs root, "
		 "because the state of gpuprov is root's.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_JSON, OPT_FORMAT, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
