/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One result on standard output for whoever drives many hosts, whatever happens: --format result,
 * --format salt, and `gpuprov ansible-module`. What people read goes to standard error as always.
 */
#pragma once

#include "commands/common.h"
#include "execute/execute.h"
#include "render/result.h"

/* Of one command. */
struct told {
	struct result result;
	bool diff;        /* also tell what changes in which file */
	bool facts;       /* also tell what the host is now, for Ansible */
	bool salt;        /* in Salt's form */
	bool planned;     /* there is a plan */
	size_t done;      /* steps carried out */
	long long at_ms;  /* when the step that runs began */
	struct plan plan; /* as it was shown */
};

/* Is a result asked for, instead of text? */
bool outcome_asked(const struct options *o);

/* The plan is made and nothing is done yet. */
int outcome_plan(struct job *j, struct err *e);
/* A step began or ended. */
void outcome_event(struct job *j, const struct exec_event *ev);

/* Do the work of a command for this result, and print it. Returns the exit status. */
int outcome_of(struct job *j, int (*work)(struct job *, struct err *), struct err *e);
/* The same, into an outcome that says what is to be told. */
int outcome_tell(struct job *j, struct told *o, int (*work)(struct job *, struct err *),
		 struct err *e);

/* There is nothing to do any work with: the error is the result. */
int outcome_failed(struct job *j, struct told *o, struct err *problem, struct err *e);

/* The work itself, of plan and of apply: j.o are their options. */
int work_plan(struct job *j, struct err *e);
int work_apply(struct job *j, struct err *e);
