/* SPDX-License-Identifier: Apache-2.0 */
/* Files the user names on the command line. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/real.h"
#include "sys/real_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int user_read(const char *path, struct buf *ret, struct err *e)
{
	auto_close int fd = -1;
	struct stat st;

	if (str_eq(path, "-")) {
		if (fd_read_all(STDIN_FILENO, ret) == 0)
			return 0;
		if (errno == EFBIG)
			return err_set(e, GP_TOO_LARGE, "standard input is larger than %zu KiB",
				       ret->limit >> 10);
		return err_errno(e, errno, "reading standard input");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_errno(e, errno, "reading '%s'", path);
	/* <(process substitution) and /dev/stdin are pipes; those end by themselves. */
	if (str_starts(path, "/dev/") && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		fcntl(fd, F_SETFL, 0);
		return fd_read_all(fd, ret) ? err_errno(e, errno, "reading '%s'", path) : 0;
	}
	return fd_read_file(fd, path, ret, e);
}

const char *user_meant(const char *path, struct arena *a)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *best = NULL;
	const char *folder = !slash        ? "." :
			     slash == path ? "/" :
					     arena_strn(a, path, (size_t)(slash - path));
	unsigned best_distance = 99;
	DIR *dir = opendir(folder);

	if (!dir)
		return NULL;
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		unsigned distance = 0;

		/* In the order of the folder, which is any: of two as near the first by name. */
		if (*d->d_name == '.' || str_eq(name, d->d_name) ||
		    !str_meant(name, d->d_name, &distance) || distance > best_distance ||
		    (best && distance == best_distance && strcmp(d->d_name, best) > 0))
			continue;
		best = arena_str(a, d->d_name);
		best_distance = distance;
	}
	closedir(dir);
	return best ? arena_printf(a, "%.*s%s", (int)(name - path), path, best) : NULL;
}

/* A whole file in place of the old one. One that was there keeps its owner, if we may give it. */
static int put_in_place(const char *path, const struct stat *old, const void *bytes, size_t len,
			unsigned mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	auto_arena struct arena a = { 0 };
	const char *folder = !slash        ? "." :
			     slash == path ? "/" :
					     arena_strn(&a, path, (size_t)(slash - path));
	const bool keep = old && geteuid() == 0;
	const struct sys_attr attr = { .mode = mode,
				       .uid = keep ? old->st_uid : geteuid(),
				       .gid = keep ? old->st_gid : getegid() };
	struct sys in;
	int rc;

	if (sys_real_open(folder, &in, e))
		return err_ctx(e, "writing '%s'", path);
	rc = sys_replace(&in, slash ? slash + 1 : path, bytes, len, &attr, e);
	sys_real_close(&in);
	return rc;
}

int user_write(const char *path, const void *bytes, size_t len, unsigned mode, struct err *e)
{
	auto_close int fd = -1;
	struct stat st;
	bool there;

	if (str_eq(path, "-"))
		return fd_write_all(STDOUT_FILENO, bytes, len) ?
			       err_errno(e, errno, "writing standard output") :
			       0;
	there = lstat(path, &st) == 0;
	if (!there || S_ISREG(st.st_mode))
		return put_in_place(path, there ? &st : NULL, bytes, len, mode, e);
	/* A pipe or a terminal. */
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0 || fd_write_all(fd, bytes, len))
		return err_errno(e, errno, "writing '%s'", path);
	return 0;
}

/* Under sudo the caller is who called sudo; the variable is sudo's, or root's own word. */
static bool is_caller(unsigned uid)
{
	const char *sudo = getenv("SUDO_UID");
	unsigned long long caller;

	if (uid == 0 || uid == geteuid())
		return true;
	return getuid() == 0 && sudo && str_to_u64(sudo, &caller) && caller == uid;
}

static int check_own(const char *path, const struct stat *st, struct err *e)
{
	if (!is_caller(st->st_uid)) {
		err_set(e, GP_PLAN_UNSAFE, "'%s' belongs to user %u, who is neither root nor you",
			path, (unsigned)st->st_uid);
		err_way(e, "make the plan again yourself: gpuprov plan PROFILE --out FILE");
		return -1;
	}
	if (st->st_mode & 022) {
		err_set(e, GP_PLAN_UNSAFE, "'%s' can be written by others (mode %04o)", path,
			(unsigned)st->st_mode & 07777);
		err_way(e, "make the plan again: gpuprov plan PROFILE --out FILE writes mode 0600");
		return -1;
	}
	return 0;
}

int user_read_own(const char *path, const char *head, struct buf *ret, bool *ret_is, struct err *e)
{
	size_t n = strlen(head);
	auto_free char *begin = mem_alloc(n + 1);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	struct stat st;

	*ret_is = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		  pread(fd, begin, n, 0) == (ssize_t)n && str_eq(begin, head);
	if (!*ret_is)
		return 0;
	/* Of the file that is open: a name could be another file by now. */
	return check_own(path, &st, e) ? -1 : fd_read_file(fd, path, ret, e);
}

int user_create(const char *path, const void *bytes, size_t len, unsigned mode, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0 || fd_write_all(fd, bytes, len) || fsync(fd))
		return err_errno(e, errno, "writing '%s'", path);
	return 0;
}
