/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes. */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .limit = b->limit };
}

void buf_clear(struct buf *b)
{
	b->full = false;
	buf_cut(b, 0);
}

char *buf_room(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (n > b->limit || b->len > b->limit - n) {
		b->full = true;
		return NULL;
	}
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : 64;

		while (cap < need)
			cap += cap / 2 + 64;
		b->data = mem_realloc(b->data, cap);
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_added(struct buf *b, size_t n)
{
	assert(b->len + n < b->cap);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *room = buf_room(b, n);

	if (!room)
		return;
	if (n)
		memcpy(room, bytes, n);
	buf_added(b, n);
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_pad(struct buf *b, char c, size_t n)
{
	char *room = buf_room(b, n);

	if (!room)
		return;
	memset(room, c, n);
	buf_added(b, n);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	auto_free char *text = mem_vprintf(fmt, ap);

	buf_adds(b, text);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_cut(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

bool buf_full(const struct buf *b)
{
	return b->full;
}

struct buf buf_steal(struct buf *b)
{
	struct buf taken = *b;

	*b = (struct buf){ .limit = b->limit };
	return taken;
}

char *buf_steal_str(struct buf *b)
{
	struct buf taken = buf_steal(b);

	return taken.data ? taken.data : mem_strdup("");
}
