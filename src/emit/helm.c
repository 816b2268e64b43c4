/* SPDX-License-Identifier: Apache-2.0 */
/* Values for the chart of NVIDIA's gpu-operator, on hosts whose driver and toolkit are gpuprov's.
 */
#include "base/ver.h"
#include "emit/k8s.h"
#include "emit/quote.h"
#include "operator.h"

#include <string.h>

#define PLUGIN "kubernetes.device-plugin"
#define EXPORTER "kubernetes.dcgm-exporter"
#define KUBELET "/var/lib/kubelet" /* where charts expect it */
#define ROOT_FROM "26.7.0"         /* the release whose chart is known to take another place */

static struct diag *say(struct emit *em, enum severity severity, unsigned rule, const char *path,
			const char *what)
{
	struct span at = profile_at(em->profile, path);
	struct diag *d =
		diag_add(em->diags, severity, rule ? (enum code)(GP_RULE + rule) : GP_CONTRADICTION,
			 at.line ? &at : NULL, "%s", what);

	if (rule)
		d->rule = arena_printf(em->a, "R%02u", rule);
	return d;
}

static void check_owner(struct emit *em)
{
	struct diag *d;

	if (profile_is(em->profile, "kubernetes.owner", "gpu-operator"))
		return;
	d = say(em, SEV_ERROR, 64, "kubernetes.owner",
		"device plugin and exporter are gpuprov's in this profile");
	diag_why(em->diags, d, "with the operator there would be two of each");
	diag_way(em->diags, d, "kubernetes.owner=gpu-operator", "write owner: gpu-operator");
	diag_way(em->diags, d, NULL, "manifests without the operator: gpuprov emit k8s");
}

/* R62: the operator supports a window of Kubernetes versions. */
static void check_window(struct emit *em, const struct k8s *k)
{
	const char *version = profile_get(em->profile, "kubernetes.version"), *from, *to;
	struct diag *d;

	if (!version || !k->set ||
	    !operator_window(em->catalog, em->a, k->set->key, /* on= */ NULL, &from, &to))
		return;
	if (ver_cmp(version, from) >= 0 && (ver_cmp(version, to) <= 0 || ver_within(version, to)))
		return;
	d = say(em, SEV_ERROR, 62, "kubernetes.version",
		arena_printf(em->a, "gpu-operator %s does not support Kubernetes %s", k->set->key,
			     version));
	diag_why(em->diags, d, "it supports %s to %s", from, to);
	diag_way(em->diags, d, NULL, "bring the cluster to %s to %s", from, to);
	diag_way(em->diags, d, "kubernetes.owner=gpuprov",
		 "manifests without the operator: owner: gpuprov, then gpuprov emit k8s");
}

/* Settings that the chart has no place for. */
static void check_lost(struct emit *em, const struct k8s *k)
{
	struct diag *d;

	if (k->set && !str_eq(k->kubelet_root, KUBELET) && ver_cmp(k->set->key, ROOT_FROM) < 0) {
		d = say(em, SEV_WARNING, 0, "kubernetes.engine",
			"the exporter will not find the kubelet's list of pods");
		diag_why(em->diags, d, "it is in %s here, and the chart of %s looks in %s",
			 k->kubelet_root, k->set->key, KUBELET);
		diag_way(em->diags, d, "kubernetes.set=" ROOT_FROM, "write set: \"%s\"", ROOT_FROM);
	}

	if (profile_given(em->profile, "kubernetes.node-selector")) {
		d = say(em, SEV_WARNING, 0, "kubernetes.node-selector",
			"the chart takes no node selector");
		diag_why(em->diags, d, "the operator finds nodes with GPUs by their labels");
		diag_way(em->diags, d, NULL,
			 "keep it off a node: kubectl label node NAME "
			 "nvidia.com/gpu.deploy.operands=false");
	}
	if (profile_given(em->profile, "kubernetes.image-prefix")) {
		d = say(em, SEV_WARNING, 0, "kubernetes.image-prefix",
			"only the images of operator, device plugin, feature discovery and "
			"exporter "
			"get the prefix");
		diag_why(em->diags, d,
			 "where the chart's other images are named differs from "
			 "release to release");
		diag_way(em->diags, d, NULL,
			 "add their repository keys, or use a registry mirror "
			 "in the container engine");
	}
}

static const char *secret_names(struct emit *em)
{
	const struct value *v = profile_given(em->profile, "kubernetes.pull-secrets");

	return v && v->items.n ? k8s_block(em, v, NULL) : NULL;
}

/* The repository of an image: all but its last part. */
static const char *repository_of(struct emit *em, const char *image)
{
	return arena_strn(em->a, image, (size_t)(strrchr(image, '/') - image));
}

static const char *word(bool on)
{
	return on ? "true" : "false";
}

static void add_chart(struct emit *em, const struct k8s *k, struct holes *h)
{
	const struct record *chart = catalog_find(em->catalog, "component", "gpu-operator");

	hole_text(h, "chart", chart ? record_get(chart, "chart") : NULL);
	hole_text(h, "repository", chart ? record_get(chart, "helm_repo") : NULL);
	hole_text(h, "chart-version", arena_printf(em->a, "v%s", k->set->key));
	hole_text(h, "namespace", profile_get(em->profile, "kubernetes.namespace"));
	hole_text(h, "runtime-handler", k->handler);
	hole_plain(h, "cdi", word(!profile_is(em->profile, "container-toolkit.mode", "legacy")));
	/* The key came with 26.3.0. */
	hole_flag(h, "has-nri", ver_cmp(k->set->key, "26.3.0") >= 0);
	hole_text(h, "kubelet-root",
		  str_eq(k->kubelet_root, KUBELET) || ver_cmp(k->set->key, ROOT_FROM) < 0 ?
			  NULL :
			  k->kubelet_root);
}

static void add_operands(struct emit *em, const struct k8s *k, struct holes *h)
{
	const struct profile *p = em->profile;
	const struct value *resources = profile_given(p, PLUGIN ".resources");

	hole_text(h, "mig-strategy", k->mig);
	hole_block(h, "tolerations", k8s_tolerations(em));
	hole_plain(h, "device-plugin", word(k->plugin));
	hole_text(h, "plugin-version",
		  profile_given(p, PLUGIN ".version") ? strrchr(k->plugin_image, ':') + 1 : NULL);
	hole_block(h, "plugin-resources", resources ? k8s_block(em, resources, NULL) : NULL);
	hole_plain(h, "feature-discovery", word(k->discovery));
	hole_plain(h, "dcgm-exporter", word(k->exporter));
	hole_text(h, "exporter-version",
		  profile_given(p, EXPORTER ".version") ? strrchr(k->exporter_image, ':') + 1 :
							  NULL);
	hole_block(h, "dcgm-exporter-resources", k8s_exporter_resources(em));
	hole_plain(h, "service-monitor", word(profile_on(p, EXPORTER ".service-monitor")));
	hole_flag(h, "image-prefix", profile_given(p, "kubernetes.image-prefix") != NULL);
	hole_text(h, "repository-nvidia", repository_of(em, k->plugin_image));
	hole_text(h, "repository-nvidia-k8s", repository_of(em, k->exporter_image));
	hole_block(h, "pull-secret-names", secret_names(em));
}

int emit_helm_values(struct emit *em, struct buf *ret, struct err *e)
{
	struct holes h = { .a = em->a };
	struct k8s k;

	check_owner(em);
	k8s_check_names(em);
	k8s_decide(em, &k);
	check_window(em, &k);
	check_lost(em, &k);
	if (diag_count(em->diags, SEV_ERROR))
		return 0;
	add_chart(em, &k, &h);
	add_operands(em, &k, &h);
	k8s_sharing_holes(em, &k, &h);
	return emit_part(em, "helm/gpu-operator.yaml", TEMPLATE_YAML, &h, ret, e);
}
