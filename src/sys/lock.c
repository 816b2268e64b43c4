/* SPDX-License-Identifier: Apache-2.0 */
/* Locks between processes, on a file that stays. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/*
 * A lock that is released is taken within this time; nobody waits for a signal here. Whoever only
 * looks is done after a moment; after so many of them it is no looker.
 */
enum { RETRY_MS = 50, LOOK_MS = 2, LOOKS = 1000 };

/* Who holds the lock: what it wrote into the file. For the message only, never for a decision. */
static int say_locked(const char *shown, int fd, struct err *e)
{
	char text[64] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long long pid = 0, since = 0;

	if (n > 0)
		text[n] = '\0';
	if (sscanf(text, "%lld %lld", &pid, &since) != 2)
		return err_set(e, GP_LOCKED, "another gpuprov holds '%s'", shown);
	err_set(e, GP_LOCKED, "another gpuprov (process %lld, for %lld s) holds '%s'", pid,
		(long long)time(NULL) - since, shown);
	err_way(e, "wait until it is done, then run this again");
	return -1;
}

static bool same_file(int fd, int dir, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int open_lock(const struct sys *s, const char *path, int flags, int *ret_dir,
		     const char **ret_name)
{
	*ret_dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, ret_name);
	return *ret_dir < 0 ? -1 :
			      openat(*ret_dir, *ret_name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum held { HELD_NOT, HELD_BY_LOOKER, HELD };

/* The lock, if it is to be had; errno tells when that cannot be known. */
static int try_lock(int fd, enum held *ret)
{
	*ret = HELD_NOT;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -1;
	/* Those who look share it among them; who holds it shares it with nobody. */
	*ret = flock(fd, LOCK_SH | LOCK_NB) ? HELD : HELD_BY_LOOKER;
	if (*ret == HELD)
		return errno == EWOULDBLOCK ? 0 : -1;
	return flock(fd, LOCK_UN);
}

static int say_who(int fd)
{
	auto_free char *who = mem_printf("%d %lld\n", (int)getpid(), (long long)time(NULL));

	return ftruncate(fd, 0) || fd_write_all(fd, who, strlen(who)) ? -1 : 0;
}

int real_lock(const struct sys *s, const char *path, unsigned wait_s, int *ret_fd, struct err *e)
{
	auto_free char *shown = real_shown(s, path);
	unsigned tries = wait_s * 1000 / RETRY_MS, looks = LOOKS;

	for (;;) {
		const char *name;
		auto_close int dir = -1;
		auto_close int fd = open_lock(s, path, O_RDWR | O_CREAT, &dir, &name);
		enum held held;

		if (fd < 0)
			return real_open_error(s, path, errno, "locking", e);
		if (try_lock(fd, &held))
			return err_errno(e, errno, "locking '%s'", shown);
		if (held == HELD_BY_LOOKER && looks--) {
			poll(NULL, 0, LOOK_MS);
			continue;
		}
		if (held != HELD_NOT && tries) {
			tries--;
			poll(NULL, 0, RETRY_MS);
			continue;
		}
		if (held != HELD_NOT)
			return say_locked(shown, fd, e);
		/*
		 * Somebody may have replaced the file between open and flock: lock the one that
		 * counts.
		 */
		if (!same_file(fd, dir, name))
			continue;
		if (say_who(fd))
			return err_errno(e, errno, "writing '%s'", shown);
		*ret_fd = steal_fd(&fd);
		return 0;
	}
}

void real_unlock(const struct sys *s, int fd)
{
	(void)s;
	close(fd);
}

int real_locked(const struct sys *s, const char *path, bool *ret, struct err *e)
{
	const char *name;
	auto_close int dir = -1;
	auto_close int fd = open_lock(s, path, O_RDONLY, &dir, &name);

	*ret = false;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return real_open_error(s, path, errno, "looking at", e);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	*ret = errno == EWOULDBLOCK;
	return *ret ? 0 : real_open_error(s, path, errno, "looking at", e);
}
