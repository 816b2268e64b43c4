/* SPDX-License-Identifier: Apache-2.0 */
/* Files kept by the hash of their bytes, to be put back; names, room and folders around them. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/hash.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { KEEP_MAX = 64 << 20, LINK_MAX_BYTES = 1 << 30 };

/* Not through a link, and nothing but a regular file; -1 with ENOENT when there is none. */
static int open_plain(const struct sys *s, const char *path, struct stat *st, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);
	auto_close int fd = -1;

	if (dir >= 0)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0)
		return real_open_error(s, path, errno, "keeping", e);
	if (fstat(fd, st) || !S_ISREG(st->st_mode)) {
		auto_free char *shown = real_shown(s, path);

		return err_set(e, GP_UNSAFE_PATH, "'%s' is not a regular file; it is left alone",
			       shown);
	}
	return steal_fd(&fd);
}

static int read_plain(const struct sys *s, const char *path, int fd, struct buf *ret, struct err *e)
{
	auto_free char *shown = real_shown(s, path);

	if (fd_read_all(fd, ret) == 0)
		return 0;
	if (errno == EFBIG)
		return err_set(e, GP_TOO_LARGE, "'%s' is larger than %zu KiB", shown,
			       ret->limit >> 10);
	return err_errno(e, errno, "reading '%s'", shown);
}

int real_digest(const struct sys *s, const char *path, char *ret, struct err *e)
{
	auto_buf struct buf bytes = BUF_INIT(KEEP_MAX);
	auto_err problem = { 0 };
	struct stat st;
	auto_close int fd = open_plain(s, path, &st, &problem);

	*ret = '\0';
	if (fd < 0 && !problem.code)
		return 0;
	if (fd < 0) {
		err_move(e, &problem);
		return -1;
	}
	if (read_plain(s, path, fd, &bytes, e))
		return -1;
	hash_bytes(buf_str(&bytes), bytes.len, ret);
	return 0;
}

/* ---- keeping ---- */

static int keep_xattr(int fd, const char *name, struct arena *a, struct sys_kept *ret)
{
	ssize_t size = fgetxattr(fd, name, NULL, 0);
	auto_free unsigned char *value = size < 0 ? NULL : mem_alloc((size_t)size + 1);
	auto_buf struct buf hex = BUF_INIT(1 << 20);

	if (size < 0)
		return -1;
	size = fgetxattr(fd, name, value, (size_t)size);
	if (size < 0)
		return -1;
	for (ssize_t i = 0; i < size; i++)
		buf_addf(&hex, "%02x", value[i]);
	list_add(a, &ret->xattrs,
		 ((struct sys_xattr){ arena_str(a, name), arena_str(a, buf_str(&hex)) }));
	return 0;
}

/* A file system without them is fine. */
static int keep_xattrs(int fd, struct arena *a, struct sys_kept *ret)
{
	char names[4096];
	ssize_t n = flistxattr(fd, names, sizeof(names));

	if (n < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (const char *name = names; name < names + n; name += strlen(name) + 1)
		if (keep_xattr(fd, name, a, ret))
			return -1;
	return 0;
}

/* The same bytes are there once, however often they are kept. */
static int store(const struct sys *s, const char *sha256, const struct buf *bytes, struct err *e)
{
	const struct sys_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid() };
	auto_free char *at = mem_printf(SYS_STORE "/%s", sha256);
	struct sys_stat st;

	if (sys_stat(s, at, &st, e))
		return -1;
	if (st.type == SYS_FILE && st.size == bytes->len)
		return 0;
	if (sys_mkdirs(s, SYS_STORE, 0700, e))
		return -1;
	return real_replace(s, at, buf_str(bytes), bytes->len, &attr, e);
}

int real_keep(const struct sys *s, const char *path, struct arena *a, struct sys_kept *ret,
	      struct err *e)
{
	auto_buf struct buf bytes = BUF_INIT(KEEP_MAX);
	auto_err problem = { 0 };
	char hash[HASH_HEX];
	struct stat st;
	auto_close int fd = open_plain(s, path, &st, &problem);

	*ret = (struct sys_kept){ 0 };
	if (fd < 0 && !problem.code)
		return 0;
	if (fd < 0) {
		err_move(e, &problem);
		return -1;
	}
	if (read_plain(s, path, fd, &bytes, e))
		return -1;
	if (keep_xattrs(fd, a, ret)) {
		auto_free char *shown = real_shown(s, path);

		return err_errno(e, errno, "reading the extended attributes of '%s'", shown);
	}
	hash_bytes(buf_str(&bytes), bytes.len, hash);
	ret->there = true;
	ret->sha256 = arena_str(a, hash);
	ret->mode = st.st_mode & 07777;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	return store(s, hash, &bytes, e) ? err_ctx(e, "keeping the old file") : 0;
}

static int load(const struct sys *s, const struct sys_kept *kept, struct buf *ret, struct err *e)
{
	auto_free char *at = mem_printf(SYS_STORE "/%s", kept->sha256);
	char hash[HASH_HEX];

	if (sys_read(s, at, ret, e))
		return -1;
	hash_bytes(buf_str(ret), ret->len, hash);
	if (str_eq(hash, kept->sha256))
		return 0;
	err_set(e, GP_BACKUP_DAMAGED, "the kept file '%s/%s' is not what it was: its hash differs",
		str_eq(s->root, "/") ? "" : s->root, at);
	err_way(e, "check that disk; put the file back from a backup of your own");
	return -1;
}

int real_put_back(const struct sys *s, const char *path, const struct sys_kept *kept, struct err *e)
{
	auto_buf struct buf bytes = BUF_INIT(KEEP_MAX);
	const struct sys_attr attr = { .mode = (unsigned)kept->mode,
				       .uid = (unsigned)kept->uid,
				       .gid = (unsigned)kept->gid,
				       .kept = kept };

	if (!kept->there)
		return sys_remove(s, path, e);
	if (load(s, kept, &bytes, e))
		return -1;
	return real_replace(s, path, buf_str(&bytes), bytes.len, &attr, e);
}

/* ---- names, room, folders ---- */

static int copy_to(const struct sys *s, const char *from, const char *to, struct err *e)
{
	const struct sys_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid() };
	auto_buf struct buf bytes = BUF_INIT(LINK_MAX_BYTES);

	if (sys_read(s, from, &bytes, e))
		return -1;
	return real_replace(s, to, buf_str(&bytes), bytes.len, &attr, e);
}

int real_link(const struct sys *s, const char *from, const char *to, struct err *e)
{
	const char *name, *new_name;
	auto_close int dir = path_open_parent(real_root_fd(s), from, PATH_STRICT, &name);
	auto_close int into = path_open_parent(real_root_fd(s), to, PATH_STRICT, &new_name);

	if (dir < 0)
		return real_open_error(s, from, errno, "keeping", e);
	if (into < 0)
		return real_open_error(s, to, errno, "keeping", e);
	if (linkat(dir, name, into, new_name, 0) == 0)
		return fsync(into) ? real_open_error(s, to, errno, "syncing the directory of", e) :
				     0;
	if (errno == EEXIST)
		return 0;
	if (errno == EXDEV || errno == EPERM || errno == EMLINK)
		return copy_to(s, from, to, e);
	return real_open_error(s, from, errno, "keeping", e);
}

int real_reserve(const struct sys *s, const char *path, size_t bytes, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);
	auto_close int fd = -1;

	if (dir >= 0)
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return real_open_error(s, path, errno, "making", e);
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) && errno != EOPNOTSUPP) {
		int saved = errno;

		unlinkat(dir, name, 0);
		return real_open_error(s, path, saved, "reserving room for", e);
	}
	/* Room that is lost with the power is not missed: whoever comes after it makes a new file.
	 */
	if (fsync(dir))
		return real_open_error(s, path, errno, "syncing the directory of", e);
	return 0;
}

int real_rmdir(const struct sys *s, const char *path, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return real_open_error(s, path, errno, "removing the directory", e);
	if (unlinkat(dir, name, AT_REMOVEDIR))
		return errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST ?
			       0 :
			       real_open_error(s, path, errno, "removing the directory", e);
	if (fsync(dir))
		return real_open_error(s, path, errno, "syncing the directory of", e);
	return 0;
}
