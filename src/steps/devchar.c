/* SPDX-License-Identifier: Apache-2.0 */
/* Links in /dev/char for the devices that are there now; a udev rule makes those of later boots. */
#include "engines/devchar.h"

#include "base/rec.h"
#include "base/str.h"
#include "steps/step.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/* Argument: `program`, nvidia-ctk. */

struct saved {
	strs links; /* names in /dev/char that led to such a device before */
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved, links, REC_STRS, "links that were there"),
	REC_END,
};

static int links_now(const struct sys *sys, struct arena *a, strs *ret, struct err *e)
{
	strs names = { 0 };

	if (sys_list(sys, "dev/char", a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *path = arena_printf(a, "dev/char/%s", *name);
		auto_buf struct buf target = BUF_INIT(4096);
		struct sys_stat st;

		if (sys_stat(sys, path, &st, e))
			return -1;
		if (st.type != SYS_LINK)
			continue;
		if (sys_readlink(sys, path, &target, e))
			return -1;
		if (str_starts(buf_str(&target), "../nvidia") ||
		    str_starts(buf_str(&target), "/dev/nvidia"))
			list_add(a, ret, *name);
	}
	return 0;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	strs nodes = { 0 }, missing = { 0 };

	(void)s;
	if (devchar_look(sys, &a, &nodes, &missing, e))
		return -1;
	*ret = !missing.n;
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct saved saved = { 0 };

	(void)s;
	if (links_now(sys, &a, &saved.links, e))
		return -1;
	rec_write(&j, saved_rows, &saved);
	return 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	const char *const argv[] = { step_get(s, "program"), "system", "create-dev-char-symlinks",
				     "--create-all", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 60 };

	run->progress(run->ctx, &(struct step_progress){ .what = "nvidia-ctk" });
	return sys_run_ok(sys, &cmd, e);
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *text,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved saved = { 0 };
	strs now = { 0 };

	(void)s;
	(void)run;
	if (rec_read(text, strlen(text), "the journal", saved_rows, &saved, &a, e) ||
	    links_now(sys, &a, &now, e))
		return -1;
	list_each (&now, name) {
		bool before = false;

		list_each (&saved.links, was)
			before |= str_eq(*was, *name);
		if (!before && sys_remove(sys, arena_printf(&a, "dev/char/%s", *name), e))
			return -1;
	}
	return 0;
}

const struct step_kind step_devchar = {
	.name = "devchar",
	.required = (const char *const[]){ "program", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
