/* SPDX-License-Identifier: Apache-2.0 */
/* Debian control files (deb822): stanzas of fields, as in dpkg's status and apt's .sources. */
#pragma once

#include "base/str.h"

/* Take the next stanza off *rest; false at the end. Stanzas are parted by blank lines. */
bool control_stanza(struct piece *rest, struct piece *ret);

/*
 * The value of a field, trimmed, with the lines that continue it; empty when it is not there. Names
 * are compared without case. Comment lines (#) are skipped.
 */
struct piece control_get(struct piece stanza, const char *field);
