/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes (GPnnnn) and exit statuses. */
#pragma once

/* What the process ends with; the contract is in docs/gpuprov-exit.7.scd. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,      /* what was begun is undone or resumable; the message says which */
	STATUS_PENDING = 2,     /* changes pending, only with --detailed-exitcode */
	STATUS_NO_PLAN = 3,     /* no plan satisfies the profile */
	STATUS_UNSUPPORTED = 4, /* this host cannot be provisioned */
	STATUS_MISMATCH = 5,    /* verify or drift mismatch */
	STATUS_STALE = 6,       /* the host moved since the plan was made */
	STATUS_USAGE = 64,
	STATUS_PROFILE = 65,
	STATUS_NETWORK = 69,
	STATUS_INTERNAL = 70,
	STATUS_LOCKED = 75,
	STATUS_ROOT = 77,
};

enum code {
	GP_NONE = 0,
#define X(name, number, status, title) name = (number),
#include "base/codes.inc"
#undef X
	GP_RULE = 1100,    /* GP_RULE + n is rule Rn */
	GP_SYMPTOM = 5200, /* GP_SYMPTOM + n is symptom Sn */
};

struct code_row {
	enum code code;
	enum status status;
	const char *title;
};

extern const struct code_row code_table[];
extern const unsigned code_count;

enum status code_status(enum code code);
const char *code_title(enum code code); /* NULL when there is no such code */
