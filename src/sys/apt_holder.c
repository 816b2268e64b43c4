/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a lock of apt or dpkg: asked of the kernel, described from /proc. */
#include "sys/apt_holder.h"

#include "base/str.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A small file of /proc; empty when it is not there. Blanks where it has zero bytes. */
static void proc_text(long long pid, const char *name, struct buf *ret)
{
	auto_buf struct buf path = BUF_TEXT;
	char bytes[1024];
	ssize_t n;
	int fd;

	buf_addf(&path, "/proc/%lld/%s", pid, name);
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n; i++)
		buf_addc(ret, bytes[i] && bytes[i] != '\n' ? bytes[i] : ' ');
}

static bool harmless(struct piece word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum((unsigned char)word.at[i]) && !strchr("._/+-", word.at[i]))
			return false;
	return true;
}

/* The words before the first that could hold a secret or a control character, no path before them.
 */
static void add_command(long long pid, struct buf *ret)
{
	auto_buf struct buf text = BUF_TEXT;
	struct piece rest, word;
	size_t before = ret->len;

	proc_text(pid, "cmdline", &text);
	rest = (struct piece){ buf_str(&text), text.len };
	for (int i = 0; i < 5 && str_word(&rest, &word) && harmless(word); i++) {
		const char *slash = i ? NULL : memrchr(word.at, '/', word.len);
		const char *at = slash ? slash + 1 : word.at;

		buf_addf(ret, "%s%.*s", i ? " " : "", (int)(word.len - (size_t)(at - word.at)), at);
	}
	if (ret->len == before)
		buf_adds(ret, "a program");
}

/* Field 22 of stat, counted behind the name, which may hold blanks and brackets. */
static long long age_of(long long pid)
{
	auto_buf struct buf text = BUF_TEXT;
	unsigned long long started = 0;
	struct piece rest, word = { 0 };
	struct timespec now;
	const char *end;
	auto_buf struct buf number = BUF_TEXT;

	proc_text(pid, "stat", &text);
	end = strrchr(buf_str(&text), ')');
	if (!end || clock_gettime(CLOCK_BOOTTIME, &now))
		return -1;
	rest = PIECE(end + 1);
	for (int i = 3; i <= 22; i++)
		if (!str_word(&rest, &word))
			return -1;
	buf_add(&number, word.at, word.len);
	if (!str_to_u64(buf_str(&number), &started))
		return -1;
	return (long long)now.tv_sec - (long long)(started / (unsigned long)sysconf(_SC_CLK_TCK));
}

static void describe(long long pid, struct buf *ret)
{
	long long age = age_of(pid);

	if (age < 0) {
		buf_addf(ret, "a process that cannot be seen from here (%lld)", pid);
		return;
	}
	add_command(pid, ret);
	buf_addf(ret, " (process %lld, ", pid);
	if (age < 120)
		buf_addf(ret, "for %lld s)", age);
	else if (age < 7200)
		buf_addf(ret, "for %lld min)", age / 60);
	else
		buf_addf(ret, "for %lld h)", age / 3600);
}

bool apt_holder(const char *path, struct buf *ret)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool held;

	if (fd < 0)
		return false;
	held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	/* Closing gives up every lock that this process has on the file: never call it with one. */
	close(fd);
	if (held)
		describe(lock.l_pid, ret);
	return held;
}
