/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a cluster, by kubectl: arguments in an array, a clean environment, bounded in time, no
 * cache on the disk, nothing read from the terminal. What comes back is data, and no log sees it;
 * what kubectl complains of is kept for messages, without anything that looks like a credential.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct edit;
struct sys;
struct tree;

#define KUBECTL_MANAGER "gpuprov" /* owner of the fields that we apply */

struct kubectl {
	const struct sys *sys;
	struct arena *a;
	const char *program;    /* absolute path */
	const char *kubeconfig; /* NULL = kubectl's own default */
	const char *context;    /* NULL = the file's current one */
	LIST(struct edit *) answers;
};
#define auto_kubectl __attribute__((cleanup(kubectl_close))) struct kubectl

/* How it ended, as far as it tells. */
enum kubectl_end {
	KUBECTL_OK,
	KUBECTL_NOT_FOUND,    /* there is no such object */
	KUBECTL_NO_KIND,      /* the cluster does not know this kind of object */
	KUBECTL_CONFLICT,     /* another manager owns a field */
	KUBECTL_IMMUTABLE,    /* what was asked for cannot be changed any more */
	KUBECTL_DENIED,       /* known, and not allowed */
	KUBECTL_UNKNOWN_USER, /* no credentials, or none that count */
	KUBECTL_UNREACHABLE,
	KUBECTL_BAD_ACCESS, /* the file of credentials, or the context in it */
	KUBECTL_TIMED_OUT,
	KUBECTL_FAILED, /* anything else */
};

struct kubectl_ask {
	const char *const *args; /* without the program, NULL-terminated */
	const char *input;       /* for "-f -"; NULL = none */
	unsigned timeout_s;      /* 0 = a minute */
	bool watch;              /* it stays connected: no limit for one request */
};

struct kubectl_answer {
	enum kubectl_end end;
	int status;
	const char *output; /* data */
	size_t len;
	const char *said; /* the first lines of its complaints, for people */
};

/*
 * Find the program, and check that there are credentials to be had. `kubeconfig` is an absolute
 * path or NULL, `context` a name or NULL. Fails with GP_NO_KUBECTL or GP_CLUSTER_ACCESS.
 */
int kubectl_open(const struct sys *sys, const char *kubeconfig, const char *context,
		 struct arena *a, struct kubectl *ret, struct err *e);

/* All trees that were given out end. */
void kubectl_close(struct kubectl *k);

/* An answer of any kind is no error; not being able to start it is. */
int kubectl_run(struct kubectl *k, const struct kubectl_ask *ask, struct kubectl_answer *ret,
		struct err *e);

/*
 * The same, where the answer is JSON: *ret is NULL when it is not KUBECTL_OK, or when there was no
 * output. JSON that cannot be read is an error.
 */
int kubectl_json(struct kubectl *k, const struct kubectl_ask *ask,
		 struct kubectl_answer *ret_answer, const struct tree **ret, struct err *e);

/* GET of a path of the API ("/api/v1/nodes/n1"), as JSON. */
int kubectl_get(struct kubectl *k, const char *path, struct kubectl_answer *ret_answer,
		const struct tree **ret, struct err *e);

/* An answer that is not KUBECTL_OK, as an error with what to do next. Returns -1. */
int kubectl_fail(struct kubectl *k, const struct kubectl_answer *answer, const char *doing,
		 struct err *e);

/* The managers that a conflict names, with ", " between. */
const char *kubectl_others(struct arena *a, const char *said);
