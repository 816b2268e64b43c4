/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: compare, cut, escape, measure, guess what was meant. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

bool str_eq(const char *a, const char *b);        /* NULL equals only NULL */
bool str_empty(const char *s);                    /* NULL or "" */
bool str_starts(const char *s, const char *head); /* the rest is s + strlen(head) */
bool str_ends(const char *s, const char *tail);
int str_cmp(const char *a, const char *b); /* order for sorting; NULL first */

/* Whole string as a non-negative number; false on anything else or overflow. */
bool str_to_u64(const char *s, unsigned long long *ret);
bool str_to_hex(const char *s, unsigned long long *ret); /* with or without 0x */

/* A piece of a string that is not NUL-terminated. */
struct piece {
	const char *at;
	size_t len;
};
#define PIECE(s) ((struct piece){ (s), strlen(s) })

/* Take the next line (without its newline) off *rest; false at the end. */
bool str_line(struct piece *rest, struct piece *ret);
/* Take the next run of non-blanks off *rest; false when only blanks are left. */
bool str_word(struct piece *rest, struct piece *ret);
struct piece str_trim(struct piece p);
bool piece_eq(struct piece p, const char *s);
bool piece_starts(struct piece p, const char *head);

/*
 * Damerau-Levenshtein distance, at most `most` + 1. Used for suggestions: a candidate within 2
 * edits (1 for words of up to 4 letters) is what was meant.
 */
unsigned str_distance(const char *a, const char *b, unsigned most);
bool str_meant(const char *typed, const char *candidate, unsigned *ret_distance);
/* The nearest of some words that may have been meant; NULL = none. The words end with NULL. */
const char *str_nearest(const char *typed, const char *const *words);

/*
 * Append text for a terminal or a log: control bytes, bad UTF-8 and invisible characters escaped.
 */
void str_escape(struct buf *b, const char *s, size_t n);

/* UTF-8. Decodes one character, returns its bytes (0 at the end, -1 when malformed). */
int utf8_next(const char *s, size_t n, unsigned *ret_char);
bool utf8_valid(const char *s, size_t n, size_t *ret_bad_at);
size_t utf8_count(const char *s, size_t n); /* characters; a bad byte counts one */
unsigned utf8_char_width(unsigned c);       /* terminal cells: 0, 1 or 2 */
size_t utf8_width(const char *s, size_t n); /* terminal cells */
bool utf8_is_invisible(unsigned c);         /* zero-width or direction-changing */

/* "14.1 MB" (powers of 1000, as apt prints them). */
void str_size(struct buf *b, unsigned long long bytes);
