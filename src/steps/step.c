/* SPDX-License-Identifier: Apache-2.0 */
/* What several kinds of steps share: one file with given bytes; the packages a step asks for. */
#include "steps/step.h"

#include "base/rec.h"
#include "base/str.h"
#include "sys/apt.h"
#include "sys/sys.h"

#include <stdlib.h>
#include <string.h>

/* ---- one file ---- */

const char *const step_file_required[] = { "path", "content", NULL };

struct saved_file {
	bool there;
	const char *content;
	long long mode, uid, gid;
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved_file, there, REC_BOOL, "there was a file"),
	REC_ROW(struct saved_file, content, REC_STR, "its bytes"),
	REC_ROW(struct saved_file, mode, REC_INT, "its permission bits"),
	REC_ROW(struct saved_file, uid, REC_INT, "its owner"),
	REC_ROW(struct saved_file, gid, REC_INT, "its group"),
	REC_END,
};

enum { FILE_MAX = 1 << 20 };

int step_file_done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_buf struct buf now = BUF_INIT(FILE_MAX);
	const char *path = step_get(s, "path"), *want = step_get(s, "content");
	struct sys_stat st;
	bool there;

	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type != SYS_FILE) {
		*ret = false;
		return 0;
	}
	if (sys_read_if(sys, path, &now, &there, e))
		return -1;
	*ret = there && now.len == strlen(want) && memcmp(buf_str(&now), want, now.len) == 0;
	return 0;
}

int step_file_save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_buf struct buf now = BUF_INIT(FILE_MAX);
	struct saved_file saved = { 0 };
	struct jw j = { .out = ret, .compact = true };
	const char *path = step_get(s, "path");
	struct sys_stat st;
	bool there;

	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type == SYS_FILE) {
		if (sys_read_if(sys, path, &now, &there, e))
			return -1;
		saved = (struct saved_file){ there, buf_str(&now), st.mode, st.uid, st.gid };
	}
	rec_write(&j, saved_rows, &saved);
	return 0;
}

int step_file_apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		    struct err *e)
{
	const char *path = step_get(s, "path"), *text = step_get(s, "content");
	const char *slash = strrchr(path, '/');
	auto_arena struct arena a = { 0 };

	(void)run;
	if (slash && sys_mkdirs(sys, arena_strn(&a, path, (size_t)(slash - path)), 0755, e))
		return -1;
	return sys_replace(sys, path, text, strlen(text), NULL, e);
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

int step_file_undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		   const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved_file before = { 0 };
	struct sys_attr attr;

	(void)run;
	if (rec_read(saved, strlen(saved), "the journal", saved_rows, &before, &a, e))
		return -1;
	if (!before.there)
		return sys_remove(sys, step_get(s, "path"), e);
	attr = (struct sys_attr){ (unsigned)before.mode, (unsigned)before.uid,
				  (unsigned)before.gid };
	return sys_replace(sys, step_get(s, "path"), before.content, strlen(before.content), &attr,
			   e);
}

/* ---- packages ---- */

void step_wants(const struct plan_step *s, struct arena *a, struct apt_job *job)
{
	list_each (&s->args, arg) {
		const char *blank;
		struct apt_want *w;

		if (!str_eq(arg->key, "want"))
			continue;
		blank = strchr(arg->value, ' ');
		w = list_push(a, &job->wants);
		w->name = blank ? arena_strn(a, arg->value, (size_t)(blank - arg->value)) :
				  arg->value;
		w->within = blank ? blank + 1 : NULL;
	}
}
