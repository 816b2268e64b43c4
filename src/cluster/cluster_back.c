/* SPDX-License-Identifier: Apache-2.0 */
/* Taking manifests out of a cluster: what was there before is put back, and nothing else is
 * touched. */
#include "cluster/cluster.h"

#include "base/rec.h"
#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define MANAGER "--field-manager=" KUBECTL_MANAGER
#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct saved_cluster {
	cluster_objects objects;
	bool labelled; /* the node had a label, or needed none */
};

static const struct rec_row object_rows[] = {
	REC_ROW(struct cluster_object, api, REC_STR, "API version"),
	REC_ROW(struct cluster_object, kind, REC_STR, "kind"),
	REC_ROW(struct cluster_object, ns, REC_STR, "namespace"),
	REC_ROW(struct cluster_object, name, REC_STR, "name"),
	REC_ROW(struct cluster_object, before, REC_STR, "as it was; left out: it was not there"),
	REC_END,
};

static const struct rec_row saved_rows[] = {
	{ .name = "objects",
	  .type = REC_LIST,
	  .offset = offsetof(struct saved_cluster, objects),
	  .rows = object_rows,
	  .size = sizeof(struct cluster_object),
	  .help = "what the stream has" },
	REC_ROW(struct saved_cluster, labelled, REC_BOOL, "the node had its label"),
	REC_END,
};

int cluster_save(struct cluster *c, struct buf *ret, struct err *e)
{
	struct saved_cluster saved = { 0 };
	struct jw j = { .out = ret, .compact = true };

	if (cluster_look(c, e))
		return -1;
	saved.objects = c->objects;
	saved.labelled = c->labelled;
	rec_write(&j, saved_rows, &saved);
	return 0;
}

static int plain(struct cluster *c, const char *const *args, const char *input, const char *doing,
		 struct err *e)
{
	struct kubectl_answer answer;
	struct kubectl_ask ask = { .args = args, .input = input, .timeout_s = 150 };

	if (kubectl_run(&c->kubectl, &ask, &answer, e))
		return -1;
	return answer.end == KUBECTL_OK || answer.end == KUBECTL_NOT_FOUND ?
		       0 :
		       kubectl_fail(&c->kubectl, &answer, doing, e);
}

static struct cluster_object *as_it_is(struct cluster *c, const struct cluster_object *was)
{
	list_each (&c->objects, o)
		if (str_eq(o->kind, was->kind) && str_eq(o->ns, was->ns) &&
		    str_eq(o->name, was->name))
			return o;
	return NULL;
}

/* "DaemonSet.v1.apps": kinds of the same name in other groups are not meant. */
static const char *kind_word(struct cluster *c, const struct cluster_object *o)
{
	const char *slash = strchr(o->api, '/');

	return slash ? arena_printf(c->a, "%s.%s.%.*s", o->kind, slash + 1, (int)(slash - o->api),
				    o->api) :
		       o->kind;
}

static int take_away(struct cluster *c, const struct cluster_object *o, struct err *e)
{
	const char *kind = kind_word(c, o);

	if (*o->ns)
		return plain(c,
			     ARGS("delete", kind, o->name, "-n", o->ns, "--ignore-not-found",
				  "--timeout=120s"),
			     NULL, "taking an object away", e);
	return plain(c, ARGS("delete", kind, o->name, "--ignore-not-found", "--wait=false"), NULL,
		     "taking an object away", e);
}

/* What others have put into the namespace meanwhile; NULL = nothing. */
static int others_in(struct cluster *c, const char *ns, const char **ret, struct err *e)
{
	struct kubectl_ask ask = {
		.args = ARGS("get",
			     "pods,services,daemonsets,deployments,replicasets,statefulsets,jobs,"
			     "cronjobs,configmaps,secrets,serviceaccounts,persistentvolumeclaims,"
			     "roles,rolebindings,ingresses,networkpolicies",
			     "-n", ns, "-l", "app.kubernetes.io/instance!=gpuprov", "-o", "name"),
	};
	struct kubectl_answer answer;
	struct piece rest, line;

	*ret = NULL;
	if (kubectl_run(&c->kubectl, &ask, &answer, e))
		return -1;
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "looking into the namespace", e);
	rest = (struct piece){ answer.output, answer.len };
	while (!*ret && str_line(&rest, &line)) {
		const char *name = arena_strn(c->a, line.at, line.len);

		/* Every namespace has these by itself. */
		if (!str_eq(name, "serviceaccount/default") &&
		    !str_eq(name, "configmap/kube-root-ca.crt") &&
		    !str_starts(name, "secret/default-token-") &&
		    !str_starts(name, "secret/nvidia-device-plugin-token-") &&
		    !str_starts(name, "secret/gpu-feature-discovery-token-") &&
		    !str_starts(name, "secret/dcgm-exporter-token-") &&
		    !str_starts(name, "secret/gpu-test-token-"))
			*ret = name;
	}
	return 0;
}

static int put_back(struct cluster *c, const struct cluster_object *was, struct err *e)
{
	/* A pod cannot be changed back, and one that ran is of no use to anybody. */
	if (str_eq(was->kind, "Pod"))
		return plain(c, ARGS("replace", "--force", "--grace-period=0", "-f", "-"),
			     was->before, "putting a pod back", e);
	return plain(c, ARGS("replace", "-f", "-"), was->before, "putting an object back", e);
}

static int back(struct cluster *c, const struct cluster_object *was,
		void (*tell)(void *ctx, const char *what), void *ctx, struct err *e)
{
	const struct cluster_object *now = as_it_is(c, was);
	const char *other = NULL;

	if (!now || !now->before)
		return was->before ? plain(c, ARGS("create", "-f", "-"), was->before,
					   "putting an object back", e) :
				     0;
	if (was->before)
		return str_eq(was->before, now->before) ? 0 : put_back(c, was, e);
	if (!now->ours)
		return 0; /* somebody else's by now */
	tell(ctx, arena_printf(c->a, "%s %s", was->kind, was->name));
	if (str_eq(was->kind, "Namespace") && others_in(c, was->name, &other, e))
		return -1;
	if (!other)
		return take_away(c, was, e);
	tell(ctx,
	     arena_printf(c->a, "namespace %s stays: %s is in it, and not ours", was->name, other));
	return 0;
}

int cluster_restore(struct cluster *c, const char *saved, void (*tell)(void *ctx, const char *what),
		    void *ctx, struct err *e)
{
	struct saved_cluster before = { 0 };

	if (rec_read(saved, strlen(saved), "the journal", saved_rows, &before, c->a, e))
		return -1;
	/* Conflicts do not matter here: nothing is applied. */
	if (cluster_see(c, e))
		return -1;
	for (size_t i = before.objects.n; i-- > 0;)
		if (back(c, &before.objects.at[i], tell, ctx, e))
			return -1;
	if (before.labelled || !c->label)
		return 0;
	return plain(c, ARGS("label", "node", c->node, CLUSTER_LABEL "-", MANAGER), NULL,
		     "taking the node's label away", e);
}
