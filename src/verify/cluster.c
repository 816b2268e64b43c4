/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a node of Kubernetes: what the cluster itself, asked by kubectl, says of it. */
#include "verify/priv.h"

#include "base/str.h"
#include "cluster/kubectl.h"
#include "edit/tree.h"
#include "profile/profile.h"
#include "sys/sys.h"

#include <string.h>

/* ---- asking ---- */

static bool by_operator(const struct checking *c)
{
	return profile_is(c->profile, "kubernetes.owner", "gpu-operator");
}

/* The kubelet registers itself by the host's name in lower case. */
static const char *node_name(struct checking *c)
{
	const char *said = profile_get(c->profile, "kubernetes.node-name");
	const char *host = facts_node_name(c->facts, c->a);

	return said ? said : host ? host : "localhost";
}

/* GET of a path; *ret is NULL when the verdict is given: nobody is there to ask. */
static int ask(struct checking *c, struct kubectl *k, const char *path, const struct tree **ret,
	       struct err *e)
{
	const char *kubeconfig = profile_get(c->profile, "kubernetes.kubeconfig");
	struct kubectl_answer answer = { 0 };
	auto_err odd = { 0 };

	*ret = NULL;
	if (!c->facts->live)
		return defer(c, "cluster", "an image is no node yet");
	if (kubectl_open(c->sys, kubeconfig, profile_get(c->profile, "kubernetes.context"), c->a, k,
			 &odd)) {
		if (odd.code == GP_NO_KUBECTL || odd.code == GP_CLUSTER_ACCESS)
			return defer(c, "cluster", "%s", odd.text);
		err_move(e, &odd);
		return -1;
	}
	if (kubectl_get(k, path, &answer, ret, e))
		return -1;
	if (*ret)
		return 0;
	switch (answer.end) {
	case KUBECTL_NOT_FOUND:
		return conclude(c, false, "the cluster knows no %s", path);
	case KUBECTL_OK:
	case KUBECTL_NO_KIND:
	case KUBECTL_CONFLICT:
	case KUBECTL_IMMUTABLE:
	case KUBECTL_DENIED:
	case KUBECTL_UNKNOWN_USER:
	case KUBECTL_UNREACHABLE:
	case KUBECTL_BAD_ACCESS:
	case KUBECTL_TIMED_OUT:
	case KUBECTL_FAILED:
		break;
	}
	return defer(c, "cluster", "the cluster did not answer: %s",
		     answer.said && *answer.said ? answer.said : "nothing was said");
}

static const char *text_at(struct checking *c, const struct tree *t, const char *key)
{
	const struct tree *v = tree_get(t, key);

	return v ? arena_strn(c->a, v->text.at, v->text.len) : NULL;
}

/* ---- the node ---- */

/* What the device plugin offers: each GPU, or each share of one. */
static const char *resource(const struct checking *c)
{
	return profile_on(c->profile, "kubernetes.device-plugin.sharing.rename") ?
		       "nvidia.com/gpu.shared" :
		       "nvidia.com/gpu";
}

static unsigned long long shares(const struct checking *c)
{
	const char *kind = profile_get(c->profile, "kubernetes.device-plugin.sharing.kind");
	const char *replicas = profile_get(c->profile, "kubernetes.device-plugin.sharing.replicas");
	unsigned long long n = 1;

	if (replicas && !str_eq(kind, "none"))
		str_to_u64(replicas, &n);
	return n;
}

static int check_node(struct checking *c, struct err *e)
{
	auto_kubectl k = { 0 };
	const struct tree *node, *allocatable;
	const char *name = node_name(c), *has;
	unsigned long long want = shares(c), count = 0;

	if (ask(c, &k, arena_printf(c->a, "/api/v1/nodes/%s", name), &node, e))
		return -1;
	if (!node)
		return 0;
	list_each (&c->facts->gpus, g)
		if (g->mig == TRI_YES)
			return not_applicable(c, "MIG is on: the node offers slices, not GPUs");
	list_each (&c->facts->gpus, g)
		count += !(g->driver && str_starts(g->driver, "vfio"));
	want *= count;
	allocatable = tree_get(tree_get(node, "status"), "allocatable");
	has = text_at(c, allocatable, resource(c));
	if (!has)
		return conclude(c, false,
				"node %s offers no %s: the device plugin has not registered, and "
				"pods stay pending ('Insufficient nvidia.com/gpu')",
				name, resource(c));
	return conclude(c, str_eq(has, arena_printf(c->a, "%llu", want)),
			"node %s offers %s %s, %llu expected of %llu GPU%s on PCI", name, has,
			resource(c), want, count, count == 1 ? "" : "s");
}

/* ---- pods ---- */

static bool is_ready(struct checking *c, const struct tree *pod)
{
	const struct tree *conditions = tree_get(tree_get(pod, "status"), "conditions");

	if (conditions)
		list_each (&conditions->members, m)
			if (str_eq(text_at(c, m->value, "type"), "Ready"))
				return str_eq(text_at(c, m->value, "status"), "True");
	return false;
}

/* The label that our manifests, or the operator, give the pods of a component. */
static const char *pods_path(struct checking *c)
{
	const char *label = by_operator(c) ? (str_eq(c->post->subject, "dcgm-exporter") ?
						      "app%3Dnvidia-dcgm-exporter" :
						      "app%3Dnvidia-device-plugin-daemonset") :
					     arena_printf(c->a, "app.kubernetes.io%%2Fname%%3D%s",
							  c->post->subject);

	return arena_printf(c->a, "/api/v1/pods?labelSelector=%s&fieldSelector=spec.nodeName%%3D%s",
			    label, node_name(c));
}

/* The pod of a component on this node; *ret is NULL when the verdict is given. */
static int find_pod(struct checking *c, struct kubectl *k, const struct tree **ret, struct err *e)
{
	const struct tree *list, *items;

	*ret = NULL;
	if (ask(c, k, pods_path(c), &list, e))
		return -1;
	if (!list)
		return 0;
	items = tree_get(list, "items");
	if (!items || !items->members.n)
		return conclude(c, false, "no pod of %s is on node %s", c->post->subject,
				node_name(c));
	*ret = items->members.at[0].value;
	return 0;
}

static int check_pod(struct checking *c, struct err *e)
{
	auto_kubectl k = { 0 };
	const struct tree *pod, *meta;

	if (find_pod(c, &k, &pod, e))
		return -1;
	if (!pod)
		return 0;
	meta = tree_get(pod, "metadata");
	return conclude(c, is_ready(c, pod), "pod %s/%s is %s", text_at(c, meta, "namespace"),
			text_at(c, meta, "name"),
			is_ready(c, pod) ? "ready" :
					   "not ready: kubectl describe it, and read its log");
}

/* The exporter answers, and names a GPU. By way of the API server, which reaches every pod. */
static int check_metrics(struct checking *c, struct err *e)
{
	auto_kubectl k = { 0 };
	struct kubectl_answer answer = { 0 };
	const char *args[] = { "get", "--raw", NULL, NULL };
	const struct tree *pod, *meta;
	bool good;

	if (find_pod(c, &k, &pod, e))
		return -1;
	if (!pod)
		return 0;
	meta = tree_get(pod, "metadata");
	args[2] = arena_printf(c->a, "/api/v1/namespaces/%s/pods/%s:9400/proxy/metrics",
			       text_at(c, meta, "namespace"), text_at(c, meta, "name"));
	if (kubectl_run(&k, &(struct kubectl_ask){ .args = args }, &answer, e))
		return -1;
	if (answer.end == KUBECTL_DENIED)
		return defer(c, "cluster", "these credentials may not ask pods: %s",
			     answer.said ? answer.said : "");
	if (answer.end != KUBECTL_OK)
		return conclude(c, false, "%s does not answer: %s", args[2],
				answer.said && *answer.said ? answer.said : "nothing was said");
	good = memmem(answer.output, answer.len, "DCGM_FI_DEV_", strlen("DCGM_FI_DEV_")) != NULL;
	return conclude(c, good, "%s %s", args[2],
			good ? "answers with metrics of a GPU" :
			       "answers, and no metric of a GPU is in it");
}

const struct check checks_cluster[] = {
	{ "kube-node", check_node },
	{ "kube-pod", check_pod },
	{ "kube-metrics", check_metrics },
	{ NULL, NULL },
};
