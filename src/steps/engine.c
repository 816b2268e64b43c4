/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a container engine: registering the runtime, or taking it out again. */
#include "steps/step.h"

#include "base/str.h"
#include "engines/engine.h"
#include "sys/sys.h"

#include <string.h>

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	enum engine_state state = ENGINE_IGNORANT;
	struct engine_view v;

	if (engine_look(sys, s, &a, &v, e))
		return -1;
	if (!v.answer.writes.n && !v.answer.refusals.n && engine_state(sys, &v, &state, e))
		return -1;
	*ret = state != ENGINE_IGNORANT;
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct engine_saved saved = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct engine_view v;

	if (engine_look(sys, s, &a, &v, e) || engine_refused(&v, e) || engine_writable(sys, &v, e))
		return -1;
	list_each (&v.answer.writes, w) {
		struct engine_saved_file *file = list_push(&a, &saved.files);

		file->real = engine_file(&v, w->path)->real;
		file->record = w->record;
		if (step_absent_folders(sys, file->real, &a, &saved.folders, e) ||
		    sys_keep(sys, file->real, &a, &file->kept, e))
			return -1;
	}
	rec_write(&j, engine_saved_rows, &saved);
	return 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct engine_view v;

	if (engine_look(sys, s, &a, &v, e) || engine_refused(&v, e))
		return -1;
	run->progress(run->ctx, &(struct step_progress){ .what = v.answer.why ? v.answer.why :
										v.runtime->name });
	return engine_carry_out(sys, &v, e);
}

static int sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_err later = { 0 }; /* what cannot be looked at is told when the step's turn comes */
	struct engine_view v;

	if (engine_look(sys, s, &a, &v, &later))
		return 0;
	return engine_sweep(sys, &v, e);
}

/* ---- undo ---- */

static void add_arg(struct arena *a, struct plan_step *s, const char *key, const char *value)
{
	list_add(a, &s->args, ((struct plan_arg){ key, value }));
}

/* The same step the other way round: take out what the records say was put in. */
static struct plan_step taking_out(const struct plan_step *s, const struct engine_saved *saved,
				   struct arena *a)
{
	struct plan_step out = { .id = s->id, .kind = s->kind };

	list_each (&s->args, arg)
		if (!str_eq(arg->key, "record"))
			add_arg(a, &out, arg->key, arg->value);
	add_arg(a, &out, "remove", "yes");
	list_each (&saved->files, file) {
		auto_buf struct buf text = BUF_TEXT;
		struct jw j = { .out = &text, .compact = true };

		rec_write(&j, edit_record_rows, &file->record);
		add_arg(a, &out, "record", arena_str(a, buf_str(&text)));
	}
	return out;
}

static int undo_add(const struct sys *sys, const struct plan_step *s,
		    const struct engine_saved *saved, struct arena *a, struct err *e)
{
	struct plan_step out = taking_out(s, saved, a);
	struct engine_view v;

	if (engine_look(sys, &out, a, &v, e) || engine_refused(&v, e))
		return -1;
	return engine_carry_out(sys, &v, e);
}

static int undo_remove(const struct sys *sys, const struct plan_step *s,
		       const struct engine_saved *saved, struct arena *a, struct err *e)
{
	struct plan_step again = { .id = s->id, .kind = s->kind };
	enum runtime_effect effect = RUNTIME_RELOAD;
	enum engine_state before;
	struct engine_view v;

	for (size_t i = saved->files.n; i-- > 0;)
		if (engine_put_back(sys, &saved->files.at[i], a, e))
			return -1;
	list_each (&s->args, arg)
		if (!str_eq(arg->key, "record") && !str_eq(arg->key, "remove"))
			add_arg(a, &again, arg->key, arg->value);
	if (engine_look(sys, &again, a, &v, e))
		return -1;
	v.answer.writes.n = 0;
	if (!engine_reloads(v.runtime->name))
		effect = RUNTIME_RESTART;
	return engine_state(sys, &v, &before, e) || engine_tell(sys, &v, effect, e) ||
			       engine_await(sys, &v, before != ENGINE_SILENT, e) ?
		       -1 :
		       0;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *text,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct engine_saved saved = { 0 };

	(void)run;
	if (rec_read(text, strlen(text), "the journal", engine_saved_rows, &saved, &a, e) ||
	    sweep(sys, s, e) ||
	    (str_eq(step_get(s, "remove"), "yes") ? undo_remove : undo_add)(sys, s, &saved, &a, e))
		return -1;
	for (size_t i = saved.folders.n; i-- > 0;)
		if (sys_rmdir(sys, saved.folders.at[i], e))
			return -1;
	return 0;
}

const struct step_kind step_engine = {
	.name = "engine",
	.required = (const char *const[]){ "engine", "config", "name", "binary", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = sweep,
	.undo = undo,
};
