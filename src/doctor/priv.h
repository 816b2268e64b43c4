/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of doctor share. A symptom that facts can show is one row in a table. */
#pragma once

#include "doctor/doctor.h"

struct diagnosing {
	const struct facts *facts;
	const struct catalog *catalog;
	struct arena *a;
	findings *ret;
};

/* Rows are tried in order; each ends with NULL. */
typedef void look(struct diagnosing *d);
extern look *const looks_packages[],
	*const looks_driver[], *const looks_gpu[], *const looks_cuda[], *const looks_containers[];

/* A new finding of this symptom; its address is stale after the next found(). */
struct finding *found(struct diagnosing *d, const char *symptom, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A line of evidence; `fact` is where it was learnt, as facts' notes name it, or NULL. */
void saw(struct diagnosing *d, struct finding *f, const char *fact, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* {name} in commands and settings means this. */
void about(struct diagnosing *d, struct finding *f, const char *name, const char *value);
bool found_already(const struct diagnosing *d, const char *symptom);

/* ---- questions to the facts ---- */

/* A package that is installed and whose name is one of a kind: module, libraries, fabric. */
bool is_of_kind(const struct diagnosing *d, const char *kind, const char *package);
const struct fact_package *of_kind(const struct diagnosing *d, const char *kind);

/* The kernel's modules are this system's own: no container, no WSL, no driver container. */
bool owns_modules(const struct diagnosing *d);
bool is_loaded(const struct diagnosing *d, const char *module);
/* The kernel that runs, or that the next boot starts. */
bool matters(const struct fact_kernel *k);
const struct record *gpu_of(const struct diagnosing *d, const struct fact_gpu *g);
const struct record *arch_of(const struct diagnosing *d, const struct fact_gpu *g);
