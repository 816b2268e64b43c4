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
/* A path as a person outside the root would write it. The caller frees. */
char *real_shown(const struct sys *s, const char *path);
/* errno as an error; a link on the way is told as such. */
int real_open_error(const struct sys *s, const char *path, int errnum, const char *doing,
		    struct err *e);
int fd_read_all(int fd, struct buf *ret); /* EFBIG when the limit of ret is passed */
/* The same for a regular file, as an error; `shown` names it. */
int fd_read_file(int fd, const char *shown, struct buf *ret, struct err *e);
int fd_write_all(int fd, const void *bytes, size_t len);

/* In lock.c, replace.c, store.c, spawn.c, ask.c, apt_worker.c, sums.c and prune.c. */
int real_lock(const struct sys *s, const char *path, unsigned wait_s, int *ret_fd, struct err *e);
void real_unlock(const struct sys *s, int fd);
int real_locked(const struct sys *s, const char *path, bool *ret, struct err *e);
int real_replace(const struct sys *s, const char *path, const void *bytes, size_t len,
		 const struct sys_attr *attr, struct err *e);
int real_digest(const struct sys *s, const char *path, char *ret, struct err *e);
int real_keep(const struct sys *s, const char *path, struct arena *a, struct sys_kept *ret,
	      struct err *e);
int real_put_back(const struct sys *s, const char *path, const struct sys_kept *kept,
		  struct err *e);
int real_link(const struct sys *s, const char *from, const char *to, struct err *e);
int real_reserve(const struct sys *s, const char *path, size_t bytes, struct err *e);
int real_rmdir(const struct sys *s, const char *path, struct err *e);
int real_run(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret, struct err *e);
int real_ask(const struct sys *s, const char *socket, const char *what, struct buf *ret,
	     struct err *e);
int real_apt(const struct sys *s, const struct apt_job *job, const struct apt_listener *listener,
	     struct apt_answer *ret, struct err *e);
int real_driver(const struct sys *s, const struct driver_ask *ask, struct arena *a,
		struct driver_answer *ret, struct err *e);
int real_read_head(const struct sys *s, const char *path, size_t max, struct buf *ret,
		   struct err *e);
int real_sum(const struct sys *s, const char *path, struct sys_sums *io, struct err *e);
int real_prune(const struct sys *s, const char *path, struct err *e);
/* Remove a folder and all in it, without following a link; -1 with errno. */
int tree_remove(int dir, const char *name);
