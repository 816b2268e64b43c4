/* SPDX-License-Identifier: Apache-2.0 */
/* The real system: reading, listing, making, appending, removing beneath a root; the user's files.
 */
#include "sys/real.h"

#include "base/str.h"
#include "scratch.h"

#include <signal.h>
#include <sys/wait.h>

static struct stat stat_of(const struct scratch *s, const char *path)
{
	struct stat st = { 0 };

	fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

static void reads(const struct scratch *s, const char *path, const char *want, const char *what)
{
	auto_buf struct buf b = BUF_INIT(64);
	auto_err e = { 0 };
	int rc = sys_read(&s->sys, path, &b, &e);

	is(rc ? e.text : buf_str(&b), want, what);
}

static void cannot_read(const struct scratch *s, const char *path, enum code code, const char *what)
{
	auto_buf struct buf b = BUF_INIT(64);
	auto_err e = { 0 };
	bool there = true;

	ok(sys_read(&s->sys, path, &b, &e) == -1 && e.code == code, "%s cannot be read", what);
	ok(strstr(e.text, path) && strstr(e.text, s->sys.root), "naming it as seen from outside");
	err_drop(&e);
	if (code == GP_NO_FILE)
		ok(sys_read_if(&s->sys, path, &b, &there, &e) == 0 && !there && !e.text,
		   "which may be fine");
	else
		ok(sys_read_if(&s->sys, path, &b, &there, &e) == -1 && e.code == code,
		   "which is never fine");
}

static void test_read(const struct scratch *s)
{
	auto_buf struct buf b = BUF_INIT(64);
	auto_err e = { 0 };
	auto_free char *outside = mem_printf("%s/outside", s->base);
	char big[66];
	bool there = false;

	memset(big, 'x', 65);
	big[65] = '\0';
	scratch_put(s, "outside", "secret");
	scratch_put(s, "root/r/file", "text\n");
	scratch_put(s, "root/r/empty", "");
	scratch_put(s, "root/r/64", big + 1);
	scratch_put(s, "root/r/65", big);
	scratch_link(s, "/r/file", "root/r/link");
	scratch_link(s, outside, "root/r/out");
	scratch_link(s, "loop", "root/r/loop");
	mkfifoat(s->root_fd, "r/fifo", 0644);
	reads(s, "r/file", "text\n", "a file");
	reads(s, "r/empty", "", "an empty file");
	reads(s, "r/link", "text\n", "a link, resolved beneath the root");
	reads(s, "r/64", big + 1, "as much as the limit allows");
	ok(sys_read_if(&s->sys, "r/file", &b, &there, &e) == 0 && there,
	   "a file that may be absent");
	cannot_read(s, "r/65", GP_TOO_LARGE, "a file beyond the limit");
	cannot_read(s, "r/none", GP_NO_FILE, "a file that is not there");
	cannot_read(s, "none/file", GP_NO_FILE, "a file in no directory");
	cannot_read(s, "r/file/x", GP_NO_FILE, "a file in a file");
	cannot_read(s, "r/out", GP_NO_FILE, "a link out of the root");
	cannot_read(s, "r/loop", GP_IO, "a link to itself");
	cannot_read(s, "r", GP_IO, "a directory");
	cannot_read(s, "r/fifo", GP_IO, "a FIFO");
}

static void test_stat(const struct scratch *s)
{
	static const struct {
		const char *path;
		enum sys_type type;
	} rows[] = {
		{ "r/file", SYS_FILE },   { "r", SYS_DIR },           { "r/link", SYS_LINK },
		{ "r/out", SYS_LINK },    { "r/fifo", SYS_OTHER },    { "r/none", SYS_ABSENT },
		{ "none/x", SYS_ABSENT }, { "r/file/x", SYS_ABSENT }, { ".", SYS_DIR },
	};
	auto_err e = { 0 };
	struct sys_stat st;
	struct stat want = stat_of(s, "root/r/file");

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(sys_stat(&s->sys, rows[i].path, &st, &e) == 0 && st.type == rows[i].type,
		   "what %s is", rows[i].path);
	sys_stat(&s->sys, "r/file", &st, &e);
	ok(st.size == 5 && st.mode == (want.st_mode & 07777) && st.uid == want.st_uid &&
		   st.gid == want.st_gid && st.links == 1 &&
		   st.mtime_ns == want.st_mtim.tv_sec * 1000000000LL + want.st_mtim.tv_nsec,
	   "size, mode, owner, links and time");
}

static void test_list(const struct scratch *s)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	strs names = { 0 };

	scratch_put(s, "root/l/b", "");
	scratch_put(s, "root/l/a", "");
	scratch_put(s, "root/l/.hidden", "");
	scratch_put(s, "root/l/B", "");
	scratch_link(s, "/l", "root/to-l");
	ok(sys_list(&s->sys, "l", &a, &names, &e) == 0, "a directory");
	list_each (&names, n)
		buf_addf(&b, "%s ", *n);
	is(buf_str(&b), ".hidden B a b ", "is listed in order, without . and ..");
	ok(sys_list(&s->sys, "to-l", &a, &names, &e) == 0 && names.n == 4, "also through a link");
	ok(sys_list(&s->sys, "none", &a, &names, &e) == 0 && names.n == 0,
	   "one that is not there has no names, whatever was in the list before");
	list_add(&a, &names, "again");
	ok(sys_list(&s->sys, "l/a", &a, &names, &e) == 0 && names.n == 0, "nor has a file");
}

static void test_links(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_buf struct buf b = BUF_INIT(4096);

	ok(sys_readlink(&s->sys, "r/link", &b, &e) == 0, "a link");
	is(buf_str(&b), "/r/file", "is read as it is written");
	ok(sys_readlink(&s->sys, "r/file", &b, &e) == -1, "a file is no link");
	ok(sys_readlink(&s->sys, "r/none", &b, &e) == -1 && e.code == GP_NO_FILE, "nor is nothing");
	ok(sys_symlink(&s->sys, "../anything", "r/new", &e) == 0, "a link is made");
	buf_clear(&b);
	sys_readlink(&s->sys, "r/new", &b, &e);
	is(buf_str(&b), "../anything", "as asked");
	ok(sys_symlink(&s->sys, "x", "r/new", &e) == -1, "not over another");
	ok(sys_symlink(&s->sys, "x", "to-l/new", &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "not through another");
}

static void test_mkdirs(const struct scratch *s)
{
	auto_err e = { 0 };
	mode_t mask = umask(022);

	ok(sys_mkdirs(&s->sys, "m/a/b", 0700, &e) == 0, "directories with their parents");
	ok((stat_of(s, "root/m/a/b").st_mode & 07777) == 0700 &&
		   (stat_of(s, "root/m/a").st_mode & 07777) == 0755,
	   "the last has the mode, parents are for all");
	ok(sys_mkdirs(&s->sys, "m/a/b", 0755, &e) == 0 &&
		   (stat_of(s, "root/m/a/b").st_mode & 07777) == 0700,
	   "what exists is left as it is");
	ok(sys_mkdirs(&s->sys, "one", 0755, &e) == 0, "one alone");
	ok(sys_mkdirs(&s->sys, "to-l/new", 0755, &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "not through a link");
	ok(sys_mkdirs(&s->sys, "r/file/new", 0755, &e) == -1 && e.code == GP_NO_FILE,
	   "not in a file");
	ok(sys_mkdirs(&s->sys, "../new", 0755, &e) == -1 && scratch_names(s, ".") == 2,
	   "not outside");
	umask(mask);
}

static void test_append(const struct scratch *s)
{
	auto_err e = { 0 };
	mode_t mask = umask(0);

	ok(sys_append(&s->sys, "m/log", "one\n", 4, &e) == 0, "appending makes the file");
	ok((stat_of(s, "root/m/log").st_mode & 07777) == 0600, "for its owner alone");
	ok(sys_append(&s->sys, "m/log", "two\n", 4, &e) == 0, "and goes on");
	scratch_is(s, "root/m/log", "one\ntwo\n", "at its end");
	ok(sys_append(&s->sys, "r/link", "x", 1, &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "not to a link");
	ok(sys_append(&s->sys, "to-l/log", "x", 1, &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "not through one");
	ok(sys_append(&s->sys, "none/log", "x", 1, &e) == -1 && e.code == GP_NO_FILE,
	   "not into no directory");
	scratch_is(s, "root/r/file", "text\n", "what a link points at is untouched");
	umask(mask);
}

static void test_remove(const struct scratch *s)
{
	auto_err e = { 0 };

	scratch_put(s, "root/d/file", "x");
	scratch_link(s, "/r/file", "root/d/link");
	ok(sys_remove(&s->sys, "d/file", &e) == 0 && sys_remove(&s->sys, "d/link", &e) == 0,
	   "removing");
	ok(scratch_names(s, "root/d") == 0, "a file, and a link itself");
	scratch_is(s, "root/r/file", "text\n", "not what it points at");
	ok(sys_remove(&s->sys, "d/file", &e) == 0 && sys_remove(&s->sys, "none/file", &e) == 0,
	   "what is absent is fine");
	ok(sys_remove(&s->sys, "d", &e) == -1, "a directory is not removed");
	ok(sys_remove(&s->sys, "to-l/a", &e) == -1 && e.code == GP_UNSAFE_PATH,
	   "nor through a link");
	scratch_is(s, "root/l/a", "", "it is still there");
}

static void test_machine(const struct scratch *s)
{
	auto_err e = { 0 };
	struct sys_space space = { 0 };
	struct sys_ident id = { 0 };

	ok(sys_space(&s->sys, ".", &space, &e) == 0 && space.total_bytes > 0 &&
		   space.free_bytes <= space.total_bytes && !space.read_only,
	   "free space");
	ok(sys_space(&s->sys, "none", &space, &e) == -1 && e.code == GP_NO_FILE,
	   "of what is there");
	ok(sys_ident(&s->sys, &id, &e) == 0 && id.kernel[0] && id.machine[0] && id.host[0] &&
		   !strchr(id.boot_id, '\n') && id.euid == geteuid(),
	   "who we are");
	ok(sys_now(&s->sys) > 1700000000, "what time it is");
}

static void test_open(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_free char *none = mem_printf("%s/none", s->base);
	auto_free char *file = mem_printf("%s/outside", s->base);
	auto_free char *real = realpath(s->base, NULL);
	auto_free char *dotted = mem_printf("%s/root/../root/.", s->base);
	auto_free char *want = mem_printf("%s/root", real);
	struct sys sys = { 0 };

	ok(sys_real_open(none, &sys, &e) == -1 && e.code == GP_NO_FILE, "no root");
	ok(sys_real_open(file, &sys, &e) == -1 && !sys.ops, "a file is no root");
	ok(sys_real_open(dotted, &sys, &e) == 0 && !sys.live, "a folder is one");
	is(sys.root, want, "by its real name");
	sys_real_close(&sys);
	ok(!sys.ops && !sys.ctx && !sys.root, "closed, nothing is left");
	ok(sys_real_open(NULL, &sys, &e) == 0 && sys.live,
	   "without a name it is the running system");
	sys_real_close(&sys);
	ok(sys_real_open("/", &sys, &e) == 0 && sys.live, "so is /");
	sys_real_close(&sys);
}

static void user_cannot_read(const char *path, enum code code, const char *what)
{
	auto_buf struct buf b = BUF_INIT(64);
	auto_err e = { 0 };

	ok(user_read(path, &b, &e) == -1 && e.code == code, "the user's file: %s", what);
}

static void test_user_files(const struct scratch *s)
{
	auto_buf struct buf b = BUF_INIT(64);
	auto_err e = { 0 };
	char cwd[4096];

	ok(getcwd(cwd, sizeof(cwd)) && fchdir(s->root_fd) == 0, "in the folder");
	ok(user_read("r/file", &b, &e) == 0, "the user's file, by a relative name");
	is(buf_str(&b), "text\n", "is read");
	user_cannot_read("r", GP_IO, "a directory is refused");
	user_cannot_read("r/fifo", GP_IO, "a FIFO is refused, not waited for");
	user_cannot_read("r/none", GP_NO_FILE, "it is not there");
	user_cannot_read("r/65", GP_TOO_LARGE, "it is too large");
	user_cannot_read("r/loop", GP_IO, "a link to itself");
	user_cannot_read("/dev/zero", GP_IO, "a device is refused");
	ok(user_write("out", "one", 3, 0600, &e) == 0 && user_write("out", "2", 1, 0600, &e) == 0,
	   "writing, and over it");
	scratch_is(s, "root/out", "2", "leaves only the new text");
	ok(user_write("r/link", "x", 1, 0600, &e) == -1, "not over a link");
	ok(user_write("none/out", "x", 1, 0600, &e) == -1 && e.code == GP_NO_FILE,
	   "not into nothing");
	ok(chdir(cwd) == 0, "and back");
}

/* What a process that reads "-" or /dev/stdin gets from a pipe: 0 when it is `want`. */
static int reads_pipe(const char *path, const char *text, const char *want)
{
	int fds[2], status = -1;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		auto_buf struct buf b = BUF_INIT(1 << 20);
		auto_err e = { 0 };

		dup2(fds[0], STDIN_FILENO);
		close(fds[1]);
		_exit(user_read(path, &b, &e) || !str_eq(buf_str(&b), want));
	}
	close(fds[0]);
	/* Late, so that a reader that does not wait is found out. */
	usleep(100000);
	if (write(fds[1], text, strlen(text)) < 0)
		status = -1;
	close(fds[1]);
	waitpid(pid, &status, 0);
	return status;
}

static void test_stdin(void)
{
	signal(SIGPIPE, SIG_IGN);
	ok(reads_pipe("-", "from a pipe", "from a pipe") == 0, "standard input, by a dash");
	if (access("/dev/stdin", F_OK))
		skip("no /dev/stdin");
	else
		ok(reads_pipe("/dev/stdin", "from a pipe", "from a pipe") == 0, "and by its name");
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	auto_scratch s = { 0 };

	scratch_init(&s);
	test_read(&s);
	test_stat(&s);
	test_list(&s);
	test_links(&s);
	test_mkdirs(&s);
	test_append(&s);
	test_remove(&s);
	test_machine(&s);
	test_open(&s);
	test_user_files(&s);
	test_stdin();
	return done_testing();
}
