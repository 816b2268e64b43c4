/* SPDX-License-Identifier: Apache-2.0 */
/* A symbolic link of our own: which version of something is the default. */
#include "steps/step.h"

#include "base/rec.h"
#include "base/str.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/*
 * Arguments: `path` beneath the root, `target` as it stands in the link. Where the link is one of
 * the alternatives system (it leads to /etc/alternatives/NAME), that is asked to lead it there, so
 * that packages which are alternatives too go on working.
 */
#define ALTERNATIVES "/etc/alternatives/"
#define PROGRAM "/usr/bin/update-alternatives"

struct saved {
	bool there;
	const char *target;
	const char *name; /* in the alternatives system; NULL = a link of its own */
	bool automatic;   /* that system chose it */
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved, there, REC_BOOL, "there was a link"),
	REC_ROW(struct saved, target, REC_STR, "where it led"),
	REC_ROW(struct saved, name, REC_STR, "its name in the alternatives system"),
	REC_ROW(struct saved, automatic, REC_BOOL, "that system chose where it led"),
	REC_END,
};

/* Where it leads by way of the alternatives system; the first line of its state says who chose. */
static int chosen(const struct sys *sys, struct saved *ret, struct arena *a, struct err *e)
{
	const char *state = arena_printf(a, "var/lib/dpkg/alternatives/%s", ret->name);
	auto_buf struct buf target = BUF_INIT(4096), text = BUF_INIT(1 << 20);
	bool there;

	if (sys_readlink(sys, ret->target + 1, &target, e) ||
	    sys_read_if(sys, state, &text, &there, e))
		return -1;
	ret->target = arena_str(a, buf_str(&target));
	ret->automatic = there && str_starts(buf_str(&text), "auto");
	return 0;
}

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
	if (!str_starts(ret->target, ALTERNATIVES))
		return 0;
	ret->name = ret->target + strlen(ALTERNATIVES);
	return chosen(sys, ret, a, e);
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
	auto_arena struct arena a = { 0 };

	if (target &&
	    sys_mkdirs(sys, arena_strn(&a, path, (size_t)(strrchr(path, '/') - path)), 0755, e))
		return -1;
	return sys_remove(sys, path, e) || (target && sys_symlink(sys, target, path, e)) ? -1 : 0;
}

static int ask(const struct sys *sys, const char *const *argv, struct err *e)
{
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 60 };

	return sys_run_ok(sys, &cmd, e);
}

/* Registered with the least priority: whoever lets the system choose is not overruled by us. */
static int choose(const struct sys *sys, const struct plan_step *s, const char *name, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *link = arena_printf(&a, "/%s", step_get(s, "path"));
	const char *target = step_get(s, "target");
	const char *const add[] = { PROGRAM, "--install", link, name, target, "1", NULL };
	const char *const pick[] = { PROGRAM, "--set", name, target, NULL };

	return ask(sys, add, e) || ask(sys, pick, e) ? -1 : 0;
}

static int unchoose(const struct sys *sys, const struct plan_step *s, const struct saved *before,
		    struct err *e)
{
	const char *const back[] = { PROGRAM, "--set", before->name, before->target, NULL };
	const char *const away[] = { PROGRAM, "--remove", before->name, step_get(s, "target"),
				     NULL };
	const char *const leave[] = { PROGRAM, "--auto", before->name, NULL };

	return ask(sys, back, e) || ask(sys, away, e) || (before->automatic && ask(sys, leave, e)) ?
		       -1 :
		       0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved is = { 0 };

	(void)run;
	if (now(sys, s, &a, &is, e))
		return -1;
	if (is.name)
		return choose(sys, s, is.name, e);
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
	if (before.name && is.name)
		return unchoose(sys, s, &before, e);
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
