/* SPDX-License-Identifier: Apache-2.0 */
/* The runs that were made on a host, as their journals tell: which there are, and how they ended.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/rec.h"
#include "plan.h"

#include <stdbool.h>

struct sys;

enum run_state {
	RUN_DONE,
	RUN_FAILED,
	RUN_INTERRUPTED, /* the user stopped it between two steps */
	RUN_CUT_OFF,     /* no end: killed, or power was lost; or it is running now */
	RUN_REBOOT,      /* waits for a boot to go on */
	RUN_ROLLED_BACK, /* a later run put back what it did */
};

struct run {
	long long number;
	enum run_state state;
	bool rollback;         /* it put back what others did */
	const char *undoes;    /* rollback: the oldest run that it puts back */
	const char *continues; /* the unfinished run that it goes on with */
	const char *who, *profile, *plan_hash, *boot;
	long long began, ended;      /* seconds since the epoch; 0 = it did not end */
	long long started, finished; /* steps */
	const char *cause;           /* why it failed */
};

typedef LIST(struct run) runs;
extern const struct rec_row run_rows[];
const char *run_state_word(enum run_state state);

/* All of them, the oldest first. */
int runs_list(const struct sys *sys, struct arena *a, runs *ret, struct err *e);
const struct run *runs_find(const runs *all, long long number); /* or NULL */

/* The newest run that did not come to its end and was not rolled back; NULL when there is none. */
const struct run *runs_open(const runs *all);

/*
 * The oldest run that a rollback began to put back and did not end, when nothing was done since;
 * NULL when there is none. What is done next belongs to it: a part of it is still there.
 */
const struct run *runs_half_back(const runs *all);

/*
 * Of a run and those it goes on with, the newest that waits for a boot: one that failed after the
 * boot still goes on with it. NULL when none does.
 */
const struct run *runs_waiting(const runs *all, const struct run *open);

/*
 * Is the next boot still waited for? As long as this is the boot in which the last run, which
 * needs one, was made.
 */
int runs_reboot(const struct sys *sys, const runs *all, struct arena *a, bool *ret, struct err *e);

/*
 * The newest run that changed something and was not put back, or, where it went on with others,
 * the first of those; NULL when there is none.
 */
const struct run *runs_undoable(const runs *all);

/* The plan that was last carried out to its end and still stands; *ret_there says if there is one.
 */
int runs_applied(const struct sys *sys, struct arena *a, struct plan *ret, bool *ret_there,
		 struct err *e);
