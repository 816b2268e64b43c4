/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of kind toolkit, cdi and devchar in a fake world: death and failure at every effect, and
 * the way back.
 */
#include "fake.h"
#include "tap.h"

#include "base/str.h"
#include "execute/execute.h"
#include "execute/runs.h"
#include "execute/undo.h"
#include "plan.h"

#include <errno.h>

#define CONFIG "etc/nvidia-container-runtime/config.toml"
#define UNITS "etc/systemd/system/"
#define INSTALLED "usr/lib/systemd/system/"

/* As nvidia-ctk makes it: what is not said is there as a comment. */
static const char toml[] = "#accept-nvidia-visible-devices-as-volume-mounts = false\n\n"
			   "[nvidia-container-cli]\n#no-cgroups = false\nldconfig = \"@/sbin/x\"\n"
			   "\n[nvidia-container-runtime]\n  mode = \"auto\" # mine\n";
static const char unit[] = "[Service]\nType=oneshot\n[Install]\nWantedBy=multi-user.target\n";

struct world {
	const char *name;
	const char *kind, *key, *value; /* of the step, and one argument */
	const char *before;             /* config.toml; NULL = none */
	bool masked;                    /* its units are */
	const char *shows;              /* must be in the tree after it */
};

static const struct world worlds[] = {
	{ "mode", "toolkit", "set", "nvidia-container-runtime.mode = \"cdi\"", toml, false,
	  "mode = \"cdi\" # mine" },
	{ "no file yet", "toolkit", "set", "nvidia-container-cli.no-cgroups = true", NULL, false,
	  "no-cgroups = true" },
	{ "switched on", "cdi", "wish", "on", toml, false,
	  "multi-user.target.wants/nvidia-cdi-refresh.path" },
	{ "unmasked", "cdi", "wish", "on", NULL, true,
	  "multi-user.target.wants/nvidia-cdi-refresh.service" },
	{ "masked", "cdi", "wish", "off", NULL, false, UNITS "nvidia-cdi-refresh.path" },
};

static void make_plan(const struct world *w, struct plan *p, struct arena *a)
{
	struct plan_step *s;

	plan_init(p, a);
	s = plan_add(p, w->kind, "x", OP_CHANGE, "%s", w->name);
	step_arg(p, s, w->key, w->value);
	if (str_eq(w->kind, "toolkit"))
		step_arg(p, s, "path", "/" CONFIG);
	plan_finish(p);
}

static void start(struct fake *f, const struct world *w)
{
	auto_err e = { 0 };

	fake_init(f);
	f->sys.live = false; /* an image: files and links only */
	fake_put(f, INSTALLED "nvidia-cdi-refresh.service", unit);
	fake_put(f, INSTALLED "nvidia-cdi-refresh.path", unit);
	if (w->before)
		fake_put(f, CONFIG, w->before);
	/* Made by hand before; not effects of the run. */
	if (w->masked &&
	    (sys_symlink(&f->sys, "/dev/null", UNITS "nvidia-cdi-refresh.service", &e) ||
	     sys_symlink(&f->sys, "/dev/null", UNITS "nvidia-cdi-refresh.path", &e)))
		ok(false, "the world cannot be made: %s", e.text);
	f->effects = 0;
}

static void nothing(void *ctx, const struct exec_event *ev)
{
	(void)ctx;
	(void)ev;
}

static int apply(struct fake *f, const struct plan *p, struct err *e)
{
	const struct exec_listener l = { nothing, NULL, NULL };

	return execute(p, &f->sys, &f->sys, &l, e);
}

static int go_back(struct fake *f, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct plan p;
	runs all = { 0 };

	if (runs_list(&f->sys, &a, &all, e) || undo_plan(&f->sys, &all, 1, &a, &p, e))
		return -1;
	return apply(f, &p, e);
}

static void tree(struct fake *f, struct buf *ret)
{
	buf_clear(ret);
	fake_tree(f, "var/", ret);
}

static void die(struct fake *f, const struct plan *p, size_t n, bool back)
{
	auto_err ignored = { 0 }; /* a death is no error */

	f->die_at = n;
	if (setjmp(f->death) == 0) {
		if (back)
			go_back(f, &ignored);
		else
			apply(f, p, &ignored);
	}
	fake_reboot(f);
}

/* Dying before each effect, or failing at it, and beginning anew ends as if nothing had been. */
static void survives(const struct world *w, const struct plan *p, size_t total, const char *after)
{
	auto_buf struct buf now = BUF_TEXT;
	size_t died = 0, failed = 0;

	for (size_t n = 1; n <= total; n++) {
		struct fake f;
		auto_err e = { 0 };
		auto_err asked_for = { 0 };

		start(&f, w);
		die(&f, p, n, false);
		if (apply(&f, p, &e) == 0) {
			tree(&f, &now);
			died += str_eq(buf_str(&now), after);
		}
		err_drop(&e);
		fake_release(&f);
		start(&f, w);
		f.fail_at = n;
		f.fail_errno = ENOSPC;
		if (apply(&f, p, &asked_for)) {
			fake_reboot(&f);
			failed += apply(&f, p, &e) == 0;
		} else {
			failed++;
		}
		err_drop(&asked_for);
		err_drop(&e);
		fake_release(&f);
	}
	ok(died == total, "%s: dying before each of %zu effects ends well %zu times", w->name,
	   total, died);
	ok(failed == total, "%s: so does failing, %zu times", w->name, failed);
}

static void comes_back(const struct world *w, const struct plan *p, size_t total,
		       const char *before)
{
	auto_buf struct buf now = BUF_TEXT;
	size_t back = 0;

	for (size_t n = 1; n <= total; n++) {
		struct fake f;
		auto_err e = { 0 };

		start(&f, w);
		if (apply(&f, p, &e))
			ok(false, "%s: %s", w->name, e.text);
		fake_reboot(&f);
		die(&f, p, n, true);
		if (go_back(&f, &e) == 0) {
			tree(&f, &now);
			back += str_eq(buf_str(&now), before);
		}
		err_drop(&e);
		fake_release(&f);
	}
	ok(back == total, "%s: a rollback that dies before each of %zu effects: %zu", w->name,
	   total, back);
}

static void one_world(const struct world *w)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT, after = BUF_TEXT, now = BUF_TEXT;
	auto_err e = { 0 };
	size_t total, back_total;
	struct plan p;
	struct fake f;

	make_plan(w, &p, &a);
	start(&f, w);
	tree(&f, &before);
	ok(apply(&f, &p, &e) == 0, "%s: applied: %s", w->name, e.text ? e.text : "");
	total = f.effects;
	tree(&f, &after);
	ok(strstr(buf_str(&after), w->shows) != NULL, "%s: it is there", w->name);
	fake_reboot(&f);
	ok(go_back(&f, &e) == 0, "%s: put back: %s", w->name, e.text ? e.text : "");
	back_total = f.effects;
	tree(&f, &now);
	is(buf_str(&now), buf_str(&before), "everything is as it was");
	fake_release(&f);
	survives(w, &p, total, buf_str(&after));
	comes_back(w, &p, back_total, buf_str(&before));
}

/* ---- steps that are live ---- */

/* The links of devices: those that the program made go, those that were there stay. */
static void device_links(void)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct plan_step *s;
	struct plan p;
	struct fake f;

	plan_init(&p, &a);
	s = plan_add(&p, "devchar", "nvidia", OP_ADD, "/dev/char");
	step_arg(&p, s, "program", "/usr/bin/nvidia-ctk");
	plan_finish(&p);
	fake_init(&f);
	fake_put(&f, "dev/nvidiactl", "");
	fake_put(&f, "dev/nvidia0", "");
	fake_put(&f, "dev/nvidia-uvm", "");
	fake_put(&f, "proc/devices", "Character devices:\n195 nvidia\n511 nvidia-uvm\n");
	ok(apply(&f, &p, &e) && e.code == GP_STEP_LIED, "a program that makes no links has lied");
	err_drop(&e);
	fake_reboot(&f);
	ok(!sys_symlink(&f.sys, "../nvidiactl", "dev/char/195:255", &e) &&
		   !sys_symlink(&f.sys, "../nvidia0", "dev/char/195:0", &e) &&
		   !sys_symlink(&f.sys, "../nvidia-uvm", "dev/char/511:0", &e) &&
		   !apply(&f, &p, &e),
	   "with all links there is nothing to do: %s", e.text ? e.text : "");
	err_drop(&e);
	fake_release(&f);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++)
		one_world(&worlds[i]);
	device_links();
	return done_testing();
}
