/* SPDX-License-Identifier: Apache-2.0 */
/* TAP for C tests. A test program calls plan_tests() or done_testing(), and ok() and friends. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_number, tap_failed;

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool good, const char *file,
								int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_number);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

static inline void tap_show(const char *name, const char *text)
{
	printf("# %s: ", name);
	for (; text && *text; text++)
		printf(*text == '\n' ? "\n#   " : "%c", *text);
	puts(text ? "" : "(null)");
}

static inline bool tap_is(const char *got, const char *want, const char *file, int line,
			  const char *what)
{
	bool same = got == want || (got && want && strcmp(got, want) == 0);

	tap_ok(same, file, line, "%s", what);
	if (!same) {
		tap_show("got", got);
		tap_show("wanted", want);
	}
	return same;
}

#define ok(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)
#define is(got, want, what) tap_is((got), (want), __FILE__, __LINE__, (what))
#define skip(why, ...)                                                                             \
	do {                                                                                       \
		printf("ok %d # SKIP ", ++tap_number);                                             \
		printf(why __VA_OPT__(, ) __VA_ARGS__);                                            \
		putchar('\n');                                                                     \
	} while (0)

static inline int done_testing(void)
{
	printf("1..%d\n", tap_number);
	return tap_failed ? 1 : 0;
}
