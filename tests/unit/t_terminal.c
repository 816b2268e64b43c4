/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal: styles from the environment. For tests/cli/terminal.bats to watch, `t_terminal
 * play` shows two seconds of progress, as fast as it can be told, and `t_terminal plan` the plan in
 * JSON on standard input; `t_terminal page` as a page for a browser.
 */
#include "terminal.h"

#include "base/str.h"
#include "options.h"
#include "render/html.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const struct command *const command_table[] = { NULL };

static long long ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void play(void)
{
	struct plan_step step = { .kind = "packages",
				  .op = OP_ADD,
				  .what = "NVIDIA driver 535 \346\274\242\345\255\227" };
	struct step_progress at = { "fetching nvidia-kernel-dkms, which has a long name of its own",
				    0,
				    2000,
				    true,
				    50,
				    false };
	struct exec_event ev = {
		.kind = EXEC_BEGIN, .number = 4, .total = 6, .step = &step, .progress = &at
	};
	long long begin = ms_now();
	struct progress p;

	progress_init(&p, NULL);
	progress_event(&p, &ev);
	ev.kind = EXEC_PROGRESS;
	while ((at.done = ms_now() - begin) < 2000) {
		struct timespec nap = { 0, 200000 };

		progress_event(&p, &ev);
		nanosleep(&nap, NULL);
	}
	ev.kind = EXEC_DONE;
	progress_event(&p, &ev);
}

/* Where the solver has no say: what a plan looks like. */
static int show_plan(bool page)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf json = BUF_TEXT, text = BUF_TEXT;
	struct style style = terminal_style(NULL, stdout);
	struct plan p;
	struct err e = { 0 };
	int c;

	while ((c = getchar()) != EOF)
		buf_addc(&json, (char)c);
	if (plan_read(buf_str(&json), json.len, "plan", &a, &p, &e)) {
		fprintf(stderr, "%s\n", e.text);
		err_drop(&e);
		return 1;
	}
	if (page) {
		render_html(&p, &(struct facts){ 0 }, &text);
	} else {
		render_plan(&p, &style, &text);
		render_diags(&p.diags, NULL, &style, &text);
	}
	fputs(buf_str(&text), stdout);
	return 0;
}

/* Standard error is no terminal in a test, or made to be none. */
static void test_pipe(void)
{
	struct style s;

	unsetenv("COLUMNS");
	unsetenv("NO_COLOR");
	if (!freopen("/dev/null", "w", stderr))
		abort();
	s = terminal_style(NULL, stderr);
	ok(!s.colour && !s.width && !s.ascii, "nothing is wrapped or coloured in a pipe");
	setenv("COLUMNS", "60", 1);
	ok(terminal_style(NULL, stderr).width == 60, "COLUMNS is a width");
	setenv("COLUMNS", "5", 1);
	ok(terminal_style(NULL, stderr).width == 0, "unless it is none");
	ok(!terminal_confirm("?"), "nobody is asked");
}

int main(int argc, char **argv)
{
	if (argc > 1 && str_eq(argv[1], "play")) {
		play();
		return 0;
	}
	if (argc > 1 && (str_eq(argv[1], "plan") || str_eq(argv[1], "page")))
		return show_plan(str_eq(argv[1], "page"));
	test_pipe();
	return done_testing();
}
