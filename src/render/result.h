/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine (Ansible, Salt, a script) is told about a host: one object, the same for all of
 * them, described by docs/gpuprov.result-1.schema.json. Additions keep the 1; readers ignore keys
 * that they do not know.
 */
#pragma once

#include "base/diag.h"
#include "base/rec.h"

#include <stdbool.h>

#define RESULT_SCHEMA "gpuprov.result/1"

enum result_state {
	RESULT_PLANNED,
	RESULT_DONE, /* now, or it was already */
	RESULT_FAILED,
	RESULT_WAITING, /* for the next boot */
	RESULT_SKIPPED, /* not begun, because one before it failed */
};

/* A step that is not kept. */
struct result_action {
	const char *id, *kind;
	const char *op; /* add, change, replace, remove */
	const char *what, *reason;
	enum result_state state;
	long long ms; /* that it took; 0 = not carried out */
};

/* What a step changes, in the form that Ansible shows. */
struct result_diff {
	const char *before, *after;
	const char *before_header, *after_header;
};

struct result {
	const char *schema;
	bool changed, failed;
	const char *msg;
	long long rc; /* exit status of the program, see gpuprov-exit(7) */
	bool reboot_required;
	const char *plan_id; /* SHA-256 of the plan; NULL = there is none */
	LIST(struct result_action) actions;
	LIST(struct diag) diagnostics;
	LIST(struct result_diff) diff;
};

/* Into an object that is open, all keys, also where a list is empty. */
void result_write(struct jw *j, const struct result *r);

/* The line that Salt's cmd.run takes with `stateful: True`. */
void result_write_salt(const struct result *r, struct buf *ret);
