/* SPDX-License-Identifier: Apache-2.0 */
/* Replacing a file on a real file system: bytes, attributes, links, and every way it can fail. */
#include "scratch.h"

#include "base/str.h"

#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

/* What reaches the disk, and when; in place of libc's. */
static struct buf synced = BUF_TEXT;
static int fsync_fails; /* this errno */

int fsync(int fd)
{
	struct stat st;

	buf_adds(&synced, fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "directory " : "file ");
	if (fsync_fails) {
		errno = fsync_fails;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	buf_adds(&synced, "rename ");
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

static int replace(const struct scratch *s, const char *path, const char *text,
		   const struct sys_attr *attr, struct err *e)
{
	return sys_replace(&s->sys, path, text, strlen(text), attr, e);
}

static struct stat stat_of(const struct scratch *s, const char *path)
{
	struct stat st = { 0 };

	fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

static void test_new(const struct scratch *s)
{
	auto_err e = { 0 };
	const struct sys_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid() };
	mode_t mask = umask(077);
	struct stat st;

	ok(mkdirat(s->root_fd, "new", 0755) == 0, "a folder");
	ok(replace(s, "new/a", "hello\n", NULL, &e) == 0 && !e.text, "a file that was not there");
	scratch_is(s, "root/new/a", "hello\n", "has the bytes");
	st = stat_of(s, "root/new/a");
	ok((st.st_mode & 07777) == 0644 && st.st_uid == geteuid(),
	   "and mode 0644 whatever the umask");
	ok(replace(s, "new/b", "", &attr, &e) == 0, "with attributes of its own");
	st = stat_of(s, "root/new/b");
	ok((st.st_mode & 07777) == 0600 && st.st_size == 0, "has them");
	ok(replace(s, "top", "x", NULL, &e) == 0, "at the top of the root");
	ok(scratch_names(s, "root/new") == 2, "nothing else is left");
	umask(mask);
}

static void test_bytes(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_buf struct buf big = BUF_TEXT;
	auto_free char *got = NULL;
	struct stat before, after;

	scratch_put(s, "root/bytes", "old");
	before = stat_of(s, "root/bytes");
	ok(replace(s, "bytes", "new, and longer", NULL, &e) == 0, "replacing");
	scratch_is(s, "root/bytes", "new, and longer", "by longer text");
	after = stat_of(s, "root/bytes");
	ok(before.st_ino != after.st_ino, "is a new file, not the old one written over");
	ok(replace(s, "bytes", "n", NULL, &e) == 0, "replacing");
	scratch_is(s, "root/bytes", "n", "by shorter text");
	ok(sys_replace(&s->sys, "bytes", "a\0b", 3, NULL, &e) == 0 &&
		   stat_of(s, "root/bytes").st_size == 3,
	   "NUL is a byte like any other");
	buf_pad(&big, 'x', 3 << 20);
	ok(replace(s, "bytes", buf_str(&big), NULL, &e) == 0, "three megabytes");
	got = scratch_get(s, "root/bytes");
	ok(strlen(got) == big.len, "are all there");
}

static void test_attributes(const struct scratch *s)
{
	auto_err e = { 0 };
	const struct sys_attr attr = { .mode = 0604, .uid = geteuid(), .gid = getegid() };
	char value[16] = "";
	bool xattrs;

	scratch_put(s, "root/attr", "old");
	ok(fchmodat(s->root_fd, "attr", 02751, 0) == 0, "an odd mode");
	{
		scratch_fd int fd = openat(s->root_fd, "attr", O_RDWR);

		xattrs = fsetxattr(fd, "user.note", "kept", 4, 0) == 0 &&
			 fsetxattr(fd, "user.empty", "", 0, 0) == 0;
	}
	ok(replace(s, "attr", "new", NULL, &e) == 0, "replacing");
	ok((stat_of(s, "root/attr").st_mode & 07777) == 02751, "keeps the mode");
	if (!xattrs) {
		skip("no extended attributes on this file system");
	} else {
		scratch_fd int fd = openat(s->root_fd, "attr", O_RDWR);

		ok(fgetxattr(fd, "user.note", value, sizeof(value)) == 4 && str_eq(value, "kept") &&
			   fgetxattr(fd, "user.empty", value, sizeof(value)) == 0,
		   "keeps extended attributes");
	}
	ok(replace(s, "attr", "newer", &attr, &e) == 0, "replacing with attributes");
	ok((stat_of(s, "root/attr").st_mode & 07777) == 0604, "takes those");
}

static void test_owner(const struct scratch *s)
{
	auto_err e = { 0 };
	const struct sys_attr attr = { .mode = 0640, .uid = 5, .gid = 6 };
	struct stat st;

	if (geteuid()) {
		skip("needs root: owners are kept");
		return;
	}
	scratch_put(s, "root/owned", "old");
	ok(fchownat(s->root_fd, "owned", 1234, 5678, 0) == 0 &&
		   fchmodat(s->root_fd, "owned", 04711, 0) == 0,
	   "somebody else's set-uid file");
	ok(replace(s, "owned", "new", NULL, &e) == 0, "is replaced");
	st = stat_of(s, "root/owned");
	ok(st.st_uid == 1234 && st.st_gid == 5678, "keeping owner and group");
	ok((st.st_mode & 07777) == 04711, "and the set-uid bit");
	ok(replace(s, "owned", "newer", &attr, &e) == 0, "with another owner");
	st = stat_of(s, "root/owned");
	ok(st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 0640, "that is taken");
}

/* One user more may write: as the kernel stores it. The mask shows as the group's bits. */
static const unsigned char acl[] = {
	2,    0, 0, 0,                     /* version */
	1,    0, 6, 0, 255, 255, 255, 255, /* the owner: rw */
	2,    0, 6, 0, 210, 4,   0,   0,   /* user 1234: rw */
	4,    0, 4, 0, 255, 255, 255, 255, /* the group: r */
	0x10, 0, 6, 0, 255, 255, 255, 255, /* the mask: rw */
	0x20, 0, 4, 0, 255, 255, 255, 255, /* others: r */
};

static void test_acl(const struct scratch *s)
{
	static const char name[] = "system.posix_acl_access";
	auto_err e = { 0 };
	const struct sys_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid() };
	unsigned char value[sizeof(acl) + 8];
	scratch_fd int fd = -1;
	scratch_fd int now = -1;

	scratch_put(s, "root/acl", "old");
	fd = openat(s->root_fd, "acl", O_RDWR);
	if (fsetxattr(fd, name, acl, sizeof(acl), 0)) {
		skip("no access control lists on this file system");
		return;
	}
	ok(replace(s, "acl", "new", NULL, &e) == 0, "a file with an access control list");
	now = openat(s->root_fd, "acl", O_RDWR);
	ok(fgetxattr(now, name, value, sizeof(value)) == sizeof(acl) &&
		   memcmp(value, acl, sizeof(acl)) == 0 &&
		   (stat_of(s, "root/acl").st_mode & 07777) == 0664,
	   "keeps it");
	ok(replace(s, "acl", "newer", &attr, &e) == 0, "and when a mode is asked for");
	ok((stat_of(s, "root/acl").st_mode & 07777) == 0600, "the list does not widen it");
}

static void refused(const struct scratch *s, const char *path, enum code code, const char *what)
{
	auto_err e = { 0 };

	ok(replace(s, path, "new", NULL, &e) == -1 && e.code == code, "%s is refused", what);
	ok(e.text && strstr(e.text, path), "naming '%s'", path);
}

static void test_unsafe(const struct scratch *s)
{
	scratch_put(s, "outside/file", "outside");
	scratch_put(s, "root/unsafe/file", "inside");
	scratch_link(s, "file", "root/unsafe/link");
	scratch_link(s, "nowhere", "root/unsafe/dangling");
	scratch_link(s, "/unsafe", "root/absdir");
	scratch_link(s, "../outside", "root/outdir");
	mkfifoat(s->root_fd, "unsafe/fifo", 0644);
	mkdirat(s->root_fd, "unsafe/dir", 0755);
	refused(s, "unsafe/link", GP_UNSAFE_PATH, "a link");
	refused(s, "unsafe/dangling", GP_UNSAFE_PATH, "a link to nothing");
	refused(s, "absdir/file", GP_UNSAFE_PATH, "a link on the way");
	refused(s, "outdir/file", GP_UNSAFE_PATH, "a link out of the root");
	refused(s, "../outside/file", GP_UNSAFE_PATH, "a way out of the root");
	refused(s, "unsafe/fifo", GP_UNSAFE_PATH, "a FIFO");
	refused(s, "unsafe/dir", GP_UNSAFE_PATH, "a directory");
	refused(s, "unsafe/none/file", GP_NO_FILE, "a directory that is not there");
	refused(s, "unsafe/file/x", GP_NO_FILE, "a file in place of a directory");
	scratch_is(s, "root/unsafe/file", "inside", "what links pointed at is untouched");
	scratch_is(s, "outside/file", "outside", "also outside");
	ok(S_ISLNK(stat_of(s, "root/unsafe/link").st_mode) &&
		   S_ISFIFO(stat_of(s, "root/unsafe/fifo").st_mode),
	   "links and FIFOs are what they were");
	ok(scratch_names(s, "root/unsafe") == 5 && scratch_names(s, "outside") == 1,
	   "no temporary file is left");
}

static void test_special(const struct scratch *s)
{
	auto_err e = { 0 };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	scratch_fd int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	char cwd[4096];

	mkdirat(s->root_fd, "special", 0755);
	memcpy(at.sun_path, "socket", sizeof("socket"));
	if (getcwd(cwd, sizeof(cwd)) && fchdir(s->root_fd) == 0 && chdir("special") == 0)
		ok(bind(sock, (const struct sockaddr *)&at, sizeof(at)) == 0, "a socket");
	ok(chdir(cwd) == 0, "and back");
	ok(replace(s, "special/socket", "x", NULL, &e) == -1, "is refused");
	err_drop(&e);
	if (mknodat(s->root_fd, "special/null", S_IFCHR | 0666, makedev(1, 3)))
		skip("needs root: a device is refused");
	else
		ok(replace(s, "special/null", "x", NULL, &e) == -1 && e.code == GP_UNSAFE_PATH &&
			   S_ISCHR(stat_of(s, "root/special/null").st_mode),
		   "a device is refused");
}

/* Power may go at any moment: bytes first, then the name, then the directory that holds the name.
 */
static void test_order(const struct scratch *s)
{
	auto_err e = { 0 };

	scratch_put(s, "root/order/file", "old");
	buf_clear(&synced);
	ok(replace(s, "order/file", "new", NULL, &e) == 0, "replacing");
	is(buf_str(&synced), "file rename directory ",
	   "syncs the file, renames, syncs the directory");
	fsync_fails = EIO;
	ok(replace(s, "order/file", "newer", NULL, &e) == -1 && e.code == GP_IO,
	   "a sync that fails is an error");
	fsync_fails = 0;
	scratch_is(s, "root/order/file", "new", "the old bytes stay");
	ok(scratch_names(s, "root/order") == 1, "no temporary file is left");
	buf_release(&synced);
}

static void test_hard_link(const struct scratch *s)
{
	auto_err e = { 0 };

	scratch_put(s, "root/hard", "old");
	ok(linkat(s->root_fd, "hard", s->root_fd, "other-name", 0) == 0, "a file of two names");
	ok(replace(s, "hard", "new", NULL, &e) == 0, "is replaced");
	scratch_is(s, "root/other-name", "old", "the other name keeps the old bytes");
}

/* ---- failures half-way ---- */

/* A file that may not grow: the write fails after some bytes. */
static void test_write_fails(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_buf struct buf big = BUF_TEXT;
	struct rlimit old, small;

	scratch_put(s, "root/limited/file", "old");
	buf_pad(&big, 'x', 1 << 20);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ 4096, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	ok(replace(s, "limited/file", buf_str(&big), NULL, &e) == -1 && e.code == GP_IO,
	   "a write that fails half-way is an error");
	setrlimit(RLIMIT_FSIZE, &old);
	scratch_is(s, "root/limited/file", "old", "the old bytes stay");
	ok(scratch_names(s, "root/limited") == 1, "no temporary file is left");
}

static int set_flags(const struct scratch *s, const char *path, int flags)
{
	scratch_fd int fd = openat(s->root_fd, path, O_RDONLY);

	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static void test_immutable(const struct scratch *s)
{
	auto_err e = { 0 };

	scratch_put(s, "root/frozen/file", "old");
	if (set_flags(s, "frozen/file", FS_IMMUTABLE_FL)) {
		skip("needs root and a file system with flags: an immutable file");
		return;
	}
	ok(replace(s, "frozen/file", "new", NULL, &e) == -1 && e.code == GP_NO_PERMISSION,
	   "an immutable file cannot be replaced");
	ok(scratch_names(s, "root/frozen") == 1, "no temporary file is left");
	set_flags(s, "frozen/file", 0);
	scratch_is(s, "root/frozen/file", "old", "the old bytes stay");
	ok(replace(s, "frozen/file", "new", NULL, &e) == 0, "until it is no longer immutable");
}

enum { HELD = 21, BROKEN, CANNOT };

/* In a mount namespace of its own: set up, replace, look. What came of it is the exit status. */
static int in_namespace(const struct scratch *s, int (*body)(const struct scratch *s))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct scratch here = { .base = s->base };

		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(CANNOT);
		/* What was opened outside does not see what is mounted here. */
		scratch_open(&here);
		_exit(body(&here));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
}

static bool still(const struct scratch *s, const char *path, const char *text, const char *dir,
		  unsigned names)
{
	auto_free char *got = scratch_get(s, path);

	return str_eq(got, text) && scratch_names(s, dir) == names;
}

static int bind_mounted(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_free char *from = mem_printf("%s/outside/bound", s->base);
	auto_free char *to = mem_printf("%s/root/bound/file", s->base);

	if (mount(from, to, NULL, MS_BIND, NULL))
		return CANNOT;
	return replace(s, "bound/file", "new", NULL, &e) == -1 && e.code == GP_IO &&
			       strstr(e.text, "busy") &&
			       still(s, "root/bound/file", "mounted", "root/bound", 1) ?
		       HELD :
		       BROKEN;
}

static int read_only(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_free char *dir = mem_printf("%s/root/ro", s->base);

	if (mount(dir, dir, NULL, MS_BIND, NULL) ||
	    mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		return CANNOT;
	return replace(s, "ro/file", "new", NULL, &e) == -1 && e.code == GP_READ_ONLY &&
			       still(s, "root/ro/file", "old", "root/ro", 1) ?
		       HELD :
		       BROKEN;
}

static int full_disk(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_buf struct buf big = BUF_TEXT;
	auto_free char *dir = mem_printf("%s/root/full", s->base);

	if (mount("small", dir, "tmpfs", 0, "size=64k"))
		return CANNOT;
	scratch_put(s, "root/full/file", "old");
	buf_pad(&big, 'x', 1 << 20);
	return replace(s, "full/file", buf_str(&big), NULL, &e) == -1 && e.code == GP_NO_SPACE &&
			       still(s, "root/full/file", "old", "root/full", 1) ?
		       HELD :
		       BROKEN;
}

static void test_mounts(const struct scratch *s)
{
	static const struct {
		int (*body)(const struct scratch *s);
		const char *what;
	} rows[] = {
		{ bind_mounted, "a file that is a mount point" },
		{ read_only, "a read-only file system" },
		{ full_disk, "a full disk" },
	};

	scratch_put(s, "outside/bound", "mounted");
	scratch_put(s, "root/bound/file", "under the mount");
	scratch_put(s, "root/ro/file", "old");
	mkdirat(s->root_fd, "full", 0755);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int got = in_namespace(s, rows[i].body);

		if (got == CANNOT)
			skip("needs root: %s", rows[i].what);
		else
			ok(got == HELD, "%s: an error, the old bytes, no temporary file",
			   rows[i].what);
	}
}

/* ---- readers ---- */

enum { SIZE = 64 << 10 };

/* Reads until it sees the end mark; exits 0 when it never saw a mixture. */
static int watch(const struct scratch *s)
{
	for (;;) {
		auto_free char *text = scratch_get(s, "root/watched");
		size_t n = strlen(text);

		if (str_eq(text, "end"))
			return 0;
		if (n != SIZE || strspn(text, (const char[]){ text[0], '\0' }) != SIZE)
			return 1;
	}
}

static void test_readers(const struct scratch *s)
{
	auto_err e = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	int status = -1;
	unsigned failed = 0;
	pid_t pid;

	buf_pad(&text, 'a', SIZE);
	scratch_put(s, "root/watched", buf_str(&text));
	pid = fork();
	if (pid == 0)
		_exit(watch(s));
	for (int i = 0; i < 200; i++) {
		memset(text.data, 'a' + i % 26, SIZE);
		failed += replace(s, "watched", buf_str(&text), NULL, &e) != 0;
	}
	failed += replace(s, "watched", "end", NULL, &e) != 0;
	waitpid(pid, &status, 0);
	ok(!failed && status == 0, "a reader sees the old bytes or the new ones, never a mixture");
}

/* ---- files of others ---- */

/* Who wrote between our reading and our writing wins. */
static void test_since(const struct scratch *s)
{
	struct sys_attr attr = { .mode = 0644, .uid = geteuid(), .gid = getegid() };
	struct sys_stat st;
	auto_err e = { 0 };

	replace(s, "since", "first", NULL, &e);
	sys_stat(&s->sys, "since", &st, &e);
	attr.since = &st;
	ok(replace(s, "since", "second", &attr, &e) == 0, "the file that was read is replaced");
	ok(replace(s, "since", "third", &attr, &e) == -1 && e.code == GP_FOREIGN_CHANGE,
	   "one that was written since is left alone: %s", e.text);
	err_drop(&e);
	ok(st.size == 5 && stat_of(s, "root/since").st_size == 6, "the other writer wins");
	st.type = SYS_ABSENT;
	ok(replace(s, "since", "third", &attr, &e) == -1 && e.code == GP_FOREIGN_CHANGE,
	   "so is one that was not there then");
	err_drop(&e);
	ok(replace(s, "since-new", "new", &attr, &e) == 0, "what is still absent is made");
}

/* Names that appear in a folder, one a line. */
static void names_seen(int watch, struct buf *ret)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(watch, events, sizeof(events));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *one = (const void *)(events + at);

		buf_addf(ret, "%s\n", one->name);
		at += (ssize_t)sizeof(*one) + one->len;
	}
}

/* Nothing half-made may be seen in a folder of which a daemon loads every file. */
static void test_made_in(const struct scratch *s)
{
	struct sys_attr attr = { .mode = 0644, .uid = geteuid(), .gid = getegid() };
	auto_free char *folder = mem_printf("%s/root/all.d", s->base);
	auto_buf struct buf seen = BUF_TEXT;
	scratch_fd int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	auto_err e = { 0 };

	mkdirat(s->root_fd, "all.d", 0755);
	if (inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO) < 0) {
		skip("no inotify");
		return;
	}
	attr.made_in = ".";
	ok(replace(s, "all.d/x", "text", &attr, &e) == 0, "made beside the folder: %s",
	   e.text ? e.text : "");
	names_seen(watch, &seen);
	is(buf_str(&seen), "x\n", "only the final name is ever seen in it");
	buf_clear(&seen);
	attr.made_in = NULL;
	ok(replace(s, "all.d/y.toml", "text", &attr, &e) == 0, "made in the folder");
	names_seen(watch, &seen);
	ok(strncmp(buf_str(&seen), ".gpuprov-", 9) == 0 && strstr(buf_str(&seen), ".tmp\ny.toml\n"),
	   "no name on the way is one of *.toml");
}

int main(void)
{
	auto_scratch s = { 0 };

	scratch_init(&s);
	test_new(&s);
	test_bytes(&s);
	test_attributes(&s);
	test_owner(&s);
	test_acl(&s);
	test_unsafe(&s);
	test_special(&s);
	test_order(&s);
	test_hard_link(&s);
	test_write_fails(&s);
	test_immutable(&s);
	test_mounts(&s);
	test_readers(&s);
	test_since(&s);
	test_made_in(&s);
	return done_testing();
}
