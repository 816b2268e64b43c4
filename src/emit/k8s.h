/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile comes to in a cluster: the choices that manifests and Helm values share. */
#pragma once

#include "emit/emit.h"

enum k8s_sharing { SHARING_NONE, SHARING_TIME_SLICING, SHARING_MPS };

struct k8s {
	const struct record *set; /* the `operator-set` record; NULL when it was refused */
	const char *plugin_image, *exporter_image, *test_image;
	const char *plugin_version; /* without the v */
	enum k8s_sharing sharing;
	const char *mig; /* none, single, mixed */
	bool plugin, discovery, exporter, test_pod;
	bool cdi, volume_mounts; /* how the device plugin hands out GPUs; neither: environment */
	bool default_runtime;    /* nvidia is the engine's default runtime */
	const char *handler;     /* the runtime's name in the engine */
	const char *kubelet_root;
};

/* Decide; what cannot be goes into em->diags, with ways out. */
void k8s_decide(struct emit *em, struct k8s *ret);

/* Values from the profile that the cluster would refuse: names, labels, tolerations, resources. */
void k8s_check_names(struct emit *em);

/* Values in the form that templates take: blocks of lines. */
const char *k8s_block(struct emit *em, const struct value *v, const char *number);
const char *k8s_tolerations(struct emit *em);
const char *k8s_exporter_resources(struct emit *em);
void k8s_sharing_holes(struct emit *em, const struct k8s *k, struct holes *h);
