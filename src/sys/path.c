/* SPDX-License-Identifier: Apache-2.0 */
/* Opening beneath a root. */
#include "sys/path.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool path_without_openat2;

static int openat2_beneath(int root_fd, const char *path, int flags, mode_t mode,
			   enum path_rule rule)
{
	struct open_how how = {
		.flags = (unsigned long long)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_NO_MAGICLINKS |
			   (rule == PATH_STRICT ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS :
						  RESOLVE_IN_ROOT),
	};
	int fd;

	/*
	 * EAGAIN: something was renamed while the kernel walked with "..". Bounded, not for ever.
	 */
	for (int tries = 0; tries < 32; tries++) {
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

/* The walk by hand keeps every directory it went through open, so that ".." is exact. */
enum { DEPTH = 64, LINKS = 40 };

struct walk {
	int fds[DEPTH];
	int depth; /* fds[0] is the root and is not ours to close */
};

static void walk_end(struct walk *w)
{
	int saved = errno;

	while (w->depth > 0)
		close(w->fds[w->depth--]);
	errno = saved;
}

/* Put the target of a link in front of what is left of the path. */
static int splice_link(int dir_fd, const char *name, char **left)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
	char *joined;

	if (n < 0)
		return -1;
	target[n] = '\0';
	joined = mem_printf("%s/%s", target, *left);
	mem_free(*left);
	*left = joined;
	return *target == '/';
}

/* Take the first component off *left: 1, 0 when none is left, -1 when it is too long. */
static int next_component(char **left, char *name)
{
	const char *at = *left;
	size_t n;
	char *rest;

	while (*at == '/')
		at++;
	n = strcspn(at, "/");
	if (!n)
		return 0;
	if (n > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, at, n);
	name[n] = '\0';
	rest = mem_strdup(at + n);
	mem_free(*left);
	*left = rest;
	return 1;
}

static bool last_component(const char *left)
{
	return left[strspn(left, "/")] == '\0';
}

static int walk_down(struct walk *w, const char *name)
{
	int fd = openat(w->fds[w->depth], name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (w->depth + 1 == DEPTH) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	w->fds[++w->depth] = fd;
	return 0;
}

static bool is_link(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int walk_path(struct walk *w, char **left, int flags, mode_t mode, enum path_rule rule)
{
	char name[NAME_MAX + 1];
	int more;

	if (rule == PATH_STRICT && **left == '/') {
		errno = EXDEV;
		return -1;
	}
	for (int links = 0; (more = next_component(left, name)) > 0;) {
		bool last = last_component(*left);
		int dir_fd = w->fds[w->depth];

		if (str_eq(name, "."))
			continue;
		if (str_eq(name, "..")) {
			if (w->depth > 0) {
				close(w->fds[w->depth--]);
			} else if (rule == PATH_STRICT) {
				errno = EXDEV;
				return -1;
			}
			continue;
		}
		if (is_link(dir_fd, name) && !(last && (flags & O_NOFOLLOW))) {
			if (rule == PATH_STRICT || ++links > LINKS) {
				errno = ELOOP;
				return -1;
			}
			switch (splice_link(dir_fd, name, left)) {
			case -1:
				return -1;
			case 1:
				while (w->depth > 0)
					close(w->fds[w->depth--]);
			}
			continue;
		}
		if (last)
			return openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		if (walk_down(w, name))
			return -1;
	}
	if (more < 0)
		return -1;
	return openat(w->fds[w->depth], ".", (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC);
}

static int open_by_hand(int root_fd, const char *path, int flags, mode_t mode, enum path_rule rule)
{
	struct walk w = { .fds = { root_fd } };
	auto_free char *left = mem_strdup(path);
	int fd = walk_path(&w, &left, flags, mode, rule);

	walk_end(&w);
	return fd;
}

int path_open(int root_fd, const char *path, int flags, mode_t mode, enum path_rule rule)
{
	static bool missing;

	if (!*path)
		path = ".";
	if (!missing && !path_without_openat2) {
		int fd = openat2_beneath(root_fd, path, flags, mode, rule);

		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return fd;
		/* EPERM is also what a plain refusal looks like: only ENOSYS is for good. */
		missing = errno == ENOSYS;
	}
	return open_by_hand(root_fd, path, flags, mode, rule);
}

int path_open_parent(int root_fd, const char *path, enum path_rule rule, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir =
		slash ? mem_printf("%.*s", (int)(slash - path), path) : mem_strdup(".");

	*ret_name = slash ? slash + 1 : path;
	if (!**ret_name || str_eq(*ret_name, ".") || str_eq(*ret_name, "..")) {
		errno = EINVAL;
		return -1;
	}
	return path_open(root_fd, dir, O_RDONLY | O_DIRECTORY, 0, rule);
}
