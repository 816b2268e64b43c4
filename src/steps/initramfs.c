/* SPDX-License-Identifier: Apache-2.0 */
/* Rebuilding the initramfs of one kernel, so that what modprobe.d says holds in early boot too. */
#include "steps/step.h"

#include "base/arena.h"
#include "sys/sys.h"

#include <stddef.h>

/* The image is newer than every file that goes into it. */
static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *image = arena_printf(&a, "boot/initrd.img-%s", step_get(s, "kernel"));
	struct sys_stat built, conf;
	strs names = { 0 };

	if (sys_stat(sys, image, &built, e) || sys_list(sys, "etc/modprobe.d", &a, &names, e))
		return -1;
	*ret = built.type == SYS_FILE;
	list_each (&names, name) {
		if (sys_stat(sys, arena_printf(&a, "etc/modprobe.d/%s", *name), &conf, e))
			return -1;
		*ret &= conf.mtime_ns <= built.mtime_ns;
	}
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)e;
	buf_adds(ret, "{}");
	return 0;
}

static int rebuild(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	const char *const argv[] = { "/usr/sbin/update-initramfs", "-u", "-k",
				     step_get(s, "kernel"), NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 900 };

	return sys_run_ok(sys, &cmd, e);
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	run->progress(run->ctx, &(struct step_progress){ .what = "update-initramfs" });
	return rebuild(sys, s, e);
}

/* By then the file is back as it was: build again from it. */
static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	(void)saved;
	(void)run;
	return rebuild(sys, s, e);
}

static int undo_risk(const struct sys *sys, const struct plan_step *s, const char *saved,
		     struct arena *a, const char **ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)saved;
	(void)a;
	(void)e;
	*ret = "rebuilt from the old configuration: the same contents, not the same bytes";
	return 0;
}

const struct step_kind step_initramfs = {
	.name = "initramfs",
	.required = (const char *const[]){ "kernel", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
	.undo_risk = undo_risk,
	.undo_late = true,
};
