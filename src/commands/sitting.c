/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a sitting. */
#include "commands/sitting.h"

#include "base/str.h"
#include "commands/acting.h"
#include "commands/outcome.h"
#include "execute/journal.h"
#include "execute/resume.h"
#include "execute/runs.h"
#include "execute/undo.h"
#include "verify/verify.h"

struct outcome {
	const char *schema;
	const char *state; /* done, failed, waits for a reboot */
	bool changed, reboot_required, rolled_back;
	long long run;
	const char *cause;
	verdicts checks;
};

static const struct rec_row outcome_rows[] = {
	REC_ROW(struct outcome, schema, REC_STR, "format"),
	REC_ROW(struct outcome, state, REC_STR, "how it ended"),
	REC_ROW(struct outcome, changed, REC_BOOL, "something was changed"),
	REC_ROW(struct outcome, reboot_required, REC_BOOL, "the next boot is waited for"),
	REC_ROW(struct outcome, rolled_back, REC_BOOL, "everything was put back"),
	REC_ROW(struct outcome, run, REC_INT, "number of the run"),
	REC_ROW(struct outcome, cause, REC_STR, "why it failed"),
	{ .name = "checks",
	  .type = REC_LIST,
	  .offset = offsetof(struct outcome, checks),
	  .rows = verdict_rows,
	  .size = sizeof(struct verdict),
	  .help = "postconditions" },
	REC_END,
};

void sitting_rules(struct job *j)
{
	struct plan_header *h = &j->plan.header;
	const char *reboot = profile_get(&j->profile, "reboot");
	const char *on_failure = profile_get(&j->profile, "on-failure");

	h->reboot = str_eq(reboot, "auto") ? reboot : NULL;
	h->on_failure = str_eq(on_failure, "rollback") ? on_failure : NULL;
	h->report = profile_get(&j->profile, "report");
}

static int report(struct job *j, const struct outcome *o, struct err *e)
{
	const char *path = j->plan.header.report;
	auto_buf struct buf text = BUF_TEXT;
	struct jw w = { .out = &text };

	if (!path)
		return 0;
	while (*path == '/')
		path++;
	rec_write(&w, outcome_rows, o);
	buf_addc(&text, '\n');
	return sys_replace(&j->sys, path, buf_str(&text), text.len, NULL, e) ?
		       err_ctx(e, "writing the report") :
		       0;
}

/* ---- waiting ---- */

static int reboot_now(struct job *j, struct err *e)
{
	static const char *const argv[] = { "/usr/bin/systemctl", "reboot", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 60 };

	fprintf(stderr, "Rebooting now; gpuprov goes on after it, and gpuprov status tells how.\n");
	if (sys_run_ok(&j->sys, &cmd, e) == 0)
		return STATUS_OK;
	err_way(e, "reboot by hand: what is left is done then, by gpuprov-resume.service");
	return err_ctx(e, "rebooting, as the profile says");
}

static int wait_for_boot(struct job *j, const struct run *open, struct err *e)
{
	const struct outcome o = { .schema = "gpuprov.report/1",
				   .state = run_state_word(RUN_REBOOT),
				   .changed = true,
				   .reboot_required = true,
				   .run = open->number };

	if (resume_wait(&j->sys, open->number, e) || report(j, &o, e))
		return -1;
	if (j->plan.header.reboot && j->sys.live)
		return reboot_now(j, e);
	fprintf(stderr,
		j->sys.live ?
			"Done so far. The rest needs a reboot: gpuprov-resume.service, or gpuprov "
			"apply --resume, does it then.\n" :
			"Done so far. The rest is deferred to the first boot: "
			"gpuprov-resume.service, or gpuprov apply --resume, does it then.\n");
	return STATUS_OK;
}

/* ---- proving ---- */

/* The postconditions that can be proved here and now, on the host as it is now. */
static int prove(struct job *j, struct outcome *o, struct err *e)
{
	auto_buf struct buf cause = BUF_TEXT;
	struct facts now;
	const struct verify_subject what = {
		.plan = &j->plan,
		.applied = &j->plan,
		.profile = j->profile.kind ? &j->profile : NULL,
		.facts = &now,
		.sys = &j->sys,
	};

	if (facts_gather(&j->sys, &j->a, &now, e) || verify_all(&what, &j->a, &o->checks, e))
		return err_ctx(e, "proving what was done");
	list_each (&o->checks, v)
		if (v->result == VERDICT_FAIL)
			buf_addf(&cause, "%s%s: %s", cause.len ? "; " : "", v->id, v->evidence);
	o->cause = cause.len ? arena_str(&j->a, buf_str(&cause)) : NULL;
	return 0;
}

static int note_failed(struct job *j, long long run, const char *cause, struct err *e)
{
	struct journal journal;

	return journal_open(&j->sys, run, &j->a, &journal, e) ||
			       journal_add(&journal, "failed", NULL, cause, e) ||
			       journal_add(&journal, "end", NULL, "failed", e) ?
		       -1 :
		       0;
}

static int put_back(struct job *j, struct err *e)
{
	const struct run *run;
	runs all = { 0 };

	if (runs_list(&j->sys, &j->a, &all, e))
		return -1;
	run = runs_undoable(&all);
	if (!run)
		return 0;
	fprintf(stderr, "The profile says on-failure: rollback; putting everything back.\n");
	return undo_plan(&j->sys, &all, run->number, &j->a, &j->plan, e) ||
			       acting_carry_out(j, e) || resume_clear(&j->sys, e) ?
		       -1 :
		       0;
}

static int not_proved(struct job *j, struct outcome *o, struct err *e)
{
	bool back = j->plan.header.on_failure != NULL;
	struct plan done = j->plan;

	if (note_failed(j, o->run, o->cause, e))
		return -1;
	if (back && put_back(j, e))
		return err_ctx(e, "putting back what does not hold (%s)", o->cause);
	o->state = run_state_word(RUN_FAILED);
	o->rolled_back = back;
	j->plan = done;
	if (report(j, o, e))
		return -1;
	err_set(e, GP_NOT_PROVED, "every step ended, but this does not hold: %s%s", o->cause,
		back ? "; everything was put back" : "");
	err_way(e, "gpuprov verify shows all postconditions, and what was seen");
	if (!back)
		err_way(e, "gpuprov rollback puts everything back");
	return -1;
}

/* With nothing that asks for proof, `gpuprov verify` is the one to prove. */
static bool wants_proof(const struct job *j, bool booted)
{
	return booted || j->plan.header.on_failure || j->plan.header.report;
}

int sitting_end(struct job *j, bool booted, struct err *e)
{
	const struct run *open;
	runs all = { 0 };
	struct outcome o = { .schema = "gpuprov.report/1", .state = run_state_word(RUN_DONE) };

	if (runs_list(&j->sys, &j->a, &all, e))
		return -1;
	open = runs_open(&all);
	if (open && open->state == RUN_REBOOT)
		return wait_for_boot(j, open, e);
	o.run = all.n ? all.at[all.n - 1].number : 0;
	o.changed = plan_pending(&j->plan);
	o.reboot_required = j->plan.totals.reboot && !booted;
	if (booted && j->outcome)
		j->outcome->result.reboot_required = false;
	if (wants_proof(j, booted) && all.n) {
		if (prove(j, &o, e))
			return -1;
		if (o.cause)
			return not_proved(j, &o, e);
	}
	if (resume_clear(&j->sys, e) || report(j, &o, e))
		return -1;
	if (plan_pending(&j->plan) || booted)
		fprintf(stderr, "Done.%s\n",
			o.reboot_required ? " A reboot is needed to load the driver." : "");
	return STATUS_OK;
}

void sitting_failed(struct job *j, struct err *e)
{
	auto_err late = { 0 };

	if (!j->plan.header.on_failure || e->code == GP_INTERRUPTED)
		return;
	if (put_back(j, &late))
		err_way(e, "putting everything back failed too: %s; run gpuprov rollback",
			late.text);
	else
		err_way(e, "everything that was done has been put back");
}
