/* SPDX-License-Identifier: Apache-2.0 */
/* A step of kind engine in a fake world: death and failure at every effect, and the way back. */
#include "fake.h"
#include "tap.h"

#include "base/str.h"
#include "execute/execute.h"
#include "execute/runs.h"
#include "execute/undo.h"
#include "plan.h"

#include <errno.h>

struct world {
	const char *engine, *config, *version, *before; /* before: NULL = no file */
};

static const char toml[] = "version = 2\n# mine\n[plugins.\"io.containerd.grpc.v1.cri\"]\n"
			   "  sandbox_image = \"x\"\n";
static const struct world worlds[] = {
	{ "docker", "/etc/docker/daemon.json", "26.1.5", "{\n  \"debug\": true\n}\n" },
	{ "docker", "/etc/docker/daemon.json", "26.1.5", NULL },
	{ "containerd", "/etc/containerd/config.toml", "1.7.24", toml },
	{ "containerd", "/etc/containerd/config.toml", "2.1.9", toml },
	{ "containerd", "/etc/containerd/config.toml", "2.1.9", NULL },
	{ "crio", "/etc/crio/crio.conf", "1.30", NULL },
};

static void make_plan(const struct world *w, struct plan *p, struct arena *a)
{
	struct plan_step *s;

	plan_init(p, a);
	s = plan_add(p, "engine", w->engine, OP_CHANGE, "%s", w->config);
	step_arg(p, s, "engine", w->engine);
	step_arg(p, s, "config", w->config);
	step_arg(p, s, "version", w->version);
	step_arg(p, s, "name", "nvidia");
	step_arg(p, s, "binary", "/usr/bin/nvidia-container-runtime");
	step_arg(p, s, "default", "yes");
	plan_finish(p);
}

static void start(struct fake *f, const struct world *w)
{
	fake_init(f);
	f->sys.live = false; /* an image: files only */
	fake_put(f, "usr/bin/nvidia-container-runtime", "program");
	if (w->before)
		fake_put(f, w->config + 1, w->before);
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

static void and_die(struct fake *f, const struct plan *p, int (*what)(struct fake *, struct err *))
{
	auto_err ignored = { 0 }; /* a death is no error */

	if (setjmp(f->death) == 0) {
		if (what)
			what(f, &ignored);
		else
			apply(f, p, &ignored);
	}
}

static void tree(struct fake *f, struct buf *ret)
{
	buf_clear(ret);
	fake_tree(f, "var/", ret);
}

static void one_world(const struct world *w)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf before = BUF_TEXT, after = BUF_TEXT, now = BUF_TEXT;
	auto_err e = { 0 };
	size_t total, back_total, good = 0, back = 0, failed = 0;
	struct plan p;
	struct fake f;

	make_plan(w, &p, &a);
	start(&f, w);
	tree(&f, &before);
	ok(apply(&f, &p, &e) == 0, "%s %s: applied: %s", w->engine, w->version,
	   e.text ? e.text : "");
	total = f.effects;
	tree(&f, &after);
	ok(strstr(buf_str(&after), "nvidia-container-runtime\"") != NULL, "%s: it is there",
	   w->engine);
	fake_reboot(&f);
	ok(go_back(&f, &e) == 0, "put back: %s", e.text ? e.text : "");
	back_total = f.effects;
	tree(&f, &now);
	is(buf_str(&now), buf_str(&before), "everything is as it was");
	fake_release(&f);

	for (size_t n = 1; n <= total; n++) {
		start(&f, w);
		f.die_at = n;
		and_die(&f, &p, NULL);
		fake_reboot(&f);
		tree(&f, &now);
		if (apply(&f, &p, &e) == 0) {
			tree(&f, &now);
			good += str_eq(buf_str(&now), buf_str(&after));
		}
		fake_release(&f);
		start(&f, w);
		f.fail_at = n;
		f.fail_errno = ENOSPC;
		if (apply(&f, &p, &e)) {
			auto_err late = { 0 };

			err_drop(&e); /* it was asked for */
			fake_reboot(&f);
			failed += apply(&f, &p, &late) == 0;
			err_drop(&late);
		} else {
			failed++;
		}
		fake_release(&f);
	}
	ok(good == total, "%s %s: dying before each of %zu effects ends well %zu times", w->engine,
	   w->version, total, good);
	ok(failed == total, "%s %s: so does failing, %zu times", w->engine, w->version, failed);
	for (size_t n = 1; n <= back_total; n++) {
		start(&f, w);
		apply(&f, &p, &e);
		fake_reboot(&f);
		f.die_at = n;
		and_die(&f, NULL, go_back);
		fake_reboot(&f);
		if (go_back(&f, &e) == 0) {
			tree(&f, &now);
			back += str_eq(buf_str(&now), buf_str(&before));
		}
		fake_release(&f);
	}
	ok(back == back_total, "%s %s: a rollback that dies before each of %zu effects: %zu",
	   w->engine, w->version, back_total, back);
	err_drop(&e);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++)
		one_world(&worlds[i]);
	return done_testing();
}
