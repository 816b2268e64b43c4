/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov apply: carry the plan out. */
#include "commands/common.h"
#include "execute.h"
#include "journal.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
	(void)sig;
	stop_asked = 1;
}

/* The running step comes to its end; then we stop. A closed terminal or pipe stops nothing. */
static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static bool should_stop(void *ctx)
{
	(void)ctx;
	return stop_asked;
}

static int check_rights(const struct job *j, struct err *e)
{
	if (geteuid() == 0)
		return 0;
	err_set(e, GP_NEEDS_ROOT, "apply changes '%s' and needs root", j->sys.root);
	err_way(e, "sudo gpuprov apply %s", j->o->args.at[0]);
	err_way(e, "gpuprov plan %s shows the plan without any rights", j->o->args.at[0]);
	return -1;
}

static int confirm(const struct job *j, struct err *e)
{
	auto_buf struct buf question = BUF_TEXT;
	long long steps = j->plan.totals.add + j->plan.totals.change + j->plan.totals.remove;

	if (opt_given(j->o, OPT_YES))
		return 0;
	if (!isatty(STDIN_FILENO) || !terminal_is(stderr)) {
		err_set(e, GP_NEEDS_YES, "there is no terminal to ask on");
		err_way(e, "say --yes to apply without being asked");
		return -1;
	}
	buf_addf(&question, "Apply these %lld steps to %s?", steps, j->sys.root);
	if (terminal_confirm(buf_str(&question)))
		return 0;
	return err_set(e, GP_INTERRUPTED, "not confirmed; nothing has been changed");
}

static int carry_out(struct job *j, struct err *e)
{
	struct progress progress;
	struct exec_listener listener = { progress_event, &progress, should_stop };

	progress_init(&progress, j->o);
	catch_signals();
	if (execute(&j->plan, &j->sys, &j->cache, &listener, e))
		return -1;
	if (plan_pending(&j->plan))
		fprintf(stderr, "Done.%s\n",
			j->plan.totals.reboot ? " A reboot is needed to load the driver." : "");
	return 0;
}

static int show_plan(const struct job *j, struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;

	if (opt_given(j->o, OPT_JSON))
		plan_write(&j->plan, &text);
	else if (!plan_refused(&j->plan))
		render_plan(&j->plan, &style, &text);
	return print(&text, e);
}

static int apply_locked(struct job *j, struct err *e)
{
	if (job_facts(j, e) || job_plan(j, true, e) || show_plan(j, e))
		return -1;
	job_show_diags(j);
	if (plan_refused(&j->plan))
		return (int)job_refusal(j);
	if (plan_pending(&j->plan) && confirm(j, e))
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
	if (check_rights(&j, e) || journal_lock(&j.sys, &lock, e))
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
	.options = (const enum option[]){ OPT_ROOT, OPT_GPU, OPT_YES, OPT_JSON, OPT_REFRESH,
					  OPT_OFFLINE, OPT_CACHE, OPT_CATALOG, OPT_COUNT },
	.run = run,
};
