/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: manifests that this node puts into its cluster. Which they are is filled in later. */
#include "solve/priv.h"

#include "base/str.h"

/* R64: the operator brings its own device plugin and exporter. */
static bool refuse_two_owners(struct solving *s)
{
	struct diag *d;

	if (!profile_is(s->profile, "kubernetes.owner", "gpu-operator"))
		return false;
	d = by_rule(s, SEV_ERROR, 64, "kubernetes.cluster",
		    "manifests are not applied where gpu-operator owns device plugin and exporter");
	why(s, d, "two device plugins would offer each GPU twice");
	way(s, d, "kubernetes.cluster=leave", "leave the cluster to it: kubernetes.cluster: leave");
	way(s, d, "kubernetes.owner=gpuprov", "without the operator: kubernetes.owner: gpuprov");
	return true;
}

/* Names of nodes are those of hosts in small letters. */
static const char *node_name(struct solving *s)
{
	const char *asked = profile_get(s->profile, "kubernetes.node-name");
	const char *host = facts_node_name(s->facts, s->a);

	return asked ? asked : host ? host : "localhost";
}

static void pass_on(struct solving *s, struct plan_step *step, const char *key, const char *path)
{
	const char *value = profile_get(s->profile, path);

	if (value)
		step_arg(s->plan, step, key, value);
}

void solve_cluster(struct solving *s)
{
	struct plan_step *step;

	if (!str_eq(s->profile->kind, "k8s") ||
	    !profile_is(s->profile, "kubernetes.cluster", "apply") || refuse_two_owners(s))
		return;
	if (!s->facts->live) {
		plan_omit(s->plan, "manifests", NULL, place(s, "kubernetes.cluster"),
			  "an image is not a node yet; apply this profile on the node");
		return;
	}
	step = plan_add(s->plan, "cluster", "manifests", OP_CHANGE, "manifests of namespace %s",
			profile_get(s->profile, "kubernetes.namespace"));
	step_arg(s->plan, step, "node", node_name(s));
	pass_on(s, step, "kubeconfig", "kubernetes.kubeconfig");
	pass_on(s, step, "context", "kubernetes.context");
	pass_on(s, step, "wait", "kubernetes.rollout-timeout");
	/* Who says which nodes have GPUs needs no label of ours. */
	if (!profile_given(s->profile, "kubernetes.node-selector"))
		step_arg(s->plan, step, "label", "yes");
	list_each (&s->plan->steps, other)
		if (other != step)
			step_needs(s->plan, step, other->id);
	step_reason(s->plan, step, NULL, place(s, "kubernetes.cluster"),
		    "device plugin and exporter, once the node can run them");
	plan_post(s->plan, "kubernetes.manifests", "cluster", step->id, NULL, NULL)->needs =
		"daemon";
}
