/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the real system share: a folder of their own with a root in it. Setting up and
 * looking is done by plain calls, relative to that folder, never by the code under test.
 */
#pragma once

#include "base/buf.h"
#include "base/mem.h"
#include "sys/real.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char *base;     /* the folder; `root` in it is what sys sees */
	int fd;         /* of the folder */
	int root_fd;    /* of the root */
	struct sys sys; /* the real one, on the root */
};

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void scratch_release(struct scratch *s)
{
	if (s->sys.ops)
		sys_real_close(&s->sys);
	close(s->fd);
	close(s->root_fd);
	nftw(s->base, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	mem_free(s->base);
}
#define auto_scratch __attribute__((cleanup(scratch_release))) struct scratch

static inline void scratch_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define scratch_fd __attribute__((cleanup(scratch_close)))

/* Open the folder and its root; a test that cannot have them ends here. */
static inline void scratch_open(struct scratch *s)
{
	auto_free char *root = mem_printf("%s/root", s->base);
	auto_err e = { 0 };

	s->fd = open(s->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0 || s->root_fd < 0 || sys_real_open(root, &s->sys, &e)) {
		printf("Bail out! no scratch root: %s\n", e.text ? e.text : strerror(errno));
		_exit(1);
	}
}

/* A folder with an empty root. */
static inline void scratch_init(struct scratch *s)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *root = NULL;

	s->base = mem_printf("%s/gpuprov-unit-XXXXXX", tmp ? tmp : P_tmpdir);
	root = mkdtemp(s->base) ? mem_printf("%s/root", s->base) : NULL;
	if (!root || mkdir(root, 0755)) {
		printf("Bail out! no scratch folder: %s\n", strerror(errno));
		_exit(1);
	}
	scratch_open(s);
}

/* Write a file in the folder ("root/etc/x"); its directories are made. */
static inline void scratch_put(const struct scratch *s, const char *path, const char *text)
{
	auto_free char *dirs = mem_strdup(path);
	int fd;

	for (char *slash = strchr(dirs, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(s->fd, dirs, 0755);
		*slash = '/';
	}
	fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		printf("# cannot write %s: %s\n", path, strerror(errno));
	close(fd);
}

static inline void scratch_link(const struct scratch *s, const char *target, const char *path)
{
	if (symlinkat(target, s->fd, path))
		printf("# cannot link %s: %s\n", path, strerror(errno));
}

/* The text of a file in the folder; "(errno)" when it cannot be read. The caller frees. */
static inline char *scratch_get(const struct scratch *s, const char *path)
{
	auto_buf struct buf b = BUF_TEXT;
	char chunk[4096];
	ssize_t n;
	int fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return mem_printf("(%s)", strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&b, chunk, (size_t)n);
	close(fd);
	return buf_steal_str(&b);
}

static inline void scratch_is(const struct scratch *s, const char *path, const char *want,
			      const char *what)
{
	auto_free char *got = scratch_get(s, path);

	is(got, want, what);
}

/* How many names a directory of the folder holds. */
static inline unsigned scratch_names(const struct scratch *s, const char *path)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	auto_free char *full = mem_printf("%s/%s", s->base, path);
	strs names = { 0 };
	struct sys dir = { 0 };

	if (sys_real_open(full, &dir, &e))
		return ~0u;
	if (sys_list(&dir, ".", &a, &names, &e))
		names.n = ~0u;
	sys_real_close(&dir);
	return (unsigned)names.n;
}
