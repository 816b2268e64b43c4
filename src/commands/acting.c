/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that change the host do alike. */
#include "commands/acting.h"

#include "base/str.h"
#include "commands/outcome.h"
#include "execute/execute.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int acting_rights(const struct job *j, const char *command, struct err *e)
{
	const char *arg = j->o->args.n ? j->o->args.at[0] : "";

	if (geteuid() == 0)
		return 0;
	err_set(e, GP_NEEDS_ROOT, "%s changes '%s' and needs root", command, j->sys.root);
	err_way(e, "sudo gpuprov %s%s%s", command, *arg ? " " : "", arg);
	if (str_eq(command, "apply"))
		err_way(e, "gpuprov plan %s shows the plan without any rights", arg);
	return -1;
}

int acting_show(struct job *j, struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;

	style.acting = true;
	if (j->outcome)
		return outcome_plan(j, e);
	if (opt_wants(j->o, "json"))
		plan_write(&j->plan, &text);
	else if (!plan_refused(&j->plan))
		render_plan(&j->plan, &style, &text);
	return print(&text, e);
}

int acting_confirm(const struct job *j, struct err *e)
{
	auto_buf struct buf question = BUF_TEXT;
	long long steps = j->plan.totals.add + j->plan.totals.change + j->plan.totals.remove;

	if (opt_given(j->o, OPT_YES))
		return 0;
	if (!isatty(STDIN_FILENO) || !terminal_is(stderr)) {
		err_set(e, GP_NEEDS_YES, "there is no terminal to ask on");
		err_way(e, "say --yes to go on without being asked");
		return -1;
	}
	if (steps == 1)
		buf_addf(&question, "Apply this step to %s?", j->sys.root);
	else
		buf_addf(&question, "Apply these %lld steps to %s?", steps, j->sys.root);
	if (terminal_confirm(buf_str(&question)))
		return 0;
	return err_set(e, GP_INTERRUPTED, "not confirmed; nothing has been changed");
}

/* ---- signals ---- */

static volatile sig_atomic_t stop_asked;
static char in_flight[512]; /* what a second Ctrl-C is answered with; its length below */
static volatile sig_atomic_t in_flight_len;

/*
 * The running step comes to its end; then we stop. Whoever asks twice is told what they wait for:
 * a package half unpacked is worse than a minute.
 */
static void on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	if (stop_asked && in_flight_len > 0 &&
	    write(STDERR_FILENO, in_flight, (size_t)in_flight_len) < 0)
		stop_asked = 1; /* a closed terminal; there is nobody to tell */
	stop_asked = 1;
	errno = saved;
}

/* A closed terminal or pipe stops nothing. */
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

/* While the text changes its length is 0, so the handler never writes half of one. */
static void say_in_flight(const struct exec_event *ev)
{
	auto_buf struct buf b = BUF_INIT(sizeof(in_flight) - 1);

	in_flight_len = 0;
	if (ev->kind != EXEC_BEGIN)
		return;
	buf_addf(
		&b,
		"\nStill in step %zu of %zu, %s; gpuprov stops as soon as it has ended. Killing it "
		"now is repaired by the next run.\n",
		ev->number, ev->total, ev->step->id);
	memcpy(in_flight, buf_str(&b), b.len);
	in_flight_len = (sig_atomic_t)b.len;
}

/* Who is told what happens. */
struct audience {
	struct job *j;
	struct progress progress;
};

static void on_event(void *ctx, const struct exec_event *ev)
{
	struct audience *them = ctx;

	if (ev->kind != EXEC_PROGRESS)
		say_in_flight(ev);
	if (them->j->outcome)
		outcome_event(them->j, ev);
	progress_event(&them->progress, ev);
}

/* Packages are planned with the cache open; a plan of another day may still need it. */
static bool needs_cache(const struct plan *p)
{
	if (p->header.undoes)
		return false;
	list_each (&p->steps, s)
		if (step_get(s, "object") || str_eq(s->kind, "fetch") ||
		    str_eq(s->kind, "packages"))
			return true;
	return false;
}

int acting_carry_out(struct job *j, struct err *e)
{
	struct audience them = { .j = j };
	struct exec_listener listener = { on_event, &them, should_stop };

	if (needs_cache(&j->plan) && job_cache(j, e))
		return -1;
	progress_init(&them.progress, j->o);
	catch_signals();
	return execute(&j->plan, &j->sys, &j->cache, &listener, e);
}
