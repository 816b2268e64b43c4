/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster in a plan. */
#include "cluster/cluster_plan.h"

#include "base/str.h"
#include "cluster/cluster.h"
#include "emit/emit.h"

#define STEP_ID "cluster:manifests"

static struct plan_step *find_step(struct plan *plan)
{
	list_each (&plan->steps, s)
		if (str_eq(s->id, STEP_ID))
			return s;
	return NULL;
}

int cluster_fill(struct plan *plan, struct emit *em, struct err *e)
{
	struct plan_step *step = find_step(plan);
	auto_buf struct buf text = BUF_TEXT;

	if (!step)
		return 0;
	if (emit_k8s(em, &text, e))
		return -1;
	/* Its warnings are the solver's too. */
	list_each (&em->diags->list, d)
		if (d->severity == SEV_ERROR)
			list_add(plan->a, &plan->diags.list, *d);
	step_arg(plan, step, "stream", arena_str(plan->a, buf_str(&text)));
	return 0;
}

/* What speaks against it, with the way that always leads on. */
static void refused(struct plan *plan, const struct profile *profile, enum code code,
		    const char *what, const struct err *why)
{
	struct span at = profile_at(profile, "kubernetes.cluster");
	struct diag *d;

	d = diag_add(&plan->diags, SEV_ERROR, code, at.line ? &at : NULL, "%s", what);
	if (why)
		for (size_t i = 0; i < why->n_ways; i++)
			diag_way(&plan->diags, d, NULL, "%s", why->ways[i]);
	diag_way(&plan->diags, d, "kubernetes.cluster=leave",
		 "leave the cluster alone: kubernetes.cluster: leave");
}

static void say_what(struct plan *plan, struct plan_step *step, const struct cluster *c, bool ready)
{
	size_t fresh = 0, other = 0;

	list_each (&c->objects, o) {
		fresh += !o->before;
		other += o->before && (o->differs || !o->ours);
	}
	step->op = c->same && ready ? OP_KEEP : fresh == c->objects.n ? OP_ADD : OP_CHANGE;
	if (fresh || other)
		step_reason(plan, step, NULL, NULL, "%zu of %zu objects are new, %zu change", fresh,
			    c->objects.n, other);
	list_each (&c->objects, o)
		if (!o->before || o->differs)
			step_reason(plan, step, NULL, NULL, "%s %s %s%s%s",
				    o->before ? "changes" : "adds", o->kind, o->ns,
				    *o->ns ? "/" : "", o->name);
	if (!c->labelled)
		step_reason(plan, step, NULL, NULL, "labels node %s: " CLUSTER_LABEL "=true",
			    c->node);
	if (c->same && !ready)
		step_reason(plan, step, NULL, NULL, "not all of its pods are ready");
}

static int look(struct plan *plan, const struct profile *profile, struct plan_step *step,
		struct cluster *c, struct err *e)
{
	const char *owner, *what;
	bool ready;

	if (cluster_look(c, e) || cluster_owner(c, &owner, e) || cluster_ready(c, &ready, &what, e))
		return -1;
	if (owner)
		refused(plan, profile,
			str_eq(owner, "gpu-operator") ? (enum code)(GP_RULE + 64) :
							GP_CLUSTER_CONFLICT,
			arena_printf(plan->a, "%s hands out GPUs in this cluster already", owner),
			NULL);
	else
		say_what(plan, step, c, ready);
	return 0;
}

/* What the cluster says no to is a refusal of this plan; anything else ends it. */
static bool is_refusal(enum code code)
{
	return code == GP_NO_KUBECTL || (code >= GP_CLUSTER_ACCESS && code <= GP_NOT_READY);
}

int cluster_ask(struct plan *plan, const struct profile *profile, const struct sys *sys,
		struct err *e)
{
	struct plan_step *step = find_step(plan);
	auto_cluster c = { 0 };
	auto_err no = { 0 };

	if (!step || plan_refused(plan))
		return 0;
	if (cluster_open(sys, step, plan->a, &c, &no) == 0 &&
	    look(plan, profile, step, &c, &no) == 0) {
		plan_finish(plan);
		return 0;
	}
	if (!is_refusal(no.code)) {
		err_move(e, &no);
		return -1;
	}
	refused(plan, profile, no.code, no.text, &no);
	return 0;
}
