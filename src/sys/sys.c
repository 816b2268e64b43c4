/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through the table of a struct sys. */
#include "sys/sys.h"

#include "base/mem.h"
#include "base/str.h"

#include <string.h>

int sys_read(const struct sys *s, const char *path, struct buf *ret, struct err *e)
{
	return s->ops->read(s, path, ret, e);
}

int sys_read_if(const struct sys *s, const char *path, struct buf *ret, bool *ret_there,
		struct err *e)
{
	auto_err problem = { 0 };

	if (s->ops->read(s, path, ret, &problem) == 0) {
		*ret_there = true;
		return 0;
	}
	if (problem.code == GP_NO_FILE) {
		*ret_there = false;
		return 0;
	}
	err_move(e, &problem);
	return -1;
}

int sys_stat(const struct sys *s, const char *path, struct sys_stat *ret, struct err *e)
{
	return s->ops->stat(s, path, ret, e);
}

int sys_list(const struct sys *s, const char *path, struct arena *a, strs *ret, struct err *e)
{
	return s->ops->list(s, path, a, ret, e);
}

int sys_readlink(const struct sys *s, const char *path, struct buf *ret, struct err *e)
{
	return s->ops->readlink(s, path, ret, e);
}

int sys_module(const struct sys *s, const char *path, struct arena *a, struct sys_module *ret,
	       struct err *e)
{
	return s->ops->module(s, path, a, ret, e);
}

int sys_replace(const struct sys *s, const char *path, const void *bytes, size_t len,
		const struct sys_attr *attr, struct err *e)
{
	return s->ops->replace(s, path, bytes, len, attr, e);
}

int sys_remove(const struct sys *s, const char *path, struct err *e)
{
	return s->ops->remove(s, path, e);
}

int sys_mkdirs(const struct sys *s, const char *path, unsigned mode, struct err *e)
{
	return s->ops->mkdirs(s, path, mode, e);
}

int sys_symlink(const struct sys *s, const char *target, const char *path, struct err *e)
{
	return s->ops->symlink(s, target, path, e);
}

int sys_append(const struct sys *s, const char *path, const void *bytes, size_t len, struct err *e)
{
	return s->ops->append(s, path, bytes, len, e);
}

int sys_reserve(const struct sys *s, const char *path, size_t bytes, struct err *e)
{
	return s->ops->reserve(s, path, bytes, e);
}

int sys_rmdir(const struct sys *s, const char *path, struct err *e)
{
	return s->ops->rmdir(s, path, e);
}

int sys_link(const struct sys *s, const char *from, const char *to, struct err *e)
{
	return s->ops->link(s, from, to, e);
}

int sys_digest(const struct sys *s, const char *path, char *ret, struct err *e)
{
	return s->ops->digest(s, path, ret, e);
}

int sys_keep(const struct sys *s, const char *path, struct arena *a, struct sys_kept *ret,
	     struct err *e)
{
	return s->ops->keep(s, path, a, ret, e);
}

int sys_put_back(const struct sys *s, const char *path, const struct sys_kept *kept, struct err *e)
{
	return s->ops->put_back(s, path, kept, e);
}

static const struct rec_row xattr_rows[] = {
	REC_ROW(struct sys_xattr, name, REC_STR, "name"),
	REC_ROW(struct sys_xattr, hex, REC_STR, "value"),
	REC_END,
};

const struct rec_row sys_kept_rows[] = {
	REC_ROW(struct sys_kept, there, REC_BOOL, "there was a file"),
	REC_ROW(struct sys_kept, sha256, REC_STR, "hash of its bytes"),
	REC_ROW(struct sys_kept, mode, REC_INT, "its permission bits"),
	REC_ROW(struct sys_kept, uid, REC_INT, "its owner"),
	REC_ROW(struct sys_kept, gid, REC_INT, "its group"),
	{ .name = "xattrs",
	  .type = REC_LIST,
	  .offset = offsetof(struct sys_kept, xattrs),
	  .rows = xattr_rows,
	  .size = sizeof(struct sys_xattr),
	  .help = "its extended attributes" },
	REC_END,
};

int sys_lock(const struct sys *s, const char *path, unsigned wait_s, int *ret_fd, struct err *e)
{
	return s->ops->lock(s, path, wait_s, ret_fd, e);
}

void sys_unlock(const struct sys *s, int fd)
{
	s->ops->unlock(s, fd);
}

int sys_locked(const struct sys *s, const char *path, bool *ret, struct err *e)
{
	return s->ops->locked(s, path, ret, e);
}

int sys_log_to(const struct sys *s, const char *path, struct err *e)
{
	return s->ops->log_to(s, path, e);
}

int sys_run(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret, struct err *e)
{
	return s->ops->run(s, cmd, ret, e);
}

enum { TAIL_LINES = 20 };

/* The last few lines: what a person would look at first. */
static const char *tail(const struct buf *output)
{
	const char *text = buf_str(output), *at = text + output->len;
	int lines = 0;

	if (at > text && at[-1] == '\n')
		at--;
	while (at > text && (at[-1] != '\n' || ++lines < TAIL_LINES))
		at--;
	return at;
}

int sys_run_ok(const struct sys *s, const struct sys_cmd *cmd, struct err *e)
{
	struct sys_done done = { 0 };
	int rc;

	if (sys_run(s, cmd, &done, e))
		return -1;
	if (done.timed_out)
		rc = err_set(e, GP_TIMEOUT, "'%s' did not end in time and was stopped",
			     cmd->argv[0]);
	else if (done.status)
		rc = err_set(e, GP_COMMAND_FAILED, "'%s' ended with status %d\n%s", cmd->argv[0],
			     done.status, tail(&done.output));
	else
		rc = 0;
	buf_release(&done.output);
	return rc;
}

int sys_ask(const struct sys *s, const char *socket, const char *what, struct buf *ret,
	    struct err *e)
{
	return s->ops->ask(s, socket, what, ret, e);
}

int sys_apt(const struct sys *s, const struct apt_job *job, const struct apt_listener *listener,
	    struct apt_answer *ret, struct err *e)
{
	return s->ops->apt(s, job, listener, ret, e);
}

int sys_read_head(const struct sys *s, const char *path, size_t max, struct buf *ret, struct err *e)
{
	return s->ops->read_head(s, path, max, ret, e);
}

int sys_sum(const struct sys *s, const char *path, struct sys_sums *io, struct err *e)
{
	return s->ops->sum(s, path, io, e);
}

int sys_prune(const struct sys *s, const char *path, struct err *e)
{
	return s->ops->prune(s, path, e);
}

int sys_fetch(const struct sys *s, const struct fetch_job *job,
	      const struct fetch_listener *listener, struct err *e)
{
	return s->ops->fetch(s, job, listener, e);
}

int sys_look(const struct sys *s, const struct look_job *job, struct look_answer *ret,
	     struct err *e)
{
	return s->ops->look(s, job, ret, e);
}

int sys_space(const struct sys *s, const char *path, struct sys_space *ret, struct err *e)
{
	return s->ops->space(s, path, ret, e);
}

int sys_ident(const struct sys *s, struct sys_ident *ret, struct err *e)
{
	return s->ops->ident(s, ret, e);
}

int64_t sys_now(const struct sys *s)
{
	return s->ops->now(s);
}

int sys_driver(const struct sys *s, const struct driver_ask *ask, struct arena *a,
	       struct driver_answer *ret, struct err *e)
{
	return s->ops->driver(s, ask, a, ret, e);
}
