/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal: width, colour, one line that is redrawn, and questions. */
#pragma once

#include "execute/execute.h"
#include "render/render.h"

#include <stdio.h>

struct options;

/*
 * How to write to this stream: colour by --color, NO_COLOR, TERM and isatty; width of the terminal.
 */
struct style terminal_style(const struct options *o, FILE *stream);

bool terminal_is(FILE *stream);

/* Ask a yes-or-no question on the terminal. False also when there is nobody to answer. */
bool terminal_confirm(const char *question);

/* ---- progress ---- */

/*
 * On a terminal: one line a running step, redrawn at most ten times a second. Elsewhere: a line
 * when a step begins and one when it ends.
 */
struct progress {
	FILE *to;
	struct style style;
	bool redraw;
	long long last_ms;  /* when the line was drawn */
	long long begin_ms; /* when the step began */
	bool drawn;         /* a line stands that must be cleared */
};

void progress_init(struct progress *p, const struct options *o);
/* For things that run before a plan exists: "reading package indexes 3.1 MB of 9 MB". */
void progress_show(struct progress *p, const char *what, const struct step_progress *at);
void progress_clear(struct progress *p);
/* An exec_listener's event function; ctx is a struct progress. */
void progress_event(void *ctx, const struct exec_event *ev);
