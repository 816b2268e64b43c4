/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container engine that is started with these arguments reads its configuration. Pure. */
#pragma once

#include "base/arena.h"

#include <stdbool.h>

/* The value of an option: "--name X", "--name=X"; "" at the end; NULL when it is not given. */
const char *arg_value(const strs *args, const char *name);

/* What the environment of the daemon says; both may be NULL. */
struct locate_env {
	const char *home, *xdg_config;
};

struct located {
	const char *config;   /* absolute; NULL = there is no file of ours to edit */
	const char *drop_ins; /* CRI-O: the folder read after it */
	bool named;           /* an argument names it: then it must exist */
	const char *variant;  /* rootless, snap; NULL = neither */
	const char *owner;  /* k3s, rke2, k0s, microk8s, docker: who generates that file; or NULL */
	const char *refuse; /* why it must not be edited; NULL = it may */
};

/* `args` without the program's name. */
void locate(const char *engine, const strs *args, const struct locate_env *env, struct arena *a,
	    struct located *ret);
