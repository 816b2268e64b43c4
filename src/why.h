/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the codes mean, at length: the text of docs/why/, built into the program. A section begins
 * with "## GP0101"; an example in it is indented by four blanks.
 */
#pragma once

#include "base/code.h"
#include "base/str.h"

/* Without its heading and blank lines around it; empty when there is none. */
struct piece why_text(enum code code);

/* Walk all codes that have a text: start with GP_NONE, ends with GP_NONE. */
enum code why_next(enum code after);
