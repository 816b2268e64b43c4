/* SPDX-License-Identifier: Apache-2.0 */
/* What rules say about a node of Kubernetes. Facts and sources: the catalog's operator-* records.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "operator.h"

#include <string.h>

const char *cluster_version(const struct solving *s)
{
	const char *asked = profile_get(s->profile, "kubernetes.version");

	return asked ? asked : s->facts->kubelet.version;
}

bool wants_dra(const struct solving *s)
{
	const struct value *features = str_eq(s->profile->kind, "k8s") ?
					       profile_given(s->profile, "kubernetes.features") :
					       NULL;

	if (features)
		list_each (&features->items, f)
			if (str_eq(f->text, "dra"))
				return true;
	return false;
}

const struct record *tested_set(const struct solving *s)
{
	return operator_set(s->catalog, profile_get(s->profile, "kubernetes.set"));
}

/* Where the version of the cluster is spoken of; without it, who needs to know. */
static const char *version_path(const struct solving *s, const char *otherwise)
{
	return profile_given(s->profile, "kubernetes.version") ? "kubernetes.version" : otherwise;
}

static const char *node_word(struct solving *s)
{
	return profile_given(s->profile, "kubernetes.version") ? "the cluster" :
								 "the kubelet of this node";
}

/* R62: gpu-operator takes a window of Kubernetes versions, on the distributions it names. */
static void r62(struct solving *s, const struct choice *c)
{
	const struct record *set = tested_set(s);
	const char *on = s->release ? record_get(s->release, "nvidia_repo") : NULL;
	const char *version = cluster_version(s), *from, *to;
	struct diag *d;

	(void)c;
	if (!profile_is(s->profile, "kubernetes.owner", "gpu-operator") || !set)
		return;
	if (!on || !operator_window(s->catalog, s->a, set->key, on, &from, &to)) {
		if (!operator_window(s->catalog, s->a, set->key, /* on= */ NULL, &from, &to))
			return;
		d = by_rule(s, SEV_WARNING, 62, "kubernetes.owner",
			    "gpu-operator %s is not tested on %s", set->key, s->facts->os.name);
		why(s, d, "its list of platforms does not name it");
	}
	if (!version ||
	    (ver_cmp(version, from) >= 0 && (ver_cmp(version, to) <= 0 || ver_within(version, to))))
		return;
	d = by_rule(s, SEV_ERROR, 62, version_path(s, "kubernetes.owner"),
		    "gpu-operator %s does not support Kubernetes %s", set->key, version);
	why(s, d, "%s has %s; it supports %s to %s here", node_word(s), version, from, to);
	way(s, d, "kubernetes.owner=gpuprov",
	    "device plugin and exporter without the operator: kubernetes.owner: gpuprov");
	way(s, d, NULL, "bring the cluster to %s to %s, then plan again", from, to);
}

/* "v1.17.8-ubuntu20.04" is 1.17.8. */
const char *tested_version(struct solving *s, const struct record *set, const char *part)
{
	const char *tag = record_get(set, part);

	if (!tag)
		return NULL;
	tag += *tag == 'v';
	return arena_strn(s->a, tag, strcspn(tag, "-"));
}

/* R63: parts of several sets were not tested together. */
static void r63_part(struct solving *s, const char *path, const char *part, const char *what)
{
	const char *asked = profile_get(s->profile, path);
	const char *of_set = tested_version(s, tested_set(s), part);
	struct diag *d;

	if (!asked || !of_set || ver_cmp(asked, of_set) == 0)
		return;
	d = by_rule(s, SEV_WARNING, 63, path, "%s %s was not tested with the rest", what, asked);
	why(s, d, "the set of gpu-operator %s has %s", tested_set(s)->key, of_set);
	way(s, d, arena_printf(s->a, "%s=null", path), "leave %s out", path);
}

static void r63(struct solving *s, const struct choice *c)
{
	const struct record *least = catalog_find(s->catalog, "component-driver", "device-plugin");
	const char *version = cluster_version(s), *min;
	struct diag *d;

	(void)c;
	if (tested_set(s)) {
		r63_part(s, "container-toolkit.version", "toolkit", "container toolkit");
		r63_part(s, "kubernetes.device-plugin.version", "device_plugin", "device plugin");
	} else {
		d = refuse(s, GP_BAD_VALUE, "kubernetes.set", "no tested set is called %s",
			   profile_get(s->profile, "kubernetes.set"));
		way(s, d, "kubernetes.set=null", "leave kubernetes.set out: the newest is taken");
	}
	min = least ? record_get(least, "kubernetes") : NULL;
	if (!version || !min || ver_cmp(version, min) >= 0)
		return;
	d = by_rule(s, SEV_WARNING, 63, version_path(s, "kubernetes"),
		    "the device plugin is not for Kubernetes %s", version);
	why(s, d, "its chart asks for %s or newer", min);
}

/* R65: which modules a driver container brings; from this version on it finds out by itself. */
static void r65(struct solving *s, const struct choice *c)
{
	const struct fact_driver *there = &s->facts->driver;
	const struct record *r = catalog_find(s->catalog, "operator-kernel-module-type", "since");
	const char *from = r ? record_get(r, "auto_from") : NULL;
	struct diag *d;

	(void)c;
	from = from ? arena_strn(s->a, from, strcspn(from, ",")) : NULL;
	if (!str_eq(there->origin, "container") || !there->version || !from ||
	    ver_cmp(there->version, from) >= 0)
		return;
	d = by_rule(s, SEV_WARNING, 65, "kubernetes",
		    "driver container %s does not know kernelModuleType: auto", there->version);
	why(s, d, "it came with %s", from);
	way(s, d, NULL, "where the operator keeps the driver, write kernelModuleType: %s",
	    there->loaded_flavour ? there->loaded_flavour : "open");
}

/* R67: NVIDIA's DRA driver needs a cluster that has DRA, and an engine that has CDI. */
static void r67_cluster(struct solving *s)
{
	const struct record *r = catalog_find(s->catalog, "component-driver", "DRA driver");
	const char *version = cluster_version(s), *min = r ? record_get(r, "kubernetes") : NULL;
	struct diag *d;

	if (!version || !min || ver_cmp(version, min) >= 0 || ver_within(min, version))
		return;
	d = by_rule(s, SEV_ERROR, 67, version_path(s, "kubernetes.features"),
		    "NVIDIA's DRA driver needs Kubernetes %s or newer", min);
	why(s, d, "%s has %s", node_word(s), version);
	way(s, d, "kubernetes.features=null", "leave kubernetes.features out");
	way(s, d, NULL, "bring the cluster to %s, then plan again", min);
}

static void r67(struct solving *s, const struct choice *c)
{
	const char *name = profile_get(s->profile, "kubernetes.engine");
	const struct fact_engine *engine = facts_engine(s->facts, name);
	const struct record *cdi = catalog_find(s->catalog, "cdi-0.7.0", name);
	const char *least = cdi ? record_get(cdi, "min") : NULL;
	struct diag *d;

	(void)c;
	if (!wants_dra(s))
		return;
	r67_cluster(s);
	if (!engine || !engine->version || !least || ver_cmp(engine->version, least) >= 0)
		return;
	d = by_rule(s, SEV_ERROR, 67, "kubernetes.features",
		    "NVIDIA's DRA driver needs an engine with CDI; %s %s has none", name,
		    engine->version);
	why(s, d, "%s has it from %s on", name, least);
	way(s, d, "kubernetes.features=null", "leave kubernetes.features out");
	way(s, d, NULL, "bring %s to %s or newer, then plan again", name, least);
}

const struct rule rules_k8s[] = {
	{ 62, r62 }, { 63, r63 }, { 65, r65 }, { 67, r67 }, { 0, NULL },
};
