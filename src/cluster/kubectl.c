/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a cluster, by kubectl. */
#include "cluster/kubectl.h"

#include "base/str.h"
#include "edit/edit.h"
#include "sys/sys.h"

#include <string.h>

/* What kubectl takes when it is not told: HOME is root's. */
#define OWN_ACCESS "root/.kube/config"

enum { MINUTE_S = 60, ARGS_MAX = 40, DATA_MAX = 8 << 20, SAID_LINES = 6 };

/* ---- finding it ---- */

/* The folders that commands are looked for in. */
static const char *const places[] = { "usr/local/sbin/kubectl", "usr/local/bin/kubectl",
				      "usr/sbin/kubectl",       "usr/bin/kubectl",
				      "sbin/kubectl",           "bin/kubectl" };

static int find_program(struct kubectl *k, struct err *e)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct sys_stat st;

		if (sys_stat(k->sys, places[i], &st, e))
			return -1;
		if (st.type == SYS_ABSENT || st.type == SYS_DIR)
			continue;
		k->program = arena_printf(k->a, "/%s", places[i]);
		return 0;
	}
	err_set(e, GP_NO_KUBECTL, "there is no kubectl on this host");
	err_way(e, "install it: the package kubernetes-client, or kubectl of Kubernetes' own "
		   "repository");
	err_way(e, "write kubernetes.cluster: leave, and apply what 'gpuprov emit k8s' writes "
		   "from another machine");
	return -1;
}

static int find_access(const struct kubectl *k, struct err *e)
{
	const char *path = k->kubeconfig ? k->kubeconfig : "/" OWN_ACCESS;
	struct sys_stat st;

	if (sys_stat(k->sys, path + 1, &st, e))
		return -1;
	if (st.type == SYS_FILE || st.type == SYS_LINK)
		return 0;
	if (k->kubeconfig)
		err_set(e, GP_CLUSTER_ACCESS, "there is no kubeconfig '%s'", path);
	else
		err_set(e, GP_CLUSTER_ACCESS, "kubectl of root knows no cluster: there is no '%s'",
			path);
	err_way(e, "name the file in the profile, as kubernetes.kubeconfig; kubeadm writes "
		   "/etc/kubernetes/admin.conf");
	return -1;
}

int kubectl_open(const struct sys *sys, const char *kubeconfig, const char *context,
		 struct arena *a, struct kubectl *ret, struct err *e)
{
	struct kubectl k = { sys, a, .kubeconfig = kubeconfig, .context = context };

	if (find_program(&k, e) || find_access(&k, e))
		return -1;
	*ret = k;
	return 0;
}

void kubectl_close(struct kubectl *k)
{
	list_each (&k->answers, ed)
		edit_close(*ed);
	k->answers.n = 0;
}

/* ---- what it says ---- */

/* The first that is in the text counts. */
static const struct {
	const char *words;
	enum kubectl_end end;
} signs[] = {
	{ "timed out waiting for the condition", KUBECTL_TIMED_OUT },
	{ "pply failed with", KUBECTL_CONFLICT },
	/* Of a dry run: the account of a pod is made by the same stream. */
	{ "error looking up service account", KUBECTL_NOT_FOUND },
	{ "(Forbidden)", KUBECTL_DENIED },
	{ "You must be logged in", KUBECTL_UNKNOWN_USER },
	{ "(Unauthorized)", KUBECTL_UNKNOWN_USER },
	{ "no matches for kind", KUBECTL_NO_KIND },
	{ "doesn't have a resource type", KUBECTL_NO_KIND },
	{ "field is immutable", KUBECTL_IMMUTABLE },
	{ "pod updates may not change", KUBECTL_IMMUTABLE },
	{ "(NotFound)", KUBECTL_NOT_FOUND },
	{ "context was not found", KUBECTL_BAD_ACCESS },
	{ "does not exist", KUBECTL_BAD_ACCESS },
	{ "error loading config file", KUBECTL_BAD_ACCESS },
	{ "Error in configuration", KUBECTL_BAD_ACCESS },
	{ "invalid configuration", KUBECTL_BAD_ACCESS },
	{ "connection to the server", KUBECTL_UNREACHABLE },
	{ "Unable to connect", KUBECTL_UNREACHABLE },
	{ "connection refused", KUBECTL_UNREACHABLE },
	{ "no route to host", KUBECTL_UNREACHABLE },
	{ "i/o timeout", KUBECTL_UNREACHABLE },
	{ "Client.Timeout", KUBECTL_UNREACHABLE },
	{ "net/http:", KUBECTL_UNREACHABLE },
};

static enum kubectl_end end_of(const struct sys_done *done)
{
	if (done->timed_out)
		return KUBECTL_TIMED_OUT;
	if (!done->status)
		return KUBECTL_OK;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strstr(buf_str(&done->errors), signs[i].words))
			return signs[i].end;
	return KUBECTL_FAILED;
}

/* A line that may show a credential, whoever printed it: a plugin for logging in, a wrong file. */
static bool is_secret(struct piece line)
{
	static const char *const words[] = { "Bearer ",    "token",   "password",     "client-key",
					     "-----BEGIN", "secret:", "Authorization" };
	auto_buf struct buf text = BUF_TEXT;

	buf_add(&text, line.at, line.len);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(buf_str(&text), words[i]))
			return true;
	return false;
}

static const char *said(struct arena *a, const struct buf *errors)
{
	struct piece rest = { buf_str(errors), errors->len }, line;
	auto_buf struct buf b = BUF_TEXT;
	int lines = 0;

	while (lines < SAID_LINES && str_line(&rest, &line)) {
		if (piece_starts(line, "WARNING: version difference") ||
		    piece_starts(line, "Warning:") || !str_trim(line).len)
			continue;
		buf_adds(&b, lines++ ? "\n" : "");
		if (is_secret(line))
			buf_adds(&b, "(a line that may show a credential is left out)");
		else
			str_escape(&b, line.at, line.len);
	}
	return arena_str(a, buf_str(&b));
}

/* ---- asking ---- */

static size_t collect(const struct kubectl *k, const struct kubectl_ask *ask, const char **argv)
{
	size_t n = 0;

	argv[n++] = k->program;
	for (const char *const *arg = ask->args; *arg && n < ARGS_MAX - 5; arg++)
		argv[n++] = *arg;
	/* It would keep what it learns of the API in root's home otherwise. */
	argv[n++] = "--cache-dir=/dev/null";
	if (!ask->watch)
		argv[n++] = "--request-timeout=30s";
	if (k->context)
		argv[n++] = arena_printf(k->a, "--context=%s", k->context);
	argv[n] = NULL;
	return n;
}

int kubectl_run(struct kubectl *k, const struct kubectl_ask *ask, struct kubectl_answer *ret,
		struct err *e)
{
	const char *argv[ARGS_MAX], *env[3] = { "KUBECTL_KUBERC=false" };
	struct sys_cmd cmd = {
		.argv = argv,
		.env = env,
		.timeout_s = ask->timeout_s ? ask->timeout_s : MINUTE_S,
		.output_limit = DATA_MAX,
		.input = ask->input,
		.input_len = ask->input ? strlen(ask->input) : 0,
		.apart = true,
	};
	struct sys_done done = { 0 };

	collect(k, ask, argv);
	if (k->kubeconfig)
		env[1] = arena_printf(k->a, "KUBECONFIG=%s", k->kubeconfig);
	if (sys_run(k->sys, &cmd, &done, e))
		return -1;
	*ret = (struct kubectl_answer){
		.end = end_of(&done),
		.status = done.status,
		.output = arena_strn(k->a, buf_str(&done.output), done.output.len),
		.len = done.output.len,
		.said = said(k->a, &done.errors),
	};
	buf_release(&done.output);
	buf_release(&done.errors);
	return 0;
}

int kubectl_json(struct kubectl *k, const struct kubectl_ask *ask,
		 struct kubectl_answer *ret_answer, const struct tree **ret, struct err *e)
{
	struct edit *ed;

	*ret = NULL;
	if (kubectl_run(k, ask, ret_answer, e))
		return -1;
	if (ret_answer->end != KUBECTL_OK || !ret_answer->len)
		return 0;
	ed = edit_open(k->a, EDIT_JSON, ret_answer->output, ret_answer->len);
	list_add(k->a, &k->answers, ed);
	if (edit_refused(ed))
		return err_set(e, GP_CLUSTER_REFUSED,
			       "the cluster's answer cannot be read as JSON");
	*ret = edit_root(ed);
	return 0;
}

int kubectl_get(struct kubectl *k, const char *path, struct kubectl_answer *ret_answer,
		const struct tree **ret, struct err *e)
{
	const char *const args[] = { "get", "--raw", path, NULL };

	return kubectl_json(k, &(struct kubectl_ask){ .args = args }, ret_answer, ret, e);
}

/* ---- in words ---- */

const char *kubectl_others(struct arena *a, const char *text)
{
	auto_buf struct buf names = BUF_TEXT;

	/* conflict with "NAME" using apps/v1: .spec; or: conflicts with "NAME" ... */
	for (const char *at = strstr(text, " with \""); at; at = strstr(at + 1, " with \"")) {
		const char *from = at + strlen(" with \"");
		const char *name = arena_strn(a, from, strcspn(from, "\""));

		if (strstr(buf_str(&names), name))
			continue;
		buf_addf(&names, "%s%s", names.len ? ", " : "", name);
	}
	return arena_str(a, buf_str(&names));
}

static const char *who(const struct kubectl *k)
{
	return k->context    ? arena_printf(k->a, "context %s", k->context) :
	       k->kubeconfig ? k->kubeconfig :
			       "/" OWN_ACCESS;
}

int kubectl_fail(struct kubectl *k, const struct kubectl_answer *answer, const char *doing,
		 struct err *e)
{
	switch (answer->end) {
	case KUBECTL_DENIED:
		err_set(e, GP_CLUSTER_DENIED, "%s: the cluster does not allow it\n%s", doing,
			answer->said);
		err_way(e, "name a kubeconfig with more rights: kubernetes.kubeconfig (now: %s)",
			who(k));
		break;
	case KUBECTL_UNKNOWN_USER:
		err_set(e, GP_CLUSTER_ACCESS, "%s: the cluster does not know who asks\n%s", doing,
			answer->said);
		err_way(e, "renew the credentials of %s, or name another kubernetes.kubeconfig",
			who(k));
		break;
	case KUBECTL_BAD_ACCESS:
		err_set(e, GP_CLUSTER_ACCESS, "%s: kubectl cannot use %s\n%s", doing, who(k),
			answer->said);
		err_way(e, "kubectl config get-contexts lists the contexts; name one as "
			   "kubernetes.context");
		break;
	case KUBECTL_UNREACHABLE:
	case KUBECTL_TIMED_OUT:
		err_set(e, GP_CLUSTER_UNREACHABLE, "%s: the cluster does not answer\n%s", doing,
			answer->said);
		err_way(e, "see that the API server of %s runs and can be reached from here",
			who(k));
		break;
	case KUBECTL_CONFLICT:
		err_set(e, GP_CLUSTER_CONFLICT, "%s: fields are owned by %s\n%s", doing,
			kubectl_others(k->a, answer->said), answer->said);
		err_way(e, "take those objects away, or let their owner go on: "
			   "kubernetes.cluster: leave");
		break;
	case KUBECTL_NO_KIND:
		err_set(e, GP_CLUSTER_REFUSED, "%s: the cluster does not know this kind\n%s", doing,
			answer->said);
		break;
	case KUBECTL_OK:
	case KUBECTL_NOT_FOUND:
	case KUBECTL_IMMUTABLE:
	case KUBECTL_FAILED:
		err_set(e, GP_CLUSTER_REFUSED, "%s: kubectl ended with status %d\n%s", doing,
			answer->status, answer->said);
		break;
	}
	return -1;
}
