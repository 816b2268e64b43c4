/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan is data: the steps that lead from the facts to the profile, each with its reasons, or the
 * refusals that say why there is none. It holds no function pointers and no file handles; it can be
 * printed, saved, compared, hashed, and run tomorrow. The same inputs give the same bytes.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/rec.h"

#include <stdbool.h>
#include <stdint.h>

#define PLAN_SCHEMA "gpuprov.plan/1"

/* Preferences of our own: of the driver as a whole, and of what is held at one version. */
#define PIN_FILE "etc/apt/preferences.d/gpuprov-pin"
#define HELD_FILE "etc/apt/preferences.d/gpuprov-held"

enum plan_op {
	OP_REMOVE,  /* listed first */
	OP_REPLACE, /* remove and add again */
	OP_ADD,
	OP_CHANGE,
	OP_KEEP, /* already as it should be */
};

/* Why a step is there, or why something is not. */
struct plan_reason {
	const char *rule; /* "R39", or NULL */
	const char *text;
	const char *file; /* where the profile asked for it; NULL = it follows from the rest */
	long long line, col;
};

/* An argument of a step; a key may be given several times. */
struct plan_arg {
	const char *key, *value;
};

/* One package of the exact set, as libapt resolved it. */
struct plan_package {
	const char *name, *arch;
	const char *change; /* new, upgrade, downgrade, reinstall, remove */
	const char *version, *old_version;
	const char *origin, *suite, *component, *sha256;
	const char *because; /* the package that needs it; NULL = asked for by the step */
	long long download, disk;
};

struct plan_step {
	const char *id;   /* "packages:driver": kind, colon, name; unique */
	const char *kind; /* a step kind of steps/ */
	enum plan_op op;
	const char *what; /* one line for people: what is added or changed */
	const char *risk; /* what cannot be undone or disturbs; NULL = nothing */
	const char *when; /* "boot": only after the next boot, with all that needs it; NULL = now */
	LIST(struct plan_arg) args;
	strs needs; /* ids of steps that come before */
	LIST(struct plan_reason) reasons;
	LIST(struct plan_package) packages;
};

/* Something left out on purpose, with its reason. */
struct plan_omission {
	const char *what;
	struct plan_reason reason;
};

/* A driver that was looked at before one was taken, best first. */
struct plan_tried {
	const char *what;    /* "branch 580 of NVIDIA's repository, open modules" */
	const char *outcome; /* "taken", or what speaks against it */
};

/* What must hold when the plan is done; verify proves it. */
struct plan_post {
	const char *id;      /* "driver.libcuda" */
	const char *kind;    /* a check of verify/verify.c */
	const char *subject; /* package, path, ... */
	const char *wanted;  /* version, ...; NULL = presence is enough */
	const char *of;      /* the package whose version decides `wanted`, once it is known */
	const char *needs;   /* NULL, or what it takes to be provable: boot, gpu, daemon */
};

/* Room that is taken on the file system of a path, besides the packages. */
struct plan_room {
	const char *path, *what;
	long long bytes;
	bool guessed;
};

struct plan_totals {
	long long add, change, remove, keep; /* steps */
	long long packages;
	long long download, disk;
	bool reboot;
};

struct plan_header {
	const char *profile;      /* file name as given */
	const char *profile_hash; /* SHA-256 of its bytes */
	const char *kind;
	const char *catalog;    /* date of its facts */
	const char *host;       /* the summary line */
	const char *undoes;     /* a rollback: the oldest run that it puts back; else NULL */
	const char *reboot;     /* "auto": reboot by ourselves and go on; else NULL */
	const char *on_failure; /* "rollback": put everything back; else NULL */
	const char *report;     /* file for the outcome, absolute; NULL = none */
	const char *cache;      /* folder for downloads, absolute; NULL = the usual one */
};

struct plan {
	const char *schema;
	struct plan_header header;
	LIST(struct plan_step) steps;
	LIST(struct plan_omission) omitted;
	LIST(struct plan_tried) tried;
	LIST(struct plan_post) posts;
	LIST(struct plan_room) room; /* judged while the plan is made, and not saved */
	int64_t indexes_since; /* when the package indexes were fetched; 0 = none asked; not saved
				*/
	struct diags diags;    /* refusals and warnings */
	struct plan_totals totals;
	bool changed, reboot_required; /* as plan_write() tells it: something is to be done */
	struct arena *a;
};

extern const struct rec_row plan_rows[];

void plan_init(struct plan *p, struct arena *a);

/* Building. The step's address is stale after the next plan_add(). */
struct plan_step *plan_add(struct plan *p, const char *kind, const char *name, enum plan_op op,
			   const char *what, ...) __attribute__((format(printf, 5, 6)));
void step_arg(struct plan *p, struct plan_step *s, const char *key, const char *value);
void step_needs(struct plan *p, struct plan_step *s, const char *id);
void step_reason(struct plan *p, struct plan_step *s, const char *rule, const struct span *at,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void plan_omit(struct plan *p, const char *what, const char *rule, const struct span *at,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void plan_room(struct plan *p, const char *path, long long bytes, bool guessed, const char *what,
	       ...) __attribute__((format(printf, 5, 6)));
struct plan_post *plan_post(struct plan *p, const char *id, const char *kind, const char *subject,
			    const char *wanted, const char *of);

/*
 * Bring the steps into an order in which each comes after what it needs; ties by id. Counts totals.
 */
void plan_finish(struct plan *p);

/* Reading. */
const char *step_get(const struct plan_step *s, const char *key); /* first value, or NULL */
const struct plan_step *plan_find(const struct plan *p, const char *id);
bool plan_refused(const struct plan *p);
bool plan_pending(const struct plan *p); /* there is something to do */

/* JSON, the same bytes for the same plan; and back. */
void plan_write(const struct plan *p, struct buf *ret);
int plan_read(const char *text, size_t len, const char *what, struct arena *a, struct plan *ret,
	      struct err *e);
