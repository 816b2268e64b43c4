/* SPDX-License-Identifier: Apache-2.0 */
/* Opening beneath a root: by openat2 and by hand, which must give the same. */
#include "sys/path.h"

#include "base/str.h"
#include "scratch.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void make_tree(const struct scratch *s)
{
	auto_free char *outside = mem_printf("%s/outside/secret", s->base);

	scratch_put(s, "outside/secret", "secret");
	scratch_put(s, "root/etc/file", "etc/file");
	scratch_put(s, "root/etc/apt/list", "etc/apt/list");
	scratch_put(s, "root/file", "file");
	scratch_link(s, "file", "root/etc/rel");
	scratch_link(s, "/etc/file", "root/etc/abs");
	scratch_link(s, "../etc/apt", "root/etc/up");
	scratch_link(s, "../../outside/secret", "root/etc/out");
	scratch_link(s, outside, "root/etc/absout");
	scratch_link(s, "/../../outside/secret", "root/etc/absup");
	scratch_link(s, "etc", "root/dir");
	scratch_link(s, "/etc", "root/absdir");
	scratch_link(s, "../outside", "root/outdir");
	scratch_link(s, "loop", "root/loop");
	scratch_link(s, "loop2", "root/loop1");
	scratch_link(s, "loop1", "root/loop2");
	scratch_link(s, "nowhere", "root/dangling");
	scratch_link(s, ".", "root/self");
	scratch_link(s, "dir/rel", "root/two");
	scratch_link(s, "etc/", "root/slash");
	mkfifoat(s->root_fd, "fifo", 0644);
}

/* What opening gives: the text of a file, "dir", or the errno. The caller frees. */
static char *opened(const struct scratch *s, const char *path, int flags, enum path_rule rule)
{
	int fd = path_open(s->root_fd, path, flags, 0, rule);
	struct stat st;
	char text[64] = "";

	if (fd < 0)
		return mem_printf("%s", strerrorname_np(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		strncpy(text, "dir", sizeof(text) - 1);
	else if (S_ISLNK(st.st_mode))
		strncpy(text, "link", sizeof(text) - 1);
	else if (!(flags & O_PATH) && read(fd, text, sizeof(text) - 1) < 0)
		strncpy(text, "unreadable", sizeof(text) - 1);
	close(fd);
	return mem_strdup(text);
}

static void test_follow(const struct scratch *s)
{
	static const char *const rows[][2] = {
		{ "etc/file", "etc/file" },
		{ "/etc/file", "etc/file" },
		{ "./etc//file", "etc/file" },
		{ "etc/../file", "file" },
		{ "etc/apt/../../etc/apt/list", "etc/apt/list" },
		{ "etc/rel", "etc/file" },
		{ "etc/abs", "etc/file" },
		{ "etc/up/list", "etc/apt/list" },
		{ "dir/file", "etc/file" },
		{ "absdir/rel", "etc/file" },
		{ "two", "etc/file" },
		{ "self/self/etc/file", "etc/file" },
		{ "etc/up/../file", "etc/file" },
		{ "slash/file", "etc/file" },
		/* Whatever leads out is stopped at the root, where these do not exist. */
		{ "../outside/secret", "ENOENT" },
		{ "../../../../outside/secret", "ENOENT" },
		{ "etc/out", "ENOENT" },
		{ "etc/absout", "ENOENT" },
		{ "etc/absup", "ENOENT" },
		{ "outdir/secret", "ENOENT" },
		{ "../etc/file", "etc/file" },
		{ "loop", "ELOOP" },
		{ "loop1", "ELOOP" },
		{ "loop/x", "ELOOP" },
		{ "dangling", "ENOENT" },
		{ "nowhere/x", "ENOENT" },
		{ "file/x", "ENOTDIR" },
		{ "etc", "dir" },
		{ "absdir", "dir" },
		{ "slash", "dir" },
		{ ".", "dir" },
		{ "", "dir" },
		{ "..", "dir" },
		{ "/", "dir" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *got = opened(s, rows[i][0], O_RDONLY | O_NONBLOCK, PATH_FOLLOW);

		is(got, rows[i][1], rows[i][0]);
	}
}

static void test_strict(const struct scratch *s)
{
	static const char *const rows[][2] = {
		{ "etc/file", "etc/file" },
		{ "etc/apt/../file", "etc/file" },
		{ "./file", "file" },
		{ "etc", "dir" },
		{ "", "dir" },
		{ "etc/rel", "ELOOP" },
		{ "etc/abs", "ELOOP" },
		{ "etc/out", "ELOOP" },
		{ "dir/file", "ELOOP" },
		{ "absdir/file", "ELOOP" },
		{ "outdir/secret", "ELOOP" },
		{ "self/file", "ELOOP" },
		{ "dangling", "ELOOP" },
		{ "..", "EXDEV" },
		{ "../outside/secret", "EXDEV" },
		{ "etc/../../outside/secret", "EXDEV" },
		{ "../root/file", "EXDEV" },
		{ "/etc/file", "EXDEV" },
		{ "nowhere", "ENOENT" },
		{ "file/x", "ENOTDIR" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *got = opened(s, rows[i][0], O_RDONLY | O_NONBLOCK, PATH_STRICT);

		is(got, rows[i][1], rows[i][0]);
	}
}

static void test_flags(const struct scratch *s)
{
	auto_free char *link = opened(s, "etc/out", O_PATH | O_NOFOLLOW, PATH_FOLLOW);
	auto_free char *last = opened(s, "etc/rel", O_RDONLY | O_NOFOLLOW, PATH_FOLLOW);
	auto_free char *middle = opened(s, "dir/file", O_RDONLY | O_NOFOLLOW, PATH_FOLLOW);
	auto_free char *no_dir = opened(s, "file", O_RDONLY | O_DIRECTORY, PATH_FOLLOW);
	int fd = path_open(s->root_fd, "file", O_RDONLY, 0, PATH_FOLLOW);

	is(link, "link", "a link itself can be opened as a path");
	is(last, "ELOOP", "O_NOFOLLOW refuses a link as the last part");
	is(middle, "etc/file", "and follows one in the middle");
	is(no_dir, "ENOTDIR", "a file is no directory");
	ok(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "descriptors are closed on exec");
	close(fd);
}

static void test_create(const struct scratch *s, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL;
	auto_free char *path = mem_printf("etc/new-%s", name);
	auto_free char *through = mem_printf("dir/new-%s", name);
	mode_t mask = umask(0);
	int fd = path_open(s->root_fd, path, flags, 0640, PATH_STRICT);
	struct stat st = { 0 };

	ok(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640, "a file is made");
	close(fd);
	ok(path_open(s->root_fd, path, flags, 0640, PATH_STRICT) < 0 && errno == EEXIST,
	   "not over another");
	ok(path_open(s->root_fd, through, flags, 0640, PATH_STRICT) < 0 && errno == ELOOP,
	   "not through a link");
	ok(path_open(s->root_fd, "dangling", O_WRONLY | O_CREAT, 0640, PATH_STRICT) < 0 &&
		   errno == ELOOP,
	   "not where a link points");
	ok(path_open(s->root_fd, "outdir/new", flags, 0640, PATH_FOLLOW) < 0 && errno == ENOENT,
	   "not outside");
	ok(path_open(s->root_fd, "etc", O_WRONLY | O_CREAT, 0640, PATH_STRICT) < 0 &&
		   errno == EISDIR,
	   "not over a directory");
	umask(mask);
	scratch_is(s, "outside/secret", "secret", "what is outside is untouched");
	ok(scratch_names(s, "outside") == 1, "and alone");
}

static void test_links(const struct scratch *s)
{
	auto_free char *got = NULL;
	auto_free char *more = NULL;

	scratch_put(s, "root/chain/0", "the end");
	for (int i = 1; i <= 41; i++) {
		auto_free char *to = mem_printf("%d", i - 1);
		auto_free char *path = mem_printf("root/chain/%d", i);

		if (faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW))
			scratch_link(s, to, path);
	}
	got = opened(s, "chain/40", O_RDONLY, PATH_FOLLOW);
	is(got, "the end", "40 links in a row");
	more = opened(s, "chain/41", O_RDONLY, PATH_FOLLOW);
	is(more, "ELOOP", "41 are too many");
}

static void test_parent(const struct scratch *s)
{
	static const char *const bad[] = { "", ".", "..", "etc/", "etc/.", "etc/..", "/" };
	const char *name = NULL;
	struct stat st, etc;
	int fd = path_open_parent(s->root_fd, "etc/absent", PATH_STRICT, &name);

	ok(fd >= 0 && fstat(fd, &st) == 0 && fstatat(s->root_fd, "etc", &etc, 0) == 0 &&
		   st.st_ino == etc.st_ino,
	   "the directory that holds a path");
	is(name, "absent", "and the name in it");
	ok(fsync(fd) == 0, "can be synced");
	close(fd);
	fd = path_open_parent(s->root_fd, "file", PATH_STRICT, &name);
	ok(fd >= 0 && str_eq(name, "file"), "the root holds a path of one part");
	close(fd);
	ok(path_open_parent(s->root_fd, "dir/x", PATH_STRICT, &name) < 0 && errno == ELOOP,
	   "not through a link");
	fd = path_open_parent(s->root_fd, "dir/x", PATH_FOLLOW, &name);
	ok(fd >= 0, "unless links are followed");
	close(fd);
	fd = path_open_parent(s->root_fd, "etc/rel", PATH_STRICT, &name);
	ok(fd >= 0 && str_eq(name, "rel"), "the last part may be a link: it is not looked at");
	close(fd);
	ok(path_open_parent(s->root_fd, "file/x", PATH_STRICT, &name) < 0 && errno == ENOTDIR,
	   "a file holds nothing");
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(path_open_parent(s->root_fd, bad[i], PATH_FOLLOW, &name) < 0 && errno == EINVAL,
		   "'%s' has no last part", bad[i]);
}

static void test_long(const struct scratch *s)
{
	char name[300];
	auto_free char *got = NULL;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	got = opened(s, name, O_RDONLY, PATH_FOLLOW);
	is(got, "ENAMETOOLONG", "a name of 299 bytes");
}

/* ---- both ways give the same ---- */

static void random_path(unsigned *state, char *ret, size_t room)
{
	static const char *const parts[] = {
		"etc",    "apt",   "file", "list",   "rel",    "abs",     "up",       "out",
		"absout", "absup", "dir",  "absdir", "outdir", "loop",    "dangling", "self",
		"two",    "slash", ".",    "..",     "..",     "nowhere",
	};
	size_t n = 0;

	ret[0] = '\0';
	*state = *state * 1103515245u + 12345u;
	for (unsigned left = 1 + (*state >> 16) % 5; left; left--) {
		*state = *state * 1103515245u + 12345u;
		n += (size_t)snprintf(ret + n, room - n, "%s%s", n ? "/" : "",
				      parts[(*state >> 16) % COUNT(parts)]);
	}
}

static void test_same(const struct scratch *s)
{
	static const int flags[] = { O_RDONLY | O_NONBLOCK, O_PATH | O_NOFOLLOW,
				     O_RDONLY | O_DIRECTORY };
	unsigned state = 3, differing = 0;

	for (int round = 0; round < 6000; round++) {
		enum path_rule rule = round % 2 ? PATH_STRICT : PATH_FOLLOW;
		int f = flags[round / 2 % 3];
		char path[256];
		auto_free char *kernel = NULL;
		auto_free char *hand = NULL;

		random_path(&state, path, sizeof(path));
		path_without_openat2 = false;
		kernel = opened(s, path, f, rule);
		path_without_openat2 = true;
		hand = opened(s, path, f, rule);
		if (!str_eq(kernel, hand) && ++differing < 10)
			printf("# '%s' (flags %#x, %s): %s by openat2, %s by hand\n", path,
			       (unsigned)f, rule == PATH_STRICT ? "strict" : "follow", kernel,
			       hand);
		if (strstr(kernel, "secret") || strstr(hand, "secret"))
			ok(false, "'%s' leads out", path);
	}
	path_without_openat2 = false;
	ok(!differing, "6000 random paths give the same both ways");
}

/* From here on openat2 fails with this errno in this process. */
static int forbid_openat2(unsigned errnum)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = COUNT(code), .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

enum { RIGHT = 11, WRONG, CANNOT };

/* In a child, because a filter stays. */
static int without_openat2(const struct scratch *s, unsigned errnum)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		auto_free char *text = NULL;
		auto_free char *strict = NULL;

		if (forbid_openat2(errnum))
			_exit(CANNOT);
		text = opened(s, "absdir/abs", O_RDONLY, PATH_FOLLOW);
		strict = opened(s, "dir/file", O_RDONLY, PATH_STRICT);
		_exit(str_eq(text, "etc/file") && str_eq(strict, "ELOOP") ? RIGHT : WRONG);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void test_forbidden(const struct scratch *s)
{
	static const struct {
		unsigned errnum;
		const char *what;
	} rows[] = { { ENOSYS, "a kernel without openat2" },
		     { EPERM, "a filter that forbids it" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		int got = without_openat2(s, rows[i].errnum);

		if (got == CANNOT)
			skip("no seccomp");
		else
			ok(got == RIGHT, "%s", rows[i].what);
	}
}

static void test_all(const struct scratch *s, const char *name)
{
	printf("# %s\n", name);
	test_follow(s);
	test_strict(s);
	test_flags(s);
	test_create(s, name);
	test_links(s);
	test_parent(s);
	test_long(s);
}

int main(void)
{
	auto_scratch s = { 0 };

	scratch_init(&s);
	make_tree(&s);
	test_forbidden(&s);
	test_all(&s, "openat2");
	path_without_openat2 = true;
	test_all(&s, "hand");
	test_same(&s);
	return done_testing();
}
