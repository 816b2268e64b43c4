/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kind of step. The executor calls, in this order: done, save, (journal: start), apply, (journal:
 * done), done. `done` looks at the host and never at markers, so running a plan twice is safe, also
 * after a crash.
 *
 * A file steps/NAME.c exports `const struct step_kind step_NAME`; the Makefile makes the table.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "plan.h"

#include <stdbool.h>

struct sys;

/* Progress of a step, for whoever shows it. done and total are 0 when they are not known. */
struct step_progress {
	const char *what;
	long long done, total;
	bool bytes;     /* done and total are bytes, rate is known */
	long long rate; /* bytes a second */
	bool aloud;     /* worth a line of its own where none is redrawn */
};

/* How packages with the headers of one kernel begin; the rest is its release. */
#define STEP_HEADERS "linux-headers-"

struct step_run {
	void (*progress)(void *ctx, const struct step_progress *p);
	void *ctx;
	const char *sources; /* folder of apt sources in place of an image's own; NULL when live */
};

struct step_kind {
	const char *name;
	const char *const *required; /* argument keys, NULL-terminated */

	/* Is the effect there? */
	int (*done)(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e);
	/*
	 * What undo will need, as one line of text; goes into the journal before anything changes.
	 */
	int (*save)(const struct sys *sys, const struct plan_step *s, struct buf *ret,
		    struct err *e);
	int (*apply)(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		     struct err *e);
	/*
	 * Take away what a run that was cut off in this step left behind; usually there is nothing.
	 * NULL: the step leaves nothing behind.
	 */
	int (*sweep)(const struct sys *sys, const struct plan_step *s, struct err *e);
	/*
	 * Put back what save() kept. NULL: the step cannot be undone, and its `risk` says so. May
	 * be called when it was cut off before, when apply() never began, and when all is back
	 * already.
	 */
	int (*undo)(const struct sys *sys, const struct plan_step *s, const char *saved,
		    const struct step_run *run, struct err *e);
	/*
	 * What undo() cannot put back to the byte, in a few words for the plan of a rollback; *ret
	 * stays NULL when there is nothing. NULL: there never is.
	 */
	int (*undo_risk)(const struct sys *sys, const struct plan_step *s, const char *saved,
			 struct arena *a, const char **ret, struct err *e);
	bool undo_late; /* undo() builds from the files of other steps: it comes after theirs */
};

/*
 * Steps whose effect is one file with given bytes: arguments `path` (relative to the root),
 * `content` (or `base64`, for bytes that are not text), and optionally `mode` (octal). Kinds that
 * differ only in what they mean share these.
 */
extern const char *const step_file_required[];
int step_file_done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e);
int step_file_save(const struct sys *sys, const struct plan_step *s, struct buf *ret,
		   struct err *e);
int step_file_apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		    struct err *e);
int step_file_sweep(const struct sys *sys, const struct plan_step *s, struct err *e);
int step_file_undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		   const struct step_run *run, struct err *e);

/* The folders on the way to a path that are not there, the outermost first. */
int step_absent_folders(const struct sys *sys, const char *path, struct arena *a, strs *ret,
			struct err *e);

/*
 * Run `what` so that maintainer scripts start nothing in an image; and clear up after a run that
 * was cut off meanwhile.
 */
int step_services_held(const struct sys *sys, int (*what)(void *ctx, struct err *e), void *ctx,
		       struct err *e);
int step_services_sweep(const struct sys *sys, const struct plan_step *s, struct err *e);

/*
 * The packages that a step of kind `packages` asks for. Each argument `want` is a package name, and
 * after a blank the head of the version it must have ("libcuda1 535"); each `away` is the name of
 * one that must go.
 */
struct apt_job;
void step_wants(const struct plan_step *s, struct arena *a, struct apt_job *job);
