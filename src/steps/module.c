/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's module in the kernel, where another holds the GPUs until the next boot: the second
 * sitting's step. Usually udev has loaded it by then.
 */
#include "steps/step.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/*
 * Arguments: `module`; `version`, the head of what it must be; `flavour`, open or proprietary;
 * `instead`, the one that holds the GPUs now, if that is another module.
 */

/* "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64 ..."; true where it is not told. */
static int has_flavour(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(4096);
	const char *flavour = step_get(s, "flavour");
	bool there, open;

	if (sys_read_if(sys, "proc/driver/nvidia/version", &text, &there, e))
		return -1;
	open = strstr(buf_str(&text), "Open Kernel Module") != NULL;
	*ret = !there || !flavour || open == str_eq(flavour, "open");
	return 0;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_INIT(4096);
	const char *at = arena_printf(&a, "sys/module/%s/version", step_get(s, "module"));
	struct piece line;
	bool there, flavour;

	if (sys_read_if(sys, at, &text, &there, e) || has_flavour(sys, s, &flavour, e))
		return -1;
	line = str_trim(PIECE(buf_str(&text)));
	*ret = there && flavour &&
	       ver_within(arena_strn(&a, line.at, line.len), step_get(s, "version"));
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

static int check_instead(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *other = step_get(s, "instead");
	struct sys_stat st;

	if (!other)
		return 0;
	if (sys_stat(sys, arena_printf(&a, "sys/module/%s", other), &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return 0;
	err_set(e, GP_MODULE_IN_WAY, "%s is still loaded after the boot, and holds the GPUs",
		other);
	err_way(e, "see what loads it: grep -r %s /etc/modprobe.d /etc/modules-load.d", other);
	err_way(e, "rebuild the initramfs, reboot, and run gpuprov apply --resume");
	return -1;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	const char *const argv[] = { "/sbin/modprobe", step_get(s, "module"), NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 120 };

	if (check_instead(sys, s, e))
		return -1;
	run->progress(run->ctx, &(struct step_progress){ .what = "modprobe" });
	if (sys_run_ok(sys, &cmd, e) == 0)
		return 0;
	err_way(e, "dmesg tells why the kernel refused it; gpuprov doctor looks for the cause");
	return err_ctx(e, "loading the module '%s'", step_get(s, "module"));
}

/* Programs may use it, and what would take its place needs a boot all the same. */
static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	(void)sys;
	(void)s;
	(void)saved;
	(void)run;
	(void)e;
	return 0;
}

static int undo_risk(const struct sys *sys, const struct plan_step *s, const char *saved,
		     struct arena *a, const char **ret, struct err *e)
{
	(void)sys;
	(void)saved;
	(void)e;
	*ret = arena_printf(a, "%s stays loaded until the next boot", step_get(s, "module"));
	return 0;
}

const struct step_kind step_module = {
	.name = "module",
	.required = (const char *const[]){ "module", "version", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
	.undo_risk = undo_risk,
};
