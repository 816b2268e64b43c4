/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile comes to in a cluster: versions, and settings that exclude each other. */
#include "base/ver.h"
#include "emit/k8s.h"
#include "operator.h"

#include <string.h>

#define PLUGIN "kubernetes.device-plugin"
#define SHARING PLUGIN ".sharing"
#define EXPORTER "kubernetes.dcgm-exporter"
#define DISCOVERY "kubernetes.gpu-feature-discovery"

static struct diag *say(struct emit *em, enum severity severity, enum code code, const char *path,
			const char *what)
{
	struct span at = profile_at(em->profile, path);

	return diag_add(em->diags, severity, code, at.line ? &at : NULL, "%s", what);
}

static struct diag *clash(struct emit *em, const char *path, const char *what)
{
	return say(em, SEV_ERROR, GP_CONTRADICTION, path, what);
}

/* ---- versions ---- */

static void choose_set(struct emit *em, struct k8s *k)
{
	const char *asked = profile_get(em->profile, "kubernetes.set");
	const struct record *newest = operator_set(em->catalog, /* release= */ NULL);
	struct diag *d;

	k->set = asked ? operator_set(em->catalog, asked) : newest;
	if (k->set)
		return;
	d = say(em, SEV_ERROR, GP_BAD_VALUE, "kubernetes.set",
		asked ? arena_printf(em->a, "no tested set is called %s", asked) :
			"the catalog has no tested sets");
	if (newest)
		diag_way(em->diags, d, arena_printf(em->a, "kubernetes.set=%s", newest->key),
			 "write kubernetes.set: \"%s\", or leave it out", newest->key);
}

/* R63: parts of several sets were not tested together. */
static void other_than_set(struct emit *em, const struct k8s *k, const char *path, const char *what,
			   const char *version, const char *of_set)
{
	struct diag *d =
		say(em, SEV_WARNING, (enum code)(GP_RULE + 63), path,
		    arena_printf(em->a, "%s %s was not tested with the rest", what, version));

	d->rule = "R63";
	diag_why(em->diags, d, "the set of gpu-operator %s has %s", k->set->key, of_set);
	diag_way(em->diags, d, NULL, "leave %s out", path);
}

/* An image of the catalog with its version, below the profile's prefix. */
static const char *image(struct emit *em, const char *component, const char *tag)
{
	const struct record *r = catalog_find(em->catalog, "component", component);
	const char *whole = r ? record_get(r, "image") : "", *prefix, *slash = strchr(whole, '/');
	const char *colon = strrchr(whole, ':');

	prefix = profile_get(em->profile, "kubernetes.image-prefix");
	if (prefix && slash)
		whole = arena_printf(em->a, "%s%s", prefix, slash);
	if (!tag || !colon)
		return whole;
	return arena_printf(em->a, "%.*s:%s", (int)(strrchr(whole, ':') - whole), whole, tag);
}

static void choose_plugin(struct emit *em, struct k8s *k)
{
	const char *asked = profile_get(em->profile, PLUGIN ".version");
	const char *of_set = record_get(k->set, "device_plugin");
	const char *tag = asked ? arena_printf(em->a, "v%s", asked) : of_set;
	size_t digits = strspn(of_set + 1, "0123456789.");

	k->plugin_version = asked ? asked : arena_strn(em->a, of_set + 1, digits);
	k->plugin_image = image(em, "device-plugin", tag);
	if (asked && ver_cmp(asked, arena_strn(em->a, of_set + 1, digits)) != 0)
		other_than_set(em, k, PLUGIN ".version", "device plugin", asked, of_set + 1);
}

/* The tag needs a flavour; which there is depends on the version. */
static const char *exporter_tag(struct emit *em, const char *version)
{
	const struct record *r = NULL;
	const char *dcgm = arena_strn(em->a, version, strcspn(version, "-"));
	const char *own = strchr(version, '-') + 1;

	while ((r = catalog_next(em->catalog, "dcgm-exporter-flavour", r))) {
		const char *from = arena_strn(em->a, r->key, strcspn(r->key, "-"));
		int order = ver_cmp(dcgm, from);

		if (order > 0 || (!order && ver_cmp(own, strchr(r->key, '-') + 1) >= 0))
			return arena_printf(em->a, "%s-%s", version, record_get(r, "flavour"));
	}
	return version;
}

static void choose_exporter(struct emit *em, struct k8s *k)
{
	const char *asked = profile_get(em->profile, EXPORTER ".version");
	const char *of_set = record_get(k->set, "dcgm_exporter");
	size_t n = asked ? strspn(asked, "0123456789.") : 0;
	struct diag *d;

	k->exporter_image = image(em, "dcgm-exporter", of_set);
	if (!asked)
		return;
	if (asked[n] != '-' || !ver_valid(arena_strn(em->a, asked, n)) ||
	    !ver_valid(asked + n + 1)) {
		d = say(em, SEV_ERROR, GP_BAD_VALUE, EXPORTER ".version",
			"the exporter's version is two: DCGM's and its own");
		diag_way(em->diags, d, NULL, "write it like \"4.5.3-4.8.2\", or leave it out");
		return;
	}
	k->exporter_image = image(em, "dcgm-exporter", exporter_tag(em, asked));
	if (!str_starts(of_set, asked))
		other_than_set(em, k, EXPORTER ".version", "dcgm-exporter", asked, of_set);
}

/* ---- what excludes what ---- */

static void need_feature(struct emit *em, const struct k8s *k, const char *feature,
			 const char *path, const char *off)
{
	const struct record *r = catalog_find(em->catalog, "device-plugin-feature", feature);
	struct diag *d;

	if (!r || !k->plugin_version || ver_cmp(k->plugin_version, record_get(r, "from")) >= 0)
		return;
	d = clash(em, path,
		  arena_printf(em->a, "%s came with device plugin %s; this is %s", feature,
			       record_get(r, "from"), k->plugin_version));
	diag_way(em->diags, d, off, "write %.*s: %s", (int)strcspn(off, "="), off,
		 strchr(off, '=') + 1);
	diag_way(em->diags, d, NULL, "leave kubernetes.set and " PLUGIN ".version out");
}

static void check_mps(struct emit *em, const struct k8s *k)
{
	struct diag *d;

	if (!str_eq(k->mig, "none")) {
		d = clash(em, SHARING ".kind", "GPUs in MIG mode cannot be shared by MPS");
		diag_why(em->diags, d, "MPS shares whole GPUs; the device plugin refuses both");
		diag_way(em->diags, d, PLUGIN ".mig-strategy=none", "write mig-strategy: none");
		diag_way(em->diags, d, SHARING ".kind=time-slicing", "write kind: time-slicing");
	}
	if (!k->discovery) {
		d = clash(em, SHARING ".kind", "MPS needs GPU feature discovery");
		diag_why(em->diags, d,
			 "its control daemon runs on nodes that are labelled as capable of MPS");
		diag_way(em->diags, d, DISCOVERY ".enabled=true",
			 "write gpu-feature-discovery: true");
		diag_way(em->diags, d, SHARING ".kind=time-slicing", "write kind: time-slicing");
	}
	need_feature(em, k, "mps", SHARING ".kind", SHARING ".kind=time-slicing");
}

static void check_sharing(struct emit *em, const struct k8s *k)
{
	struct diag *d;

	if (k->sharing == SHARING_MPS)
		check_mps(em, k);
	if (k->sharing == SHARING_TIME_SLICING && str_eq(k->mig, "mixed")) {
		d = say(em, SEV_WARNING, GP_CONTRADICTION, SHARING ".kind",
			"only GPUs that are not in MIG mode are time-sliced");
		diag_why(em->diags, d,
			 "with mig-strategy mixed each MIG profile is a resource of its own name");
		diag_way(em->diags, d, PLUGIN ".mig-strategy=single", "write mig-strategy: single");
	}
}

/* How pods get at GPUs must be a way that the container toolkit takes. */
static void check_ways_in(struct emit *em, const struct k8s *k)
{
	struct diag *d;

	if (!k->cdi && !k->volume_mounts &&
	    !profile_on(em->profile, "container-toolkit.unprivileged-envvar")) {
		d = clash(em, "container-toolkit.unprivileged-envvar",
			  "pods would get no GPU: the device plugin asks by environment");
		diag_way(em->diags, d, "container-toolkit.volume-mounts=true",
			 "ask by volume mounts: container-toolkit.volume-mounts: true");
		diag_way(em->diags, d, "container-toolkit.mode=cdi",
			 "ask by CDI: container-toolkit.mode: cdi");
	}
	if (k->cdi && k->default_runtime) {
		d = say(em, SEV_WARNING, GP_CONTRADICTION, "kubernetes.engine",
			"with CDI nvidia should not be the default runtime");
		diag_why(em->diags, d, "GPUs would be put into containers in two ways");
		diag_way(em->diags, d, NULL, "leave default-runtime out");
	}
}

static void check_parts(struct emit *em, const struct k8s *k)
{
	struct diag *d;

	if (!k->plugin && k->sharing != SHARING_NONE) {
		d = clash(em, SHARING ".kind",
			  "sharing is done by the device plugin, which is off");
		diag_way(em->diags, d, PLUGIN ".enabled=true", "write device-plugin.enabled: true");
		diag_way(em->diags, d, SHARING ".kind=none", "write kind: none");
	}
	if (k->discovery)
		need_feature(em, k, "gpu-feature-discovery", DISCOVERY ".enabled",
			     DISCOVERY ".enabled=false");
	if (profile_given(em->profile, EXPORTER ".resources") &&
	    profile_given(em->profile, EXPORTER ".memory")) {
		d = clash(em, EXPORTER ".memory", "memory and resources both set a limit");
		diag_way(em->diags, d, NULL, "keep one of them");
	}
}

/* ---- all together ---- */

static void read_engine(struct emit *em, struct k8s *k)
{
	const struct profile *p = em->profile;
	const char *engine = profile_get(p, "kubernetes.engine");
	bool crio = str_eq(engine, "crio");
	const struct record *root = catalog_find(em->catalog, "kubelet-root", engine);

	if (!root)
		root = catalog_find(em->catalog, "kubelet-root", "default");
	k->kubelet_root = root ? record_get(root, "path") : "/var/lib/kubelet";
	k->handler = profile_get(p, crio ? "crio.runtime-name" : "containerd.runtime-name");
	k->default_runtime =
		profile_on(p, crio ? "crio.default-runtime" : "containerd.default-runtime");
	k->cdi = profile_is(p, "container-toolkit.mode", "cdi") ||
		 (!crio && profile_on(p, "containerd.cdi"));
	k->volume_mounts = profile_on(p, "container-toolkit.volume-mounts");
}

void k8s_decide(struct emit *em, struct k8s *ret)
{
	const struct profile *p = em->profile;

	*ret = (struct k8s){
		.mig = profile_get(p, PLUGIN ".mig-strategy"),
		.plugin = profile_on(p, PLUGIN ".enabled"),
		.discovery = profile_on(p, DISCOVERY ".enabled"),
		.exporter = profile_on(p, EXPORTER ".enabled"),
		.test_image = image(em, "cuda-sample", /* tag= */ NULL),
		.sharing = profile_is(p, SHARING ".kind", "mps")          ? SHARING_MPS :
			   profile_is(p, SHARING ".kind", "time-slicing") ? SHARING_TIME_SLICING :
									    SHARING_NONE,
	};
	/* With mixed MIG the resource's name depends on the profile of each device. */
	ret->test_pod = profile_on(p, "kubernetes.test-pod.enabled") && !str_eq(ret->mig, "mixed");
	read_engine(em, ret);
	choose_set(em, ret);
	if (ret->set) {
		choose_plugin(em, ret);
		choose_exporter(em, ret);
	}
	check_sharing(em, ret);
	check_ways_in(em, ret);
	check_parts(em, ret);
}
