/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a profile: is it text at all, and where in it is a line and column. */
#pragma once

#include "profile/profile.h"

/*
 * Size, encoding, control characters, byte-order marks and tag directives, with the right position:
 * 0, or -1 after a complaint. What passes has its lines where an editor has them. Also finds the
 * lines, so it comes before everything below.
 */
int text_check(struct profile_text *t, struct diags *diags);

/*
 * Fill in byte offset and length of a span from its line, column and width. `before` is a span that
 * is located already, or NULL: on the same line, counting goes on from there.
 */
void text_locate(const struct profile_text *t, const struct span *before, struct span *s);

/* The other way: line and column of a byte. */
struct span text_place(const struct profile_text *t, size_t off);

/* One line, without its newline; false when there is no such line. */
bool text_line(const struct profile_text *t, unsigned line, const char **ret, size_t *ret_len);
