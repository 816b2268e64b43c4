/* SPDX-License-Identifier: Apache-2.0 */
/* Finishing what an earlier run of dpkg left: unpacked and not configured, or cut off in between.
 */
#include "steps/step.h"

#include "closure/unfinished.h"
#include "runfile/dkms.h"
#include "sys/sys.h"

#include <stddef.h>
#include <stdint.h>

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	(void)s;
	return unfinished_none(sys, ret, e);
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)e;
	buf_adds(ret, "{}");
	return 0;
}

static int repair(void *ctx, struct err *e)
{
	/* What is not at hand any more is fetched again; nothing is removed for it. */
	static const char *const mend[] = { "/usr/bin/apt-get",
					    "-qq",
					    "-y",
					    "--no-remove",
					    "-o",
					    "Dpkg::Use-Pty=0",
					    "-o",
					    "Dpkg::Options::=--force-confdef",
					    "-o",
					    "Dpkg::Options::=--force-confold",
					    "-f",
					    "install",
					    NULL };
	static const char *const env[] = { "DEBIAN_FRONTEND=noninteractive", NULL };
	const struct sys *sys = ctx;
	struct sys_cmd cmd = { .argv = mend, .env = env, .mounts = true };
	int64_t begun = sys_now(sys) * 1000000000;
	auto_err first = { 0 };

	if (unfinished_end(sys, &first) == 0)
		return 0;
	if (sys_run_ok(sys, &cmd, e) == 0)
		return 0;
	dkms_explain(sys, begun, e);
	return err_ctx(e, "finishing what dpkg left");
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	(void)s;
	run->progress(run->ctx, &(struct step_progress){ .what = "dpkg --configure -a" });
	return step_services_held(sys, repair, (void *)(uintptr_t)sys, e);
}

/* Nobody wants half a package back. */
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
	(void)s;
	(void)saved;
	(void)a;
	(void)e;
	*ret = "what dpkg has finished stays finished";
	return 0;
}

const struct step_kind step_dpkg = {
	.name = "dpkg",
	.required = (const char *const[]){ NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = step_services_sweep,
	.undo = undo,
	.undo_risk = undo_risk,
};
