/* SPDX-License-Identifier: Apache-2.0 */
/* What several commands do alike: open the root, read profile, facts and catalog, make the plan. */
#pragma once

#include "catalog.h"
#include "facts.h"
#include "options.h"
#include "plan.h"
#include "profile/profile.h"
#include "sys/real.h"
#include "terminal.h"

struct told;

/* One part of a command's work, and how long it took. */
struct job_stage {
	const char *name;
	long long us;
};

/* Everything a command works with. Zero it, use it, release it. */
struct job {
	const struct options *o;
	struct sys sys;   /* the root */
	struct sys cache; /* private folder for indexes; opened by job_plan() when needed */
	struct catalog catalog;
	struct facts facts;
	struct profile profile;
	struct buf profile_text;
	struct plan plan;
	struct arena a;
	struct diags complaints;    /* about the profile */
	bool borrowed;              /* the facts are another host's: --facts */
	const char *profile_inline; /* the profile itself, where it is in no file */
	struct told *outcome;       /* where a result is told instead of text; else NULL */
	LIST(struct job_stage) stages;
	long long stage_began; /* microseconds of a clock that starts anywhere */
};

#define auto_job __attribute__((cleanup(job_release))) struct job
void job_release(struct job *j);

/* What was done since job_open(), or since the last stage, was this. For --timing. */
void job_stage(struct job *j, const char *name);
void job_show_stages(const struct job *j);

/* Open the root and the catalog. */
int job_open(struct job *j, const struct options *o, struct err *e);

/* For struct emit_door: a template of the administrator's takes the place of ours. */
int job_template(void *ctx, const char *name, struct buf *ret, bool *ret_there, struct err *e);

/* Facts of the root, or of --facts; --gpu is applied. */
int job_facts(struct job *j, struct err *e);

/* Read and check a profile; complaints are left in j->complaints, also when it cannot be read. */
int job_load_profile(struct job *j, const char *path);

/*
 * Read and check the profile. Complaints are printed to stderr; returns 0, or -1 with the error
 * empty when complaints were printed.
 */
int job_profile(struct job *j, const char *path, struct err *e);
/* The same for text that is in no file; `name` stands for it in messages. */
int job_profile_text(struct job *j, const char *name, const char *text);

/* Solve; with `closure` also ask libapt. Refusals are in the plan. */
int job_plan(struct job *j, bool closure, struct err *e);

/* SHA-256 of the profile: its file and all that it extends. */
const char *job_profile_hash(struct job *j);

/* SHA-256 of the catalog in use. */
int job_catalog_hash(struct job *j, const char **ret, struct err *e);

/* The exact package set of job.plan, whose steps have none yet. */
int job_resolve(struct job *j, struct err *e);

/* Open the private folder for indexes and downloads, once. */
int job_cache(struct job *j, struct err *e);

/* Print refusals and warnings to stderr. */
void job_show_diags(const struct job *j);

/* Does the profile say what fits no host together? 'gpuprov lint' shows it without a host. */
bool job_contradicts(const struct job *j);

/*
 * The exit status of a plan that was refused: 3, or 4 when no plan is possible on this host at all,
 * or 65 when none is possible on any.
 */
enum status job_refusal(const struct job *j);

/* Write to stdout, once, whole. */
int print(const struct buf *b, struct err *e);
