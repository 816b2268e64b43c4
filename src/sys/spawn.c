/* SPDX-License-Identifier: Apache-2.0 */
/* Running a command inside the root: bounded in time and output, nothing inherited by accident. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/image.h"
#include "sys/real_priv.h"
#include "sys/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { HOUR_S = 3600, GRACE_MS = 5000 };

/* Everything else a child might find in our environment stays with us. */
static const char *const base_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LC_ALL=C",
	"HOME=/root",
	NULL,
};

static char *const *make_env(const char *const *more, const char *tmp)
{
	size_t n = 0, base = sizeof(base_env) / sizeof(*base_env) - 1;
	const char **env;

	while (more && more[n])
		n++;
	env = mem_alloc((base + n + 2) * sizeof(*env));
	memcpy(env, base_env, base * sizeof(*env));
	if (n)
		memcpy(env + base, more, n * sizeof(*env));
	env[base + n] = tmp;
	return (char *const *)(size_t)env;
}

/* Into the image, and into mounts of its own where the command needs them. */
static int enter(const struct sys *s, const struct sys_cmd *cmd, const struct sealed *sealed)
{
	auto_err ignored = { 0 };

	if (cmd->sealed ? sealed_enter(s, sealed) :
			  cmd->mounts && !s->live && image_mounts(s->root, &ignored))
		return -1;
	if (s->live)
		return 0;
	/* The open root is on the old mounts; the new ones are found by its path only. */
	if (cmd->sealed || cmd->mounts)
		return chroot(s->root);
	return fchdir(real_root_fd(s)) || chroot(".");
}

/* What the child gets; -1 where there is nothing. */
struct ends {
	int in, out, errors, report;
};

/* In the child. Only async-signal-safe calls; the error goes up the pipe as an errno. */
static _Noreturn void become(const struct sys *s, const struct sys_cmd *cmd, char *const *env,
			     const struct sealed *sealed, const struct ends *ends)
{
	const char *const *argv = cmd->sealed ? sealed->argv : cmd->argv;
	int in = ends->in < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : ends->in;
	sigset_t none;
	int errnum;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	if (setpgid(0, 0) || in < 0 || dup2(in, 0) < 0 || dup2(ends->out, 1) < 0 ||
	    dup2(ends->errors < 0 ? ends->out : ends->errors, 2) < 0)
		goto fail;
	if (enter(s, cmd, sealed))
		goto fail;
	if (chdir("/"))
		goto fail;
	syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
	if (cmd->sealed && fcntl(SEALED_FD, F_SETFD, 0))
		goto fail;
	execve(argv[0], (char *const *)(size_t)argv, env);
fail:
	errnum = errno;
	if (write(ends->report, &errnum, sizeof(errnum)) < 0)
		_exit(126);
	_exit(127);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Keep the last `limit` bytes at most: the end is where the reason is. */
static void keep_output(struct buf *b, const char *bytes, size_t n)
{
	if (n > b->limit) {
		bytes += n - b->limit;
		n = b->limit;
	}
	if (b->len + n > b->limit) {
		size_t drop = b->len + n - b->limit;

		memmove(b->data, b->data + drop, b->len - drop);
		buf_cut(b, b->len - drop);
	}
	buf_add(b, bytes, n);
}

struct child {
	pid_t pid;
	int pidfd;  /* -1 on a kernel without them */
	int out;    /* read end of its output */
	int errors; /* of what it complains of; -1: that is in its output */
	int log_fd;
	long long deadline;
};

/* Take what is there; false at the end of the output. */
static bool take(const struct child *c, int from, struct buf *output)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	keep_output(output, bytes, (size_t)n);
	/*
	 * The log is a copy for people; a full disk there must not stop the command. Data that is
	 * kept apart is for us, and not for the log.
	 */
	if (c->log_fd >= 0 && (from != c->out || c->errors < 0) &&
	    fd_write_all(c->log_fd, bytes, (size_t)n))
		errno = 0;
	return true;
}

/*
 * Wait for the child and read its output; false when the deadline passed first. Neither alone would
 * do: a child may close its output and go on, and what it leaves running may keep the output open.
 * Only with `all` is the end of the output waited for too.
 */
static bool drain(const struct child *c, struct sys_done *d, bool all)
{
	bool open = true, complains = c->errors >= 0, ended = c->pidfd < 0;

	all |= ended;
	while (open || complains || !ended) {
		struct pollfd p[] = {
			{ .fd = open ? c->out : -1, .events = POLLIN },
			{ .fd = ended ? -1 : c->pidfd, .events = POLLIN },
			{ .fd = complains ? c->errors : -1, .events = POLLIN },
		};
		long long left = c->deadline - now_ms();
		bool last = ended && !all; /* take what it wrote before it ended */

		if (left <= 0)
			return false;
		if (poll(p, 3, last ? 0 : left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return true;
		if (p[1].revents)
			ended = true;
		if (p[0].revents)
			open = take(c, c->out, &d->output);
		if (p[2].revents)
			complains = take(c, c->errors, &d->errors);
		if (last && !p[0].revents && !p[2].revents)
			return true;
	}
	return true;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 255;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * TERM to the whole group, a little time, then KILL to what is left of it. The child is not reaped
 * yet, so its number still means this group.
 */
static void stop(struct child *c, struct sys_done *d)
{
	kill(-c->pid, SIGTERM);
	c->deadline = now_ms() + GRACE_MS;
	drain(c, d, true);
	kill(-c->pid, SIGKILL);
}

static int started(int report, struct err *e, const struct sys_cmd *cmd)
{
	int errnum;
	ssize_t n;

	do
		n = read(report, &errnum, sizeof(errnum));
	while (n < 0 && errno == EINTR);
	return n == sizeof(errnum) ? err_errno(e, errnum, "starting '%s'", cmd->argv[0]) : 0;
}

/* Its standard input: the bytes it is given, in memory. */
static int give_input(const struct sys_cmd *cmd, int *ret, struct err *e)
{
	auto_close int fd = cmd->input ? memfd_create("input", MFD_CLOEXEC) : -1;

	if (cmd->input &&
	    (fd < 0 || fd_write_all(fd, cmd->input, cmd->input_len) || lseek(fd, 0, SEEK_SET)))
		return err_errno(e, errno, "starting '%s'", cmd->argv[0]);
	*ret = steal_fd(&fd);
	return 0;
}

static int make_pipe(const struct sys_cmd *cmd, int *ret_r, int *ret_w, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_errno(e, errno, "starting '%s'", cmd->argv[0]);
	*ret_r = fds[0];
	*ret_w = fds[1];
	return 0;
}

static void wait_for(const struct sys_cmd *cmd, struct child *c, struct sys_done *ret)
{
	size_t limit = cmd->output_limit ? cmd->output_limit : 64 << 10;

	ret->output = (struct buf)BUF_INIT(limit);
	ret->errors = (struct buf)BUF_INIT(limit);
	c->deadline = now_ms() + 1000LL * (cmd->timeout_s ? cmd->timeout_s : HOUR_S);
	if (!drain(c, ret, false)) {
		ret->timed_out = true;
		stop(c, ret);
	}
	ret->status = reap(c->pid);
}

int real_run(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret, struct err *e)
{
	const struct real *r = s->ctx;
	auto_close int out_r = -1, out_w = -1, rep_r = -1, rep_w = -1, err_r = -1, err_w = -1;
	auto_close int in = -1, pidfd = -1;
	auto_free char *const *env = NULL;
	auto_sealed sealed = SEALED_NONE;
	struct child c = { .log_fd = r->log_fd };

	if ((cmd->sealed && sealed_prepare(s, cmd, &sealed, e)) || give_input(cmd, &in, e) ||
	    make_pipe(cmd, &out_r, &out_w, e) || make_pipe(cmd, &rep_r, &rep_w, e) ||
	    (cmd->apart && make_pipe(cmd, &err_r, &err_w, e)))
		return -1;
	env = make_env(cmd->env, sealed.env);
	c.out = out_r;
	c.errors = err_r;
	c.pid = fork();
	if (c.pid < 0)
		return err_errno(e, errno, "starting '%s'", cmd->argv[0]);
	if (c.pid == 0)
		become(s, cmd, env, &sealed, &(struct ends){ in, out_w, err_w, rep_w });
	close(steal_fd(&out_w));
	close(steal_fd(&rep_w));
	if (cmd->apart)
		close(steal_fd(&err_w));
	if (started(rep_r, e, cmd)) {
		reap(c.pid);
		return -1;
	}
	pidfd = (int)syscall(SYS_pidfd_open, c.pid, 0);
	c.pidfd = pidfd;
	wait_for(cmd, &c, ret);
	return 0;
}
