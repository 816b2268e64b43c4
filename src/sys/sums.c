/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and sums of files of any size, in one pass and little memory. */
#include "base/crc.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/hash.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int open_regular(const struct sys *s, const char *path, unsigned long long *ret_size,
			struct err *e)
{
	auto_close int fd =
		path_open(real_root_fd(s), path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, PATH_FOLLOW);
	auto_free char *shown =
		mem_printf("%s%s%s", s->root, str_eq(s->root, "/") ? "" : "/", path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, errno, "reading '%s'", shown);
	if (!S_ISREG(st.st_mode))
		return err_set(e, GP_IO, "'%s' is not a regular file", shown);
	*ret_size = (unsigned long long)st.st_size;
	return steal_fd(&fd);
}

int real_read_head(const struct sys *s, const char *path, size_t max, struct buf *ret,
		   struct err *e)
{
	unsigned long long size = 0;
	auto_close int fd = open_regular(s, path, &size, e);

	if (fd < 0)
		return -1;
	while (ret->len < max) {
		size_t want = max - ret->len < 1 << 16 ? max - ret->len : 1 << 16;
		char *room = buf_room(ret, want);
		ssize_t n = room ? read(fd, room, want) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "reading '%s'", path);
		if (n == 0)
			break;
		buf_added(ret, (size_t)n);
	}
	return 0;
}

struct summing {
	struct sys_sums *io;
	struct hash *whole, *md5, *inner;
	unsigned long long at; /* bytes seen */
	uint32_t cksum, record;
};

/* The part of the bytes that lies within the inner range. */
static void add_inner(struct summing *m, const char *bytes, size_t n)
{
	const struct sys_sums *io = m->io;
	unsigned long long end = io->len ? io->from + io->len : ~0ULL;
	size_t skip = m->at < io->from ? (size_t)(io->from - m->at) : 0;

	if (skip >= n || m->at >= end)
		return;
	if (m->at + n > end)
		n = (size_t)(end - m->at);
	bytes += skip;
	n -= skip;
	if (m->md5)
		hash_add(m->md5, bytes, n);
	if (m->inner)
		hash_add(m->inner, bytes, n);
	if (io->want & SUM_CKSUM)
		m->cksum = crc_add(m->cksum, bytes, n);
	if (io->want & SUM_RECORD)
		m->record = crc_add(m->record, bytes, n);
}

static int walk(struct summing *m, int fd, const char *path, struct err *e)
{
	enum { CHUNK = 1 << 18 };
	auto_free char *chunk = mem_alloc(CHUNK);

	for (;;) {
		ssize_t n = read(fd, chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "reading '%s'", path);
		if (n == 0)
			return 0;
		if (m->whole)
			hash_add(m->whole, chunk, (size_t)n);
		add_inner(m, chunk, (size_t)n);
		m->at += (unsigned long long)n;
	}
}

int real_sum(const struct sys *s, const char *path, struct sys_sums *io, struct err *e)
{
	unsigned long long size = 0, covered;
	auto_close int fd = open_regular(s, path, &size, e);
	struct summing m = { .io = io, .record = CRC_RECORD_START };
	int rc;

	if (fd < 0)
		return -1;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	m.whole = io->want & SUM_SHA256 ? hash_begin(HASH_SHA256) : NULL;
	m.md5 = io->want & SUM_MD5 ? hash_begin(HASH_MD5) : NULL;
	m.inner = io->want & SUM_INNER_SHA256 ? hash_begin(HASH_SHA256) : NULL;
	rc = walk(&m, fd, path, e);
	if (m.whole)
		hash_end(m.whole, io->sha256);
	if (m.md5)
		hash_end(m.md5, io->md5);
	if (m.inner)
		hash_end(m.inner, io->inner_sha256);
	io->size = m.at;
	covered = m.at < io->from ? 0 : m.at - io->from;
	if (io->len && io->len < covered)
		covered = io->len;
	io->cksum = crc_cksum(m.cksum, covered);
	io->record = covered ? m.record : 0;
	return rc;
}
