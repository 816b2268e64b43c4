/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is broken on a host, why, and what mends it: a pure function of facts and catalog. Symptoms,
 * causes and cures are records of catalog/symptoms.cat; telling them from facts is code.
 */
#pragma once

#include "base/diag.h"
#include "catalog.h"
#include "facts.h"

/* What mends it. Nobody has asked yet is FIX_UNKNOWN. */
enum fix { FIX_UNKNOWN, FIX_BY_HAND, FIX_PLAN, FIX_PLAN_AND_BOOT };

struct finding {
	enum severity severity;
	enum code code;      /* GP_SYMPTOM + n: what `gpuprov why` explains */
	const char *symptom; /* S01 */
	const char *name;    /* driver-mismatch */
	const char *what;    /* one line, about this host */
	strs evidence;       /* what was read, and where */
	const char *cause, *cure;
	strs commands;
	enum fix fix;                   /* found out by cure_judge() */
	const char *by_hand;            /* why no plan mends it; NULL = nothing has to be mended */
	strs sets;                      /* changes of the profile: "driver.branch=580" */
	LIST(struct record_attr) about; /* what {name} in commands stands for */
};

typedef LIST(struct finding) findings;
extern const struct rec_row finding_rows[];

void doctor(const struct facts *f, const struct catalog *c, struct arena *a, findings *ret);

/* The symptoms of a message that a program printed; none = it is not known. */
void doctor_error(const char *text, const struct catalog *c, struct arena *a, findings *ret);
