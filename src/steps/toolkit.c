/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the container toolkit, in its config.toml. It is read when a container starts. */
#include "engines/toolkit.h"

#include "base/str.h"
#include "engines/engine.h"
#include "steps/step.h"
#include "sys/hash.h"
#include "sys/sys.h"

#include <string.h>

/* Arguments: `path`, as an absolute one; `set` and `leave`, see toolkit_edit(). */

struct look {
	struct engine_file file;
	struct buf text;
	bool there;
	struct edit_result r;
};

static void release(struct look *l)
{
	buf_release(&l->text);
}

#define auto_look __attribute__((cleanup(release)))
#define LOOK_INIT                                                                                  \
	{                                                                                          \
		.text = BUF_INIT(EDIT_MAX_BYTES)                                                   \
	}

/* Read the file, and work out what the settings come to. */
static int look(const struct sys *sys, const struct plan_step *s, struct arena *a, struct look *ret,
		struct err *e)
{
	const char *path = step_get(s, "path"), *text;
	auto_edit struct edit *ed = NULL;

	if (engine_behind(sys, path, a, &ret->file, e) ||
	    sys_read_if(sys, ret->file.real, &ret->text, &ret->there, e))
		return -1;
	text = ret->there ? buf_str(&ret->text) : NULL;
	ed = toolkit_edit(s, text, ret->text.len, a);
	edit_done(ed, &ret->r);
	if (ret->r.issues.n)
		return edit_err(&ret->r.issues.at[0], path, e);
	edit_seal(a, &ret->r, text, ret->text.len, hash_bytes);
	ret->r.record.path = path;
	return 0;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_look struct look l = LOOK_INIT;

	if (look(sys, s, &a, &l, e))
		return -1;
	*ret = !l.r.changed;
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_look struct look l = LOOK_INIT;
	struct engine_saved saved = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct engine_saved_file *file = list_push(&a, &saved.files);

	if (look(sys, s, &a, &l, e))
		return -1;
	file->real = l.file.real;
	file->record = l.r.record;
	if (step_absent_folders(sys, file->real, &a, &saved.folders, e) ||
	    sys_keep(sys, file->real, &a, &file->kept, e))
		return -1;
	rec_write(&j, engine_saved_rows, &saved);
	return 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_look struct look l = LOOK_INIT;
	struct sys_attr attr = { .mode = 0644 };
	const char *folder;

	(void)run;
	if (look(sys, s, &a, &l, e))
		return -1;
	attr.since = &l.file.st;
	if (l.there) {
		attr.mode = l.file.st.mode;
		attr.uid = l.file.st.uid;
		attr.gid = l.file.st.gid;
	}
	if (!l.r.changed)
		return 0;
	folder = arena_strn(&a, l.file.real, (size_t)(strrchr(l.file.real, '/') - l.file.real));
	return sys_mkdirs(sys, folder, 0755, e) ||
			       sys_replace(sys, l.file.real, l.r.text, l.r.len, &attr, e) ?
		       -1 :
		       0;
}

static int sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_err later = {
		0
	}; /* a path that cannot be followed is told when the step's turn comes */
	struct engine_file file;
	struct plan_step as_file = *s;

	if (engine_behind(sys, step_get(s, "path"), &a, &file, &later))
		return 0;
	as_file.args.at = NULL;
	as_file.args.n = as_file.args.cap = 0;
	list_add(&a, &as_file.args, ((struct plan_arg){ "path", file.real }));
	return step_file_sweep(sys, &as_file, e);
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *text,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct engine_saved saved = { 0 };

	(void)run;
	if (rec_read(text, strlen(text), "the journal", engine_saved_rows, &saved, &a, e) ||
	    sweep(sys, s, e))
		return -1;
	list_each (&saved.files, file)
		if (engine_put_back(sys, file, &a, e))
			return -1;
	for (size_t i = saved.folders.n; i-- > 0;)
		if (sys_rmdir(sys, saved.folders.at[i], e))
			return -1;
	return 0;
}

const struct step_kind step_toolkit = {
	.name = "toolkit",
	.required = (const char *const[]){ "path", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = sweep,
	.undo = undo,
};
