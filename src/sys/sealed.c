/* SPDX-License-Identifier: Apache-2.0 */
/* Running exactly the bytes that were hashed. */
#include "sys/sealed.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/hash.h"
#include "sys/image.h"
#include "sys/real_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

void sealed_release(struct sealed *r)
{
	close_fd(&r->fd);
	/* What is left is swept by the next run; there is nobody to tell now. */
	if (r->parent >= 0 && r->name[0] && tree_remove(r->parent, r->name))
		errno = 0;
	close_fd(&r->parent);
	mem_free(r->tmp);
	mem_free(r->env);
	mem_free(r->script);
	mem_free(r->tmp_arg);
	mem_free(r->argv);
}

/* ---- the copy ---- */

/* Bytes of memory that can be had without swapping; 0 when it is not known. */
static unsigned long long memory_available(void)
{
	auto_close int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	auto_buf struct buf b = BUF_INIT(1 << 16);
	struct piece rest, line, word;
	unsigned long long kib = 0;

	if (fd < 0 || fd_read_all(fd, &b))
		return 0;
	rest = (struct piece){ buf_str(&b), b.len };
	while (str_line(&rest, &line)) {
		auto_free char *number = NULL;

		if (!piece_starts(line, "MemAvailable:"))
			continue;
		if (!str_word(&line, &word) || !str_word(&line, &word))
			return 0;
		number = mem_printf("%.*s", (int)word.len, word.at);
		return str_to_u64(number, &kib) ? kib << 10 : 0;
	}
	return 0;
}

static int copy_bytes(int from, int to, unsigned long long size)
{
	unsigned long long left = size;

	while (left) {
		ssize_t n = sendfile(to, from, NULL, left < 1 << 30 ? (size_t)left : 1 << 30);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO; /* it became shorter under our eyes */
			return -1;
		}
		left -= (unsigned long long)n;
	}
	return 0;
}

/*
 * In memory, sealed. Where there is not enough of it: an unnamed file in our own folder, which
 * nobody can open by a name either.
 */
static int make_copy(int parent, int from, unsigned long long size)
{
	unsigned long long free_bytes = memory_available();
	bool fits = !free_bytes || size + ((unsigned long long)64 << 20) < free_bytes;
	auto_close int fd = -1;
	struct stat st;

	if (fits)
		fd = memfd_create("gpuprov", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	else
		fd = openat(parent, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd < 0 || copy_bytes(from, fd, size) || fstat(fd, &st))
		return -1;
	if ((unsigned long long)st.st_size != size) {
		errno = EIO;
		return -1;
	}
	if (fits && fcntl(fd, F_ADD_SEALS, seals))
		return -1;
	return steal_fd(&fd);
}

/* What is hashed is the copy that will run, after nobody can change it any more. */
static int hash_copy(int fd, size_t size, char ret[static HASH_HEX])
{
	enum { STEP = 8 << 20 };
	struct hash *h;

	if (!size) {
		hash_bytes("", 0, ret);
		return 0;
	}
	h = hash_begin(HASH_SHA256);
	for (size_t at = 0; at < size; at += STEP) {
		size_t n = size - at < STEP ? size - at : STEP;
		void *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, (off_t)at);

		if (bytes == MAP_FAILED) {
			int saved = errno;

			hash_end(h, ret);
			errno = saved;
			return -1;
		}
		hash_add(h, bytes, n);
		munmap(bytes, n);
	}
	hash_end(h, ret);
	return 0;
}

static int compare(const struct sys_sealed *job, const char *shown, int fd, size_t size,
		   struct err *e)
{
	char got[HASH_HEX];

	if (!job->sha256)
		return 0;
	if (hash_copy(fd, size, got))
		return err_errno(e, errno, "hashing the copy of '%s'", shown);
	if (str_eq(got, job->sha256))
		return 0;
	err_set(e, GP_HASH_MISMATCH, "'%s' is not the pinned file: its SHA-256 is %s, not %s",
		shown, got, job->sha256);
	err_way(e, "remove it, so that it is downloaded again");
	return -1;
}

static int take_copy(const struct sys_sealed *job, struct sealed *r, struct err *e)
{
	auto_close int from = path_open(real_root_fd(job->from), job->path,
					O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, PATH_FOLLOW);
	auto_free char *shown =
		mem_printf("%s/%s", str_eq(job->from->root, "/") ? "" : job->from->root, job->path);
	struct stat st;

	if (from < 0 || fstat(from, &st))
		return err_errno(e, errno, "reading '%s'", shown);
	if (!S_ISREG(st.st_mode))
		return err_set(e, GP_IO, "'%s' is not a regular file", shown);
	r->fd = make_copy(r->parent, from, (unsigned long long)st.st_size);
	if (r->fd < 0)
		return err_errno(e, errno, "copying '%s' before it is run", shown);
	return compare(job, shown, r->fd, (size_t)st.st_size, e);
}

/* ---- the private folder ---- */

static int make_folder(const struct sys *s, struct sealed *r, struct err *e)
{
	unsigned long long random;

	if (sys_mkdirs(s, SEALED_TMP, 0700, e))
		return -1;
	r->parent = path_open(real_root_fd(s), SEALED_TMP, O_RDONLY | O_DIRECTORY, 0, PATH_STRICT);
	if (r->parent < 0 || getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_errno(e, errno, "opening the folder for temporary files");
	snprintf(r->name, sizeof(r->name), "run-%016llx", random);
	if (mkdirat(r->parent, r->name, 0700)) {
		r->name[0] = '\0';
		return err_errno(e, errno, "making a folder for temporary files");
	}
	r->tmp = mem_printf("/" SEALED_TMP "/%s", r->name);
	r->env = mem_printf("TMPDIR=%s", r->tmp);
	return 0;
}

static void make_argv(const struct sys_cmd *cmd, struct sealed *r)
{
	const char *option = cmd->sealed->tmp_option;
	size_t n = 0, at = 0;

	while (cmd->argv[n])
		n++;
	r->argv = mem_alloc((n + 5) * sizeof(*r->argv));
	r->script = mem_printf("/proc/self/fd/%d", SEALED_FD);
	r->argv[at++] = "/bin/sh";
	r->argv[at++] = r->script;
	for (size_t i = 1; i < n; i++)
		r->argv[at++] = cmd->argv[i];
	if (option && str_ends(option, "=")) {
		r->tmp_arg = mem_printf("%s%s", option, r->tmp);
		r->argv[at++] = r->tmp_arg;
	} else if (option) {
		r->argv[at++] = option;
		r->argv[at++] = r->tmp;
	}
}

int sealed_prepare(const struct sys *s, const struct sys_cmd *cmd, struct sealed *ret,
		   struct err *e)
{
	if (make_folder(s, ret, e) || take_copy(cmd->sealed, ret, e))
		return -1;
	make_argv(cmd, ret);
	return 0;
}

/* ---- in the child ---- */

/*
 * The folder stands in for /tmp and /var/tmp, and may hold programs even where /var may not.
 * Failing to is no danger: --tmpdir and TMPDIR name it anyway.
 */
static int mount_tmp(const char *root, const struct sealed *r)
{
	static const char *const places[] = { "tmp", "var/tmp" };
	auto_free char *from = mem_printf("%s%s", root, r->tmp);

	if (mount(from, from, NULL, MS_BIND, NULL) ||
	    mount(NULL, from, NULL, MS_BIND | MS_REMOUNT | MS_NODEV | MS_NOSUID, NULL))
		return -1;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		auto_free char *at = mem_printf("%s/%s", root, places[i]);
		struct stat st;

		if (lstat(at, &st) || !S_ISDIR(st.st_mode))
			continue;
		if (mount(from, at, NULL, MS_BIND, NULL))
			return -1;
	}
	return 0;
}

int sealed_enter(const struct sys *s, const struct sealed *r)
{
	const char *root = str_eq(s->root, "/") ? "" : s->root;
	auto_err ignored = { 0 };

	if (!s->live) {
		if (image_mounts(s->root, &ignored))
			return -1;
	} else if (unshare(CLONE_NEWNS) == 0) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			return -1;
	} else {
		return errno == EPERM && dup2(r->fd, SEALED_FD) >= 0 ? 0 : -1;
	}
	if (mount_tmp(root, r) && errno != EPERM)
		return -1;
	/* dup2 leaves close-on-exec behind: this one goes on into the shell. */
	return dup2(r->fd, SEALED_FD) < 0 ? -1 : 0;
}
