/* SPDX-License-Identifier: Apache-2.0 */
/* Private mounts for an image. */
#include "sys/image.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty", NULL };

/* One device of the running system, by bind mount: an image must not need mknod. */
static int bind_node(const char *root, const char *name, struct err *e)
{
	auto_free char *from = mem_printf("/dev/%s", name);
	auto_free char *to = mem_printf("%s/dev/%s", root, name);
	int fd = open(to, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_errno(e, errno, "making '%s'", to);
	close(fd);
	if (mount(from, to, NULL, MS_BIND, NULL))
		return err_errno(e, errno, "mounting '%s'", to);
	return 0;
}

static int links(const char *root, struct err *e)
{
	static const char *const pairs[][2] = {
		{ "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
		{ "ptmx", "pts/ptmx" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		auto_free char *at = mem_printf("%s/dev/%s", root, pairs[i][0]);

		if (symlink(pairs[i][1], at))
			return err_errno(e, errno, "linking '%s'", at);
	}
	return 0;
}

static int mount_dev(const char *root, struct err *e)
{
	auto_free char *dev = mem_printf("%s/dev", root);
	auto_free char *pts = mem_printf("%s/dev/pts", root);
	auto_free char *shm = mem_printf("%s/dev/shm", root);

	if (mount("gpuprov", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m"))
		return err_errno(e, errno, "mounting '%s'", dev);
	if (mkdir(pts, 0755) || mkdir(shm, 01777))
		return err_errno(e, errno, "making '%s'", pts);
	if (mount("devpts", pts, "devpts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5"))
		return err_errno(e, errno, "mounting '%s'", pts);
	for (int i = 0; nodes[i]; i++)
		if (bind_node(root, nodes[i], e))
			return -1;
	return links(root, e);
}

int image_mounts(const char *root, struct err *e)
{
	auto_free char *proc = mem_printf("%s/proc", root);
	struct stat st;

	if (unshare(CLONE_NEWNS))
		return errno == EPERM ? 0 : err_errno(e, errno, "making a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_errno(e, errno, "making the mount namespace private");
	/* A link here could lead the mount out of the image. */
	if (lstat(proc, &st) || !S_ISDIR(st.st_mode))
		return err_set(e, GP_UNSAFE_PATH, "'%s' is not a directory", proc);
	if (mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return err_errno(e, errno, "mounting '%s'", proc);
	return mount_dev(root, e);
}
