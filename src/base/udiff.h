/* SPDX-License-Identifier: Apache-2.0 */
/* Two texts as a unified diff, as diff -u writes it. */
#pragma once

#include "base/buf.h"

/*
 * Nothing when they are equal. A text that is NULL is no file: its name is then /dev/null. Control
 * characters are kept: whoever shows it on a terminal escapes them.
 */
void udiff(const char *old_name, const char *old, size_t old_len, const char *new_name,
	   const char *new, size_t new_len, struct buf *ret);
