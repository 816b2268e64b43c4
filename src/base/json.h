/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON into a buf: indented, keys in the order given, the same bytes for the same calls. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/* Start with { .out = &buf }; `compact` puts everything on one line (journal, JSON lines). */
struct jw {
	struct buf *out;
	bool compact;
	unsigned depth;
	bool need_comma, after_key;
};

void jw_open(struct jw *j, char bracket);  /* '{' or '[' */
void jw_close(struct jw *j, char bracket); /* '}' or ']' */
void jw_key(struct jw *j, const char *key);
void jw_str(struct jw *j, const char *value); /* NULL writes null */
void jw_int(struct jw *j, long long value);
void jw_bool(struct jw *j, bool value);
void jw_null(struct jw *j);

/* Key and value in one go. */
void jw_put_str(struct jw *j, const char *key, const char *value);
void jw_put_int(struct jw *j, const char *key, long long value);
void jw_put_bool(struct jw *j, const char *key, bool value);

/* A quoted JSON string; bytes that are not UTF-8 become U+FFFD. */
void jw_quote(struct buf *b, const char *s);
