/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold because of what the plan says must hold. A plan names the packages, files and
 * modules that it brings; what they are for is the same for every plan that has them.
 */
#include "verify/priv.h"

#include "base/str.h"
#include "profile/profile.h"

#include <string.h>

static struct plan_post *imply(struct arena *a, plan_posts *posts, const char *id, const char *kind,
			       const char *subject, const char *wanted)
{
	struct plan_post *p = list_push(a, posts);

	*p = (struct plan_post){ .id = id, .kind = kind, .subject = subject, .wanted = wanted };
	return p;
}

static bool has_kind(const struct plan *plan, const char *kind)
{
	list_each (&plan->posts, p)
		if (str_eq(p->kind, kind))
			return true;
	return false;
}

/* A package of the plan whose name begins like this; NULL = none. */
static const char *package_like(const struct plan *plan, const char *head)
{
	list_each (&plan->posts, p)
		if (str_eq(p->kind, "package") && str_starts(p->subject, head))
			return p->subject;
	return NULL;
}

static void modules(const struct plan *plan, struct arena *a, plan_posts *ret)
{
	if (!has_kind(plan, "loaded"))
		return;
	list_each (&plan->posts, p)
		if (str_eq(p->kind, "module"))
			imply(a, ret, arena_printf(a, "driver.signer.%s", p->subject), "signer",
			      p->subject, NULL);
	imply(a, ret, "driver.flavour", "flavour", "nvidia", NULL);
	imply(a, ret, "kernel.nouveau-out", "kept-out", "nouveau", NULL);
	imply(a, ret, "kernel.nova-core-out", "kept-out", "nova_core", NULL);
	imply(a, ret, "gpu.nodes", "nodes", "nvidia", NULL);
	imply(a, ret, "driver.persistence", "persistence", "nvidia-persistenced", NULL);
}

/* cuda-toolkit-12-8: version 12.8, in /usr/local/cuda-12.8. */
static void toolkits(const struct plan *plan, struct arena *a, plan_posts *ret)
{
	static const char head[] = "cuda-toolkit-";
	const char *last = NULL;
	unsigned n = 0;

	list_each (&plan->posts, p) {
		const char *rest, *dash, *version, *dir;

		if (!str_eq(p->kind, "package") || !str_starts(p->subject, head))
			continue;
		rest = p->subject + strlen(head);
		dash = strchr(rest, '-');
		if (!dash || rest[strspn(rest, "0123456789-")])
			continue;
		version = arena_printf(a, "%.*s.%s", (int)(dash - rest), rest, dash + 1);
		dir = arena_printf(a, "usr/local/cuda-%s", version);
		imply(a, ret, arena_printf(a, "cuda.nvcc.%s", version), "nvcc", dir, version);
		imply(a, ret, arena_printf(a, "cuda.linker.%s", version), "cuda-linker", dir,
		      version);
		last = dir;
		n++;
	}
	if (n)
		imply(a, ret, "cuda.default", "cuda-default", "usr/local/cuda",
		      n == 1 ? last : NULL);
}

static void libraries(const struct verify_subject *what, struct arena *a, plan_posts *ret)
{
	const char *wanted = NULL;

	list_each (&what->plan->posts, p)
		if (str_eq(p->kind, "library"))
			wanted = p->wanted;
	if (!wanted)
		return;
	imply(a, ret, "driver.one-version", "agree", "nvidia", NULL);
	imply(a, ret, "driver.nvml", "nvml", "libnvidia-ml.so.1", wanted);
	imply(a, ret, "driver.cuda", "cuda-init", "libcuda.so.1", NULL);
}

/* What the cluster says of this node, where the profile makes it one. */
static void cluster(const struct verify_subject *what, struct arena *a, plan_posts *ret)
{
	const struct profile *p = what->profile;

	if (!p || !str_eq(what->plan->header.kind, "k8s") || what->plan->header.undoes)
		return;
	if (profile_on(p, "kubernetes.device-plugin.enabled")) {
		imply(a, ret, "kubernetes.allocatable", "kube-node", "nvidia.com/gpu", NULL);
		imply(a, ret, "kubernetes.device-plugin", "kube-pod", "nvidia-device-plugin", NULL);
	}
	if (profile_on(p, "kubernetes.dcgm-exporter.enabled")) {
		imply(a, ret, "kubernetes.dcgm-exporter", "kube-pod", "dcgm-exporter", NULL);
		imply(a, ret, "kubernetes.metrics", "kube-metrics", "dcgm-exporter", NULL);
	}
}

/* The plan may ask for it already: verify.run, verify.pytorch. */
static void further(const struct verify_subject *what, struct arena *a, plan_posts *ret)
{
	if (what->run && !has_kind(what->plan, "cuda-run"))
		imply(a, ret, "cuda.kernel", "cuda-run", "libcuda.so.1", NULL);
	if (what->pytorch)
		imply(a, ret, has_kind(what->plan, "pytorch") ? "pytorch.option" : "pytorch",
		      "pytorch", what->pytorch, NULL);
}

void verify_implied(const struct verify_subject *what, struct arena *a, plan_posts *ret)
{
	const struct plan *plan = what->plan;

	modules(plan, a, ret);
	libraries(what, a, ret);
	if (package_like(plan, "nvidia-fabricmanager"))
		imply(a, ret, "fabric.version", "fabric", "nvidia-fabricmanager", NULL);
	toolkits(plan, a, ret);
	if (package_like(plan, "nvidia-container-toolkit")) {
		imply(a, ret, "containers.toolkit", "toolkit-set", "nvidia-container-toolkit",
		      NULL);
		imply(a, ret, "containers.cdi", "cdi", "nvidia.com/gpu", NULL);
	}
	if (plan_find(plan, "file:cuda-path"))
		imply(a, ret, "cuda.login", "login-path", "nvcc", NULL);
	cluster(what, a, ret);
	further(what, a, ret);
}
