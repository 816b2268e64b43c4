/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a cluster by kubectl: what it is given, and what its answers come to. The real one, with a
 * real server, is in tests/real/cluster.bats. */
#include "scratch.h"

#include "base/str.h"
#include "cluster/cluster.h"
#include "cluster/kubectl.h"
#include "edit/tree.h"

static struct sys live;
static struct arena a;

/* A program that does what the script says. */
static struct kubectl with(const struct scratch *s, const char *script)
{
	struct kubectl k = { .sys = &live, .a = &a };
	auto_free char *path = mem_printf("%s/root/kubectl", s->base);
	auto_free char *text = mem_printf("#!/bin/sh\n%s\n", script);
	char *full;

	scratch_put(s, "root/kubectl", text);
	full = realpath(path, NULL);
	ok(!(chmod(full, 0755)), "the test has what it needs");
	k.program = arena_str(&a, full);
	mem_free(full);
	return k;
}

static const char *const nothing[] = { "version", NULL };

static struct kubectl_answer ask(struct kubectl *k, const char *input)
{
	struct kubectl_answer answer = { 0 };
	auto_err e = { 0 };

	ok(kubectl_run(k, &(struct kubectl_ask){ .args = nothing, .input = input }, &answer, &e) ==
		   0,
	   "it ran");
	return answer;
}

static void test_given(const struct scratch *s)
{
	auto_kubectl k = with(s, "for x in \"$@\"; do echo \"$x\"; done; env | sort; cat");
	struct kubectl_answer answer;

	k.kubeconfig = "/etc/k/admin conf";
	k.context = "a b; c";
	ok(!(setenv("KUBERC", "/tmp/evil", 1) || setenv("SECRET", "x", 1)),
	   "the test has what it needs");
	answer = ask(&k, "the input\n");
	ok(str_starts(answer.output, "version\n--cache-dir=/dev/null\n--request-timeout=30s\n"
				     "--context=a b; c\n"),
	   "arguments are an array, whatever is in them");
	ok(strstr(answer.output, "\nKUBECONFIG=/etc/k/admin conf\n") &&
		   strstr(answer.output, "\nKUBECTL_KUBERC=false\n"),
	   "the file of credentials is named, personal settings are not read");
	ok(!strstr(answer.output, "evil") && !strstr(answer.output, "SECRET"),
	   "nothing of our environment gets there");
	ok(str_ends(answer.output, "\nthe input\n"), "and its input does");
}

static void test_ends(const struct scratch *s)
{
	static const struct {
		const char *script;
		enum kubectl_end end;
		enum code code;
	} rows[] = {
		{ "exit 0", KUBECTL_OK, GP_NONE },
		{ "echo 'Error from server (NotFound): nodes \"x\" not found' >&2; exit 1",
		  KUBECTL_NOT_FOUND, GP_CLUSTER_REFUSED },
		{ "echo 'Error from server (Forbidden): nodes is forbidden: User \"weak\"' >&2; "
		  "exit 1",
		  KUBECTL_DENIED, GP_CLUSTER_DENIED },
		{ "echo 'error: You must be logged in to the server (Unauthorized)' >&2; exit 1",
		  KUBECTL_UNKNOWN_USER, GP_CLUSTER_ACCESS },
		{ "echo 'error: Apply failed with 1 conflict: conflict with \"helm\" using "
		  "apps/v1: .spec' >&2; exit 1",
		  KUBECTL_CONFLICT, GP_CLUSTER_CONFLICT },
		{ "echo 'error: context \"x\" does not exist' >&2; exit 1", KUBECTL_BAD_ACCESS,
		  GP_CLUSTER_ACCESS },
		{ "echo 'The connection to the server 127.0.0.1:1 was refused' >&2; exit 1",
		  KUBECTL_UNREACHABLE, GP_CLUSTER_UNREACHABLE },
		{ "echo 'error: unable to recognize \"STDIN\": no matches for kind \"X\"' >&2; "
		  "exit "
		  "1",
		  KUBECTL_NO_KIND, GP_CLUSTER_REFUSED },
		{ "echo what >&2; exit 7", KUBECTL_FAILED, GP_CLUSTER_REFUSED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_kubectl k = with(s, rows[i].script);
		struct kubectl_answer answer = ask(&k, NULL);
		auto_err e = { 0 };

		ok(answer.end == rows[i].end, "'%s' is told apart", rows[i].script);
		if (answer.end != KUBECTL_OK)
			ok(kubectl_fail(&k, &answer, "asking", &e) == -1 &&
				   e.code == rows[i].code && str_starts(e.text, "asking: "),
			   "and becomes an error of its kind");
	}
	is(kubectl_others(&a, "conflicts with \"helm\" using v1:\n- .x\nconflicts with \"me\" "
			      "using v1:\nconflict with \"helm\""),
	   "helm, me", "the managers of a conflict are named once each");
}

static void test_secrets(const struct scratch *s)
{
	auto_kubectl k = with(s, "echo 'plugin: Authorization: Bearer abc123' >&2\n"
				 "echo 'Warning: policy/v1beta1 is deprecated' >&2\n"
				 "echo 'id-token abc123 expired' >&2; echo plain >&2; exit 1");
	struct kubectl_answer answer = ask(&k, NULL);

	ok(!strstr(answer.said, "abc123"), "a credential is in no message");
	ok(strstr(answer.said, "left out") && str_ends(answer.said, "\nplain"),
	   "which says so, and keeps the rest");
}

static void test_json(const struct scratch *s)
{
	auto_kubectl good = with(s, "echo '{\"a\": {\"b\": \"c\"}}'; echo careful >&2");
	struct kubectl_answer answer;
	const struct tree *t;
	auto_err e = { 0 };
	auto_kubectl bad = { 0 };

	ok(kubectl_get(&good, "/x", &answer, &t, &e) == 0 &&
		   tree_is(tree_get(tree_get(t, "a"), "b"), "c"),
	   "JSON is a tree");
	bad = with(s, "echo '{\"a\": '");
	ok(kubectl_get(&bad, "/x", &answer, &t, &e) == -1 && e.code == GP_CLUSTER_REFUSED,
	   "what cannot be read is an error");
	err_drop(&e);
	kubectl_close(&bad);
	bad = with(s, "echo '{}'; exit 1");
	ok(kubectl_get(&bad, "/x", &answer, &t, &e) == 0 && !t && answer.end == KUBECTL_FAILED,
	   "what did not end well has no data");
}

static void test_slow(const struct scratch *s)
{
	auto_kubectl k = with(s, "sleep 60");
	struct kubectl_answer answer;
	auto_err e = { 0 };

	ok(kubectl_run(&k, &(struct kubectl_ask){ .args = nothing, .timeout_s = 1 }, &answer, &e) ==
			   0 &&
		   answer.end == KUBECTL_TIMED_OUT,
	   "it does not wait for ever");
}

/* Who else hands out GPUs: the operator says so by an object of its own. */
static void test_owner(const struct scratch *s)
{
	static const struct {
		const char *policies, *want, *what;
	} rows[] = {
		{ "echo '{\"items\": [{\"kind\": \"ClusterPolicy\"}]}'", "gpu-operator",
		  "gpu-operator owns the node" },
		{ "echo '{\"items\": []}'", NULL, "an operator that has nothing to do does not" },
		{ "echo 'Error from server (NotFound): not found' >&2; exit 1", NULL,
		  "nor one that is not there" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *script =
			mem_printf("case $* in *clusterpolicies*) %s ;; esac", rows[i].policies);
		auto_cluster c = { .kubectl = with(s, script), .a = &a };
		const char *owner;
		auto_err e = { 0 };

		ok(cluster_owner(&c, &owner, &e) == 0, "the cluster is asked");
		is(owner, rows[i].want, rows[i].what);
	}
}

/* Finding it, and credentials for it. */
static void test_open(const struct scratch *s)
{
	auto_free char *root = mem_printf("%s/root", s->base);
	struct sys image;
	struct kubectl k;
	auto_err e = { 0 };

	ok(!(sys_real_open(root, &image, &e)), "the test has what it needs");
	ok(kubectl_open(&image, NULL, NULL, &a, &k, &e) == -1 && e.code == GP_NO_KUBECTL,
	   "no kubectl");
	err_drop(&e);
	scratch_put(s, "root/usr/bin/kubectl", "x");
	ok(kubectl_open(&image, NULL, NULL, &a, &k, &e) == -1 && e.code == GP_CLUSTER_ACCESS,
	   "no credentials");
	err_drop(&e);
	ok(kubectl_open(&image, "/etc/k", NULL, &a, &k, &e) == -1 && e.code == GP_CLUSTER_ACCESS &&
		   strstr(e.text, "'/etc/k'"),
	   "a file that is not there is named");
	err_drop(&e);
	scratch_put(s, "root/etc/k", "x");
	ok(kubectl_open(&image, "/etc/k", NULL, &a, &k, &e) == 0, "both are there");
	is(k.program, "/usr/bin/kubectl", "and it is called by its path");
	sys_real_close(&image);
}

int main(void)
{
	auto_scratch s = { 0 };
	auto_err e = { 0 };

	scratch_init(&s);
	ok(!(sys_real_open(NULL, &live, &e)), "the test has what it needs");
	test_given(&s);
	test_ends(&s);
	test_secrets(&s);
	test_json(&s);
	test_slow(&s);
	test_owner(&s);
	test_open(&s);
	sys_real_close(&live);
	arena_release(&a);
	return done_testing();
}
