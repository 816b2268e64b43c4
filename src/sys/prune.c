/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a folder with all that is in it. */
#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Every name is looked at in the folder it was found in, so nothing can lead elsewhere. */
static int remove_all(int dir)
{
	int copy = dup(dir);
	DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int rc = listing ? 0 : -1;

	while (rc == 0 && (entry = readdir(listing)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			rc = tree_remove(dir, entry->d_name);
	if (listing)
		closedir(listing);
	else if (copy >= 0)
		close(copy);
	return rc;
}

int tree_remove(int dir, const char *name)
{
	auto_close int fd = -1;
	struct stat here, there;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(dir, &here) || fstat(fd, &there))
		return -1;
	/* Something is mounted there: not ours to empty. */
	if (here.st_dev != there.st_dev) {
		errno = EXDEV;
		return -1;
	}
	return remove_all(fd) || unlinkat(dir, name, AT_REMOVEDIR);
}

int real_prune(const struct sys *s, const char *path, struct err *e)
{
	const char *name;
	auto_close int dir = path_open_parent(real_root_fd(s), path, PATH_STRICT, &name);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || tree_remove(dir, name))
		return err_errno(e, errno, "removing '%s%s%s'", s->root,
				 str_eq(s->root, "/") ? "" : "/", path);
	if (fsync(dir))
		return err_errno(e, errno, "syncing the directory of '%s'", path);
	return 0;
}
