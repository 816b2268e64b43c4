/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k3s and RKE2 write their containerd's configuration themselves, with the NVIDIA runtime in it
 * when they find its program: that happens when they start, so they are started anew.
 */
#include "steps/step.h"

#include "base/str.h"
#include "engines/engine.h"
#include "sys/sys.h"

#include <stddef.h>

/*
 * Arguments: `unit`, `config` (the generated file, as an absolute path), `name` of the runtime, and
 * `default` "yes" where it is to be the default.
 */

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	return engine_generated(sys, step_get(s, "config"), step_get(s, "name"),
				step_get(s, "default") != NULL, ret, e);
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)e;
	buf_adds(ret, "{}");
	return 0;
}

static int restart(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	const char *const argv[] = { "/usr/bin/systemctl", "restart", step_get(s, "unit"), NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 300 };

	return sys->live ? sys_run_ok(sys, &cmd, e) : 0;
}

enum { TRIES = 240 }; /* a minute */

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	bool found = false;

	run->progress(run->ctx, &(struct step_progress){ .what = step_get(s, "unit") });
	if (restart(sys, s, e))
		return -1;
	for (int i = 0; i < TRIES && !found; i++)
		if (engine_pause(sys, 1, e) || done(sys, s, &found, e))
			return -1;
	if (found)
		return 0;
	err_set(e, GP_STEP_LIED, "%s was started anew and '%s' has no runtime '%s'",
		step_get(s, "unit"), step_get(s, "config"), step_get(s, "name"));
	err_way(e, "look for a template beside it, config.toml.tmpl: it hides what is found");
	return -1;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	(void)saved;
	(void)run;
	return restart(sys, s, e);
}

const struct step_kind step_agent = {
	.name = "agent",
	.required = (const char *const[]){ "unit", "config", "name", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
	.undo_late = true,
};
