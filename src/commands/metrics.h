/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a host for node_exporter's textfile collector, in Prometheus' text format. Names
 * carry their unit, what is text is a label of an _info metric, and times are seconds since the
 * epoch.
 */
#pragma once

#include "commands/common.h"
#include "execute/runs.h"

/* Where gpuprov-drift.service leaves its report. */
#define DRIFT_REPORT "run/gpuprov/drift.json"

struct metrics {
	const runs *all;
	bool running, reboot_required;
};

/* Looks at the driver and at the report about drift, too. */
int metrics_write(struct job *j, const struct metrics *m, struct buf *ret, struct err *e);
