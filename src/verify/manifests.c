/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what was put into the cluster: it is there as the profile says, and it runs. */
#include "verify/priv.h"

#include "base/str.h"
#include "cluster/cluster.h"

/* What is in the cluster otherwise than the profile says; NULL = nothing. */
static const char *first_other(struct checking *c, const struct cluster *cluster)
{
	list_each (&cluster->objects, o)
		if (!o->before || o->differs || !o->ours)
			return arena_printf(c->a, "%s %s%s%s %s", o->kind, o->ns, *o->ns ? "/" : "",
					    o->name,
					    !o->before ? "is not there" :
					    o->differs ? "is not what the profile says" :
							 "belongs to somebody else");
	if (!cluster->labelled)
		return arena_printf(c->a, "node %s has no label %s", cluster->node, CLUSTER_LABEL);
	return NULL;
}

static int judge(struct checking *c, struct cluster *cluster, struct err *e)
{
	const char *what;
	bool ready;

	if (cluster_look(cluster, e) || cluster_ready(cluster, &ready, &what, e))
		return -1;
	if (first_other(c, cluster))
		return conclude(c, false, "%s", first_other(c, cluster));
	return conclude(c, ready, "%zu objects are there; %s", cluster->objects.n, what);
}

static int check_cluster(struct checking *c, struct err *e)
{
	const struct plan_step *step = plan_find(c->plan, c->post->subject);
	auto_cluster cluster = { 0 };
	auto_err no = { 0 };

	(void)e;
	if (!step || !step_get(step, "stream"))
		return defer(c, "daemon", "the manifests are not known here");
	if (cluster_open(c->sys, step, c->a, &cluster, &no) == 0 && judge(c, &cluster, &no) == 0)
		return 0;
	return conclude(c, false, "%s", no.text);
}

const struct check checks_manifests[] = {
	{ "cluster", check_cluster },
	{ NULL, NULL },
};
