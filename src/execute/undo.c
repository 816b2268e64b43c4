/* SPDX-License-Identifier: Apache-2.0 */
/* Putting back what runs did, as a plan. */
#include "execute/undo.h"

#include "base/str.h"
#include "execute/journal.h"
#include "registry.h"
#include "steps/step.h"
#include "sys/sys.h"

#include <string.h>

#define ARG_RUN "undo-run"
#define ARG_STEP "undo-step"

struct undoing {
	const struct sys *sys;
	const runs *all;
	struct plan *plan;
	struct arena *a;
	strs undone;      /* ids of steps that an unfinished rollback put back already */
	strs late;        /* of steps that are there already, by the id they put back */
	const char *last; /* id of the step added last: the next one needs it */
};

static bool has(const strs *list, const char *id)
{
	list_each (list, it)
		if (str_eq(*it, id))
			return true;
	return false;
}

static int collect_undone(struct undoing *u, struct err *e)
{
	list_each (u->all, run) {
		journal_records records = { 0 };

		if (!run->rollback)
			continue;
		if (journal_read(u->sys, run->number, u->a, &records, e))
			return -1;
		list_each (&records, r)
			if (str_eq(r->kind, "undone"))
				list_add(u->a, &u->undone, r->step);
	}
	return 0;
}

/* What was done to packages, the other way round. */
static void invert_packages(struct undoing *u, const struct plan_step *from, struct plan_step *to)
{
	list_each (&from->packages, k) {
		struct plan_package *p = list_push(u->a, &to->packages);

		*p = (struct plan_package){ .name = k->name,
					    .arch = k->arch,
					    .version = k->old_version,
					    .old_version = k->version,
					    .disk = -k->disk };
		p->change = !k->old_version                ? "remove" :
			    !k->version                    ? "new" :
			    str_eq(k->change, "downgrade") ? "upgrade" :
							     "downgrade";
	}
}

static enum plan_op inverse(enum plan_op op)
{
	switch (op) {
	case OP_ADD:
		return OP_REMOVE;
	case OP_REMOVE:
		return OP_ADD;
	case OP_REPLACE:
	case OP_CHANGE:
	case OP_KEEP:
		break;
	}
	return OP_CHANGE;
}

static const char *deed(enum plan_op op)
{
	return op == OP_ADD ? "added" : op == OP_REMOVE ? "removed" : "changed";
}

static int add_step(struct undoing *u, const struct run *run, const struct plan_step *was,
		    const struct step_kind *kind, const char *saved, struct err *e)
{
	const char *name = was->id + strlen(was->kind) + 1;
	const char *label = arena_printf(u->a, "%s@%lld", name, run->number);
	struct plan_step *s =
		plan_add(u->plan, was->kind, label, inverse(was->op), "%s", was->what);

	list_each (&was->args, arg)
		step_arg(u->plan, s, arg->key, arg->value);
	step_arg(u->plan, s, ARG_RUN, arena_printf(u->a, "%lld", run->number));
	step_arg(u->plan, s, ARG_STEP, was->id);
	step_reason(u->plan, s, NULL, NULL, "%s by run %lld", deed(was->op), run->number);
	invert_packages(u, was, s);
	if (u->last)
		step_needs(u->plan, s, u->last);
	u->last = s->id;
	return kind->undo_risk ? kind->undo_risk(u->sys, was, saved, u->a, &s->risk, e) : 0;
}

/* One step that was begun; `late` chooses those that are put back after all others. */
static int take_step(struct undoing *u, const struct run *run, const struct plan *plan,
		     const struct journal_record *r, bool late, struct err *e)
{
	const struct plan_step *was = plan_find(plan, r->step);
	const struct step_kind *kind = was ? step_kind_find(was->kind) : NULL;

	if (!kind) {
		err_set(e, GP_STATE_NEWER,
			"run %lld has the step '%s', which this program does not know", run->number,
			r->step);
		err_way(e, "use the gpuprov that made that run, or a newer one");
		return -1;
	}
	if (kind->undo_late != late ||
	    has(&u->undone, arena_printf(u->a, "%s@%lld", was->id, run->number)))
		return 0;
	if (!kind->undo) {
		plan_omit(u->plan, was->what, NULL, NULL, "%s by run %lld; %s", deed(was->op),
			  run->number, was->risk ? was->risk : "it cannot be undone");
		return 0;
	}
	if (late && has(&u->late, was->id))
		return 0;
	if (late)
		list_add(u->a, &u->late, was->id);
	return add_step(u, run, was, kind, r->text, e);
}

/* The first start of a step counts: a second one after a boot has found our own doing. */
static bool begun_before(const journal_records *records, const struct journal_record *r)
{
	for (const struct journal_record *it = records->at; it < r; it++)
		if (str_eq(it->kind, "start") && str_eq(it->step, r->step))
			return true;
	return false;
}

static int take_run(struct undoing *u, const struct run *run, bool late, struct err *e)
{
	journal_records records = { 0 };
	struct plan plan;

	if (journal_read(u->sys, run->number, u->a, &records, e) ||
	    journal_plan(u->sys, run->number, u->a, &plan, e))
		return -1;
	u->plan->header.host = plan.header.host;
	u->plan->header.kind = plan.header.kind;
	u->plan->header.profile = plan.header.profile;
	u->plan->header.catalog = plan.header.catalog;
	u->plan->totals.reboot |= plan.totals.reboot;
	for (size_t i = records.n; i-- > 0;) {
		const struct journal_record *r = &records.at[i];

		if (str_eq(r->kind, "start") && !begun_before(&records, r) &&
		    take_step(u, run, &plan, r, late, e))
			return -1;
	}
	return 0;
}

int undo_plan(const struct sys *sys, const runs *all, long long from, struct arena *a,
	      struct plan *ret, struct err *e)
{
	struct undoing u = { sys, all, .plan = ret, .a = a };

	plan_init(ret, a);
	ret->header.undoes = arena_printf(a, "%lld", from);
	if (collect_undone(&u, e))
		return -1;
	for (int late = 0; late < 2; late++)
		for (size_t i = all->n; i-- > 0 && all->at[i].number >= from;) {
			const struct run *run = &all->at[i];

			if (!run->rollback && run->state != RUN_ROLLED_BACK && run->started &&
			    take_run(&u, run, late, e))
				return -1;
		}
	plan_finish(ret);
	return 0;
}

int undo_origin(const struct sys *sys, const struct plan_step *s, struct arena *a,
		struct plan_step *ret_step, const char **ret_saved, struct err *e)
{
	const char *id = step_get(s, ARG_STEP);
	journal_records records = { 0 };
	const struct plan_step *was;
	unsigned long long run;
	struct plan plan;

	if (!id || !step_get(s, ARG_RUN) || !str_to_u64(step_get(s, ARG_RUN), &run))
		return err_set(e, GP_INTERNAL, "step '%s' does not say what it puts back", s->id);
	if (journal_plan(sys, (long long)run, a, &plan, e) ||
	    journal_read(sys, (long long)run, a, &records, e))
		return -1;
	was = plan_find(&plan, id);
	list_each (&records, r)
		if (was && str_eq(r->kind, "start") && str_eq(r->step, id)) {
			*ret_step = *was;
			*ret_saved = r->text;
			return 0;
		}
	return err_set(e, GP_JOURNAL_CORRUPT, "run %llu has no record of the step '%s'", run, id);
}
