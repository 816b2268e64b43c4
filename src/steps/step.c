/* SPDX-License-Identifier: Apache-2.0 */
/* What several kinds of steps share: one file with given bytes; the packages a step asks for. */
#include "steps/step.h"

#include "base/base64.h"
#include "base/rec.h"
#include "base/str.h"
#include "sys/apt.h"
#include "sys/sys.h"

#include <stdlib.h>
#include <string.h>

/* ---- one file ---- */

const char *const step_file_required[] = { "path", "content", NULL };

/* The file as it was, and the folders on its way that were not there. */
struct saved_file {
	struct sys_kept file;
	strs folders; /* the outermost first */
};

static const struct rec_row saved_rows[] = {
	{ .name = "file",
	  .type = REC_OBJ,
	  .offset = offsetof(struct saved_file, file),
	  .rows = sys_kept_rows,
	  .help = "the file as it was" },
	REC_ROW(struct saved_file, folders, REC_STRS, "folders that were not there"),
	REC_END,
};

enum { FILE_MAX = 1 << 20 };

/* The bytes that the file shall have: `content`, or `base64` where they are not text. */
static int wanted(const struct plan_step *s, struct buf *ret, struct err *e)
{
	const char *text = step_get(s, "content"), *coded = step_get(s, "base64");

	if (text)
		buf_adds(ret, text);
	else if (!coded || !base64_decode(PIECE(coded), ret))
		return err_set(e, GP_INTERNAL, "step '%s' has no usable content", s->id);
	return 0;
}

int step_file_done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_buf struct buf now = BUF_INIT(FILE_MAX);
	auto_buf struct buf want = BUF_INIT(FILE_MAX);
	const char *path = step_get(s, "path");
	struct sys_stat st;
	bool there;

	if (wanted(s, &want, e) || sys_stat(sys, path, &st, e))
		return -1;
	if (st.type != SYS_FILE) {
		*ret = false;
		return 0;
	}
	if (sys_read_if(sys, path, &now, &there, e))
		return -1;
	*ret = there && now.len == want.len && memcmp(buf_str(&now), buf_str(&want), now.len) == 0;
	return 0;
}

int step_absent_folders(const struct sys *sys, const char *path, struct arena *a, strs *ret,
			struct err *e)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *folder = arena_strn(a, path, (size_t)(slash - path));
		struct sys_stat st;

		if (sys_stat(sys, folder, &st, e))
			return -1;
		if (st.type == SYS_ABSENT)
			list_add(a, ret, folder);
	}
	return 0;
}

int step_file_save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved_file saved = { 0 };
	struct jw j = { .out = ret, .compact = true };
	const char *path = step_get(s, "path");

	if (step_absent_folders(sys, path, &a, &saved.folders, e) ||
	    sys_keep(sys, path, &a, &saved.file, e))
		return -1;
	rec_write(&j, saved_rows, &saved);
	return 0;
}

int step_file_apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		    struct err *e)
{
	const char *path = step_get(s, "path");
	const char *slash = strrchr(path, '/');
	auto_arena struct arena a = { 0 };
	auto_buf struct buf want = BUF_INIT(FILE_MAX);

	(void)run;
	if (wanted(s, &want, e))
		return -1;
	if (slash && sys_mkdirs(sys, arena_strn(&a, path, (size_t)(slash - path)), 0755, e))
		return -1;
	return sys_replace(sys, path, buf_str(&want), want.len, NULL, e);
}

/* A power cut between making the new file and renaming it leaves it beside the old one. */
int step_file_sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *path = step_get(s, "path"), *slash = strrchr(path, '/');
	const char *dir = slash ? arena_strn(&a, path, (size_t)(slash - path)) : ".";
	strs names = { 0 };

	if (sys_list(sys, dir, &a, &names, e))
		return -1;
	list_each (&names, name)
		if (str_starts(*name, SYS_TEMP_HEAD) && str_ends(*name, SYS_TEMP_TAIL) &&
		    sys_remove(sys, arena_printf(&a, "%s/%s", dir, *name), e))
			return -1;
	return 0;
}

/* What is there now is ours, or already what it was before: anything else is somebody's work. */
static int check_ours(const struct sys *sys, const struct plan_step *s,
		      const struct sys_kept *before, bool *ret_back, struct err *e)
{
	const char *path = step_get(s, "path");
	char now[SYS_DIGEST];
	bool ours;

	if (sys_digest(sys, path, now, e) || step_file_done(sys, s, &ours, e))
		return -1;
	*ret_back = before->there ? str_eq(now, before->sha256) : !*now;
	if (ours || *ret_back || !*now)
		return 0;
	err_set(e, GP_FOREIGN_CHANGE,
		"'%s%s%s' was changed after gpuprov wrote it; it is left alone", sys->root,
		str_eq(sys->root, "/") ? "" : "/", path);
	err_way(e, "keep a copy of it, remove it, then run this again");
	return -1;
}

int step_file_undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		   const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved_file before = { 0 };
	bool back;

	(void)run;
	if (rec_read(saved, strlen(saved), "the journal", saved_rows, &before, &a, e))
		return -1;
	if (step_file_sweep(sys, s, e) || check_ours(sys, s, &before.file, &back, e))
		return -1;
	/* Also when the bytes are back: mode and owner belong to it. */
	if ((before.file.there || !back) && sys_put_back(sys, step_get(s, "path"), &before.file, e))
		return -1;
	for (size_t i = before.folders.n; i-- > 0;)
		if (sys_rmdir(sys, before.folders.at[i], e))
			return -1;
	return 0;
}

/* ---- services ---- */

/*
 * In an image that is not running, maintainer scripts must start nothing. invoke-rc.d asks this
 * file; one that is there already is the user's word and stays. The marker lets a later run take
 * away what a run that was cut off left behind.
 */
#define POLICY "usr/sbin/policy-rc.d"
static const char policy[] = "#!/bin/sh\n"
			     "# gpuprov: nothing is started while packages are installed\n"
			     "exit 101\n";

static int policy_is_ours(const struct sys *sys, bool *ret_there, bool *ret_ours, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 10);

	if (sys_read_if(sys, POLICY, &b, ret_there, e))
		return -1;
	*ret_ours = *ret_there && str_eq(buf_str(&b), policy);
	return 0;
}

static int hold_services(const struct sys *sys, bool *ret_held, struct err *e)
{
	const struct sys_attr attr = { .mode = 0755 };
	bool there, ours;

	*ret_held = false;
	if (sys->live)
		return 0;
	if (policy_is_ours(sys, &there, &ours, e))
		return -1;
	*ret_held = !there || ours;
	if (there)
		return 0;
	return sys_replace(sys, POLICY, policy, strlen(policy), &attr, e);
}

int step_services_sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	bool there, ours;

	(void)s;
	if (policy_is_ours(sys, &there, &ours, e))
		return -1;
	return ours ? sys_remove(sys, POLICY, e) : 0;
}

int step_services_held(const struct sys *sys, int (*what)(void *ctx, struct err *e), void *ctx,
		       struct err *e)
{
	auto_err late = { 0 };
	bool held;
	int rc;

	if (hold_services(sys, &held, e))
		return -1;
	rc = what(ctx, e);
	/*
	 * The first reason is the one to report; a policy left behind is ours to clear next time.
	 */
	if (held && sys_remove(sys, POLICY, &late) && !rc) {
		err_move(e, &late);
		rc = -1;
	}
	return rc;
}

/* ---- packages ---- */

enum { LOCK_WAIT_S = 120 }; /* the profile's default */

void step_wants(const struct plan_step *s, struct arena *a, struct apt_job *job)
{
	const char *wait = step_get(s, "lock-timeout");
	unsigned long long seconds = LOCK_WAIT_S;

	if (wait)
		str_to_u64(wait, &seconds);
	job->lock_wait = (long long)seconds;
	job->proxy = step_get(s, "proxy");
	list_each (&s->args, arg) {
		const char *blank;
		struct apt_want *w;

		if (str_eq(arg->key, "away")) {
			w = list_push(a, &job->wants);
			w->name = arg->value;
			w->away = true;
		}
		if (!str_eq(arg->key, "want"))
			continue;
		blank = strchr(arg->value, ' ');
		w = list_push(a, &job->wants);
		w->name = blank ? arena_strn(a, arg->value, (size_t)(blank - arg->value)) :
				  arg->value;
		w->within = blank ? blank + 1 : NULL;
	}
}
