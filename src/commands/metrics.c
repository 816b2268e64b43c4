/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a host for node_exporter's textfile collector. */
#include "commands/metrics.h"

#include "base/str.h"

static const enum run_state states[] = { RUN_DONE,    RUN_FAILED, RUN_INTERRUPTED,
					 RUN_CUT_OFF, RUN_REBOOT, RUN_ROLLED_BACK };

/* All of ours are gauges: nothing here only ever grows. */
static void head(struct buf *ret, const char *name, const char *help)
{
	buf_addf(ret, "# HELP gpuprov_%s %s\n# TYPE gpuprov_%s gauge\n", name, help, name);
}

static void gauge(struct buf *ret, const char *name, const char *help, long long value)
{
	head(ret, name, help);
	buf_addf(ret, "gpuprov_%s %lld\n", name, value);
}

/* name="value"; what the format asks to be escaped is. */
static void label(struct buf *ret, const char *before, const char *name, const char *value)
{
	buf_addf(ret, "%s%s=\"", before, name);
	for (const char *c = value ? value : ""; *c; c++) {
		if (*c == '\n') {
			buf_adds(ret, "\\n");
			continue;
		}
		if (*c == '"' || *c == '\\')
			buf_addc(ret, '\\');
		buf_addc(ret, *c);
	}
	buf_addc(ret, '"');
}

static void add_versions(const struct job *j, struct buf *ret)
{
	const struct fact_driver *d = &j->facts.driver;

	head(ret, "build_info", "Version of gpuprov, and date of its catalog.");
	buf_adds(ret, "gpuprov_build_info");
	label(ret, "{", "version", VERSION);
	label(ret, ",", "catalog", j->catalog.date);
	buf_adds(ret, "} 1\n");
	if (d->version || d->loaded) {
		head(ret, "driver_info", "NVIDIA driver: installed user space, loaded module.");
		buf_adds(ret, "gpuprov_driver_info");
		label(ret, "{", "version", d->version);
		label(ret, ",", "loaded", d->loaded);
		label(ret, ",", "flavour", d->flavour);
		buf_adds(ret, "} 1\n");
	}
	gauge(ret, "gpus", "NVIDIA GPUs on the bus.", (long long)j->facts.gpus.n);
}

static void add_last(const struct run *last, bool running, struct buf *ret)
{
	head(ret, "last_run_state", "How the last run ended: 1 for the state that it is in.");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		buf_adds(ret, "gpuprov_last_run_state");
		label(ret, "{", "state", run_state_word(states[i]));
		buf_addf(ret, "} %d\n", !running && last->state == states[i]);
	}
	gauge(ret, "last_run_begin_timestamp_seconds", "When the last run began.", last->began);
	if (last->ended)
		gauge(ret, "last_run_end_timestamp_seconds", "When the last run ended.",
		      last->ended);
}

static int read_report(struct job *j, struct plan *ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);

	return sys_read(&j->sys, DRIFT_REPORT, &text, e) ||
			       plan_read(buf_str(&text), text.len, DRIFT_REPORT, &j->a, ret, e) ?
		       -1 :
		       0;
}

/* A report that cannot be used must not take the other metrics with it: it has a metric of its own.
 */
static int add_drift(struct job *j, struct buf *ret, struct err *e)
{
	auto_err unusable = { 0 };
	struct plan plan = { 0 };
	struct sys_stat st;
	bool usable;

	if (sys_stat(&j->sys, DRIFT_REPORT, &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return 0;
	usable = read_report(j, &plan, &unusable) == 0;
	gauge(ret, "drift_report_usable", "Whether the report about drift can be read.", usable);
	gauge(ret, "drift_check_timestamp_seconds",
	      "When it was looked whether the host is what its profile says.",
	      st.mtime_ns / 1000000000);
	if (!usable)
		return 0;
	gauge(ret, "drift_steps", "Steps that would make the host what its profile says.",
	      plan.totals.add + plan.totals.change + plan.totals.remove);
	gauge(ret, "drift_errors", "Reasons why no plan leads there.",
	      (long long)diag_count(&plan.diags, SEV_ERROR));
	return 0;
}

int metrics_write(struct job *j, const struct metrics *m, struct buf *ret, struct err *e)
{
	if (job_facts(j, e))
		return -1;
	add_versions(j, ret);
	gauge(ret, "runs", "Runs in the history.", (long long)m->all->n);
	gauge(ret, "run_active", "A run is going on now.", m->running);
	gauge(ret, "reboot_required", "The next boot is waited for.", m->reboot_required);
	if (m->all->n)
		add_last(&m->all->at[m->all->n - 1], m->running, ret);
	return add_drift(j, ret, e);
}
