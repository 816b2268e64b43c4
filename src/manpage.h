/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual pages in scdoc's language, from the tables: commands and options, keys of a profile. What
 * the tables do not know, examples above all, is in docs/man/ and is put behind it by the Makefile.
 */
#pragma once

#include "options.h"

/* gpuprov(1) when c is NULL, else gpuprov-COMMAND(1): from NAME to OPTIONS. */
void manpage_command(const struct command *c, struct buf *ret);

/* What stands for @KEYS@ in docs/man/gpuprov-profile.5.scd. */
void manpage_profile(struct buf *ret);
