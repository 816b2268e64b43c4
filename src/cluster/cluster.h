/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests in a cluster: what a stream would change there, putting it in by server-side apply
 * under a field manager of our own, waiting for what runs, and taking it out again. A step of kind
 * `cluster` says which stream, and how the cluster is reached.
 */
#pragma once

#include "cluster/kubectl.h"
#include "plan.h"

/* One object of the stream. */
struct cluster_object {
	const char *api, *kind, *ns, *name; /* ns is "" for those of the whole cluster */
	const char *before; /* as it is in the cluster, without what the server adds; NULL = none */
	bool ours;          /* some of its fields are owned by our manager */
	bool differs;       /* applying the stream would change it */
};
typedef LIST(struct cluster_object) cluster_objects;

struct cluster {
	struct kubectl kubectl;
	struct arena *a;
	const char *stream, *node;
	unsigned wait_s; /* for what runs to be ready */
	cluster_objects objects;
	bool label;    /* the node needs the label that says it has GPUs */
	bool labelled; /* and has it */
	bool same;     /* all of the stream is there, as it says */
};
#define auto_cluster __attribute__((cleanup(cluster_close))) struct cluster

#define CLUSTER_LABEL "nvidia.com/gpu.present"

/* Reaches the cluster and finds the node: GP_CLUSTER_* and GP_NO_KUBECTL say why it cannot. */
int cluster_open(const struct sys *sys, const struct plan_step *s, struct arena *a,
		 struct cluster *ret, struct err *e);
void cluster_close(struct cluster *c);

/* The objects of the stream, as they are in the cluster. */
int cluster_see(struct cluster *c, struct err *e);
/* Changes nothing: fills in objects, labelled and same. GP_CLUSTER_CONFLICT: fields of others. */
int cluster_look(struct cluster *c, struct err *e);
/*
 * Who else hands out GPUs there: gpu-operator, or a device plugin that is not ours. NULL = nobody.
 */
int cluster_owner(struct cluster *c, const char **ret, struct err *e);

int cluster_apply(struct cluster *c, struct err *e);
/* Has every DaemonSet of the stream come up? *ret_what says how far. */
int cluster_ready(struct cluster *c, bool *ret, const char **ret_what, struct err *e);
/* Wait for that; `tell` hears of each. */
int cluster_await(struct cluster *c, void (*tell)(void *ctx, const char *what), void *ctx,
		  struct err *e);

/* What is there before, as one line of text; and back to it. */
int cluster_save(struct cluster *c, struct buf *ret, struct err *e);
int cluster_restore(struct cluster *c, const char *saved, void (*tell)(void *ctx, const char *what),
		    void *ctx, struct err *e);
