/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running scripts from sealed memory, in a small root with a shell: what they get, that nothing but
 * the hashed bytes runs, whatever happens to the file meanwhile.
 */
#include "sys/sealed.h"

#include "base/crc.h"
#include "base/str.h"
#include "scratch.h"
#include "sys/hash.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

static struct scratch s;

/* A root with a shell and a few programs, copied from this machine. */
static bool make_root(void)
{
	auto_free char *command =
		mem_printf("cd %s/root && mkdir -p bin tmp var/tmp var/lib proc dev c usr && "
			   "for b in sh cat ls env sleep chmod readlink stat mkdir; do "
			   "p=$(command -v $b) && cp -L $p bin/ && "
			   "for l in $(ldd $p | grep -o '/[^ )]*'); do mkdir -p .${l%%/*} && "
			   "cp -L $l .$l; done; done && chmod 1777 tmp var/tmp && "
			   "ln -s ../bin usr/bin",
			   s.base);

	return system(command) == 0;
}

static void put_script(const char *text)
{
	scratch_put(&s, "root/c/script", text);
}

/* Run root/c/script, pinned to `sha256` (NULL: to what it is now). */
static int run_pinned(const char *sha256, const char *tmp_option, unsigned timeout_s,
		      struct sys_done *ret, struct err *e)
{
	static const char *const argv[] = { "script", "one", "t w o", NULL };
	auto_free char *text = scratch_get(&s, "root/c/script");
	char now[HASH_HEX];
	struct sys_sealed sealed = { &s.sys, "c/script", sha256, tmp_option };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = timeout_s, .sealed = &sealed };

	hash_bytes(text, strlen(text), now);
	if (!sha256)
		sealed.sha256 = now;
	return sys_run(&s.sys, &cmd, ret, e);
}

/* What a script prints, pinned to what it is. */
static char *said(const char *script, const char *tmp_option)
{
	struct sys_done done = { 0 };
	auto_err e = { 0 };
	char *text;

	put_script(script);
	if (run_pinned(NULL, tmp_option, 10, &done, &e)) {
		tap_show("error", e.text);
		return mem_strdup("(error)");
	}
	text = mem_printf("%d %s", done.status, buf_str(&done.output));
	buf_release(&done.output);
	return text;
}

static bool nothing_left(void)
{
	auto_free char *path = mem_printf("%s/root/" SEALED_TMP, s.base);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return dir && n == 0;
}

static void what_they_get(void)
{
	auto_free char *args = said("#!/bin/sh\necho \"$0|$1|$2|$#\"\nexit 7\n", NULL);
	auto_free char *env = said("#!/bin/sh\nenv\n", NULL);
	auto_free char *tmp = said("#!/bin/sh\nstat -c '%a %u' /tmp\necho x >/tmp/x\n"
				   "cat $TMPDIR/x /var/tmp/x\n",
				   NULL);
	auto_free char *fds = said("#!/bin/sh\nls /proc/self/fd\n", NULL);
	auto_free char *in = said("#!/bin/sh\nreadlink /proc/self/fd/0; cat\n", NULL);
	auto_free char *word =
		said("#!/bin/sh\n[ \"$3\" = --tmpdir ] && [ \"$4\" = \"$TMPDIR\" ]\n", "--tmpdir");
	auto_free char *same = said("#!/bin/sh\n[ \"$3\" = \"--tmpdir=$TMPDIR\" ]\n", "--tmpdir=");
	auto_free char *host = NULL;

	is(args, "7 /proc/self/fd/200|one|t w o|2\n", "name, arguments, exit status");
	ok(str_starts(env, "0 ") && strstr(env, "TMPDIR=/var/lib/gpuprov/tmp/run-") &&
		   strstr(env, "LC_ALL=C\n") && !strstr(env, "GPUPROV_TEST_SECRET"),
	   "a clean environment with TMPDIR");
	is(tmp, "0 700 0\nx\nx\n", "/tmp and /var/tmp are one private folder, mode 0700");
	host = scratch_get(&s, "root/tmp/x");
	is(host, "(No such file or directory)", "which nobody else sees");
	ok(str_starts(fds, "0 0\n1\n2\n") && strstr(fds, "200\n"), "no descriptors but its own");
	is(in, "0 /dev/null\n", "nothing to read on standard input");
	is(word, "0 ", "the folder as the next word");
	is(same, "0 ", "the folder in the same word");
	ok(nothing_left(), "the folder is gone afterwards");
}

static void cannot_be_changed(void)
{
	auto_free char *write = said("#!/bin/sh\n(echo x >>/proc/self/fd/200) 2>/dev/null || "
				     "echo refused\n",
				     NULL);
	struct sys_done done = { 0 };
	auto_err e = { 0 }, gone = { 0 };
	int rc;

	is(write, "0 refused\n", "the script cannot be written by itself");
	put_script("#!/bin/sh\necho >/c/canary\n");
	rc = run_pinned("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL,
			10, &done, &e);
	ok(rc == -1 && e.code == GP_HASH_MISMATCH, "other bytes than pinned: %s", e.text);
	ok(faccessat(s.fd, "root/c/canary", F_OK, 0) != 0 && nothing_left(), "were not run");
	unlinkat(s.fd, "root/c/script", 0);
	ok(run_pinned("x", NULL, 10, &done, &gone) == -1 && gone.code == GP_NO_FILE, "no file");
}

static void bounded(void)
{
	struct sys_done done = { 0 };
	auto_err e = { 0 };

	put_script("#!/bin/sh\nmkdir $TMPDIR/d\necho begun\nsleep 60\n");
	ok(run_pinned(NULL, NULL, 1, &done, &e) == 0 && done.timed_out,
	   "a script that hangs is ended");
	is(buf_str(&done.output), "begun\n", "what it printed is kept");
	ok(nothing_left(), "and what it unpacked is gone");
	buf_release(&done.output);
}

static void on_noexec(void)
{
	static const char script[] = "#!/bin/sh\nprintf '#!/bin/sh\\necho runs\\n' >/tmp/p\n"
				     "chmod 755 /tmp/p\n/tmp/p\n";
	auto_free char *var = mem_printf("%s/root/var", s.base);
	auto_free char *out = NULL;

	if (mount("t", var, "tmpfs", MS_NOEXEC, "size=1m")) {
		skip("no mounts here");
		return;
	}
	out = said(script, NULL);
	is(out, "0 runs\n", "it may run what it unpacks even where /var may hold no programs");
	umount2(var, MNT_DETACH);
}

/* ---- one byte changed, inner sums made right ---- */

static struct buf good_runfile(void)
{
	auto_free char *command =
		mem_printf("tests/lib/mkrun.py driver %s/good.run --pack none", s.base);
	auto_free char *path = mem_printf("%s/good.run", s.base);
	struct buf b = BUF_TEXT;
	char chunk[4096];
	size_t n;
	FILE *f;

	if (system(command) || !(f = fopen(path, "rb"))) {
		puts("Bail out! mkrun.py fails");
		_exit(1);
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return b;
}

static void write_runfile(const char *bytes, size_t len)
{
	int fd = openat(s.root_fd, "c/d.run", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		puts("# cannot write");
	close(fd);
}

/* The same file with byte `at` changed, and cksum and MD5 from line 4 on made right again. */
static void flipped(const struct buf *good, size_t at, int bit)
{
	auto_free char *copy = mem_alloc(good->len);
	const char *rest, *first_end;
	auto_buf struct buf b = BUF_TEXT;
	char md5[HASH_HEX];
	struct hash *h = hash_begin(HASH_MD5);
	size_t len;

	memcpy(copy, good->data, good->len);
	copy[at] = (char)(copy[at] ^ 1 << bit);
	first_end = (const char *)memchr(copy, '\n', good->len) + 1;
	rest = strchr(strchr(first_end, '\n') + 1, '\n') + 1;
	len = good->len - (size_t)(rest - copy);
	hash_add(h, rest, len);
	hash_end(h, md5);
	buf_add(&b, copy, (size_t)(first_end - copy));
	buf_addf(&b, "CRCsum=%u\nMD5=%s\n", crc_cksum(crc_add(0, rest, len), len), md5);
	buf_add(&b, rest, len);
	write_runfile(b.data, b.len);
}

static int run_runfile(const char *sha256, struct err *e)
{
	static const char *const argv[] = { "d.run", "--version-string", NULL };
	struct sys_sealed sealed = { &s.sys, "c/d.run", sha256, NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 10, .sealed = &sealed };
	struct sys_done done = { 0 };
	int rc = sys_run(&s.sys, &cmd, &done, e);

	if (rc == 0 && (done.status || !str_eq(buf_str(&done.output), "999.10.01\n")))
		rc = 1;
	buf_release(&done.output);
	return rc;
}

static void flips(void)
{
	enum { FLIPS = 1000, CHECKED = 10 };
	auto_buf struct buf good = good_runfile();
	auto_free char *check = mem_printf("sh %s/root/c/d.run --check >/dev/null 2>&1", s.base);
	const char *md5 = strstr(good.data, "MD5=");
	size_t from = (size_t)(strchr(md5, '\n') + 1 - good.data);
	char sha256[HASH_HEX];
	auto_err e = { 0 };
	int refused = 0, inner_right = 0;

	hash_bytes(good.data, good.len, sha256);
	write_runfile(good.data, good.len);
	ok(run_runfile(sha256, &e) == 0, "the pinned file runs");
	srandom(6);
	for (int i = 0; i < FLIPS; i++) {
		auto_err why = { 0 };
		/* The last ones in the payload, where the header still works as it did. */
		size_t at = i < FLIPS - CHECKED ? from + (size_t)random() % (good.len - from) :
						  good.len - 1 - (size_t)random() % 9000;

		flipped(&good, at, (int)(random() % 8));
		refused += run_runfile(sha256, &why) == -1 && why.code == GP_HASH_MISMATCH;
		inner_right += i >= FLIPS - CHECKED && system(check) == 0;
	}
	ok(refused == FLIPS, "%d of %d files with one other bit were refused", refused, FLIPS);
	ok(inner_right == CHECKED, "though their inner sums are right (%d of %d tried)",
	   inner_right, CHECKED);
}

/* ---- a process that swaps the file all the time ---- */

static _Noreturn void swap_for_ever(void)
{
	for (;;) {
		if (linkat(s.root_fd, "c/evil", s.root_fd, "c/e", 0) ||
		    renameat(s.root_fd, "c/e", s.root_fd, "c/script") ||
		    linkat(s.root_fd, "c/fair", s.root_fd, "c/e", 0) ||
		    renameat(s.root_fd, "c/e", s.root_fd, "c/script"))
			_exit(1);
	}
}

/* The same without a new name: the bytes change under an open descriptor. */
static _Noreturn void rewrite_for_ever(void)
{
	static const char fair[] = "#!/bin/sh\necho fair\n", evil[] = "#!/bin/sh\necho evil\n";
	int fd = openat(s.root_fd, "c/script", O_WRONLY | O_CLOEXEC);

	for (;;)
		if (pwrite(fd, evil, sizeof(evil) - 1, 0) < 0 ||
		    pwrite(fd, fair, sizeof(fair) - 1, 0) < 0)
			_exit(1);
}

static void race(const char *name, void (*racer)(void), int seconds)
{
	static const char fair[] = "#!/bin/sh\necho fair\n";
	char sha256[HASH_HEX];
	int ran = 0, refused = 0, foreign = 0;
	time_t end = time(NULL) + seconds;
	pid_t pid;

	scratch_put(&s, "root/c/fair", fair);
	scratch_put(&s, "root/c/evil", "#!/bin/sh\necho evil\n");
	unlinkat(s.root_fd, "c/script", 0);
	put_script(fair);
	hash_bytes(fair, sizeof(fair) - 1, sha256);
	pid = fork();
	if (pid == 0)
		racer();
	while (time(NULL) < end) {
		struct sys_done done = { 0 };
		auto_err e = { 0 };

		if (run_pinned(sha256, NULL, 10, &done, &e))
			refused += e.code == GP_HASH_MISMATCH;
		else if (str_eq(buf_str(&done.output), "fair\n"))
			ran++;
		else
			foreign++;
		buf_release(&done.output);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(foreign == 0 && ran > 0 && refused > 0, "%s: %d ran, %d refused, %d foreign", name, ran,
	   refused, foreign);
}

int main(void)
{
	int seconds = getenv("LONG") ? 10 : 2;

	if (geteuid() != 0) {
		skip("private mounts and chroot need root");
		return done_testing();
	}
	scratch_init(&s);
	setenv("GPUPROV_TEST_SECRET", "1", 1);
	if (!make_root()) {
		puts("Bail out! no root with a shell");
		return 1;
	}
	what_they_get();
	cannot_be_changed();
	bounded();
	on_noexec();
	flips();
	race("a racer that renames", swap_for_ever, seconds);
	race("a racer that writes", rewrite_for_ever, seconds);
	scratch_release(&s);
	return done_testing();
}
