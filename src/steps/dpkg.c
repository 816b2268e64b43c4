/* SPDX-License-Identifier: Apache-2.0 */
/* Finishing what an earlier run of dpkg left: unpacked and not configured, or cut off in between.
 */
#include "steps/step.h"

#include "base/control.h"
#include "base/str.h"
#include "dkms.h"
#include "sys/sys.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool whole(struct piece state)
{
	static const char *const fine[] = { "installed", "config-files", "not-installed" };
	struct piece want, flag, is;

	if (!str_word(&state, &want) || !str_word(&state, &flag) || !str_word(&state, &is) ||
	    !piece_eq(flag, "ok"))
		return false;
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++)
		if (piece_eq(is, fine[i]))
			return true;
	return false;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_INIT(64 << 20);
	struct piece rest, stanza;
	strs updates = { 0 };

	(void)s;
	if (sys_read(sys, "var/lib/dpkg/status", &b, e) ||
	    sys_list(sys, "var/lib/dpkg/updates", &a, &updates, e))
		return -1;
	*ret = true;
	list_each (&updates, name)
		*ret &= strspn(*name, "0123456789") != strlen(*name);
	rest = (struct piece){ buf_str(&b), b.len };
	while (control_stanza(&rest, &stanza))
		*ret &= whole(control_get(stanza, "Status"));
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

static int repair(void *ctx, struct err *e)
{
	static const char *const configure[] = {
		"/usr/bin/dpkg", "--force-confdef", "--force-confold", "--configure", "-a", NULL
	};
	/* What was cut off while it was unpacked is fetched again; nothing is removed for it. */
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
	struct sys_cmd cmd = { .argv = configure, .env = env, .mounts = true };
	int64_t begun = sys_now(sys) * 1000000000;
	auto_err first = { 0 };
	bool there;

	/* It fails over what is only half unpacked, and configures the rest all the same. */
	if (sys_run_ok(sys, &cmd, &first) == 0 && done(sys, NULL, &there, &first) == 0 && there)
		return 0;
	cmd.argv = mend;
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
