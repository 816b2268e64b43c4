/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program has to say about a profile or a plan: errors, refusals, warnings. Unlike a
 * struct err, which stops the work, diagnostics are values: all of them are collected and shown
 * together.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/rec.h"

enum severity { SEV_ERROR, SEV_WARNING, SEV_NOTE };

/* One way out: a sentence, and where it is a change of the profile, that change as "path=value". */
struct way {
	const char *text;
	strs sets;
};

struct diag {
	enum severity severity;
	enum code code;
	const char *rule; /* "R21", or NULL */
	struct span at;   /* where in the profile; line 0 = nowhere */
	struct span also; /* a second place that disagrees; line 0 = none */
	const char *also_note;
	const char *what; /* one line: what is wrong */
	const char *why;  /* the reason or the evidence; NULL when `what` says it all */
	LIST(struct way) ways;
};

struct diags {
	struct arena *a;
	LIST(struct diag) list;
};

/* Append one; its text is formatted into the arena. Fill in the rest through the result. */
struct diag *diag_add(struct diags *d, enum severity severity, enum code code,
		      const struct span *at, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void diag_why(struct diags *d, struct diag *one, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* `set` is "path=value" or NULL when the way out is not a change of the profile. */
void diag_way(struct diags *d, struct diag *one, const char *set, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Turn an error into a diagnostic; the error is emptied. */
void diag_from_err(struct diags *d, struct err *e);

size_t diag_count(const struct diags *d, enum severity severity);
void diag_sort(struct diags *d); /* by file, line, column, then the order added */

extern const struct rec_row diag_rows[]; /* struct diag, for JSON */
