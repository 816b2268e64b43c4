/* SPDX-License-Identifier: Apache-2.0 */
/* The real world: files beneath a root. Commands are in spawn.c, libapt in apt_worker.c. */
#include "sys/real.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/fetch.h"
#include "sys/module.h"
#include "sys/real_priv.h"
#include "sys/untrusted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

int real_root_fd(const struct sys *s)
{
	const struct real *r = s->ctx;

	return r->root_fd;
}

/* For messages: the path as a person outside the root would write it. */
#define SHOWN "'%s%s%s'"
#define SHOW(s, path) (s)->root, str_eq((s)->root, "/") ? "" : "/", (path)

char *real_shown(const struct sys *s, const char *path)
{
	return mem_printf("%s%s%s", SHOW(s, path));
}

int real_open_error(const struct sys *s, const char *path, int errnum, const char *doing,
		    struct err *e)
{
	if (errnum == ELOOP || errnum == EXDEV)
		return err_set(e, GP_UNSAFE_PATH,
			       "%s " SHOWN
			       ": a symbolic link is on the way, and it is not followed",
			       doing, SHOW(s, path));
	return err_errno(e, errnum, "%s " SHOWN, doing, SHOW(s, path));
}

int fd_read_all(int fd, struct buf *ret)
{
	char chunk[16 << 10];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		buf_add(ret, chunk, (size_t)n);
		if (buf_full(ret)) {
			errno = EFBIG;
			return -1;
		}
	}
}

int fd_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_read_file(int fd, const char *shown, struct buf *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_errno(e, errno, "reading '%s'", shown);
	if (S_ISDIR(st.st_mode))
		return err_set(e, GP_IO, "'%s' is a directory, not a file", shown);
	if (!S_ISREG(st.st_mode))
		return err_set(e, GP_IO, "'%s' is not a regular file", shown);
	if (fd_read_all(fd, ret)) {
		if (errno == EFBIG)
			return err_set(e, GP_TOO_LARGE, "'%s' is larger than %zu KiB", shown,
				       ret->limit >> 10);
		return err_errno(e, errno, "reading '%s'", shown);
	}
	return 0;
}

static int real_read(const struct sys *s, const char *path, struct buf *ret, struct err *e)
{
	auto_close int fd =
		path_open(real_root_fd(s), path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, PATH_FOLLOW);
	auto_free char *shown = mem_printf("%s%s%s", SHOW(s, path));

	if (fd < 0)
		return err_errno(e, errno, "reading '%s'", shown);
	return fd_read_file(fd, shown, ret, e);
}

static enum sys_type type_of(mode_t mode)
{
	if (S_ISREG(mode))
		return SYS_FILE;
	if (S_ISDIR(mode))
		return SYS_DIR;
	return S_ISLNK(mode) ? SYS_LINK : SYS_OTHER;
}

static int real_stat(const struct sys *s, const char *path, struct sys_stat *ret, struct err *e)
{
	auto_close int fd = path_open(real_root_fd(s), path, O_PATH | O_NOFOLLOW, 0, PATH_FOLLOW);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret = (struct sys_stat){ .type = SYS_ABSENT };
		return 0;
	}
	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, errno, "looking at " SHOWN, SHOW(s, path));
	*ret = (struct sys_stat){
		.type = type_of(st.st_mode),
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.links = (unsigned)st.st_nlink,
		.size = (unsigned long long)st.st_size,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
	};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int real_list(const struct sys *s, const char *path, struct arena *a, strs *ret,
		     struct err *e)
{
	int fd = path_open(real_root_fd(s), path, O_RDONLY | O_DIRECTORY, 0, PATH_FOLLOW);
	strs names = { 0 };
	struct dirent *entry;
	int problem;
	DIR *dir;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret = names;
		return 0;
	}
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return err_errno(e, saved, "listing " SHOWN, SHOW(s, path));
	}
	while (errno = 0, (entry = readdir(dir)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			list_add(a, &names, arena_str(a, entry->d_name));
	problem = errno;
	closedir(dir);
	/* Half a list would be taken for all there is. */
	if (problem)
		return err_errno(e, problem, "listing " SHOWN, SHOW(s, path));
	if (names.n)
		qsort(names.at, names.n, sizeof(*names.at), by_name);
	*ret = names;
	return 0;
}

static int real_readlink(const struct sys *s, const char *path, struct buf *ret, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_FOLLOW, &name);
	char target[PATH_MAX];
	ssize_t n;

	if (dir < 0)
		return err_errno(e, errno, "reading the link " SHOWN, SHOW(s, path));
	n = readlinkat(dir, name, target, sizeof(target));
	if (n < 0)
		return err_errno(e, errno, "reading the link " SHOWN, SHOW(s, path));
	buf_add(ret, target, (size_t)n);
	return 0;
}

static int real_remove(const struct sys *s, const char *path, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return real_open_error(s, path, errno, "removing", e);
	if (unlinkat(dir, name, 0) && errno != ENOENT)
		return err_errno(e, errno, "removing " SHOWN, SHOW(s, path));
	if (fsync(dir))
		return err_errno(e, errno, "syncing the directory of " SHOWN, SHOW(s, path));
	return 0;
}

static int make_one(int root_fd, const char *path, unsigned mode)
{
	const char *name;
	auto_close int dir = path_open_parent(root_fd, path, PATH_STRICT, &name);

	if (dir < 0)
		return -1;
	if (mkdirat(dir, name, mode))
		return errno == EEXIST ? 0 : -1;
	return fsync(dir);
}

static int real_mkdirs(const struct sys *s, const char *path, unsigned mode, struct err *e)
{
	auto_free char *part = mem_strdup(path);

	for (char *slash = strchr(part, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (make_one(real_root_fd(s), part, slash ? 0755 : mode))
			return real_open_error(s, part, errno, "making the directory", e);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static int real_symlink(const struct sys *s, const char *target, const char *path, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);

	if (dir < 0)
		return real_open_error(s, path, errno, "linking", e);
	if (symlinkat(target, dir, name))
		return err_errno(e, errno, "linking " SHOWN, SHOW(s, path));
	if (fsync(dir))
		return err_errno(e, errno, "syncing the directory of " SHOWN, SHOW(s, path));
	return 0;
}

static int real_append(const struct sys *s, const char *path, const void *bytes, size_t len,
		       struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);
	auto_close int fd = -1;
	bool created = false;

	if (dir < 0)
		return real_open_error(s, path, errno, "appending to", e);
	fd = openat(dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		created = true;
		fd = openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return real_open_error(s, path, errno, "appending to", e);
	if (fd_write_all(fd, bytes, len) || fdatasync(fd) || (created && fsync(dir)))
		return err_errno(e, errno, "appending to " SHOWN, SHOW(s, path));
	return 0;
}

static int real_space(const struct sys *s, const char *path, struct sys_space *ret, struct err *e)
{
	auto_close int fd =
		path_open(real_root_fd(s), path, O_RDONLY | O_DIRECTORY, 0, PATH_FOLLOW);
	struct statvfs v;

	if (fd < 0 || fstatvfs(fd, &v))
		return err_errno(e, errno, "measuring free space of " SHOWN, SHOW(s, path));
	*ret = (struct sys_space){
		.free_bytes = (unsigned long long)v.f_bavail * v.f_frsize,
		.total_bytes = (unsigned long long)v.f_blocks * v.f_frsize,
		.free_files = v.f_favail,
		.read_only = v.f_flag & ST_RDONLY,
	};
	return 0;
}

/* Up to the first newline, cut to fit. */
static void copy_word(char *to, size_t room, const char *from)
{
	size_t n = strcspn(from, "\n");

	if (n > room - 1)
		n = room - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

/* Who called us. SUDO_USER is what sudo says, and is shown only. */
static void say_user(struct sys_ident *ret)
{
	const char *sudo = getenv("SUDO_USER");
	auto_free char *uid = mem_printf("uid %u", (unsigned)getuid());

	copy_word(ret->user, sizeof(ret->user),
		  !getuid() && sudo && *sudo ? sudo :
		  getuid()                   ? uid :
					       "root");
}

static int real_ident(const struct sys *s, struct sys_ident *ret, struct err *e)
{
	auto_buf struct buf boot = BUF_INIT(128);
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	struct utsname u;

	(void)s;
	if (uname(&u))
		return err_errno(e, errno, "asking the kernel for its name");
	*ret = (struct sys_ident){ .euid = geteuid() };
	copy_word(ret->kernel, sizeof(ret->kernel), u.release);
	copy_word(ret->machine, sizeof(ret->machine), u.machine);
	copy_word(ret->host, sizeof(ret->host), u.nodename);
	say_user(ret);
	/* Without /proc there is no boot id; it is only used to notice a reboot. */
	if (fd >= 0 && fd_read_all(fd, &boot) == 0)
		copy_word(ret->boot_id, sizeof(ret->boot_id), buf_str(&boot));
	return 0;
}

static int real_log_to(const struct sys *s, const char *path, struct err *e)
{
	struct real *r = s->ctx;
	const char *name;
	auto_close int dir = path_open_parent(r->root_fd, path, PATH_STRICT, &name);

	close_fd(&r->log_fd);
	r->log_fd = dir < 0 ? -1 :
			      openat(dir, name,
				     O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return r->log_fd < 0 ? real_open_error(s, path, errno, "opening the log", e) : 0;
}

static int64_t real_now(const struct sys *s)
{
	(void)s;
	return time(NULL);
}

static const struct sys_ops real_ops = {
	.read = real_read,
	.stat = real_stat,
	.list = real_list,
	.readlink = real_readlink,
	.module = real_module,
	.replace = real_replace,
	.remove = real_remove,
	.mkdirs = real_mkdirs,
	.symlink = real_symlink,
	.append = real_append,
	.reserve = real_reserve,
	.rmdir = real_rmdir,
	.link = real_link,
	.digest = real_digest,
	.keep = real_keep,
	.put_back = real_put_back,
	.lock = real_lock,
	.unlock = real_unlock,
	.locked = real_locked,
	.log_to = real_log_to,
	.run = real_run,
	.ask = real_ask,
	.apt = real_apt,
	.read_head = real_read_head,
	.sum = real_sum,
	.prune = real_prune,
	.fetch = real_fetch,
	.look = real_look,
	.driver = real_driver,
	.space = real_space,
	.ident = real_ident,
	.now = real_now,
};

int sys_real_open(const char *root, struct sys *ret, struct err *e)
{
	auto_free char *full = realpath(root ? root : "/", NULL);
	struct real *r;
	int fd;

	if (!full)
		return err_errno(e, errno, "opening the root '%s'", root);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, errno, "opening the root '%s'", root);
	r = mem_alloc(sizeof(*r));
	r->root_fd = fd;
	r->log_fd = -1;
	*ret = (struct sys){ .ops = &real_ops, .ctx = r, .live = str_eq(full, "/") };
	ret->root = steal(full); /* not among the initialisers: their order is nobody's */
	return 0;
}

void sys_real_close(struct sys *s)
{
	struct real *r = s->ctx;

	if (r) {
		close(r->root_fd);
		close_fd(&r->log_fd);
	}
	mem_free(r);
	mem_free_const(s->root);
	*s = (struct sys){ 0 };
}
