/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out a plan, step by step, with everything journaled before it is done. */
#pragma once

#include "plan.h"
#include "steps/step.h"

#include <stdbool.h>

struct sys;

enum exec_event_kind { EXEC_BEGIN, EXEC_PROGRESS, EXEC_KEPT, EXEC_DONE, EXEC_FAILED };

/* What listeners (terminal, log) are told. */
struct exec_event {
	enum exec_event_kind kind;
	const struct plan_step *step;
	size_t number, total;                 /* step n of m, counting those that do something */
	const struct step_progress *progress; /* EXEC_PROGRESS */
	const struct err *error;              /* EXEC_FAILED */
};

struct exec_listener {
	void (*event)(void *ctx, const struct exec_event *ev);
	void *ctx;
	/* True when the user asked to stop; looked at between steps. */
	bool (*stop)(void *ctx);
};

/*
 * Clear up after runs that were cut off, and run all steps that are not kept. The caller holds
 * journal_lock(). On failure the error says what failed, and what the state is: steps before it are
 * done, a later apply goes on from there.
 */
int execute(const struct plan *plan, const struct sys *sys, const struct sys *cache,
	    const struct exec_listener *listener, struct err *e);
