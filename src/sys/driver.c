/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the driver: the child process, its end, and the lines it sends. */
#include "sys/driver.h"

#include "base/str.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { DEFAULT_S = 20, GRACE_MS = 2000 };

/* In the child: nothing of ours but the pipe, no core file, nothing on the terminal. */
static _Noreturn void become(const struct driver_ask *ask, int out)
{
	int null = open("/dev/null", O_RDWR);
	struct rlimit none = { 0, 0 };
	sigset_t all;

	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	/* What libcuda is told here would hide devices from it. */
	unsetenv("CUDA_VISIBLE_DEVICES");
	if (setpgid(0, 0) || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(null, 2) < 0 || dup2(out, 3) < 0 || chdir("/"))
		_exit(125);
	syscall(SYS_close_range, 4, ~0u, 0);
	driver_child(ask, 3);
	_exit(0);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Read until the child closes the pipe; false when the deadline passed first. */
static bool drain(int fd, long long deadline, struct buf *ret)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = deadline - now_ms();
		char bytes[4096];
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		buf_add(ret, bytes, (size_t)n);
	}
}

/* TERM, a little time, KILL: our own child, which holds nothing but its own memory. */
static void stop(pid_t pid, int fd, struct buf *rest)
{
	kill(-pid, SIGTERM);
	if (!drain(fd, now_ms() + GRACE_MS, rest))
		kill(-pid, SIGKILL);
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* "driver 580.178.04", "gpu 0000:3b:00.0 Tesla T4", "at cuInit", "bad TEXT". */
static void take_line(struct piece line, struct arena *a, struct driver_answer *ret,
		      const char **at)
{
	struct piece word;
	const char *rest;

	if (!str_word(&line, &word))
		return;
	line = str_trim(line);
	rest = arena_strn(a, line.at, line.len);
	if (piece_eq(word, "driver")) {
		ret->version = rest;
	} else if (piece_eq(word, "cuda")) {
		ret->cuda = rest;
	} else if (piece_eq(word, "gpu")) {
		struct piece address = { line.at, 0 };

		str_word(&line, &address);
		line = str_trim(line);
		list_add(a, &ret->gpus,
			 ((struct driver_gpu){ arena_strn(a, address.at, address.len),
					       arena_strn(a, line.at, line.len) }));
	} else if (piece_eq(word, "ran")) {
		ret->ran++;
	} else if (piece_eq(word, "bad")) {
		ret->trouble = rest;
	} else if (piece_eq(word, "at")) {
		*at = rest;
	}
}

static void read_answer(const struct buf *text, int status, bool in_time, struct arena *a,
			struct driver_answer *ret)
{
	struct piece rest = { buf_str(text), text->len }, line;
	const char *at = "start";

	while (str_line(&rest, &line))
		take_line(line, a, ret, &at);
	if (!in_time)
		ret->trouble = arena_printf(a, "no answer in time: it hangs in %s", at);
	else if (WIFSIGNALED(status))
		ret->trouble = arena_printf(a, "the process that asked died in %s: %s", at,
					    strsignal(WTERMSIG(status)));
	else if (!ret->trouble && !str_eq(at, "end"))
		ret->trouble = arena_printf(a, "the library ended the process in %s", at);
}

/* Beneath another root the library is the one of that root. */
static const char *library_of(const struct sys *s, const struct driver_ask *ask, struct arena *a)
{
	const char *name = ask->part == DRIVER_NVML ? "libnvidia-ml.so.1" : "libcuda.so.1";

	if (ask->library)
		return ask->library;
#if defined(__aarch64__)
	return s->live ? name : arena_printf(a, "%s/usr/lib/aarch64-linux-gnu/%s", s->root, name);
#else
	return s->live ? name : arena_printf(a, "%s/usr/lib/x86_64-linux-gnu/%s", s->root, name);
#endif
}

int real_driver(const struct sys *s, const struct driver_ask *ask, struct arena *a,
		struct driver_answer *ret, struct err *e)
{
	struct driver_ask whole = *ask;
	auto_buf struct buf text = BUF_INIT(1 << 20);
	auto_close int in = -1, out = -1;
	long long deadline = now_ms() + 1000LL * (ask->timeout_s ? ask->timeout_s : DEFAULT_S);
	int fds[2], status;
	bool in_time;
	pid_t pid;

	whole.library = library_of(s, ask, a);
	if (pipe2(fds, O_CLOEXEC))
		return err_errno(e, errno, "asking the driver");
	in = fds[0], out = fds[1];
	pid = fork();
	if (pid < 0)
		return err_errno(e, errno, "asking the driver");
	if (pid == 0)
		become(&whole, out);
	close(steal_fd(&out));
	in_time = drain(in, deadline, &text);
	if (!in_time)
		stop(pid, in, &text);
	status = reap(pid);
	read_answer(&text, status, in_time, a, ret);
	return 0;
}
