/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe learns one family of facts. It reads through struct sys only, changes nothing, and says
 * how it learnt a fact, or why it could not. Not being able to learn something is no error: the
 * fact is marked unknown. An error means that this is no system at all.
 *
 * A file probes/NAME.c exports `const struct probe probe_NAME`; the Makefile makes the table.
 */
#pragma once

#include "base/err.h"
#include "facts.h"

struct sys;

/* What a probe builds on. Within one order they run by name. */
enum probe_order { PROBE_FIRST, PROBE_NORMAL, PROBE_LAST, PROBE_ORDERS };

struct probe {
	const char *name;
	enum probe_order order;
	int (*run)(const struct sys *sys, struct facts *f, struct err *e);
};

/*
 * Shared by the probes, in probe.c. They ask about things that may well not be there: an error is
 * the same as absence. Where the difference matters, a probe asks sys itself.
 */
bool probe_there(const struct sys *sys, const char *path);
/* A small text file, its first line without blanks around it, the target of a link; or NULL. */
const char *probe_text(const struct sys *sys, struct facts *f, const char *path);
const char *probe_line(const struct sys *sys, struct facts *f, const char *path);
const char *probe_link(const struct sys *sys, struct facts *f, const char *path);
const char *probe_last(const char *path); /* its last part; NULL stays NULL */
void probe_list(const struct sys *sys, struct facts *f, const char *path, strs *ret);
