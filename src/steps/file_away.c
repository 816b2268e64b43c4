/* SPDX-License-Identifier: Apache-2.0 */
/* Taking away one file that somebody else left; undo puts it back as it was. */
#include "steps/step.h"

#include "base/rec.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/* Argument: `path` beneath the root. */

static int look(const struct sys *sys, const struct plan_step *s, struct sys_stat *ret,
		struct err *e)
{
	const char *path = step_get(s, "path");

	if (sys_stat(sys, path, ret, e))
		return -1;
	if (ret->type == SYS_FILE || ret->type == SYS_ABSENT)
		return 0;
	err_set(e, GP_UNSAFE_PATH, "/%s is no plain file; it is left alone", path);
	err_way(e, "look at it, and take it away by hand if it is not needed");
	return -1;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	struct sys_stat st;

	if (look(sys, s, &st, e))
		return -1;
	*ret = st.type == SYS_ABSENT;
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct sys_kept kept = { 0 };
	struct sys_stat st;

	if (look(sys, s, &st, e) || sys_keep(sys, step_get(s, "path"), &a, &kept, e))
		return -1;
	rec_write(&j, sys_kept_rows, &kept);
	return 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	struct sys_stat st;

	(void)run;
	return look(sys, s, &st, e) || sys_remove(sys, step_get(s, "path"), e) ? -1 : 0;
}

/* One that is there again is somebody's work since then. */
static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct sys_kept kept = { 0 };
	struct sys_stat st;
	char now[SYS_DIGEST];

	(void)run;
	if (rec_read(saved, strlen(saved), "the journal", sys_kept_rows, &kept, &a, e) ||
	    look(sys, s, &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		return kept.there ? sys_put_back(sys, step_get(s, "path"), &kept, e) : 0;
	if (sys_digest(sys, step_get(s, "path"), now, e))
		return -1;
	if (kept.there && strcmp(now, kept.sha256) == 0)
		return sys_put_back(sys, step_get(s, "path"), &kept, e);
	err_set(e, GP_FOREIGN_CHANGE,
		"/%s was made anew since gpuprov took it away; it is left alone",
		step_get(s, "path"));
	err_way(e, "keep a copy of it, remove it, then run this again");
	return -1;
}

const struct step_kind step_file_away = {
	.name = "file-away",
	.required = (const char *const[]){ "path", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
