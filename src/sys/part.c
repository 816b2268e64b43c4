/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a file that is there already, so that a download goes on where it was cut off. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/behind.h"
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

	if (p->behind)
		behind_drop(p->behind);
	p->behind = NULL;
	if (p->sha256)
		hash_end(p->sha256, ignored);
	if (p->md5)
		hash_end(p->md5, ignored);
	p->sha256 = p->md5 = NULL;
}

/* MD5 takes twice the time of SHA-256, so it is not made for nothing. */
static void begin_hashes(struct part *p)
{
	p->sha256 = hash_begin(HASH_SHA256);
	p->md5 = p->wants_md5 ? hash_begin(HASH_MD5) : NULL;
}

static void add_to_hashes(struct part *p, const char *bytes, size_t len)
{
	hash_add(p->sha256, bytes, len);
	if (p->md5)
		hash_add(p->md5, bytes, len);
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
	begin_hashes(p);
	p->have = p->sent = p->begun = 0;
	mem_free(p->etag);
	p->etag = NULL;
	if (ftruncate(p->fd, 0) || lseek(p->fd, 0, SEEK_SET) < 0)
		return err_errno(e, errno, "starting '%s' over", p->name);
	return 0;
}

int part_sums(struct part *p, char sha256[static HASH_HEX], char md5[static HASH_HEX])
{
	int rc = p->behind ? behind_end(p->behind, p->have) : 0;

	p->behind = NULL;
	hash_end(p->sha256, sha256);
	md5[0] = '\0';
	if (p->md5)
		hash_end(p->md5, md5);
	p->sha256 = p->md5 = NULL;
	return rc;
}

/* What is small is hashed here; of what is large, all that follows is hashed in a thread. */
static void add_written(struct part *p, const char *bytes, size_t len)
{
	enum { SMALL = 4 << 20 };

	if (p->behind) {
		behind_written(p->behind, p->have);
		return;
	}
	add_to_hashes(p, bytes, len);
	if (p->have - p->begun >= SMALL && !p->alone) {
		p->behind = behind_start(p->fd, p->have, p->sha256, p->md5);
		p->alone = !p->behind;
	}
}

/* The disk works while the rest arrives, so that little is left to wait for in the end. */
int part_add(struct part *p, const char *bytes, size_t len)
{
	enum { SEND = 8 << 20 };

	if (fd_write_all(p->fd, bytes, len))
		return -1;
	p->have += len;
	add_written(p, bytes, len);
	if (p->have - p->sent < SEND)
		return 0;
	/* Where it cannot be asked for, the end waits longer; nothing is lost. */
	if (sync_file_range(p->fd, (off_t)p->sent, (off_t)(p->have - p->sent),
			    SYNC_FILE_RANGE_WRITE))
		errno = 0;
	p->sent = p->have;
	return 0;
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
		add_to_hashes(p, chunk, (size_t)n);
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

int part_open(const struct sys *s, const char *path, bool pinned, bool wants_md5, struct part *ret,
	      struct err *e)
{
	auto_free char *folder = mem_strdup(path);
	char *slash = strrchr(folder, '/');
	const char *name;

	*ret = (struct part){ .fd = -1, .dir = -1, .pinned = pinned, .wants_md5 = wants_md5 };
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
	begin_hashes(ret);
	/* The hash that is pinned is what makes it safe to go on from bytes of an earlier run. */
	if (!pinned)
		return part_restart(ret, e);
	if (hash_what_is_there(ret, e))
		return -1;
	ret->begun = ret->have;
	return 0;
}
