/* SPDX-License-Identifier: Apache-2.0 */
/* One error on its way up: what failed, where in the user's file, and what to do about it. */
#pragma once

#include "base/code.h"

#include <stddef.h>

enum { ERR_WAYS = 6 };

/* A place in a file the user wrote. Lines and columns start at 1 and count characters; 0 = none. */
struct span {
	const char *file;
	unsigned line, col;
	unsigned width; /* characters covered, at least 1 when line is set */
	size_t off;     /* byte offset of the first character */
	size_t len;     /* bytes covered */
};

/*
 * A function that can fail returns 0 or -1 and takes `struct err *e` last. On success e is
 * untouched. The bottom says what failed (err_set), everybody above adds what *they* were doing
 * (err_ctx), so that the reader gets one sentence. A function reports or returns an error, never
 * both.
 */
struct err {
	enum code code;
	struct span at; /* at.file is owned by the error */
	char *text;
	char *ways[ERR_WAYS]; /* ways out, each one thing to do; owned */
	size_t n_ways;
};

/*
 * Macros with the value -1, so that compilers and analysers know what `return err_set(...)`
 * returns.
 */
#define err_set(e, code, ...)                                                                      \
	({                                                                                         \
		err_set_((e), (code), __VA_ARGS__);                                                \
		-1;                                                                                \
	})
#define err_ctx(e, ...)                                                                            \
	({                                                                                         \
		err_ctx_((e), __VA_ARGS__);                                                        \
		-1;                                                                                \
	})

void err_set_(struct err *e, enum code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void err_ctx_(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set code and text from errno: "WHAT: No such file or directory". Chooses the code by errno. */
#define err_errno(e, errnum, ...)                                                                  \
	({                                                                                         \
		err_errno_((e), (errnum), __VA_ARGS__);                                            \
		-1;                                                                                \
	})
void err_errno_(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Add one way out. Beyond ERR_WAYS they are dropped: nobody reads the seventh. */
void err_way(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Point the error at a place; the file name is copied. */
void err_at(struct err *e, const struct span *at);

/* Forget an error on purpose. Say why in a comment where you call it. */
void err_drop(struct err *e);
#define err_release err_drop

/* Move an error: *to takes over what from held, from becomes empty. */
void err_move(struct err *to, struct err *from);

#define auto_err __attribute__((cleanup(err_drop))) struct err
