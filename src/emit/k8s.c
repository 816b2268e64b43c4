/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes manifests: one stream in the order in which they are applied. */
#include "emit/k8s.h"

#include "emit/quote.h"

#include <string.h>

#define PLUGIN "kubernetes.device-plugin"
#define EXPORTER "kubernetes.dcgm-exporter"

const char *k8s_block(struct emit *em, const struct value *v, const char *number)
{
	auto_buf struct buf b = BUF_TEXT;

	quote_value(&b, v, 0, number);
	return arena_str(em->a, buf_str(&b));
}

const char *k8s_tolerations(struct emit *em)
{
	const struct value *v = profile_given(em->profile, "kubernetes.tolerations");

	if (v)
		return k8s_block(em, v, "tolerationSeconds");
	return "- key: nvidia.com/gpu\n  operator: Exists\n  effect: NoSchedule\n";
}

static const char *pull_secrets(struct emit *em)
{
	const struct value *v = profile_given(em->profile, "kubernetes.pull-secrets");
	auto_buf struct buf b = BUF_TEXT;

	if (!v || !v->items.n)
		return NULL;
	list_each (&v->items, it) {
		buf_adds(&b, "- name: ");
		quote_yaml(&b, it->text);
		buf_addc(&b, '\n');
	}
	return arena_str(em->a, buf_str(&b));
}

static const char *plugin_resources(struct emit *em)
{
	const struct value *v = profile_given(em->profile, PLUGIN ".resources");

	return v ? k8s_block(em, v, NULL) : "requests:\n  cpu: 10m\n  memory: 64Mi\n";
}

const char *k8s_exporter_resources(struct emit *em)
{
	const struct value *v = profile_given(em->profile, EXPORTER ".resources");
	auto_buf struct buf b = BUF_TEXT;

	if (v)
		return k8s_block(em, v, NULL);
	buf_adds(&b, "requests:\n  cpu: 100m\n  memory: 128Mi\nlimits:\n  cpu: 200m\n  memory: ");
	quote_yaml(&b, profile_get(em->profile, EXPORTER ".memory"));
	buf_addc(&b, '\n');
	return arena_str(em->a, buf_str(&b));
}

static const char *device_list_strategy(const struct k8s *k)
{
	if (k->cdi)
		return "- cdi-annotations\n- cdi-cri\n";
	return k->volume_mounts ? "- volume-mounts\n" : "- envvar\n";
}

void k8s_sharing_holes(struct emit *em, const struct k8s *k, struct holes *h)
{
	const struct profile *p = em->profile;
	bool renamed = profile_on(p, PLUGIN ".sharing.rename") && k->sharing != SHARING_NONE;

	hole_flag(h, "sharing", k->sharing != SHARING_NONE);
	hole_flag(h, "mps", k->sharing == SHARING_MPS);
	hole_plain(h, "sharing-rename", renamed ? "true" : "false");
	hole_plain(h, "sharing-fail-multiple",
		   profile_on(p, PLUGIN ".sharing.fail-multiple") ? "true" : "false");
	hole_plain(h, "sharing-replicas", profile_get(p, PLUGIN ".sharing.replicas"));
	hole_block(h, "test-limits",
		   renamed ? "nvidia.com/gpu.shared: \"1\"\n" : "nvidia.com/gpu: \"1\"\n");
}

static void add_places(struct emit *em, const struct k8s *k, struct holes *h)
{
	const struct profile *p = em->profile;
	const struct value *labels = profile_given(p, "kubernetes.node-selector");

	hole_text(h, "namespace", profile_get(p, "kubernetes.namespace"));
	hole_text(h, "runtime-class", profile_get(p, "kubernetes.runtime-class"));
	hole_text(h, "runtime-handler", k->handler);
	hole_flag(h, "use-runtime-class", !k->default_runtime);
	hole_block(h, "pull-secrets", pull_secrets(em));
	hole_block(h, "tolerations", k8s_tolerations(em));
	hole_block(h, "node-selector",
		   labels && labels->items.n ? k8s_block(em, labels, NULL) : NULL);
	hole_text(h, "pod-resources", arena_printf(em->a, "%s/pod-resources", k->kubelet_root));
}

static void add_parts(struct emit *em, const struct k8s *k, struct holes *h)
{
	const struct profile *p = em->profile;
	bool mig = !str_eq(k->mig, "none");

	hole_text(h, "set", k->set->key);
	hole_flag(h, "device-plugin", k->plugin);
	hole_flag(h, "feature-discovery", k->discovery);
	hole_flag(h, "plugin-config", k->plugin || k->discovery);
	hole_flag(h, "plugin-admin", mig || k->volume_mounts);
	hole_flag(h, "mig", mig);
	hole_text(h, "mig-strategy", k->mig);
	hole_flag(h, "driver-root", k->cdi);
	hole_block(h, "device-list-strategy", device_list_strategy(k));
	hole_text(h, "device-plugin-image", k->plugin_image);
	hole_block(h, "device-plugin-resources", plugin_resources(em));
	hole_flag(h, "dcgm-exporter", k->exporter);
	hole_text(h, "dcgm-exporter-image", k->exporter_image);
	hole_plain(h, "dcgm-exporter-port", profile_get(p, EXPORTER ".port"));
	hole_block(h, "dcgm-exporter-resources", k8s_exporter_resources(em));
	hole_flag(h, "service-monitor", profile_on(p, EXPORTER ".service-monitor"));
	hole_flag(h, "test-pod", k->test_pod);
	hole_text(h, "test-image", k->test_image);
}

/* FNV-1a: tells one configuration from another, and protects nothing. */
static const char *mark_of(struct emit *em, const char *bytes, size_t len)
{
	unsigned long long hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
	return arena_printf(em->a, "%016llx", hash);
}

static int emit_all(struct emit *em, struct holes *h, struct buf *ret, struct err *e)
{
	static const char *const parts[] = {
		"k8s/device-plugin.yaml", "k8s/mps.yaml",      "k8s/feature-discovery.yaml",
		"k8s/dcgm-exporter.yaml", "k8s/test-pod.yaml", NULL,
	};
	static const char *const first[] = {
		"k8s/header.yaml",
		"k8s/namespace.yaml",
		"k8s/runtime-class.yaml",
		"k8s/accounts.yaml",
		NULL,
	};
	size_t config;

	for (size_t i = 0; first[i]; i++)
		if (emit_part(em, first[i], TEMPLATE_YAML, h, ret, e))
			return -1;
	config = ret->len;
	if (emit_part(em, "k8s/config.yaml", TEMPLATE_YAML, h, ret, e))
		return -1;
	hole_text(h, "config-mark", mark_of(em, buf_str(ret) + config, ret->len - config));
	for (size_t i = 0; parts[i]; i++)
		if (emit_part(em, parts[i], TEMPLATE_YAML, h, ret, e))
			return -1;
	return 0;
}

/* Both at once would hand out each GPU twice. */
static void check_owner(struct emit *em)
{
	struct span at = profile_at(em->profile, "kubernetes.owner");
	struct diag *d;

	if (!profile_is(em->profile, "kubernetes.owner", "gpu-operator"))
		return;
	d = diag_add(em->diags, SEV_ERROR, (enum code)(GP_RULE + 64), &at,
		     "the gpu-operator runs device plugin and exporter in this cluster");
	d->rule = "R64";
	diag_why(em->diags, d, "two device plugins would offer each GPU twice");
	diag_way(em->diags, d, NULL, "values for the operator's chart: gpuprov emit helm-values");
	diag_way(em->diags, d, "kubernetes.owner=gpuprov", "write owner: gpuprov");
}

int emit_k8s(struct emit *em, struct buf *ret, struct err *e)
{
	struct holes h = { .a = em->a };
	struct k8s k;

	check_owner(em);
	k8s_check_names(em);
	k8s_decide(em, &k);
	if (diag_count(em->diags, SEV_ERROR))
		return 0;
	add_places(em, &k, &h);
	k8s_sharing_holes(em, &k, &h);
	add_parts(em, &k, &h);
	return emit_all(em, &h, ret, e);
}
