/* SPDX-License-Identifier: Apache-2.0 */
/* What has moved on a host since a plan was carried out: files, packages, engines. */
#pragma once

#include "facts.h"
#include "plan.h"

struct sys;

struct moved {
	const char *what; /* "/etc/docker/daemon.json", "package libcuda1" */
	const char *was;  /* as the plan left it */
	const char *is;
};

typedef LIST(struct moved) drift;
extern const struct rec_row moved_rows[];

/* The host is asked, never a record of ours: what a step says of itself, what dpkg says. */
int drift_since(const struct sys *sys, const struct plan *applied, const struct facts *now,
		struct arena *a, drift *ret, struct err *e);
