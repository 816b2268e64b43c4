/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps that run an installer share: running it, and knowing that it was cut off. */
#pragma once

#include "plan.h"

#include <stdbool.h>

struct sys;

/*
 * Run the file of a step, which has the arguments `object` (its place in the cache), `sha256` (or
 * none at all, when the user wants no check) and `timeout`. `argv` is what it is given, with its
 * name first.
 */
struct installer {
	const struct plan_step *step;
	const char *const *argv;
	const char *tmp_option; /* see sys/sealed.h */
	const char *log;        /* its own log, beneath the root */
	const char *mark;       /* how a line of it begins that says why it failed */
};

/* GP_INSTALLER_FAILED says why, in the words of its log. */
int installer_run(const struct sys *sys, const struct installer *i, struct err *e);

/*
 * A mark on disk that an installation was begun, and one less that it came to its end. `key` is a
 * word: "driver", "cuda-12.2".
 */
#define INSTALLER_DRIVER "driver"
int installer_begin(const struct sys *sys, const char *key, struct err *e);
int installer_end(const struct sys *sys, const char *key, struct err *e);
int installer_begun(const struct sys *sys, const char *key, bool *ret, struct err *e);

/* Take away what runs that were cut off had unpacked. */
int installer_sweep(const struct sys *sys, struct err *e);
