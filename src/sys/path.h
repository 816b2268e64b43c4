/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a path beneath a root directory, whatever links lie on the way. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum path_rule {
	PATH_FOLLOW, /* links are followed, absolute ones from the root: for reading */
	PATH_STRICT, /* no link anywhere on the path (ELOOP): for writing */
};

/*
 * Like openat(), with O_CLOEXEC. `path` is relative to root_fd; ".." and links cannot leave it.
 * Uses openat2(2); where the kernel lacks it (ENOSYS) or a filter forbids it (EPERM), walks by
 * hand.
 */
int path_open(int root_fd, const char *path, int flags, mode_t mode, enum path_rule rule);

/*
 * Open the directory that holds `path` and give the last component (a pointer into path). The
 * directory itself is opened by the rule; the last component is not looked at.
 */
int path_open_parent(int root_fd, const char *path, enum path_rule rule, const char **ret_name);

/* Tests turn openat2 off to run the walk by hand. */
extern bool path_without_openat2;
