/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was done, for resume and undo: one folder a run under var/lib/gpuprov/runs, holding the plan
 * and a journal to which records are only ever appended, each on the disk before the act it
 * announces.
 *
 * A record is a line: the first 16 hex digits of the SHA-256 of the JSON text, a blank, the JSON
 * text. A last line that is torn never was; a bad line that good ones follow is corruption, unless
 * the first of them is a record "torn": who added to the journal saw that its last line was.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "plan.h"

#include <stdbool.h>

struct sys;

#define STATE_DIR "var/lib/gpuprov"

struct journal_record {
	const char *kind; /* begin, start, done, undo, undone, failed, end, torn */
	const char *step; /* its id */
	const char *text; /* begin: hash of plan; start: what undo needs; failed: why; end: how */
	const char *boot; /* begin: boot id */
	const char *who;  /* begin: the user */
	const char *continues; /* begin: number of the unfinished run that this one goes on with */
	long long time;        /* seconds since the epoch */
};

struct journal {
	const struct sys *sys;
	const char *path; /* of the open run's journal, beneath the root */
	long long run;    /* its number */
	struct arena *a;
};

/*
 * The lock that one run holds from planning to its end. GP_LOCKED at once when another has it.
 * GP_STATE_NEWER when a newer program wrote the state.
 */
int journal_lock(const struct sys *sys, int *ret_fd, struct err *e);

/* Open a new run: its folder, its plan, the record "begin". `continues` is 0 for none. */
int journal_begin(const struct sys *sys, const struct plan *plan, long long continues,
		  struct arena *a, struct journal *ret, struct err *e);
/* Open one that is there, to add to it; a torn last line is marked as such. */
int journal_open(const struct sys *sys, long long run, struct arena *a, struct journal *ret,
		 struct err *e);
int journal_add(const struct journal *j, const char *kind, const char *step, const char *text,
		struct err *e);

/* The number of the newest run, 0 when there is none. */
int journal_newest(const struct sys *sys, long long *ret, struct err *e);

/* All records of a run, in order. */
typedef LIST(struct journal_record) journal_records;
int journal_read(const struct sys *sys, long long run, struct arena *a, journal_records *ret,
		 struct err *e);

/* The plan of a run. */
int journal_plan(const struct sys *sys, long long run, struct arena *a, struct plan *ret,
		 struct err *e);

/* The log of a run, for people, beneath the root. */
const char *journal_log_path(struct arena *a, long long run);
