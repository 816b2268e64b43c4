/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out a plan. */
#include "execute/execute.h"

#include "base/str.h"
#include "closure/indexes.h"
#include "execute/journal.h"
#include "execute/runs.h"
#include "execute/undo.h"
#include "registry.h"
#include "sys/sys.h"

struct running {
	const struct plan *plan;
	const struct sys *sys, *cache;
	const struct exec_listener *listener;
	struct journal journal;
	struct arena *a;
	struct exec_event now;
	bool booted;   /* the boot that the open run waited for has been */
	bool waiting;  /* an open run waits for a boot that has not been */
	bool begun;    /* the listener knows that the step has begun */
	strs deferred; /* ids of steps that wait for the next boot */
};

static void tell(struct running *r, enum exec_event_kind kind)
{
	r->begun |= kind == EXEC_BEGIN;
	r->now.kind = kind;
	r->listener->event(r->listener->ctx, &r->now);
}

static void on_progress(void *ctx, const struct step_progress *p)
{
	struct running *r = ctx;

	r->now.progress = p;
	tell(r, EXEC_PROGRESS);
	r->now.progress = NULL;
}

static int find_kind(const struct plan_step *s, const struct step_kind **ret, struct err *e)
{
	const struct step_kind *kind = step_kind_find(s->kind);

	if (!kind)
		return err_set(e, GP_INTERNAL, "the plan has a step of unknown kind '%s'", s->kind);
	for (const char *const *key = kind->required; *key; key++)
		if (!step_get(s, *key))
			return err_set(e, GP_INTERNAL, "step '%s' lacks its argument '%s'", s->id,
				       *key);
	*ret = kind;
	return 0;
}

/* On an image, apt must see key files beneath the image: give it a folder of adjusted sources. */
static int prepare_sources(struct running *r, const struct plan_step *s, struct step_run *run,
			   int *ret_lock, struct err *e)
{
	struct indexes x;

	*ret_lock = -1;
	if (r->sys->live || !str_eq(s->kind, "packages"))
		return 0;
	if (indexes_prepare(r->sys, r->cache, NULL, r->a, &x, ret_lock, e))
		return -1;
	run->sources = x.sources;
	return 0;
}

static int act(struct running *r, const struct step_kind *kind, const struct plan_step *s,
	       struct err *e)
{
	struct step_run run = { .progress = on_progress, .ctx = r };
	int lock, rc;

	if (prepare_sources(r, s, &run, &lock, e))
		return -1;
	rc = kind->apply(r->sys, s, &run, e);
	if (lock >= 0)
		sys_unlock(r->cache, lock);
	return rc;
}

/* done? save, journal "start", apply, done?, journal "done". */
static int run_step(struct running *r, const struct plan_step *s, struct err *e)
{
	auto_buf struct buf saved = BUF_INIT(16 << 20);
	const struct step_kind *kind;
	bool there;

	if (find_kind(s, &kind, e) || kind->done(r->sys, s, &there, e))
		return -1;
	if (there) {
		tell(r, EXEC_KEPT);
		return 0;
	}
	tell(r, EXEC_BEGIN);
	if (kind->save(r->sys, s, &saved, e) ||
	    journal_add(&r->journal, "start", s->id, buf_str(&saved), e) || act(r, kind, s, e) ||
	    kind->done(r->sys, s, &there, e))
		return -1;
	if (!there)
		return err_set(e, GP_STEP_LIED, "the step ended, but its effect is not there");
	if (journal_add(&r->journal, "done", s->id, NULL, e))
		return -1;
	tell(r, EXEC_DONE);
	return 0;
}

/* Of a rollback: what the step's origin kept is put back, whatever is left of its effect. */
static int undo_step(struct running *r, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const struct step_run run = { .progress = on_progress, .ctx = r };
	const struct step_kind *kind;
	struct plan_step was;
	const char *saved;

	if (find_kind(s, &kind, e) || undo_origin(r->sys, s, &a, &was, &saved, e))
		return -1;
	tell(r, EXEC_BEGIN);
	if (journal_add(&r->journal, "undo", s->id, NULL, e) ||
	    kind->undo(r->sys, &was, saved, &run, e) ||
	    journal_add(&r->journal, "undone", s->id, NULL, e))
		return -1;
	tell(r, EXEC_DONE);
	return 0;
}

/* The reason is already on its way to the user; a journal that fails now must not hide it. */
static void note_failure(struct running *r, const struct plan_step *s, const struct err *e)
{
	auto_err late = { 0 };

	if (journal_add(&r->journal, "failed", s->id, e->text, &late) == 0 &&
	    journal_add(&r->journal, "end", NULL, "failed", &late) == 0)
		return;
	err_drop(&late);
}

/* What children printed says more than the error can. */
static void point_at_log(struct running *r, struct err *e)
{
	auto_err ignored = { 0 }; /* only a hint is lost */
	const char *path = journal_log_path(r->a, r->journal.run);
	struct sys_stat st;

	if (sys_stat(r->sys, path, &st, &ignored) == 0 && st.type == SYS_FILE && st.size)
		err_way(e, "what was printed meanwhile is in %s/%s",
			str_eq(r->sys->root, "/") ? "" : r->sys->root, path);
}

static const char *again(const struct running *r)
{
	return r->plan->header.undoes ? "rollback" : "apply";
}

static int stopped(struct running *r, struct err *e)
{
	if (journal_add(&r->journal, "end", NULL, "interrupted", e))
		return -1;
	err_set(e, GP_INTERRUPTED, "interrupted; %zu of %zu steps are done", r->now.number - 1,
		r->now.total);
	err_way(e, "run the same %s again: it goes on from here", again(r));
	return -1;
}

/* Not before the next boot; nor what needs such a step. */
static bool waits(struct running *r, const struct plan_step *s)
{
	bool wait = str_eq(s->when, "boot") && !r->booted;

	list_each (&s->needs, id)
		list_each (&r->deferred, it)
			wait |= str_eq(*id, *it);
	if (wait)
		list_add(r->a, &r->deferred, s->id);
	return wait;
}

/* With `reboot: auto` the end is after the reboot: what was done is proved then. */
static int end(struct running *r, struct err *e)
{
	const struct plan *p = r->plan;
	bool proof = str_eq(p->header.reboot, "auto") && p->totals.reboot && !p->header.undoes &&
		     r->sys->live && !r->booted;

	return journal_add(&r->journal, "end", NULL, r->deferred.n || proof ? "reboot" : "done", e);
}

static int run_all(struct running *r, struct err *e)
{
	list_each (&r->plan->steps, s) {
		if (s->op == OP_KEEP)
			continue;
		if (waits(r, s))
			continue;
		r->now.step = s;
		r->now.number++;
		r->begun = false;
		if (r->listener->stop && r->listener->stop(r->listener->ctx))
			return stopped(r, e);
		if ((r->plan->header.undoes ? undo_step : run_step)(r, s, e) == 0)
			continue;
		note_failure(r, s, e);
		r->now.error = e;
		if (!r->begun) /* it came to nothing before that: how long it took counts from now
				*/
			tell(r, EXEC_BEGIN);
		tell(r, EXEC_FAILED);
		err_ctx(e, "step %zu of %zu, %s", r->now.number, r->now.total, s->id);
		point_at_log(r, e);
		err_way(e, "once the cause is gone, run the same %s again: it goes on from here",
			again(r));
		return -1;
	}
	return end(r, e);
}

/* All that is left waits for the boot that an earlier run waits for: nothing to write down. */
static bool only_waits(struct running *r)
{
	size_t now = 0;

	if (!r->waiting)
		return false;
	list_each (&r->plan->steps, s)
		now += s->op != OP_KEEP && !waits(r, s);
	r->deferred.n = 0;
	return !now;
}

static int sweep(const struct plan *plan, const struct sys *sys, struct err *e)
{
	list_each (&plan->steps, s) {
		const struct step_kind *kind;

		if (find_kind(s, &kind, e))
			return -1;
		if (kind->sweep && kind->sweep(sys, s, e))
			return err_ctx(e, "clearing up after a run that was cut off");
	}
	return 0;
}

/* A run that this one goes on with: what rollback takes back, it takes back together. */
static int find_open(struct running *r, long long *ret, struct err *e)
{
	const struct run *half, *open, *waiting;
	struct sys_ident id;
	runs all = { 0 };

	if (runs_list(r->sys, r->a, &all, e) || sys_ident(r->sys, &id, e))
		return err_ctx(e, "looking at earlier runs");
	half = runs_half_back(&all);
	open = half ? half : runs_open(&all);
	waiting = half ? NULL : runs_waiting(&all, open);
	*ret = open ? open->number : 0;
	r->booted = waiting && !str_eq(waiting->boot, id.boot_id);
	r->waiting = waiting && !r->booted;
	/*
	 * Nothing to do now is not the end of a run that waits for a boot, nor of one that is half
	 * back.
	 */
	if (!r->now.total && (half || r->waiting))
		*ret = 0;
	return 0;
}

/* All that an unfinished run was to do is there: it has come to its end after all. */
static int close_open(struct running *r, long long open, struct err *e)
{
	if (!open)
		return 0;
	return journal_open(r->sys, open, r->a, &r->journal, e) ||
			       journal_add(&r->journal, "end", NULL, "done", e) ?
		       -1 :
		       0;
}

int execute(const struct plan *plan, const struct sys *sys, const struct sys *cache,
	    const struct exec_listener *listener, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct running r = { plan, sys, cache, listener, .a = &a };
	long long open = 0;

	list_each (&plan->steps, s)
		r.now.total += s->op != OP_KEEP;
	if (sweep(plan, sys, e) || (!plan->header.undoes && find_open(&r, &open, e)))
		return -1;
	if (!r.now.total)
		return close_open(&r, open, e);
	if (only_waits(&r))
		return 0;
	if (journal_begin(sys, plan, open, &a, &r.journal, e) ||
	    sys_log_to(sys, journal_log_path(&a, r.journal.run), e))
		return -1;
	return run_all(&r, e);
}
