/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the solver share. */
#pragma once

#include "distros/distro.h"
#include "solve.h"

struct solving {
	const struct profile *profile;
	const struct facts *facts;
	const struct catalog *catalog;
	const struct distro *distro;
	struct plan *plan;
	struct arena *a;

	/* Decided along the way. */
	LIST(struct fact_gpu) gpus; /* the GPUs to provision for */
	const char *gpu_names;      /* for sentences: "2 x Tesla T4" */
	const char *branch;         /* driver branch */
	const char *within;         /* what the packages' version must lie within */
	bool modules;               /* kernel modules are installed */
};

/* Refuse: the plan does not exist because of this. */
struct diag *refuse(struct solving *s, enum code code, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
struct diag *warn(struct solving *s, enum code code, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Where a setting was written, for reasons. */
struct span *place(struct solving *s, const char *path);

/* In this order. Each returns false when what follows makes no sense any more. */
bool solve_gpus(struct solving *s);
bool solve_driver(struct solving *s);
void solve_packages(struct solving *s);
void solve_kernel_side(struct solving *s);
