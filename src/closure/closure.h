/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one stage between solving and doing that is neither pure nor changing anything: ask libapt,
 * over private indexes, which exact set of packages a plan's steps come to.
 */
#pragma once

#include "base/buf.h"
#include "facts.h"
#include "plan.h"

struct sys;
struct apt_listener;

struct closure_options {
	bool refresh; /* fetch the indexes even when those at hand are recent */
	bool offline; /* never touch the network */
	const struct apt_listener *listener;
	/* A file that the profile names, of the machine gpuprov runs on. */
	int (*read)(void *ctx, const char *path, struct buf *ret, struct err *e);
	void *ctx;
};

/*
 * Fill in the packages of each step, the versions that the postconditions want, and the totals. A
 * plan in which nothing is to be installed is left alone, and nothing is read.
 */
int closure_resolve(struct plan *plan, const struct facts *facts, const struct sys *sys,
		    const struct sys *cache, const struct closure_options *options, struct err *e);
