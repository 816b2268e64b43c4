/* SPDX-License-Identifier: Apache-2.0 */
/* Downloading files into the cache, all of a plan at once. */
#include "steps/step.h"

#include "base/str.h"
#include "sys/fetch.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/*
 * Arguments: `file` is "OBJECT SHA256 SIZE MD5 NAME", with "-" for what is not known; `url` is
 * "OBJECT URL", in the order they are tried; `proxy`; `parallel`, how many at a time.
 */
static const char *known(const char *word)
{
	return str_eq(word, "-") ? NULL : word;
}

static bool take_file(const char *text, struct arena *a, struct fetch_file *ret)
{
	struct piece rest = PIECE(text), word;
	const char *words[4];

	for (size_t i = 0; i < 4; i++) {
		if (!str_word(&rest, &word))
			return false;
		words[i] = arena_strn(a, word.at, word.len);
	}
	rest = str_trim(rest);
	*ret = (struct fetch_file){ .path = words[0],
				    .sha256 = known(words[1]),
				    .md5 = known(words[3]),
				    .name = arena_strn(a, rest.at, rest.len) };
	return rest.len && (!known(words[2]) || str_to_u64(words[2], &ret->size));
}

static int read_job(const struct plan_step *s, struct arena *a, struct fetch_job *ret,
		    struct err *e)
{
	const char *parallel = step_get(s, "parallel");
	unsigned long long n = 0;

	ret->proxy = step_get(s, "proxy");
	if (parallel && str_to_u64(parallel, &n) && n < 1000)
		ret->parallel = (unsigned)n;
	list_each (&s->args, arg)
		if (str_eq(arg->key, "file") &&
		    !take_file(arg->value, a, list_push(a, &ret->files)))
			return err_set(e, GP_INTERNAL, "step '%s' has a bad argument '%s'", s->id,
				       arg->value);
	list_each (&ret->files, f)
		list_each (&s->args, arg)
			if (str_eq(arg->key, "url") && str_starts(arg->value, f->path) &&
			    arg->value[strlen(f->path)] == ' ')
				list_add(a, &f->urls, arg->value + strlen(f->path) + 1);
	return 0;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct fetch_job job = { 0 };

	if (read_job(s, &a, &job, e))
		return -1;
	*ret = sys->cache != NULL;
	list_each (&job.files, f) {
		struct sys_stat st = { 0 };

		if (*ret && sys_stat(sys->cache, f->path, &st, e))
			return -1;
		*ret &= st.type == SYS_FILE && (!f->size || st.size == f->size);
	}
	return 0;
}

/* The cache is not the host's; what is in it is kept by undo too. */
static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)e;
	buf_adds(ret, "{}");
	return 0;
}

static void on_event(void *ctx, const struct fetch_event *ev)
{
	const struct step_run *run = ctx;
	const struct step_progress p = { ev->what, ev->done, ev->total, true, ev->rate, false };

	run->progress(run->ctx, &p);
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct step_run to = *run;
	const struct fetch_listener listener = { on_event, &to };
	struct fetch_job job = { 0 };

	if (!sys->cache)
		return err_set(e, GP_INTERNAL, "there is no cache to download into");
	return read_job(s, &a, &job, e) || sys_fetch(sys->cache, &job, &listener, e) ? -1 : 0;
}

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

const struct step_kind step_fetch = {
	.name = "fetch",
	.required = (const char *const[]){ "file", "url", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
