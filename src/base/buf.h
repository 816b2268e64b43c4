/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes, always followed by a NUL, never longer than its limit. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * `limit` is the most bytes it will ever hold. What would go beyond is dropped and `full` is set:
 * whoever reads from outside checks buf_full(), whoever builds text uses BUF_TEXT and need not.
 */
struct buf {
	char *data; /* never NULL to readers: use buf_str() */
	size_t len, cap, limit;
	bool full;
};

#define BUF_INIT(max)                                                                              \
	{                                                                                          \
		.limit = (max)                                                                     \
	}
#define BUF_TEXT BUF_INIT((size_t)256 << 20)
#define auto_buf __attribute__((cleanup(buf_release)))

void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* empty it, keep limit and memory */

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_pad(struct buf *b, char c, size_t n); /* n times c */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Room for n more bytes to write into directly; NULL when the limit forbids. Then buf_added(). */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

void buf_cut(struct buf *b, size_t len); /* shorten to len */
const char *buf_str(const struct buf *b);
bool buf_full(const struct buf *b);
struct buf buf_steal(struct buf *b); /* the contents; b becomes empty */
char *buf_steal_str(struct buf *b);  /* the contents as a heap string the caller frees */
