/* SPDX-License-Identifier: Apache-2.0 */
/* Plans, diagnostics and verdicts as text for people. Pure: values in, bytes out. */
#pragma once

#include "base/diag.h"
#include "doctor/doctor.h"
#include "plan.h"
#include "profile/profile.h"
#include "verify/verify.h"

#include <stdbool.h>

struct style {
	unsigned width; /* columns to wrap at; 0 = never wrap */
	bool colour;
	bool ascii;  /* the terminal knows no UTF-8 */
	bool acting; /* the plan is about to be carried out: that nothing was changed goes unsaid */
};

void render_plan(const struct plan *p, const struct style *style, struct buf *ret);
/* Which drivers were looked at, best first, and what spoke against each. */
void render_tried(const struct plan *p, const struct style *style, struct buf *ret);

/* `text` (and what it is based on) shows the lines that diagnostics point at; NULL = without. */
void render_diags(const struct diags *d, const struct profile_text *text, const struct style *style,
		  struct buf *ret);

/* For programs: one JSON object; and SARIF 2.1.0. */
void render_diags_json(const struct diags *d, struct buf *ret);
void render_sarif(const struct diags *d, struct buf *ret);

/* "gpuprov: ..." and the ways out. */
void render_err(const struct err *e, const struct style *style, struct buf *ret);

void render_verdicts(const verdicts *v, const struct style *style, struct buf *ret);
/* For test runners: JUnit's XML. */
void render_junit(const verdicts *v, struct buf *ret);

/* Findings, the worst first, and how many. */
void render_findings(const findings *all, const struct style *style, struct buf *ret);

/* The line of one step, as it stands in plan and in apply: sign, label, what. */
void render_step_head(const struct plan_step *s, const struct style *style, struct buf *ret);

/* Text wrapped at the width of the style, each further line starting at column `indent`. */
void render_wrapped(const char *text, unsigned at, unsigned indent, const struct style *style,
		    struct buf *ret);
