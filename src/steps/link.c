/* SPDX-License-Identifier: Apache-2.0 */
/* A symbolic link of our own: which version of something is the default. */
#include "steps/step.h"

#include "base/rec.h"
#include "base/str.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/* Arguments: `path` beneath the root, `target` as it stands in the link. */

struct saved {
	bool there;
	const char *target;
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved, there, REC_BOOL, "there was a link"),
	REC_ROW(struct saved, target, REC_STR, "where it led"),
	REC_END,
};

static int now(const struct sys *sys, const struct plan_step *s, struct arena *a, struct saved *ret,
	       struct err *e)
{
	auto_buf struct buf target = BUF_INIT(4096);
	const char *path = step_get(s, "path");
	struct sys_stat st;

	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type != SYS_LINK && st.type != SYS_ABSENT) {
		err_set(e, GP_UNSAFE_PATH, "/%s is no symbolic link; it is left alone", path);
		err_way(e, "move it away, then run this again");
		return -1;
	}
	ret->there = st.type == SYS_LINK;
	if (ret->there && sys_readlink(sys, path, &target, e))
		return -1;
	ret->target = arena_str(a, buf_str(&target));
	return 0;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved is = { 0 };

	if (now(sys, s, &a, &is, e))
		return -1;
	*ret = is.there && str_eq(is.target, step_get(s, "target"));
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct saved is = { 0 };

	if (now(sys, s, &a, &is, e))
		return -1;
	rec_write(&j, saved_rows, &is);
	return 0;
}

static int set(const struct sys *sys, const char *path, const char *target, struct err *e)
{
	return sys_remove(sys, path, e) || (target && sys_symlink(sys, target, path, e)) ? -1 : 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	(void)run;
	return set(sys, step_get(s, "path"), step_get(s, "target"), e);
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved before = { 0 }, is = { 0 };

	(void)run;
	if (rec_read(saved, strlen(saved), "the journal", saved_rows, &before, &a, e) ||
	    now(sys, s, &a, &is, e))
		return -1;
	/* Somebody else set it since: theirs stays. */
	if (is.there && !str_eq(is.target, step_get(s, "target")))
		return 0;
	return set(sys, step_get(s, "path"), before.there ? before.target : NULL, e);
}

const struct step_kind step_link = {
	.name = "link",
	.required = (const char *const[]){ "path", "target", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
