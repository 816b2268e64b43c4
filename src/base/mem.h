/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap memory. The only place besides arena and buf that may call malloc. When memory is out the
 * program says so and aborts: the journal makes any death resumable, so nothing need survive this.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed */
void *mem_realloc(void *old, size_t size);
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
void mem_free(void *p);
void mem_free_const(const void *p); /* for owned strings that are const to their readers */

void mem_free_p(void *p); /* cleanup attribute: p is the address of a pointer */
#define auto_free __attribute__((cleanup(mem_free_p)))

/* Take a value out of an auto_free variable. */
#define steal(p)                                                                                   \
	({                                                                                         \
		__typeof__(p) stolen_ = (p);                                                       \
		(p) = NULL;                                                                        \
		stolen_;                                                                           \
	})
