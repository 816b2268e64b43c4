/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks share. A check is one row in the table of its file. */
#pragma once

#include "verify/verify.h"

/* One check at work: what it looks at, what must hold, and what it found. */
struct checking {
	const struct plan *plan;
	const struct profile *profile; /* may be NULL */
	const struct facts *facts;
	const struct sys *sys;
	struct arena *a;
	const struct plan_post *post;
	const char *wanted; /* post->wanted, or what was really installed; may be NULL */
	struct verdict v;
};

struct check {
	const char *kind; /* of a postcondition */
	int (*run)(struct checking *c, struct err *e);
};

/* Each ends with .kind NULL. */
extern const struct check checks_files[], checks_kernel[], checks_gpu[], checks_driver[],
	checks_cuda[], checks_containers[], checks_engine[], checks_trial[], checks_runfile[],
	checks_cluster[], checks_manifests[];

/* How a check ends; each returns 0. */
int conclude(struct checking *c, bool good, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int defer(struct checking *c, const char *needs, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int not_applicable(struct checking *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Follow links to the file (folder) behind a name, inside the root. *ret is NULL: there is none. */
int behind(struct checking *c, const char *path, const char **ret, struct err *e);
int behind_dir(struct checking *c, const char *path, const char **ret, struct err *e);
/* Text of a small file; *ret is NULL when there is none. */
int text_of(struct checking *c, const char *path, const char **ret, struct err *e);

const char *lib_triplet(const struct facts *f);
/* The version in the name of the file behind libcuda.so.1; *ret is NULL when there is none. */
int library_version(struct checking *c, const char *soname, const char **ret, struct err *e);

/* What must hold beyond what the plan says, because of what it says: appended to `ret`. */
typedef LIST(struct plan_post) plan_posts;
void verify_implied(const struct verify_subject *what, struct arena *a, plan_posts *ret);
