/* SPDX-License-Identifier: Apache-2.0 */
/* Locks between processes: one at a time, waiting, who holds it, and that death releases it. */
#include "scratch.h"

#include "base/str.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* What happens right before the next flock(); in place of libc's. */
static void (*before_flock)(void);

int flock(int fd, int operation)
{
	void (*act)(void) = before_flock;

	before_flock = NULL;
	if (act)
		act();
	return (int)syscall(SYS_flock, fd, operation);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A child that takes the lock, says so, and holds it until it is told to let go, or killed. */
struct holder {
	pid_t pid;
	int to, from;
};

static _Noreturn void hold(const struct scratch *s, const char *path, int from, int to)
{
	auto_err e = { 0 };
	int lock;
	char c = 0;

	if (sys_lock(&s->sys, path, 0, &lock, &e))
		_exit(1);
	if (write(to, "x", 1) != 1 || read(from, &c, 1) < 0)
		_exit(2);
	if (c)
		sys_unlock(&s->sys, lock);
	/* Stay alive: what releases the lock is not our end. */
	_exit(read(from, &c, 1) < 0);
}

static bool start(struct holder *h, const struct scratch *s, const char *path)
{
	int there[2], back[2];
	char c;

	if (pipe(there) || pipe(back))
		return false;
	h->pid = fork();
	if (h->pid == 0) {
		close(there[1]);
		close(back[0]);
		hold(s, path, there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	h->to = there[1];
	h->from = back[0];
	return read(h->from, &c, 1) == 1;
}

static void end(struct holder *h)
{
	close(h->to);
	close(h->from);
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
}

static int take(const struct scratch *s, unsigned wait_s, int *fd, struct err *e)
{
	return sys_lock(&s->sys, "run/lock", wait_s, fd, e);
}

static void test_alone(const struct scratch *s)
{
	auto_err e = { 0 };
	int fd = -1;
	struct stat st;
	auto_free char *want = mem_printf("%d ", (int)getpid());
	auto_free char *text = NULL;

	ok(take(s, 0, &fd, &e) == 0 && fd >= 0 && !e.text, "a lock that nobody holds");
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "is closed on exec");
	ok(fstatat(s->fd, "root/run/lock", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		   (st.st_mode & 07777) == 0600,
	   "its file is for root alone");
	text = scratch_get(s, "root/run/lock");
	ok(str_starts(text, want) && str_ends(text, "\n"), "and says who holds it");
	sys_unlock(&s->sys, fd);
	ok(take(s, 0, &fd, &e) == 0, "released, it can be taken again");
	sys_unlock(&s->sys, fd);
}

static void test_held(const struct scratch *s)
{
	auto_err e = { 0 };
	struct holder h;
	int fd = -7;
	double begin;
	auto_free char *who = NULL;

	ok(start(&h, s, "run/lock"), "another process holds it");
	who = mem_printf("another gpuprov (process %d, for ", (int)h.pid);
	begin = now();
	ok(take(s, 0, &fd, &e) == -1 && e.code == GP_LOCKED, "it cannot be taken");
	ok(now() - begin < 0.9, "which is said at once");
	ok(fd == -7, "no descriptor is given");
	ok(str_starts(e.text, who) && strstr(e.text, "/root/run/lock'"), "who holds it, and what");
	ok(e.n_ways == 1, "and what to do");
	begin = now();
	ok(take(s, 1, &fd, &e) == -1 && e.code == GP_LOCKED, "nor after a second");
	ok(now() - begin > 0.8 && now() - begin < 5, "of waiting");
	end(&h);
	ok(take(s, 0, &fd, &e) == 0, "the holder killed, it is free");
	sys_unlock(&s->sys, fd);
}

static void test_wait(const struct scratch *s)
{
	auto_err e = { 0 };
	struct holder h;
	int fd = -1;
	pid_t helper;
	double begin = now();

	ok(start(&h, s, "run/lock"), "another process holds it");
	helper = fork();
	if (helper == 0) {
		usleep(400000);
		_exit(write(h.to, "x", 1) != 1);
	}
	ok(take(s, 20, &fd, &e) == 0, "waiting for it");
	ok(now() - begin > 0.3 && now() - begin < 5, "lasts until it is released, not longer");
	sys_unlock(&s->sys, fd);
	waitpid(helper, NULL, 0);
	end(&h);
}

/* Who only looks sees it, leaves no file, and is in nobody's way. */
static void test_looked_at(const struct scratch *s)
{
	auto_err e = { 0 };
	struct holder h;
	struct stat st;
	bool held = true;
	int fd = -1, there[2];
	pid_t looker;
	char c;

	ok(sys_locked(&s->sys, "run/none", &held, &e) == 0 && !held, "none there: nobody holds it");
	ok(fstatat(s->fd, "root/run/none", &st, 0) == -1, "and none is made");
	ok(sys_locked(&s->sys, "run/lock", &held, &e) == 0 && !held, "there, and free");
	ok(start(&h, s, "run/lock") && sys_locked(&s->sys, "run/lock", &held, &e) == 0 && held,
	   "held by another process");
	end(&h);
	if (pipe(there))
		return;
	looker = fork();
	if (looker == 0) {
		int look = openat(s->fd, "root/run/lock", O_RDONLY | O_CLOEXEC);

		_exit(flock(look, LOCK_SH) || write(there[1], "x", 1) != 1 || usleep(200000));
	}
	ok(read(there[0], &c, 1) == 1, "somebody looks at it, slowly");
	ok(take(s, 0, &fd, &e) == 0, "and is waited for: %s", e.text ? e.text : "");
	if (fd >= 0)
		sys_unlock(&s->sys, fd);
	waitpid(looker, NULL, 0);
	close(there[0]);
	close(there[1]);
}

/* A second one in the same process is a second one all the same. */
static void test_same_process(const struct scratch *s)
{
	auto_err e = { 0 };
	int one = -1, two = -1;

	ok(take(s, 0, &one, &e) == 0, "taken");
	ok(take(s, 0, &two, &e) == -1 && e.code == GP_LOCKED, "not twice by one process");
	sys_unlock(&s->sys, one);
	ok(take(s, 0, &two, &e) == 0, "but one after the other");
	sys_unlock(&s->sys, two);
}

/* What a command leaves running must not keep the lock. */
static void test_not_inherited(const struct scratch *s)
{
	const char *const argv[] = { "/bin/sh", "-c", "sleep 20 & echo $!", NULL };
	auto_err e = { 0 };
	struct sys live = { 0 };
	struct sys_done done = { 0 };
	unsigned long long left = 0;
	int fd = -1;

	ok(take(s, 0, &fd, &e) == 0 && sys_real_open(NULL, &live, &e) == 0, "taken");
	ok(sys_run(&live, &(struct sys_cmd){ .argv = argv, .timeout_s = 30 }, &done, &e) == 0,
	   "a command");
	sys_unlock(&s->sys, fd);
	ok(take(s, 0, &fd, &e) == 0, "does not keep the lock when it goes on in the background");
	sys_unlock(&s->sys, fd);
	if (done.output.len)
		done.output.data[done.output.len - 1] = '\0';
	if (str_to_u64(buf_str(&done.output), &left) && left > 1)
		kill((pid_t)left, SIGKILL);
	buf_release(&done.output);
	sys_real_close(&live);
}

static void test_unsafe(const struct scratch *s)
{
	auto_err e = { 0 };
	int fd = -1;

	scratch_put(s, "root/unsafe/file", "text");
	scratch_link(s, "file", "root/unsafe/link");
	scratch_link(s, "unsafe", "root/dir");
	ok(sys_lock(&s->sys, "unsafe/link", 0, &fd, &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "a link is no lock");
	ok(sys_lock(&s->sys, "dir/lock", 0, &fd, &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "nor is a lock behind a link");
	scratch_is(s, "root/unsafe/file", "text", "what it points at is untouched");
	ok(sys_lock(&s->sys, "none/lock", 0, &fd, &e) == -1 && e.code == GP_NO_FILE,
	   "its directory must be there");
	ok(sys_lock(&s->sys, "unsafe", 0, &fd, &e) == -1, "a directory is no lock");
}

/* Whoever holds a file that is gone from its place holds nothing: the next one takes the new file.
 */
static void test_replaced(const struct scratch *s)
{
	auto_err e = { 0 };
	struct holder h;
	struct stat held, there;
	int fd = -1;

	ok(start(&h, s, "run/lock") && unlinkat(s->root_fd, "run/lock", 0) == 0,
	   "the file is gone");
	ok(take(s, 0, &fd, &e) == 0, "a new one is locked");
	ok(fstat(fd, &held) == 0 && fstatat(s->root_fd, "run/lock", &there, 0) == 0 &&
		   held.st_ino == there.st_ino,
	   "the one that is in place");
	sys_unlock(&s->sys, fd);
	end(&h);
}

static const struct scratch *robbed;

static void rob(void)
{
	unlinkat(robbed->root_fd, "run/lock", 0);
}

/* The same between opening and locking: the lock that was taken is nobody's, so another is taken.
 */
static void test_race(const struct scratch *s)
{
	auto_err e = { 0 };
	struct stat held, there;
	int fd = -1;

	robbed = s;
	before_flock = rob;
	ok(take(s, 0, &fd, &e) == 0 && !before_flock, "the file vanishes before it is locked");
	ok(fstat(fd, &held) == 0 && fstatat(s->root_fd, "run/lock", &there, 0) == 0 &&
		   held.st_ino == there.st_ino,
	   "what is locked in the end is the one in place");
	sys_unlock(&s->sys, fd);
}

enum { PROCESSES = 6, ROUNDS = 25 };

/* Read, wait a little, write: loses counts unless one does it at a time. */
static void count_up(const struct scratch *s)
{
	for (int i = 0; i < ROUNDS; i++) {
		auto_err e = { 0 };
		auto_free char *text = NULL;
		auto_free char *next = NULL;
		unsigned long long n = 0;
		int fd;

		if (take(s, 60, &fd, &e))
			_exit(1);
		text = scratch_get(s, "root/count");
		if (!str_to_u64(text, &n))
			_exit(2);
		usleep(500);
		next = mem_printf("%llu", n + 1);
		scratch_put(s, "root/count", next);
		sys_unlock(&s->sys, fd);
	}
	_exit(0);
}

static void test_one_at_a_time(const struct scratch *s)
{
	auto_free char *want = mem_printf("%d", PROCESSES * ROUNDS);
	unsigned failed = 0;

	scratch_put(s, "root/count", "0");
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			count_up(s);
	for (int i = 0, status; i < PROCESSES; i++)
		failed += wait(&status) < 0 || status;
	ok(!failed, "many processes, many times: each gets it");
	scratch_is(s, "root/count", want, "and none at the same time as another");
}

int main(void)
{
	auto_scratch s = { 0 };

	scratch_init(&s);
	scratch_put(&s, "root/run/other", "");
	test_alone(&s);
	test_held(&s);
	test_wait(&s);
	test_looked_at(&s);
	test_same_process(&s);
	test_not_inherited(&s);
	test_unsafe(&s);
	test_replaced(&s);
	test_race(&s);
	test_one_at_a_time(&s);
	return done_testing();
}
