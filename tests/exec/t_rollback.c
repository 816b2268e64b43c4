/* SPDX-License-Identifier: Apache-2.0 */
/* Putting back in a fake world: order, death at every effect of apply and of rollback, others'
 * work. */
#include "fake.h"
#include "tap.h"

#include "base/str.h"
#include "execute/execute.h"
#include "execute/journal.h"
#include "execute/undo.h"

#include <errno.h>

#define STATE "var/lib/gpuprov"
#define CONF "etc/modprobe.d/x.conf"
#define SOURCE "etc/apt/sources.list.d/x.sources"

static const char status[] = "Package: dpkg\nStatus: install ok installed\nVersion: 1\n";

static void make_plan(struct plan *p, struct arena *a, const char *text)
{
	struct plan_step *s;

	plan_init(p, a);
	p->header.profile = "p.yaml";
	s = plan_add(p, "file", "nouveau", OP_ADD, "/" CONF);
	step_arg(p, s, "path", CONF);
	step_arg(p, s, "content", text);
	s = plan_add(p, "repo", "debian", OP_CHANGE, "/" SOURCE);
	step_arg(p, s, "path", SOURCE);
	step_arg(p, s, "content", text);
	s = plan_add(p, "packages", "nvidia", OP_ADD, "NVIDIA driver");
	step_arg(p, s, "want", "nvidia-smi 535");
	step_needs(p, s, "repo:debian");
	step_needs(p, s, "file:nouveau");
	*list_push(a, &s->packages) = (struct plan_package){
		.name = "nvidia-smi", .arch = "amd64", .version = "535.1-1", .change = "new"
	};
	plan_finish(p);
}

static void start(struct fake *f)
{
	fake_init(f);
	fake_put(f, "var/lib/dpkg/status", status);
	fake_put(f, SOURCE, "what was there before\n");
}

static void on_event(void *ctx, const struct exec_event *ev)
{
	struct buf *b = ctx;

	if (b && ev->kind == EXEC_DONE)
		buf_addf(b, "%s\n", ev->step->id);
}

static int apply(struct fake *f, const struct plan *p, struct buf *done, struct err *e)
{
	struct exec_listener l = { on_event, done, NULL };

	return execute(p, &f->sys, &f->sys, &l, e);
}

/* What the command does: choose, plan, carry out. 1 when there is nothing to put back. */
static int rollback(struct fake *f, long long from, struct buf *done, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const struct run *run;
	runs all = { 0 };
	struct plan p;

	if (runs_list(&f->sys, &a, &all, e))
		return -1;
	run = runs_undoable(&all);
	if (!from && !run)
		return 1;
	if (undo_plan(&f->sys, &all, from ? from : run->number, &a, &p, e))
		return -1;
	return apply(f, &p, done, e);
}

static void tree(struct fake *f, struct buf *ret)
{
	buf_clear(ret);
	fake_tree(f, STATE, ret);
}

static void there_and_back(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT, after = BUF_TEXT, done = BUF_TEXT;
	auto_err e = { 0 };
	runs all = { 0 };
	struct plan p;
	struct fake f;

	start(&f);
	tree(&f, &before);
	make_plan(&p, &a, "new\n");
	apply(&f, &p, NULL, &e);
	ok(rollback(&f, 0, &done, &e) == 0, "rollback succeeds: %s", e.text ? e.text : "");
	is(buf_str(&done), "packages:nvidia@1\nrepo:debian@1\nfile:nouveau@1\n",
	   "the steps are put back in the opposite order");
	tree(&f, &after);
	is(buf_str(&after), buf_str(&before), "and everything is as before");
	ok(runs_list(&f.sys, &a, &all, &e) == 0 && all.n == 2 &&
		   all.at[0].state == RUN_ROLLED_BACK && all.at[1].rollback &&
		   all.at[1].state == RUN_DONE,
	   "history has the run as rolled back, and the rollback as done");
	is(all.at[0].who, "root", "and who made it");
	ok(rollback(&f, 0, NULL, &e) == 1, "a second rollback finds nothing to put back");
	fake_release(&f);
}

/* Two runs changed one file: each rollback goes back one. */
static void one_by_one(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT, after = BUF_TEXT;
	auto_err e = { 0 };
	struct plan one, two;
	struct fake f;

	start(&f);
	make_plan(&one, &a, "one\n");
	make_plan(&two, &a, "two\n");
	tree(&f, &before);
	apply(&f, &one, NULL, &e);
	apply(&f, &two, NULL, &e);
	is(fake_get(&f, CONF), "two\n", "the second run's text is there");
	ok(rollback(&f, 0, NULL, &e) == 0, "the last run is put back");
	is(fake_get(&f, CONF), "one\n", "the first run's text is there again");
	apply(&f, &two, NULL, &e);
	ok(rollback(&f, 1, NULL, &e) == 0, "run 1 and all after it are put back: %s",
	   e.text ? e.text : "");
	tree(&f, &after);
	is(buf_str(&after), buf_str(&before), "and everything is as before both");
	fake_release(&f);
}

static void somebody_elses(void)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct plan p;
	struct fake f;

	start(&f);
	make_plan(&p, &a, "new\n");
	apply(&f, &p, NULL, &e);
	fake_put(&f, CONF, "edited by hand\n");
	ok(rollback(&f, 0, NULL, &e) == -1 && e.code == GP_FOREIGN_CHANGE,
	   "a file that somebody changed meanwhile stops the rollback");
	is(fake_get(&f, CONF), "edited by hand\n", "and stays");
	ok(e.n_ways > 0 && strstr(e.text, CONF), "the message names it: %s", e.text);
	err_drop(&e);
	fake_put(&f, CONF, "new\n");
	ok(rollback(&f, 0, NULL, &e) == 0, "after that it goes on");
	is(fake_get(&f, CONF), NULL, "and puts it back");
	fake_release(&f);
}

static void damaged_backup(void)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct plan p;
	struct fake f;

	start(&f);
	make_plan(&p, &a, "new\n");
	fake_put(&f, STATE "/format", "2\n");
	ok(apply(&f, &p, NULL, &e) == -1 && e.code == GP_STATE_NEWER,
	   "state of a newer program is not touched");
	err_drop(&e);
	is(fake_get(&f, CONF), NULL, "and nothing was done");
	fake_release(&f);
}

static void apply_and_die(struct fake *f, const struct plan *p)
{
	auto_err ignored = { 0 }; /* a death is no error, and what failed before it is not asked */

	if (setjmp(f->death) == 0)
		apply(f, p, NULL, &ignored);
}

static void rollback_and_die(struct fake *f)
{
	auto_err ignored = { 0 };

	if (setjmp(f->death) == 0)
		rollback(f, 0, NULL, &ignored);
}

/* Die in apply, then apply again, then rollback: the start. And: die, then rollback at once. */
static void die_in_apply(bool again)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT;
	auto_err e = { 0 };
	struct plan p;
	struct fake f;
	size_t total, same = 0;

	make_plan(&p, &a, "new\n");
	start(&f);
	tree(&f, &before);
	apply(&f, &p, NULL, &e);
	total = f.effects;
	fake_release(&f);
	for (size_t at = 1; at <= total; at++) {
		auto_buf struct buf got = BUF_TEXT;

		start(&f);
		f.die_at = at;
		apply_and_die(&f, &p);
		fake_reboot(&f);
		if (again && apply(&f, &p, NULL, &e))
			printf("# died at %zu, then: %s\n", at, e.text);
		if (rollback(&f, 0, NULL, &e) < 0)
			printf("# died at %zu, rollback: %s\n", at, e.text);
		tree(&f, &got);
		same += str_eq(buf_str(&got), buf_str(&before));
		fake_release(&f);
	}
	ok(total > 10 && same == total, "die in apply, %sroll back: the start, %zu of %zu",
	   again ? "apply again, " : "", same, total);
}

/* The same with an apply in between: what it does belongs to what was half put back. */
static void die_in_rollback(bool between)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT;
	auto_err e = { 0 };
	struct plan p;
	struct fake f;
	size_t total, same = 0;

	make_plan(&p, &a, "new\n");
	start(&f);
	tree(&f, &before);
	apply(&f, &p, NULL, &e);
	fake_reboot(&f);
	rollback(&f, 0, NULL, &e);
	total = f.effects;
	fake_release(&f);
	for (size_t at = 1; at <= total; at++) {
		auto_buf struct buf got = BUF_TEXT;

		start(&f);
		apply(&f, &p, NULL, &e);
		fake_reboot(&f);
		f.die_at = at;
		rollback_and_die(&f);
		fake_reboot(&f);
		if (between && apply(&f, &p, NULL, &e))
			printf("# died at %zu, then apply: %s\n", at, e.text);
		if (rollback(&f, 0, NULL, &e) < 0)
			printf("# died at %zu, then: %s\n", at, e.text);
		tree(&f, &got);
		same += str_eq(buf_str(&got), buf_str(&before));
		fake_release(&f);
	}
	ok(total > 10 && same == total, "die in rollback, %sroll back again: the start, %zu of %zu",
	   between ? "apply, " : "", same, total);
}

/* Each effect of a rollback fails once: told with a path, and mended by the next one. */
static void fail_in_rollback(void)
{
	static const int errnos[] = { EIO, ENOSPC, EROFS, EACCES };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT;
	struct err e = { 0 };
	struct plan p;
	struct fake f;
	size_t total, told = 0, mended = 0, tried = 0;

	make_plan(&p, &a, "new\n");
	start(&f);
	tree(&f, &before);
	apply(&f, &p, NULL, &e);
	fake_reboot(&f);
	rollback(&f, 0, NULL, &e);
	total = f.effects;
	fake_release(&f);
	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++)
		for (size_t at = 1; at <= total; at++) {
			auto_buf struct buf got = BUF_TEXT;

			tried++;
			start(&f);
			apply(&f, &p, NULL, &e);
			fake_reboot(&f);
			f.fail_at = at;
			f.fail_errno = errnos[i];
			/* "dpkg --configure -a" is an attempt; only what follows it counts. */
			told += (rollback(&f, 0, NULL, &e) == -1 && e.text &&
				 strchr(e.text, '/')) ||
				strstr(buf_str(&f.transcript), "run /usr/bin/dpkg\nrun") != NULL;
			err_drop(&e);
			fake_reboot(&f);
			rollback(&f, 0, NULL, &e);
			err_drop(&e);
			tree(&f, &got);
			mended += str_eq(buf_str(&got), buf_str(&before));
			fake_release(&f);
		}
	ok(told == tried, "%zu of %zu failures are reported with their path", told, tried);
	ok(mended == tried, "%zu of %zu are mended by a second rollback", mended, tried);
}

int main(void)
{
	there_and_back();
	one_by_one();
	somebody_elses();
	damaged_backup();
	die_in_apply(false);
	die_in_apply(true);
	die_in_rollback(false);
	die_in_rollback(true);
	fail_in_rollback();
	return done_testing();
}
