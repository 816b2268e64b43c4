/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML read by a library that many others use, as a stream of events. It knows no exact places, so
 * the edit engine reads by itself and uses this one as a second opinion.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_event_type {
	TOML_TABLE, /* up to its TOML_END */
	TOML_ARRAY, /* up to its TOML_END */
	TOML_END,
	TOML_STRING,
	TOML_INT,
	TOML_FLOAT,
	TOML_BOOL,
	TOML_TIME,
};

/* A date, a time of day, or both. */
struct toml_time {
	int year, month, day;     /* year -1: no date */
	int hour, minute, second; /* hour -1: no time of day */
	long nanosecond;
	bool offset;
	int offset_minutes;
};

struct toml_event {
	enum toml_event_type type;
	const char *key; /* NULL in arrays and for the root */
	size_t key_len;
	const char *text; /* TOML_STRING */
	size_t len;
	long long integer; /* TOML_INT, TOML_BOOL */
	double real;
	struct toml_time time;
};

/* Why a text was refused; line and column count from 1. */
struct toml_refusal {
	unsigned line, col;
	char text[200];
};

typedef void toml_listener(void *ctx, const struct toml_event *event);

/* Read a text that is known to be UTF-8 and nested no deeper than 250: 0, or -1. */
int toml_read(const char *text, size_t len, toml_listener *listener, void *ctx,
	      struct toml_refusal *ret);

/* Is this spelling, without underscores, the number? NaN equals NaN. Knows no locale. */
bool toml_float_is(const char *text, size_t len, double real);

#ifdef __cplusplus
}
#endif
