/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a command and all its children system call by system call, in one order over all of them,
 * from the umask() with which our main() begins:
 *
 *   stepper list CMD...            the calls, one line each: number and name
 *   stepper kill K CMD...          kill everything at the K-th call, which is not made; exit 137
 *   stepper fail K ERRNO CMD...    the K-th call fails with ERRNO; exit status is the command's
 *   stepper down K FLAG DIR CMD...  before the K-th call the power of DIR's file system goes (FLAG
 * 1: its log is on the disk; 2: not even that), and all is killed; 137 stepper pause K FILE CMD...
 * at the K-th call run the script FILE with the process id, go on
 *
 * K may be NAME:N, the N-th call of that name: it is the same one in every run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

#define CALL(name)                                                                                 \
	{                                                                                          \
		SYS_##name, #name                                                                  \
	}
static const struct {
	long nr;
	const char *name;
} calls[] = {
	CALL(openat),     CALL(openat2),      CALL(open),       CALL(read),       CALL(pread64),
	CALL(write),      CALL(fsync),        CALL(fdatasync),  CALL(renameat),   CALL(renameat2),
	CALL(rename),     CALL(unlinkat),     CALL(unlink),     CALL(mkdirat),    CALL(mkdir),
	CALL(fchmod),     CALL(fchown),       CALL(flock),      CALL(ftruncate),  CALL(fallocate),
	CALL(linkat),     CALL(symlinkat),    CALL(getdents64), CALL(fstat),      CALL(newfstatat),
	CALL(statx),      CALL(fgetxattr),    CALL(flistxattr), CALL(fsetxattr),  CALL(getrandom),
	CALL(readlink),   CALL(readlinkat),   CALL(fstatfs),    CALL(pipe2),      CALL(clone),
	CALL(clone3),     CALL(vfork),        CALL(execve),     CALL(wait4),      CALL(poll),
	CALL(pidfd_open), CALL(uname),        CALL(brk),        CALL(mmap),       CALL(close),
	CALL(lseek),      CALL(fcntl),        CALL(getpid),     CALL(geteuid),    CALL(getuid),
	CALL(ioctl),      CALL(rt_sigaction), CALL(munmap),     CALL(exit_group), CALL(umask),
	CALL(chroot),     CALL(fchdir),       CALL(setpgid),
};

/* A file that is made, and talk on stdout and stderr, have names of their own. */
static const char *call_name(const struct __ptrace_syscall_info *info)
{
	unsigned long long nr = info->entry.nr;

	if (nr == SYS_openat && info->entry.args[2] & (O_CREAT | O_TRUNC))
		return "openat-new";
	if (nr == SYS_write && info->entry.args[0] <= STDERR_FILENO)
		return "say";
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if ((unsigned long long)calls[i].nr == nr)
			return calls[i].name;
	return "other";
}

enum { MOST = 256 };
static pid_t alive[MOST];
static size_t n_alive;

static void forget(pid_t pid)
{
	for (size_t i = 0; i < n_alive; i++)
		if (alive[i] == pid)
			alive[i] = alive[--n_alive];
}

/* True when it is new. */
static bool remember(pid_t pid)
{
	for (size_t i = 0; i < n_alive; i++)
		if (alive[i] == pid)
			return false;
	if (n_alive < MOST)
		alive[n_alive++] = pid;
	return true;
}

static void kill_everything(void)
{
	int status;

	for (size_t i = 0; i < n_alive; i++)
		kill(alive[i], SIGKILL);
	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno != EINTR)
			return;
		/* One that was just forked has not been seen before. */
		if (pid > 0 && WIFSTOPPED(status))
			kill(pid, SIGKILL);
	}
}

struct stepping {
	const char *mode;
	unsigned long long at;
	const char *name; /* only calls of this name are counted for `at`; NULL = all */
	unsigned long long named;
	int errnum;
	const char *script;
	const char *dir;
	unsigned flag;
	bool begun;
	unsigned long long count;
	pid_t failing; /* whose call is being failed */
};

static void run_script(const char *script, pid_t stopped)
{
	char text[32];
	pid_t pid;
	int status;

	snprintf(text, sizeof(text), "%d", (int)stopped);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", script, text, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
}

/* What it has not written by now it never will. */
static void power_off(const struct stepping *s)
{
	const unsigned long shutdown = _IOR('X', 125, unsigned); /* FS_IOC_GOINGDOWN */
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY);
	unsigned flag = s->flag;

	if (fd < 0 || ioctl(fd, shutdown, &flag)) {
		fprintf(stderr, "stepper: shutting '%s' down: %s\n", s->dir, strerror(errno));
		kill_everything();
		_exit(70);
	}
	close(fd);
}

static bool is_the_one(struct stepping *s, const struct __ptrace_syscall_info *info)
{
	if (!s->name)
		return s->count == s->at;
	return strcmp(call_name(info), s->name) == 0 && ++s->named == s->at;
}

/* "12" or "fdatasync:3" */
static void set_point(struct stepping *s, char *text)
{
	char *colon = strchr(text, ':');

	if (colon) {
		*colon = '\0';
		s->name = text;
	}
	s->at = strtoull(colon ? colon + 1 : text, NULL, 10);
}

/* At a stop before a call. True when everything is to be killed. */
static bool before_call(struct stepping *s, pid_t pid, const struct __ptrace_syscall_info *info)
{
	if (!s->begun) {
		s->begun = info->entry.nr == SYS_umask;
		return false;
	}
	s->count++;
	if (strcmp(s->mode, "list") == 0)
		fprintf(stderr, "@%llu %s\n", s->count, call_name(info));
	if (!is_the_one(s, info))
		return false;
	if (strcmp(s->mode, "pause") == 0)
		run_script(s->script, pid);
	if (strcmp(s->mode, "fail") == 0) {
		ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
		s->failing = pid;
	}
	if (strcmp(s->mode, "down") == 0)
		power_off(s);
	return strcmp(s->mode, "kill") == 0 || strcmp(s->mode, "down") == 0;
}

static void after_call(struct stepping *s, pid_t pid)
{
	if (s->failing != pid)
		return;
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), (long)-s->errnum);
	s->failing = 0;
}

/* One stop of one process; the signal to go on with, or -1 to kill all. */
static int handle_stop(struct stepping *s, pid_t pid, int status)
{
	struct __ptrace_syscall_info info;
	int sig = WSTOPSIG(status);

	if (sig != (SIGTRAP | 0x80))
		return sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return 0;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && before_call(s, pid, &info))
		return -1;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		after_call(s, pid);
	return 0;
}

static int trace(struct stepping *s, pid_t first)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
	int status, result = 0;
	pid_t pid;

	waitpid(first, &status, __WALL);
	ptrace(PTRACE_SETOPTIONS, first, 0, options);
	remember(first);
	ptrace(PTRACE_SYSCALL, first, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int sig;

		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			forget(pid);
			if (pid == first)
				result = WIFEXITED(status) ? WEXITSTATUS(status) :
							     128 + WTERMSIG(status);
			continue;
		}
		remember(pid);
		sig = handle_stop(s, pid, status);
		if (sig < 0) {
			kill_everything();
			return 137;
		}
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
	}
	return result;
}

static int usage(void)
{
	fprintf(stderr, "stepper list|kill K|fail K ERRNO|down K FLAG DIR|pause K SCRIPT CMD...\n");
	return 64;
}

int main(int argc, char **argv)
{
	struct stepping s = { .mode = argc > 1 ? argv[1] : "" };
	int used = 2;
	pid_t pid;

	if (strcmp(s.mode, "list") != 0) {
		if (argc < (strcmp(s.mode, "down") == 0 ? 6 : 5))
			return usage();
		set_point(&s, argv[used++]);
		if (strcmp(s.mode, "fail") == 0)
			s.errnum = (int)strtol(argv[used++], NULL, 10);
		if (strcmp(s.mode, "pause") == 0)
			s.script = argv[used++];
		if (strcmp(s.mode, "down") == 0) {
			s.flag = (unsigned)strtoul(argv[used++], NULL, 10);
			s.dir = argv[used++];
		}
	}
	if (argc <= used)
		return usage();
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(argv[used], argv + used);
		_exit(127);
	}
	return trace(&s, pid);
}

#else

int main(void)
{
	fprintf(stderr, "stepper: only on x86_64\n");
	return 77;
}

#endif
