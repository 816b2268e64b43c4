/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov history: which runs were made. */
#include "commands/common.h"
#include "execute/runs.h"

#include <time.h>

struct report {
	const char *schema;
	runs runs;
};

static const struct rec_row report_rows[] = {
	REC_ROW(struct report, schema, REC_STR, "format"),
	{ .name = "runs",
	  .type = REC_LIST,
	  .offset = offsetof(struct report, runs),
	  .rows = run_rows,
	  .size = sizeof(struct run) },
	REC_END,
};

static void show_run(const struct run *run, struct buf *ret)
{
	char when[32] = "-";
	time_t began = (time_t)run->began;
	struct tm tm;

	if (began && localtime_r(&began, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	buf_addf(ret, "%4lld  %-19s  %-10s  ", run->number, when, run->who ? run->who : "-");
	if (run->rollback)
		buf_addf(ret, "rollback to before run %s", run->undoes);
	else
		buf_addf(ret, "apply %s", run->profile ? run->profile : "-");
	buf_addf(ret, ": %s", run_state_word(run->state));
	if (!run->rollback)
		buf_addf(ret, ", %lld step%s done", run->finished, run->finished == 1 ? "" : "s");
	if (run->continues)
		buf_addf(ret, ", went on with run %s", run->continues);
	buf_addc(ret, '\n');
	if (run->cause)
		buf_addf(ret, "      %s\n", run->cause);
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct report r = { .schema = "gpuprov.history/1" };
	struct jw w = { .out = &text };

	if (job_open(&j, o, e) || runs_list(&j.sys, &j.a, &r.runs, e))
		return -1;
	if (opt_wants(o, "json")) {
		rec_write(&w, report_rows, &r);
		buf_addc(&text, '\n');
	} else if (!r.runs.n) {
		buf_addf(&text, "No run was made on %s yet.\n", j.sys.root);
	}
	if (!opt_wants(o, "json"))
		list_each (&r.runs, it)
			show_run(it, &text);
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_history = {
	.name = "history",
	.args = "",
	.min = 0,
	.max = 0,
	.summary = "list the runs that were made on this host",
	.about = "Shows each run with its number, when and by whom it was made, from which "
		 "profile, and how it ended. 'gpuprov rollback RUN' puts back a run and those "
		 "after it.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_JSON, OPT_FORMAT, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
