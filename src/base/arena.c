/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked memory, freed at once. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16 << 10 };

struct arena_chunk {
	struct arena_chunk *before;
	size_t used, cap;
	alignas(max_align_t) char data[];
};

void arena_release(struct arena *a)
{
	while (a->last) {
		struct arena_chunk *c = a->last;

		a->last = c->before;
		free(c);
	}
	a->total = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need =
		(size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	struct arena_chunk *c = a->last;
	void *p;

	if (!c || c->cap - c->used < need) {
		size_t cap = need > CHUNK ? need : CHUNK;

		c = mem_alloc(sizeof(*c) + cap);
		c->cap = cap;
		c->before = a->last;
		a->last = c;
		a->total += cap;
	}
	p = c->data + c->used;
	c->used += need;
	return p;
}

const char *arena_strn(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	memcpy(copy, s, n);
	return copy;
}

const char *arena_str(struct arena *a, const char *s)
{
	return s ? arena_strn(a, s, strlen(s)) : NULL;
}

const char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	auto_free char *text = mem_vprintf(fmt, ap);

	return arena_str(a, text);
}

const char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

void *list_grow(struct arena *a, const void *at, size_t n, size_t *cap, size_t item)
{
	void *bigger;

	if (n < *cap)
		return (void *)(size_t)at;
	*cap = *cap ? *cap * 2 : 4;
	bigger = arena_alloc(a, *cap * item);
	if (n)
		memcpy(bigger, at, n * item);
	return bigger;
}
