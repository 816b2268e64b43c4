/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of two sittings in a fake world: what waits for a boot, goes on after it, and gives up. */
#include "fake.h"
#include "tap.h"

#include "base/str.h"
#include "execute/execute.h"
#include "execute/journal.h"
#include "execute/resume.h"
#include "execute/undo.h"
#include "steps/step.h"

#include <string.h>

#define STATE "var/lib/gpuprov"

extern const struct step_kind step_module;

static struct plan_step *add_file(struct plan *p, const char *name, const char *path)
{
	struct plan_step *s = plan_add(p, "file", name, OP_ADD, "/%s", path);

	step_arg(p, s, "path", path);
	step_arg(p, s, "content", "new\n");
	return s;
}

/* a and c now; b after the boot, d because it needs b. */
static void make_plan(struct plan *p, struct arena *a)
{
	plan_init(p, a);
	p->header.profile = "p.yaml";
	add_file(p, "a", "etc/a");
	add_file(p, "b", "etc/b")->when = "boot";
	add_file(p, "c", "etc/c");
	step_needs(p, add_file(p, "d", "etc/d"), "file:b");
	plan_finish(p);
}

static void on_event(void *ctx, const struct exec_event *ev)
{
	(void)ctx;
	(void)ev;
}

static int apply(struct fake *f, const struct plan *p, struct err *e)
{
	struct exec_listener l = { on_event, NULL, NULL };

	return execute(p, &f->sys, &f->sys, &l, e);
}

static enum run_state newest(struct fake *f)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	runs all = { 0 };

	return runs_list(&f->sys, &a, &all, &e) || !all.n ? RUN_FAILED : all.at[all.n - 1].state;
}

static void two_sittings(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct plan p, rest;
	struct fake f;

	fake_init(&f);
	make_plan(&p, &a);
	ok(apply(&f, &p, &e) == 0, "the first sitting ends well");
	ok(fake_get(&f, "etc/a") && fake_get(&f, "etc/c"), "what needs no boot is done");
	ok(!fake_get(&f, "etc/b") && !fake_get(&f, "etc/d"),
	   "what needs one waits, and what needs that");
	ok(newest(&f) == RUN_REBOOT, "the run waits for a reboot");
	buf_clear(&f.transcript);
	make_plan(&rest, &a);
	list_each (&rest.steps, s)
		s->op = str_eq(s->id, "file:a") || str_eq(s->id, "file:c") ? OP_KEEP : OP_ADD;
	ok(apply(&f, &rest, &e) == 0 && !fake_get(&f, "etc/b") && newest(&f) == RUN_REBOOT,
	   "again in the same boot: it still waits");
	is(strstr(buf_str(&f.transcript), "append"), NULL, "and nothing is written down for it");
	f.boot = "another";
	ok(apply(&f, &p, &e) == 0, "the second sitting ends well: %s", e.text ? e.text : "");
	ok(fake_get(&f, "etc/b") && fake_get(&f, "etc/d"), "and does the rest");
	ok(newest(&f) == RUN_DONE, "the run is done");
	fake_release(&f);
}

static void rollback_of_both(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf tree = BUF_TEXT;
	auto_err e = { 0 };
	runs all = { 0 };
	struct plan p, back;
	struct fake f;

	fake_init(&f);
	make_plan(&p, &a);
	apply(&f, &p, &e);
	f.boot = "another";
	apply(&f, &p, &e);
	ok(runs_list(&f.sys, &a, &all, &e) == 0 && runs_undoable(&all) &&
		   runs_undoable(&all)->number == 1,
	   "both sittings are put back together");
	ok(undo_plan(&f.sys, &all, 1, &a, &back, &e) == 0 && apply(&f, &back, &e) == 0,
	   "rollback succeeds");
	fake_tree(&f, STATE, &tree);
	is(buf_str(&tree), "", "and nothing is left");
	fake_release(&f);
}

static void automatic(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct plan p;
	struct fake f;

	fake_init(&f);
	plan_init(&p, &a);
	p.header.reboot = "auto";
	add_file(&p, "a", "etc/a");
	p.totals.reboot = true;
	plan_finish(&p);
	ok(apply(&f, &p, &e) == 0 && newest(&f) == RUN_REBOOT,
	   "with reboot: auto the end is after the boot, where it can be proved");
	f.boot = "another";
	ok(apply(&f, &p, &e) == 0 && newest(&f) == RUN_DONE, "then it is done");
	fake_release(&f);
	fake_init(&f);
	p.header.reboot = NULL;
	ok(apply(&f, &p, &e) == 0 && newest(&f) == RUN_DONE, "with ask and never it ends at once");
	fake_release(&f);
}

static void counter(void)
{
	static const char *const boots[] = { "1", "2", "3" };
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	bool there, booted;
	struct resume r;
	struct fake f;

	fake_init(&f);
	ok(resume_begin(&f.sys, &a, &r, &there, &booted, &e) == 0 && !there, "nothing waits");
	ok(resume_wait(&f.sys, 7, &e) == 0, "run 7 waits");
	ok(resume_begin(&f.sys, &a, &r, &there, &booted, &e) == 0 && there && !booted && r.run == 7,
	   "it waits, and there was no boot yet");
	for (size_t i = 0; i < 3; i++) {
		f.boot = boots[i];
		ok(resume_begin(&f.sys, &a, &r, &there, &booted, &e) == 0 && there && booted,
		   "boot %zu: it goes on", i + 1);
	}
	f.boot = "4";
	ok(resume_begin(&f.sys, &a, &r, &there, &booted, &e) == -1 && e.code == GP_BOOT_LOOP,
	   "a fourth boot is one too many");
	ok(!fake_get(&f, STATE "/resume.json"), "and nothing waits any more");
	fake_release(&f);
}

/* The module of the second sitting: its version, and which of the two flavours. */
static void module_in_effect(void)
{
	static const struct {
		const char *version, *line;
		bool done;
		const char *what;
	} t[] = {
		{ "580.95.05\n", NULL, true, "the right version" },
		{ "535.161.08\n", NULL, false, "the version before" },
		{ "580.95.05\n", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64", true,
		  "of the right flavour" },
		{ "580.95.05\n", "NVRM version: NVIDIA UNIX x86_64 Kernel Module", false,
		  "of the other flavour" },
		{ NULL, NULL, false, "none at all" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		auto_arena struct arena a = { 0 };
		auto_err e = { 0 };
		struct plan_step *s;
		struct plan p;
		struct fake f;
		bool done;

		fake_init(&f);
		plan_init(&p, &a);
		s = plan_add(&p, "module", "nvidia", OP_ADD, "module");
		step_arg(&p, s, "module", "nvidia");
		step_arg(&p, s, "version", "580");
		step_arg(&p, s, "flavour", "open");
		if (t[i].version)
			fake_put(&f, "sys/module/nvidia/version", t[i].version);
		if (t[i].line)
			fake_put(&f, "proc/driver/nvidia/version", t[i].line);
		ok(step_module.done(&f.sys, s, &done, &e) == 0 && done == t[i].done,
		   "module in the kernel: %s", t[i].what);
		fake_release(&f);
	}
}

int main(void)
{
	module_in_effect();
	two_sittings();
	rollback_of_both();
	automatic();
	counter();
	return done_testing();
}
