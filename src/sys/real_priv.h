/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the real struct sys share. */
#pragma once

#include "sys/path.h"
#include "sys/sys.h"

#include <unistd.h>

struct real {
	int root_fd;
	int log_fd; /* -1 = none */
};

static inline void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
#define auto_close __attribute__((cleanup(close_fd)))

int real_root_fd(const struct sys *s);
int fd_read_all(int fd, struct buf *ret); /* EFBIG when the limit of ret is passed */
int fd_write_all(int fd, const void *bytes, size_t len);

/* In replace.c, spawn.c and apt_worker.c. */
int real_replace(const struct sys *s, const char *path, const void *bytes, size_t len,
		 const struct sys_attr *attr, struct err *e);
int real_run(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret, struct err *e);
int real_apt(const struct sys *s, const struct apt_job *job, const struct apt_listener *listener,
	     struct apt_answer *ret, struct err *e);
