/* SPDX-License-Identifier: Apache-2.0 */
/* Rebuilding the cache of the dynamic linker after a folder of libraries was named to it. */
#include "steps/step.h"

#include "base/str.h"
#include "sys/sys.h"

#include <stddef.h>

/* Arguments: `conf`, the file in ld.so.conf.d; `newer`, each path whose change it must know. */

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	struct sys_stat cache, other;

	if (sys_stat(sys, "etc/ld.so.cache", &cache, e))
		return -1;
	*ret = cache.type == SYS_FILE;
	list_each (&s->args, arg) {
		if (!str_eq(arg->key, "conf") && !str_eq(arg->key, "newer"))
			continue;
		if (sys_stat(sys, arg->value, &other, e))
			return -1;
		*ret &= other.type == SYS_ABSENT || cache.mtime_ns >= other.mtime_ns;
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

static int rebuild(const struct sys *sys, struct err *e)
{
	static const char *const argv[] = { "/sbin/ldconfig", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 300 };

	return sys_run_ok(sys, &cmd, e);
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	(void)s;
	run->progress(run->ctx, &(struct step_progress){ .what = "ldconfig" });
	return rebuild(sys, e);
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	(void)s;
	(void)saved;
	(void)run;
	return rebuild(sys, e);
}

const struct step_kind step_ldconfig = {
	.name = "ldconfig",
	.required = (const char *const[]){ "conf", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
	.undo_late = true,
};
