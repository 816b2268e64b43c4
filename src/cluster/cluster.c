/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests in a cluster: looking, applying, waiting. */
#include "cluster/cluster.h"

#include "base/str.h"
#include "edit/edit.h"
#include "sys/sys.h"

#include <string.h>

#define MANAGER "--field-manager=" KUBECTL_MANAGER
#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- reaching it ---- */

static int find_node(struct cluster *c, struct err *e)
{
	static const char *const labels[] = { CLUSTER_LABEL,
					      "feature.node.kubernetes.io/pci-10de.present" };
	struct kubectl_answer answer;
	const struct tree *node, *has;

	if (kubectl_get(&c->kubectl, arena_printf(c->a, "/api/v1/nodes/%s", c->node), &answer,
			&node, e))
		return -1;
	if (answer.end == KUBECTL_NOT_FOUND) {
		err_set(e, GP_CLUSTER_OTHER, "the cluster has no node called '%s'", c->node);
		err_way(e, "name the node as the cluster calls it: kubernetes.node-name");
		err_way(e, "name the right cluster: kubernetes.kubeconfig, kubernetes.context");
		err_way(e, "let the node join the cluster first");
		return -1;
	}
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "looking for this node", e);
	has = tree_get(tree_get(node, "metadata"), "labels");
	c->labelled = !c->label;
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
		c->labelled |= tree_is(tree_get(has, labels[i]), "true");
	return 0;
}

int cluster_open(const struct sys *sys, const struct plan_step *s, struct arena *a,
		 struct cluster *ret, struct err *e)
{
	unsigned long long wait = 0;

	*ret = (struct cluster){
		.a = a,
		.stream = step_get(s, "stream"),
		.node = step_get(s, "node"),
		.label = step_get(s, "label") != NULL,
	};
	if (!ret->stream || !str_to_u64(step_get(s, "wait"), &wait))
		return err_set(e, GP_INTERNAL, "step '%s' has no usable stream", s->id);
	ret->wait_s = (unsigned)wait;
	return kubectl_open(sys, step_get(s, "kubeconfig"), step_get(s, "context"), a,
			    &ret->kubectl, e) ||
			       find_node(ret, e) ?
		       -1 :
		       0;
}

void cluster_close(struct cluster *c)
{
	kubectl_close(&c->kubectl);
}

/* ---- what is there ---- */

/* Which objects the stream has, in the words of kubectl, which changes nothing for that. */
static int list_objects(struct cluster *c, struct err *e)
{
	struct kubectl_ask ask = {
		.args = ARGS("create", "--dry-run=client", "--validate=false", "-f", "-", "-o",
			     "jsonpath={.apiVersion}{\"\\t\"}{.kind}{\"\\t\"}{.metadata.namespace}"
			     "{\"\\t\"}{.metadata.name}{\"\\n\"}"),
		.input = c->stream,
	};
	struct kubectl_answer answer;
	struct piece rest, line;

	c->objects.n = 0;
	if (kubectl_run(&c->kubectl, &ask, &answer, e))
		return -1;
	if (answer.end == KUBECTL_NO_KIND) {
		kubectl_fail(&c->kubectl, &answer, "reading the manifests", e);
		err_way(e, "install what defines it, or leave it out: for a ServiceMonitor "
			   "kubernetes.dcgm-exporter.service-monitor: false");
		return -1;
	}
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "reading the manifests", e);
	rest = (struct piece){ answer.output, answer.len };
	while (str_line(&rest, &line)) {
		const char *words[4];

		for (int i = 0; i < 4; i++) {
			const char *tab = memchr(line.at, '\t', line.len);
			size_t n = tab ? (size_t)(tab - line.at) : line.len;

			words[i] = arena_strn(c->a, line.at, n);
			line.at += n + (tab != NULL);
			line.len -= n + (tab != NULL);
		}
		if (*words[3])
			*(struct cluster_object *)list_push(c->a,
							    &c->objects) = (struct cluster_object){
				.api = words[0], .kind = words[1], .ns = words[2], .name = words[3]
			};
	}
	return 0;
}

static struct cluster_object *object_of(struct cluster *c, const struct tree *live)
{
	const struct tree *meta = tree_get(live, "metadata"), *ns = tree_get(meta, "namespace");

	list_each (&c->objects, o)
		if (tree_is(tree_get(live, "kind"), o->kind) &&
		    tree_is(tree_get(meta, "name"), o->name) && (*o->ns ? tree_is(ns, o->ns) : !ns))
			return o;
	return NULL;
}

static bool is_ours(const struct tree *live)
{
	const struct tree *managers = tree_get(tree_get(live, "metadata"), "managedFields");

	if (managers)
		list_each (&managers->members, m)
			if (tree_is(tree_get(m->value, "manager"), KUBECTL_MANAGER))
				return true;
	return false;
}

/* What the server adds, and would not take back. */
static const char *without_server(struct cluster *c, const char *text, size_t len)
{
	static const char *const meta[] = { "resourceVersion", "uid", "creationTimestamp",
					    "generation", "selfLink" };
	auto_edit struct edit *ed = edit_open(c->a, EDIT_JSON, text, len);
	struct edit_result result;

	edit_remove(ed, EDIT_PATH("status"));
	for (size_t i = 0; i < sizeof(meta) / sizeof(*meta); i++)
		edit_remove(ed, EDIT_PATH("metadata", meta[i]));
	edit_done(ed, &result);
	return result.text;
}

/* Each item of a list, or the one that is no list. */
static void each_live(struct cluster *c, const struct tree *t, const struct kubectl_answer *answer,
		      void (*what)(struct cluster *c, const struct tree *live,
				   const struct kubectl_answer *answer))
{
	const struct tree *items = tree_get(t, "items");

	if (items)
		list_each (&items->members, m)
			what(c, m->value, answer);
	else if (t)
		what(c, t, answer);
}

static void see_live(struct cluster *c, const struct tree *live,
		     const struct kubectl_answer *answer)
{
	struct cluster_object *o = object_of(c, live);

	if (!o)
		return;
	o->before = without_server(c, answer->output + live->from, live->to - live->from);
	o->ours = is_ours(live);
}

/* Equal but for what the server notes down about changes. */
static bool same_but(const struct tree *a, const struct tree *b)
{
	static const char *const notes[] = { "managedFields", "resourceVersion", "generation" };

	list_each (&a->members, m) {
		const struct tree_member *other = tree_find(b, m->key);
		bool note = false;

		for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++)
			note |= piece_eq(m->key, notes[i]);
		if (note)
			continue;
		if (!other || (piece_eq(m->key, "metadata") ? !same_but(m->value, other->value) :
							      !tree_same(m->value, other->value)))
			return false;
	}
	return true;
}

static void see_dry(struct cluster *c, const struct tree *dry, const struct kubectl_answer *answer)
{
	struct cluster_object *o = object_of(c, dry);
	struct edit *ed;

	(void)answer;
	if (!o || !o->before)
		return;
	/* `before` lacks what the server adds; what is in it must be in the other, and back. */
	ed = edit_open(c->a, EDIT_JSON, o->before, strlen(o->before));
	list_add(c->a, &c->kubectl.answers, ed);
	o->differs = !same_but(edit_root(ed), dry);
	list_each (&dry->members, m) {
		const struct tree_member *was = tree_find(edit_root(ed), m->key);

		if (!piece_eq(m->key, "status") && !piece_eq(m->key, "metadata"))
			o->differs |= !was || !tree_same(was->value, m->value);
	}
	o->differs |= !tree_same(tree_get(tree_get(dry, "metadata"), "labels"),
				 tree_get(tree_get(edit_root(ed), "metadata"), "labels")) &&
		      tree_get(tree_get(dry, "metadata"), "labels");
}

/* A namespace that is not there yet hides what is in it: then nothing is there. */
static int look_dry(struct cluster *c, struct err *e)
{
	struct kubectl_ask ask = {
		.args = ARGS("apply", "--server-side", "--dry-run=server", MANAGER, "-o", "json",
			     "--show-managed-fields", "-f", "-"),
		.input = c->stream,
	};
	struct kubectl_answer answer;
	const struct tree *t;
	bool all = true;

	if (kubectl_json(&c->kubectl, &ask, &answer, &t, e))
		return -1;
	list_each (&c->objects, o)
		all &= o->before != NULL;
	if (answer.end != KUBECTL_OK && answer.end != KUBECTL_IMMUTABLE &&
	    !(answer.end == KUBECTL_NOT_FOUND && !all))
		return kubectl_fail(&c->kubectl, &answer, "trying the manifests", e);
	each_live(c, t, &answer, see_dry);
	c->same = all && c->labelled && answer.end == KUBECTL_OK;
	list_each (&c->objects, o)
		c->same &= !o->differs && o->ours;
	return 0;
}

int cluster_see(struct cluster *c, struct err *e)
{
	struct kubectl_ask ask = {
		.args = ARGS("get", "-f", "-", "--ignore-not-found", "--show-managed-fields", "-o",
			     "json"),
		.input = c->stream,
	};
	struct kubectl_answer answer;
	const struct tree *t;

	if (list_objects(c, e) || kubectl_json(&c->kubectl, &ask, &answer, &t, e))
		return -1;
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "reading what is in the cluster", e);
	each_live(c, t, &answer, see_live);
	return 0;
}

int cluster_look(struct cluster *c, struct err *e)
{
	return cluster_see(c, e) || look_dry(c, e) ? -1 : 0;
}

/* ---- who else ---- */

static int find_operator(struct cluster *c, const char **ret, struct err *e)
{
	struct kubectl_answer answer;
	const struct tree *t, *items;

	if (kubectl_get(&c->kubectl, "/apis/nvidia.com/v1/clusterpolicies", &answer, &t, e))
		return -1;
	items = tree_get(t, "items");
	if (answer.end == KUBECTL_OK && items && items->members.n)
		*ret = "gpu-operator";
	if (answer.end == KUBECTL_OK || answer.end == KUBECTL_NOT_FOUND)
		return 0;
	return kubectl_fail(&c->kubectl, &answer, "looking for gpu-operator", e);
}

/* One line of the list: namespace, name, who made it, images. */
static bool is_other_plugin(struct cluster *c, const char *line)
{
	struct piece rest = PIECE(line), ns, name;

	if (!strstr(line, "k8s-device-plugin") || !str_word(&rest, &ns) || !str_word(&rest, &name))
		return false;
	list_each (&c->objects, o)
		if (str_eq(o->kind, "DaemonSet") && piece_eq(ns, o->ns) && piece_eq(name, o->name))
			return false;
	return strstr(arena_strn(c->a, name.at, name.len), "device-plugin") != NULL;
}

static int find_plugin(struct cluster *c, const char **ret, struct err *e)
{
	struct kubectl_ask ask = {
		.args = ARGS("get", "daemonsets", "--all-namespaces", "-o",
			     "jsonpath={range .items[*]}{.metadata.namespace}{\" \"}"
			     "{.metadata.name}{\" \"}{.spec.template.spec.containers[*].image}"
			     "{\"\\n\"}{end}"),
	};
	struct kubectl_answer answer;
	struct piece rest, line;

	if (kubectl_run(&c->kubectl, &ask, &answer, e))
		return -1;
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "looking for other device plugins", e);
	rest = (struct piece){ answer.output, answer.len };
	while (!*ret && str_line(&rest, &line)) {
		const char *text = arena_strn(c->a, line.at, line.len);

		if (is_other_plugin(c, text))
			*ret = arena_printf(c->a, "the DaemonSet %.*s/%s", (int)strcspn(text, " "),
					    text,
					    arena_strn(c->a, strchr(text, ' ') + 1,
						       strcspn(strchr(text, ' ') + 1, " ")));
	}
	return 0;
}

int cluster_owner(struct cluster *c, const char **ret, struct err *e)
{
	*ret = NULL;
	return find_operator(c, ret, e) || (!*ret && find_plugin(c, ret, e)) ? -1 : 0;
}

/* ---- putting it in ---- */

static int plain(struct cluster *c, const char *const *args, const char *input, const char *doing,
		 struct err *e)
{
	struct kubectl_answer answer;

	if (kubectl_run(&c->kubectl, &(struct kubectl_ask){ .args = args, .input = input }, &answer,
			e))
		return -1;
	return answer.end == KUBECTL_OK ? 0 : kubectl_fail(&c->kubectl, &answer, doing, e);
}

/* A pod cannot be changed: one of ours that is otherwise now is made anew. */
static int drop_pods(struct cluster *c, struct err *e)
{
	list_each (&c->objects, o)
		if (str_eq(o->kind, "Pod") && o->ours &&
		    plain(c,
			  ARGS("delete", "pod", o->name, "-n", o->ns, "--ignore-not-found",
			       "--timeout=60s"),
			  NULL, "taking the old test pod away", e))
			return -1;
	return 0;
}

int cluster_apply(struct cluster *c, struct err *e)
{
	const char *const *args = ARGS("apply", "--server-side", MANAGER, "-f", "-");
	struct kubectl_answer answer;

	if (kubectl_run(&c->kubectl, &(struct kubectl_ask){ .args = args, .input = c->stream },
			&answer, e))
		return -1;
	if (answer.end == KUBECTL_IMMUTABLE &&
	    (drop_pods(c, e) ||
	     kubectl_run(&c->kubectl, &(struct kubectl_ask){ .args = args, .input = c->stream },
			 &answer, e)))
		return -1;
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "applying the manifests", e);
	if (!c->labelled && plain(c, ARGS("label", "node", c->node, CLUSTER_LABEL "=true", MANAGER),
				  NULL, "labelling the node", e))
		return -1;
	return 0;
}

/* ---- waiting ---- */

static long long number(struct cluster *c, const struct tree *t, const char *key)
{
	const struct tree *v = tree_get(t, key);
	unsigned long long n = 0;

	return v && v->type == TREE_INT && str_to_u64(arena_strn(c->a, v->raw.at, v->raw.len), &n) ?
		       (long long)n :
		       0;
}

static int ask_set(struct cluster *c, const struct cluster_object *o, bool *ret,
		   const char **ret_what, struct err *e)
{
	struct kubectl_answer answer;
	const struct tree *t, *status;
	long long all, fresh, up;

	if (kubectl_get(
		    &c->kubectl,
		    arena_printf(c->a, "/apis/apps/v1/namespaces/%s/daemonsets/%s", o->ns, o->name),
		    &answer, &t, e))
		return -1;
	if (answer.end == KUBECTL_NOT_FOUND) {
		*ret = false;
		*ret_what = arena_printf(c->a, "%s is not there", o->name);
		return 0;
	}
	if (answer.end != KUBECTL_OK)
		return kubectl_fail(&c->kubectl, &answer, "asking how far it is", e);
	status = tree_get(t, "status");
	all = number(c, status, "desiredNumberScheduled");
	fresh = number(c, status, "updatedNumberScheduled");
	up = number(c, status, "numberAvailable");
	*ret = number(c, status, "observedGeneration") >=
		       number(c, tree_get(t, "metadata"), "generation") &&
	       fresh >= all && up >= all;
	*ret_what =
		arena_printf(c->a, "%s: %lld of %lld nodes", o->name, up < fresh ? up : fresh, all);
	return 0;
}

int cluster_ready(struct cluster *c, bool *ret, const char **ret_what, struct err *e)
{
	auto_buf struct buf what = BUF_TEXT;

	*ret = true;
	list_each (&c->objects, o) {
		const char *one = "";
		bool up = false;

		if (!str_eq(o->kind, "DaemonSet"))
			continue;
		if (ask_set(c, o, &up, &one, e))
			return -1;
		buf_addf(&what, "%s%s", what.len ? ", " : "", one);
		*ret &= up;
	}
	*ret_what = arena_str(c->a, buf_str(&what));
	return 0;
}

/* What its pods wait for, in the words of the kubelet. */
static const char *pods_wait(struct cluster *c, const struct cluster_object *o)
{
	struct kubectl_ask ask = {
		.args = ARGS("get", "pods", "-n", o->ns, "-l",
			     arena_printf(c->a, "app.kubernetes.io/name=%s", o->name), "-o",
			     "jsonpath={range .items[*]}{.metadata.name}{\": \"}{.status.phase}"
			     "{\" \"}{.status.containerStatuses[*].state.waiting.reason}{\" \"}"
			     "{.status.containerStatuses[*].state.waiting.message}{\"\\n\"}{end}"),
	};
	auto_err ignored = { 0 }; /* the pods only say more of what is told anyway */
	auto_buf struct buf shown = BUF_INIT(2000);
	struct kubectl_answer answer;

	if (kubectl_run(&c->kubectl, &ask, &answer, &ignored) || answer.end != KUBECTL_OK)
		return "";
	str_escape(&shown, answer.output, answer.len < 400 ? answer.len : 400);
	return arena_printf(c->a, "\n%s", buf_str(&shown));
}

static int too_late(struct cluster *c, const struct cluster_object *o, struct err *e)
{
	const char *what = o->name;
	bool up;

	if (ask_set(c, o, &up, &what, e))
		return -1;
	err_set(e, GP_NOT_READY, "its pods did not become ready in %u s: %s%s", c->wait_s, what,
		pods_wait(c, o));
	err_way(e, "kubectl -n %s describe pods -l app.kubernetes.io/name=%s says why", o->ns,
		o->name);
	return -1;
}

int cluster_await(struct cluster *c, void (*tell)(void *ctx, const char *what), void *ctx,
		  struct err *e)
{
	int64_t until = sys_now(c->kubectl.sys) + c->wait_s;

	list_each (&c->objects, o) {
		int64_t left = until - sys_now(c->kubectl.sys);
		struct kubectl_answer answer;
		struct kubectl_ask ask = {
			.args = ARGS("rollout", "status", "daemonset", o->name, "-n", o->ns,
				     arena_printf(c->a, "--timeout=%llds",
						  (long long)(left > 1 ? left : 1))),
			.timeout_s = (unsigned)(left > 1 ? left : 1) + 10,
			.watch = true,
		};

		if (!str_eq(o->kind, "DaemonSet"))
			continue;
		tell(ctx, o->name);
		if (kubectl_run(&c->kubectl, &ask, &answer, e))
			return -1;
		if (answer.end == KUBECTL_TIMED_OUT)
			return too_late(c, o, e);
		if (answer.end != KUBECTL_OK)
			return kubectl_fail(&c->kubectl, &answer, "waiting for the pods", e);
	}
	return 0;
}
