/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a daemon on its socket: one GET, one answer. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

enum { PATIENCE_S = 5 };

/*
 * A socket is named by a path of at most 107 bytes, and must lie beneath the root: so it is named
 * by a descriptor of the folder it is in.
 */
static int call(const struct sys *s, const char *path)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_FOLLOW, &name);
	auto_close int fd = -1;
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	auto_free char *at = NULL;

	if (dir < 0)
		return -1;
	at = mem_printf("/proc/self/fd/%d/%s", dir, name);
	if (strlen(at) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, at, strlen(at) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		return -1;
	return steal_fd(&fd);
}

/* "HTTP/1.0 200 OK", headers, a blank line, the body until the end. */
static int take_body(const struct buf *answer, const char *shown, struct buf *ret, struct err *e)
{
	const char *text = buf_str(answer), *space = strchr(text, ' ');
	const char *body = memmem(text, answer->len, "\r\n\r\n", 4);

	if (!str_starts(text, "HTTP/1.") || !space || !body)
		return err_set(e, GP_IO, "what answers on '%s' does not speak HTTP", shown);
	if (!str_starts(space + 1, "200"))
		return err_set(e, GP_IO, "the daemon on '%s' answers %.*s", shown,
			       (int)strcspn(space + 1, "\r\n"), space + 1);
	body += 4;
	buf_add(ret, body, answer->len - (size_t)(body - text));
	return 0;
}

int real_ask(const struct sys *s, const char *socket, const char *what, struct buf *ret,
	     struct err *e)
{
	auto_free char *shown = real_shown(s, socket);
	auto_free char *ask = mem_printf("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", what);
	auto_buf struct buf answer = BUF_INIT(4 << 20);
	auto_close int fd = call(s, socket);

	if (fd < 0)
		return err_errno(e, errno, "connecting to '%s'", shown);
	if (fd_write_all(fd, ask, strlen(ask)) || fd_read_all(fd, &answer))
		return err_errno(e, errno, "asking '%s'", shown);
	return take_body(&answer, shown, ret, e);
}
