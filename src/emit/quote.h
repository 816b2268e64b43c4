/* SPDX-License-Identifier: Apache-2.0 */
/* Values of other languages, written so that no text can break out of them. */
#pragma once

#include "base/buf.h"
#include "profile/profile.h"

/*
 * A YAML string, for readers of 1.1 and 1.2 alike: plain where nobody could read it as anything
 * else, else in double quotes.
 */
void quote_yaml(struct buf *b, const char *text);

/* One word of a POSIX shell. */
void quote_shell(struct buf *b, const char *text);

/*
 * A value that is handed on from the profile, in block style, each line indented; ends with a line
 * break. Everything is text, except for the values of `number`, a key whose values were checked to
 * be numbers (NULL = none).
 */
void quote_value(struct buf *b, const struct value *v, unsigned indent, const char *number);
