/* SPDX-License-Identifier: Apache-2.0 */
/* Replacing a file so that readers and power cuts see the old bytes or the new ones. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/*
 * Extended attributes (ACLs, SELinux labels) of the old file; a file system without them is fine.
 */
static int copy_xattrs(int from, int to)
{
	char names[4096];
	ssize_t n = flistxattr(from, names, sizeof(names));

	if (n < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		auto_free char *value = NULL;
		ssize_t size = fgetxattr(from, name, NULL, 0);

		if (size < 0)
			return -1;
		value = mem_alloc((size_t)size);
		size = fgetxattr(from, name, value, (size_t)size);
		if (size < 0 || fsetxattr(to, name, value, (size_t)size, 0))
			return -1;
	}
	return 0;
}

/* Those that were kept, and no others. */
static int put_xattrs(const struct sys_kept *kept, int to)
{
	list_each (&kept->xattrs, x) {
		size_t n = strlen(x->hex) / 2;
		auto_free unsigned char *value = mem_alloc(n + 1);

		for (size_t i = 0; i < n; i++) {
			const char two[] = { x->hex[2 * i], x->hex[2 * i + 1], '\0' };
			unsigned long long byte;

			if (!str_to_hex(two, &byte)) {
				errno = EINVAL;
				return -1;
			}
			value[i] = (unsigned char)byte;
		}
		if (fsetxattr(to, x->name, value, n, 0))
			return -1;
	}
	return 0;
}

/*
 * The old file, to take its attributes from; -1 with ENOENT when there is none. O_PATH would not
 * do: xattrs need a readable descriptor, and O_NONBLOCK keeps a FIFO from hanging us.
 */
static int open_old(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int check_old(int old, const char *shown, struct err *e)
{
	struct stat st;

	if (fstat(old, &st))
		return err_errno(e, errno, "looking at '%s'", shown);
	if (!S_ISREG(st.st_mode)) {
		err_set(e, GP_UNSAFE_PATH, "'%s' is not a regular file; it is left alone", shown);
		err_way(e, "move it away, then run this again");
		return -1;
	}
	return 0;
}

static int take_attributes(int old, int new, const struct sys_attr *attr)
{
	/* Root's files are root's; who is not root, as in a cache of their own, can only keep it.
	 */
	struct sys_attr fresh = { .mode = 0644,
				  .uid = geteuid(),
				  .gid = geteuid() ? getegid() : 0 };
	struct sys_attr want = attr ? *attr : fresh;
	struct stat st;

	if (old >= 0 && !attr) {
		if (fstat(old, &st))
			return -1;
		want = (struct sys_attr){ .mode = st.st_mode & 07777,
					  .uid = st.st_uid,
					  .gid = st.st_gid };
	}
	/*
	 * Owner first: chown clears set-id bits, and a wider mode must not meet the wrong owner.
	 * Mode last: an access control list that is copied sets it too.
	 */
	if (fchown(new, want.uid, want.gid))
		return -1;
	if (want.kept ? put_xattrs(want.kept, new) : old >= 0 && copy_xattrs(old, new))
		return -1;
	return fchmod(new, want.mode);
}

static int make_temp(int dir, char name[static 48])
{
	for (int tries = 0; tries < 100; tries++) {
		unsigned long long r;
		auto_free char *text = NULL;
		int fd;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return -1;
		text = mem_printf(SYS_TEMP_HEAD "%016llx" SYS_TEMP_TAIL, r);
		memcpy(name, text, strlen(text) + 1);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/*
 * Is the old file still the one that was read? Between this look and the rename another writer can
 * still come, but only for the time of one system call.
 */
static bool still(int dir, const char *name, const struct sys_stat *since)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return since->type == SYS_ABSENT && errno == ENOENT;
	return since->type == SYS_FILE && st.st_dev == since->dev && st.st_ino == since->ino &&
	       (unsigned long long)st.st_size == since->size &&
	       st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec == since->mtime_ns;
}

static int changed_meanwhile(const char *shown, struct err *e)
{
	err_set(e, GP_FOREIGN_CHANGE,
		"'%s' was changed by somebody else just now; it is left alone", shown);
	err_way(e, "run this again: it starts from what is there then");
	return -1;
}

/* Where the new file lies until it is complete: beside the old one unless that must not be. */
static int open_maker(const struct sys *s, const struct sys_attr *attr, int dir)
{
	const char *in = attr ? attr->made_in : NULL;

	return in ? path_open(real_root_fd(s), in, O_RDONLY | O_DIRECTORY, 0, PATH_STRICT) :
		    fcntl(dir, F_DUPFD_CLOEXEC, 0);
}

static int fill(int old, int new, const void *bytes, size_t len, const struct sys_attr *attr)
{
	return fd_write_all(new, bytes, len) || take_attributes(old, new, attr) || fsync(new);
}

int real_replace(const struct sys *s, const char *path, const void *bytes, size_t len,
		 const struct sys_attr *attr, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);
	auto_free char *shown =
		mem_printf("%s%s%s", s->root, str_eq(s->root, "/") ? "" : "/", path);
	auto_close int old = -1;
	auto_close int new = -1;
	auto_close int maker = -1;
	char temp[48];

	if (dir < 0 && (errno == ELOOP || errno == EXDEV))
		return err_set(
			e, GP_UNSAFE_PATH,
			"writing '%s': a symbolic link is on the way, and it is not followed",
			shown);
	if (dir < 0)
		return err_errno(e, errno, "writing '%s'", shown);
	old = open_old(dir, name);
	if (old < 0 && errno == ELOOP)
		return err_set(e, GP_UNSAFE_PATH, "'%s' is a symbolic link; it is left alone",
			       shown);
	if (old < 0 && errno != ENOENT)
		return err_errno(e, errno, "writing '%s'", shown);
	if (old >= 0 && check_old(old, shown, e))
		return -1;
	maker = open_maker(s, attr, dir);
	new = maker < 0 ? -1 : make_temp(maker, temp);
	if (new < 0)
		return err_errno(e, errno, "writing '%s'", shown);
	if (fill(old, new, bytes, len, attr)) {
		int saved = errno;

		unlinkat(maker, temp, 0);
		return err_errno(e, saved, "writing '%s'", shown);
	}
	if (attr && attr->since && !still(dir, name, attr->since)) {
		unlinkat(maker, temp, 0);
		return changed_meanwhile(shown, e);
	}
	if (renameat(maker, temp, dir, name)) {
		int saved = errno;

		unlinkat(maker, temp, 0);
		return err_errno(e, saved, "writing '%s'", shown);
	}
	if (fsync(dir))
		return err_errno(e, errno, "syncing the directory of '%s'", shown);
	return 0;
}
