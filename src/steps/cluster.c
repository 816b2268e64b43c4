/* SPDX-License-Identifier: Apache-2.0 */
/* What a cluster needs for its GPUs: manifests, by server-side apply. */
#include "steps/step.h"

#include "cluster/cluster.h"
#include "sys/sys.h"

static void tell(void *ctx, const char *what)
{
	const struct step_run *run = ctx;

	run->progress(run->ctx, &(struct step_progress){ .what = what });
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_cluster c = { 0 };
	const char *what;
	bool ready;

	if (cluster_open(sys, s, &a, &c, e) || cluster_look(&c, e) ||
	    cluster_ready(&c, &ready, &what, e))
		return -1;
	*ret = c.same && ready;
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_cluster c = { 0 };

	return cluster_open(sys, s, &a, &c, e) || cluster_save(&c, ret, e) ? -1 : 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_cluster c = { 0 };
	const char *owner;

	if (cluster_open(sys, s, &a, &c, e) || cluster_look(&c, e) || cluster_owner(&c, &owner, e))
		return -1;
	if (owner) {
		err_set(e, GP_CLUSTER_CONFLICT, "%s hands out GPUs in this cluster already", owner);
		err_way(e, "let it go on: kubernetes.cluster: leave");
		return -1;
	}
	tell((void *)(size_t)run, "manifests");
	return cluster_apply(&c, e) || cluster_await(&c, tell, (void *)(size_t)run, e) ? -1 : 0;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_cluster c = { 0 };

	return cluster_open(sys, s, &a, &c, e) ||
			       cluster_restore(&c, saved, tell, (void *)(size_t)run, e) ?
		       -1 :
		       0;
}

const struct step_kind step_cluster = {
	.name = "cluster",
	.required = (const char *const[]){ "node", "wait", "stream", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
