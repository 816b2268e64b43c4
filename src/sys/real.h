/* SPDX-License-Identifier: Apache-2.0 */
/* The real world behind struct sys. */
#pragma once

#include "sys/sys.h"

/* Open `root` (NULL = "/") for everything beneath it, until sys_real_close(). */
int sys_real_open(const char *root, struct sys *ret, struct err *e);
void sys_real_close(struct sys *s);

/*
 * Files the user names on the command line, relative to the current directory; "-" is stdin or
 * stdout. Only regular files, stdin and pipes are read: a FIFO or device named by mistake is
 * refused, not waited for.
 */
int user_read(const char *path, struct buf *ret, struct err *e);

/* The file beside it whose name is nearest, when one may have been meant; NULL = none. */
const char *user_meant(const char *path, struct arena *a);

/*
 * The same for a file that only its owner, who is root or the caller, may have written: not through
 * a link, not writable by others (GP_PLAN_UNSAFE). A file that does not begin with `head`, or that
 * is no regular file, is not looked at further: *ret_is says so.
 */
int user_read_own(const char *path, const char *head, struct buf *ret, bool *ret_is, struct err *e);
/*
 * A regular file is replaced as a whole: readers see the old bytes or the new ones, and a disk that
 * is full leaves the old.
 */
int user_write(const char *path, const void *bytes, size_t len, unsigned mode, struct err *e);

/* The same for a file that must not be there yet. */
int user_create(const char *path, const void *bytes, size_t len, unsigned mode, struct err *e);
