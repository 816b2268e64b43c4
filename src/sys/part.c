/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a file that is there already, so that a download goes on where it was cut off. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"
#include "sys/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static void drop_hashes(struct part *p)
{
	char ignored[HASH_HEX];

	if (p->sha256)
		hash_end(p->sha256, ignored);
	if (p->md5)
		hash_end(p->md5, ignored);
	p->sha256 = p->md5 = NULL;
}

void part_close(struct part *p)
{
	drop_hashes(p);
	if (p->fd >= 0)
		close(steal_fd(&p->fd));
	if (p->name)
		close(p->dir);
	mem_free(p->name);
	mem_free(p->etag);
	p->name = p->etag = NULL;
}

int part_restart(struct part *p, struct err *e)
{
	drop_hashes(p);
	p->sha256 = hash_begin(HASH_SHA256);
	p->md5 = hash_begin(HASH_MD5);
	p->have = 0;
	mem_free(p->etag);
	p->etag = NULL;
	if (ftruncate(p->fd, 0) || lseek(p->fd, 0, SEEK_SET) < 0)
		return err_errno(e, errno, "starting '%s' over", p->name);
	return 0;
}

void part_sums(struct part *p, char sha256[static HASH_HEX], char md5[static HASH_HEX])
{
	hash_end(p->sha256, sha256);
	hash_end(p->md5, md5);
	p->sha256 = p->md5 = NULL;
}

static int hash_what_is_there(struct part *p, struct err *e)
{
	enum { CHUNK = 1 << 18 };
	auto_free char *chunk = mem_alloc(CHUNK);

	for (;;) {
		ssize_t n = read(p->fd, chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "reading '%s'", p->name);
		if (n == 0)
			return 0;
		hash_add(p->sha256, chunk, (size_t)n);
		hash_add(p->md5, chunk, (size_t)n);
		p->have += (unsigned long long)n;
	}
}

static int take_over(struct part *p, const char *path, struct err *e)
{
	struct stat st;

	p->fd = openat(p->dir, p->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0 || fstat(p->fd, &st))
		return err_errno(e, errno, "opening '%s' in the cache", path);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(e, GP_UNSAFE_PATH, "'%s' in the cache is not a file of ours", path);
	if (flock(p->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_errno(e, errno, "locking '%s' in the cache", path);
	err_set(e, GP_LOCKED, "another gpuprov is downloading '%s'", path);
	err_way(e, "wait until it is done, then run this again");
	return -1;
}

int part_open(const struct sys *s, const char *path, bool pinned, struct part *ret, struct err *e)
{
	auto_free char *folder = mem_strdup(path);
	char *slash = strrchr(folder, '/');
	const char *name;

	*ret = (struct part){ .fd = -1, .dir = -1, .pinned = pinned };
	if (slash) {
		*slash = '\0';
		if (sys_mkdirs(s, folder, 0755, e))
			return -1;
	}
	ret->dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);
	if (ret->dir < 0)
		return err_errno(e, errno, "opening '%s' in the cache", path);
	ret->name = mem_strdup(name);
	if (take_over(ret, path, e))
		return -1;
	ret->sha256 = hash_begin(HASH_SHA256);
	ret->md5 = hash_begin(HASH_MD5);
	/* The hash that is pinned is what makes it safe to go on from bytes of an earlier run. */
	return pinned ? hash_what_is_there(ret, e) : part_restart(ret, e);
}
