/* SPDX-License-Identifier: Apache-2.0 */
/* Running commands: status, output, environment, what is inherited, and an end in every case. */
#include "scratch.h"

#include "base/str.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

/* The running system, so that there is a shell. Nothing here changes it. */
static struct sys live;

struct ran {
	struct sys_done done;
	struct err e;
	int rc;
	double seconds;
};

static void ran_release(struct ran *r)
{
	buf_release(&r->done.output);
	buf_release(&r->done.errors);
	err_drop(&r->e);
}
#define auto_ran __attribute__((cleanup(ran_release))) struct ran

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_cmd(struct ran *r, const struct sys *sys, const struct sys_cmd *cmd)
{
	double begin = now();

	r->rc = sys_run(sys, cmd, &r->done, &r->e);
	r->seconds = now() - begin;
}

static void shell_for(struct ran *r, const char *script, unsigned timeout_s, size_t limit)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	run_cmd(r, &live,
		&(struct sys_cmd){ .argv = argv, .timeout_s = timeout_s, .output_limit = limit });
}

static void shell(struct ran *r, const char *script)
{
	shell_for(r, script, 30, 0);
}

static void shell_says(const char *script, const char *want, const char *what)
{
	auto_ran r = { 0 };

	shell(&r, script);
	is(r.rc ? r.e.text : buf_str(&r.done.output), want, what);
}

static void test_status(void)
{
	static const struct {
		const char *script;
		int status;
	} rows[] = {
		{ "true", 0 },
		{ "exit 3", 3 },
		{ "exit 255", 255 },
		{ "kill -TERM $$", 128 + SIGTERM },
		{ "kill -KILL $$", 128 + SIGKILL },
		{ "exec /bin/false", 1 },
		{ "/nonexistent-command", 127 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_ran r = { 0 };

		shell(&r, rows[i].script);
		ok(r.rc == 0 && r.done.status == rows[i].status && !r.done.timed_out && !r.e.text,
		   "'%s' ends with %d", rows[i].script, rows[i].status);
	}
}

static void cannot_start(const char *path, enum code code, const char *what)
{
	const char *const argv[] = { path, NULL };
	auto_ran r = { 0 };

	run_cmd(&r, &live, &(struct sys_cmd){ .argv = argv });
	ok(r.rc == -1 && r.e.code == code, "%s is an error", what);
	ok(r.e.text && str_starts(r.e.text, "starting '") && strstr(r.e.text, path), "naming it");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "and leaves no child behind");
}

static void test_cannot_start(const struct scratch *s)
{
	auto_free char *plain = mem_printf("%s/root/plain", s->base);

	scratch_put(s, "root/plain", "not a program\n");
	cannot_start("/nonexistent/command", GP_NO_FILE, "a command that is not there");
	cannot_start(plain, GP_NO_PERMISSION, "a file that is no program");
	cannot_start("/", GP_NO_PERMISSION, "a directory");
}

static void test_output(void)
{
	int ours = dup(STDIN_FILENO), fds[2];

	/* What the user typed is not for the command. */
	ok(pipe(fds) == 0 && write(fds[1], "typed\n", 6) == 6 && dup2(fds[0], STDIN_FILENO) == 0,
	   "something to read");
	shell_says("cat; echo end", "end\n", "is not read by a command");
	dup2(ours, STDIN_FILENO);
	close(ours);
	close(fds[0]);
	close(fds[1]);
	shell_says("echo out; echo err >&2; echo out", "out\nerr\nout\n",
		   "both outputs, in the order written");
	shell_says("true", "", "no output");
	shell_says("printf 'a\\000b' | wc -c | tr -d ' '", "3\n", "pipes work");
	shell_says("pwd", "/\n", "it begins at the top of the root");
	shell_says("exec 2>&-; exec >&-; exit 0", "", "closed outputs are fine");
}

static void test_arguments(void)
{
	const char *const argv[] = { "/usr/bin/printf", "<%s>", "a b", "$(id)", "`id`; rm", "*", "",
				     "\n'\"",           NULL };
	auto_ran r = { 0 };

	run_cmd(&r, &live, &(struct sys_cmd){ .argv = argv });
	is(buf_str(&r.done.output), "<a b><$(id)><`id`; rm><*><><\n'\">",
	   "arguments arrive as they are");
}

static void test_environment(void)
{
	const char *const argv[] = { "/usr/bin/env", NULL };
	const char *const more[] = { "DEBIAN_FRONTEND=noninteractive", "X=a b", NULL };
	auto_ran r = { 0 };
	auto_ran with = { 0 };

	setenv("SECRET", "s3cret", 1);
	setenv("LD_LIBRARY_PATH", "/nonexistent", 1);
	run_cmd(&r, &live, &(struct sys_cmd){ .argv = argv });
	is(buf_str(&r.done.output),
	   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	   "LC_ALL=C\nHOME=/root\n",
	   "the environment is ours alone");
	run_cmd(&with, &live, &(struct sys_cmd){ .argv = argv, .env = more });
	ok(str_ends(buf_str(&with.done.output),
		    "HOME=/root\nDEBIAN_FRONTEND=noninteractive\nX=a b\n") &&
		   !strstr(buf_str(&with.done.output), "SECRET"),
	   "and what the command adds");
	unsetenv("SECRET");
	unsetenv("LD_LIBRARY_PATH");
}

static void test_inherited(void)
{
	int fd = open("/dev/null", O_RDONLY);
	sigset_t all, old;

	ok(fd >= 0 && dup2(fd, 7) == 7 && dup2(fd, 9) == 9, "descriptors without close-on-exec");
	shell_says("for n in 3 4 5 6 7 8 9; do (eval \": <&$n\") 2>/dev/null && echo $n; done; :",
		   "", "are closed in the child");
	close(7);
	close(9);
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	{
		auto_ran r = { 0 };

		shell(&r, "kill -PIPE $$; exit 0");
		ok(r.done.status == 128 + SIGPIPE, "signals that we ignore are not ignored");
	}
	{
		auto_ran r = { 0 };

		shell(&r, "kill -TERM $$; exit 0");
		ok(r.done.status == 128 + SIGTERM, "signals that we block are not blocked");
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (access("/proc/self/stat", R_OK))
		skip("no /proc: its own process group");
	else
		shell_says("read -r pid name state parent group rest </proc/$$/stat; "
			   "[ \"$group\" = $$ ] && echo own",
			   "own\n", "it is a process group of its own");
}

/* ---- limits ---- */

/* 1\n2\n... up to n, as the shell of numbers() prints it. */
static void count_to(int n, struct buf *ret)
{
	buf_clear(ret);
	for (int i = 1; i <= n; i++)
		buf_addf(ret, "%d\n", i);
}

#define COUNT_TO(n) "i=0; while [ $i -lt " #n " ]; do i=$((i+1)); echo $i; done"

static void test_limit(void)
{
	static const size_t limits[] = { 1, 7, 100, 4095, 4096, 4097, 10000, 48894, 48895 };
	auto_buf struct buf all = BUF_TEXT;

	count_to(10000, &all);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		auto_ran r = { 0 };
		size_t want = limits[i] < all.len ? limits[i] : all.len;

		/* Once in small pieces, once in pieces as large as a pipe takes. */
		shell_for(&r, i % 2 ? COUNT_TO(10000) " | cat" : COUNT_TO(10000), 30, limits[i]);
		ok(r.rc == 0 && r.done.output.len == want &&
			   str_eq(buf_str(&r.done.output), all.data + all.len - want),
		   "the last %zu bytes are kept", want);
	}
}

static void test_large_pieces(void)
{
	auto_ran r = { 0 };
	auto_ran big = { 0 };

	shell_for(&r, "head -c 3000 /dev/zero | tr '\\0' x; printf 'the end'", 30, 10);
	is(buf_str(&r.done.output), "xxxthe end", "a piece larger than the limit keeps its end");
	shell(&big, "head -c 1000000 /dev/zero | tr '\\0' x; printf end");
	ok(big.done.output.len == 64 << 10 && str_ends(buf_str(&big.done.output), "xend"),
	   "64 KiB when no limit is given");
}

/* ---- time ---- */

static bool gone(pid_t pid)
{
	auto_free char *path = mem_printf("/proc/%d/stat", (int)pid);

	for (int i = 0; i < 40; i++) {
		char text[256] = "";
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

		if (fd >= 0)
			close(fd);
		/* A zombie is dead; whoever adopted it takes its time. */
		if (n <= 0 || strstr(text, ") Z ") || (kill(pid, 0) && errno == ESRCH))
			return true;
		usleep(50000);
	}
	return false;
}

/* The number that a command printed on its first line. */
static pid_t printed_pid(const struct ran *r)
{
	struct piece rest = { buf_str(&r->done.output), r->done.output.len }, line = { 0 };
	auto_arena struct arena a = { 0 };
	unsigned long long pid = 0;

	if (!str_line(&rest, &line) || !str_to_u64(arena_strn(&a, line.at, line.len), &pid))
		return 0;
	return (pid_t)pid;
}

static void test_timeout(void)
{
	auto_ran r = { 0 };
	pid_t background;

	shell_for(&r, "sleep 60 & echo $!; echo waiting; wait", 1, 0);
	background = printed_pid(&r);
	ok(r.rc == 0 && r.done.timed_out && r.done.status == 128 + SIGTERM, "a timeout ends it");
	ok(r.seconds >= 1 && r.seconds < 5, "in time");
	ok(str_ends(buf_str(&r.done.output), "waiting\n"), "what it said is kept");
	ok(background > 0 && gone(background), "with its whole group");
}

static void test_stubborn(void)
{
	auto_ran r = { 0 };
	pid_t background;

	shell_for(&r, "trap '' TERM; (sleep 60; sleep 60) & echo $!; wait; wait; sleep 60", 1, 0);
	background = printed_pid(&r);
	ok(r.done.timed_out && r.done.status == 128 + SIGKILL, "one that ignores TERM is killed");
	ok(r.seconds >= 5 && r.seconds < 12, "after some grace");
	ok(background > 0 && gone(background), "with its whole group");
}

static void test_silent(void)
{
	auto_ran r = { 0 };
	auto_ran calm = { 0 };

	shell_for(&r, "exec >/dev/null 2>&1; sleep 20", 1, 0);
	ok(r.done.timed_out && r.seconds < 5, "one that closes its output is watched all the same");
	shell_for(&calm, "echo a; exec >/dev/null 2>&1; sleep 1; exit 5", 30, 0);
	ok(calm.done.status == 5 && !calm.done.timed_out && calm.seconds >= 1,
	   "and waited for, when it ends in time");
}

static void test_background(void)
{
	auto_ran r = { 0 };
	pid_t left;

	shell_for(&r, "sleep 20 & echo $!; echo started; exit 4", 30, 0);
	left = printed_pid(&r);
	ok(r.rc == 0 && r.done.status == 4 && !r.done.timed_out && r.seconds < 10,
	   "what a command leaves running is not waited for");
	ok(str_ends(buf_str(&r.done.output), "started\n"), "its own output is whole");
	ok(left > 0 && kill(left, 0) == 0, "and what it left still runs");
	if (left > 0)
		kill(left, SIGKILL);
}

/* Output written right before the end is never lost; tried often, because it is a race. */
static void test_last_words(void)
{
	unsigned lost = 0;

	for (int i = 0; i < 100; i++) {
		auto_ran r = { 0 };

		shell(&r, "echo last words");
		lost += !str_eq(buf_str(&r.done.output), "last words\n");
	}
	ok(!lost, "the last words of a command are kept");
}

/* ---- the log, and run_ok ---- */

static void test_log(const struct scratch *s)
{
	auto_err e = { 0 };
	char *full = realpath(s->base, NULL);
	auto_free char *path = mem_printf("%s/root/var/log", full + 1);
	auto_free char *none = mem_printf("%s/root/none/log", full + 1);
	auto_free char *link = mem_printf("%s/root/var/link", full + 1);
	auto_ran r = { 0 };

	mem_free(full);
	scratch_put(s, "root/var/log", "before\n");
	scratch_link(s, "log", "root/var/link");
	ok(sys_log_to(&live, none, &e) == -1 && e.code == GP_NO_FILE, "no place for a log");
	ok(sys_log_to(&live, link, &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "a log is not written through a link");
	shell(&r, "true");
	ok(r.rc == 0, "a command runs without a log");
	ok(sys_log_to(&live, path, &e) == 0, "a log");
	shell_for(&r, "echo one; echo two >&2", 30, 2);
	is(buf_str(&r.done.output), "o\n", "the answer has a limit");
	scratch_is(s, "root/var/log", "before\none\ntwo\n", "the log has everything, at its end");
}

/* Data goes in by standard input, comes out apart from complaints, and no log sees it. */
static void test_apart(const struct scratch *s)
{
	static const char *const argv[] = { "/bin/sh", "-c", "cat; echo wrong >&2; exit 4", NULL };
	auto_buf struct buf much = BUF_TEXT;
	char *full = realpath(s->base, NULL);
	auto_free char *path = mem_printf("%s/root/var/log", full + 1);
	auto_err e = { 0 };
	auto_ran r = { 0 };

	mem_free(full);
	scratch_put(s, "root/var/log", "");
	buf_pad(&much, 'x', 300000);
	ok(sys_log_to(&live, path, &e) == 0, "a log");
	run_cmd(&r, &live,
		&(struct sys_cmd){ .argv = argv,
				   .input = buf_str(&much),
				   .input_len = much.len,
				   .output_limit = 1 << 20,
				   .apart = true });
	ok(r.rc == 0 && r.done.status == 4, "input more than a pipe holds");
	ok(str_eq(buf_str(&r.done.output), buf_str(&much)), "comes to the command whole");
	is(buf_str(&r.done.errors), "wrong\n", "what it complains of is apart");
	scratch_is(s, "root/var/log", "wrong\n", "and is all that the log has");
}

static int shell_ok(const char *script, unsigned timeout_s, struct err *e)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	return sys_run_ok(&live, &(struct sys_cmd){ .argv = argv, .timeout_s = timeout_s }, e);
}

static void test_run_ok(void)
{
	auto_err e = { 0 };
	auto_buf struct buf want = BUF_TEXT;

	ok(shell_ok("echo x", 30, &e) == 0 && !e.text, "success");
	ok(shell_ok("exit 3", 30, &e) == -1 && e.code == GP_COMMAND_FAILED, "failure is an error");
	is(e.text, "'/bin/sh' ended with status 3\n", "with the status");
	ok(shell_ok("echo one; echo two >&2; exit 1", 30, &e) == -1, "failure with a reason");
	is(e.text, "'/bin/sh' ended with status 1\none\ntwo\n", "carries it");
	ok(shell_ok(COUNT_TO(25) "; exit 1", 30, &e) == -1, "failure with much output");
	buf_adds(&want, "'/bin/sh' ended with status 1\n");
	for (int i = 6; i <= 25; i++)
		buf_addf(&want, "%d\n", i);
	is(e.text, buf_str(&want), "carries the last 20 lines");
	ok(shell_ok(COUNT_TO(20) "; printf 21; exit 1", 30, &e) == -1 &&
		   strstr(e.text, "status 1\n2\n3\n") && str_ends(e.text, "\n20\n21"),
	   "also when the last one has no end");
	ok(shell_ok("sleep 60", 1, &e) == -1 && e.code == GP_TIMEOUT, "a timeout is an error");
	is(e.text, "'/bin/sh' did not end in time and was stopped", "that says so");
}

/* ---- inside another root ---- */

enum { RIGHT = 31, WRONG, CANNOT };

/* In a mount namespace of its own, with the programs of this system bound into the scratch root. */
static int in_other_root(const struct scratch *s)
{
	static const char *const dirs[] = { "bin", "lib", "lib64", "usr" };
	const char *const argv[] = { "/bin/sh", "-c", "cat marker && pwd", NULL };
	struct scratch here = { .base = s->base };
	auto_ran r = { 0 };

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return CANNOT;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		auto_free char *from = mem_printf("/%s", dirs[i]);
		auto_free char *to = mem_printf("%s/root/%s", s->base, dirs[i]);

		if (access(from, F_OK) == 0 && mount(from, to, NULL, MS_BIND | MS_REC, NULL))
			return CANNOT;
	}
	scratch_open(&here);
	run_cmd(&r, &here.sys, &(struct sys_cmd){ .argv = argv, .timeout_s = 30 });
	if (r.rc || !str_eq(buf_str(&r.done.output), "inside\n/\n"))
		printf("# %s\n", r.rc ? r.e.text : buf_str(&r.done.output));
	return r.rc == 0 && str_eq(buf_str(&r.done.output), "inside\n/\n") ? RIGHT : WRONG;
}

/* Whoever is not root cannot enter a root, and must be told. */
static int as_nobody(const struct scratch *s)
{
	const char *const argv[] = { "/bin/sh", NULL };
	auto_ran r = { 0 };

	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		return CANNOT;
	run_cmd(&r, &s->sys, &(struct sys_cmd){ .argv = argv, .timeout_s = 30 });
	return r.rc == -1 && r.e.code == GP_NO_PERMISSION ? RIGHT : WRONG;
}

static int in_child(int (*body)(const struct scratch *s), const struct scratch *s)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(s));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

static void test_root(const struct scratch *s)
{
	static const char *const dirs[] = { "bin", "lib", "lib64", "usr" };
	int got;

	scratch_put(s, "root/marker", "inside\n");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		mkdirat(s->root_fd, dirs[i], 0755);
	got = in_child(in_other_root, s);
	if (got == CANNOT)
		skip("needs root: a command inside another root");
	else
		ok(got == RIGHT, "a command runs inside the root, at its top");
	got = in_child(as_nobody, s);
	ok(got == RIGHT, "without root, another root is refused");
}

int main(void)
{
	auto_scratch s = { 0 };
	auto_err e = { 0 };

	scratch_init(&s);
	if (sys_real_open(NULL, &live, &e))
		return 1;
	ok(live.live && str_eq(live.root, "/") && !s.sys.live, "the running system is live");
	test_status();
	test_cannot_start(&s);
	test_output();
	test_arguments();
	test_environment();
	test_inherited();
	test_limit();
	test_large_pieces();
	test_timeout();
	test_stubborn();
	test_silent();
	test_background();
	test_last_words();
	test_log(&s);
	test_apart(&s);
	test_run_ok();
	test_root(&s);
	sys_real_close(&live);
	return done_testing();
}
