/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of a value: profile, facts, catalog and plan live in one arena each, are built once, are
 * const afterwards and are freed at once. Nobody frees a string of an arena.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;
struct arena {
	struct arena_chunk *last;
	size_t total; /* bytes taken from the heap, for the bench */
};

#define auto_arena __attribute__((cleanup(arena_release)))

void arena_release(struct arena *a);
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for anything */
const char *arena_str(struct arena *a, const char *s);
const char *arena_strn(struct arena *a, const char *s, size_t n);
const char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* A list whose items live in an arena. All lists have the same layout, which rec.c relies on. */
#define LIST(T)                                                                                    \
	struct {                                                                                   \
		T *at;                                                                             \
		size_t n, cap;                                                                     \
	}

/* Append one zeroed item and give its address; earlier addresses become stale. */
#define list_push(a, l)                                                                            \
	((l)->at = list_grow((a), (l)->at, (l)->n, &(l)->cap, sizeof(*(l)->at)), &(l)->at[(l)->n++])
#define list_add(a, l, value) (*list_push(a, l) = (value))
#define list_each(l, it) for (__typeof__(*(l)->at) *it = (l)->at; it && it < (l)->at + (l)->n; it++)

void *list_grow(struct arena *a, const void *at, size_t n, size_t *cap, size_t item);

typedef LIST(const char *) strs;
