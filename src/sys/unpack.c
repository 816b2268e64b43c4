/* SPDX-License-Identifier: Apache-2.0 */
/* One compressed file, by libarchive, which is loaded when the first one comes. */
#include "sys/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>

/* Compressed modules are found on some systems only; those that have none need not load it. */
#define NEEDED                                                                                     \
	X(archive_read_new)                                                                        \
	X(archive_read_support_filter_xz)                                                          \
	X(archive_read_support_filter_zstd)                                                        \
	X(archive_read_support_filter_gzip)                                                        \
	X(archive_read_support_format_raw)                                                         \
	X(archive_read_open_fd)                                                                    \
	X(archive_read_next_header)                                                                \
	X(archive_read_data)                                                                       \
	X(archive_error_string)                                                                    \
	X(archive_read_free)

static struct {
#define X(name) __typeof__(name) *name;
	NEEDED
#undef X
} lib;

static int load(struct err *e)
{
	static bool loaded;
	void *handle;

	if (loaded)
		return 0;
	handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		err_set(e, GP_IO, "libarchive cannot be loaded: %s", dlerror());
		err_way(e, "apt-get install libarchive13");
		return -1;
	}
#define X(name)                                                                                    \
	lib.name = (__typeof__(name) *)dlsym(handle, #name);                                       \
	if (!lib.name)                                                                             \
		return err_set(e, GP_IO, "libarchive has no " #name ": it is too old");
	NEEDED
#undef X
	loaded = true;
	return 0;
}

static int unpack_by(struct archive *a, int fd, const char *shown, struct buf *ret, struct err *e)
{
	enum { CHUNK = 64 << 10 };
	struct archive_entry *entry;

	lib.archive_read_support_filter_xz(a);
	lib.archive_read_support_filter_zstd(a);
	lib.archive_read_support_filter_gzip(a);
	lib.archive_read_support_format_raw(a);
	if (lib.archive_read_open_fd(a, fd, CHUNK) || lib.archive_read_next_header(a, &entry))
		return err_set(e, GP_IO, "unpacking '%s': %s", shown, lib.archive_error_string(a));
	for (;;) {
		char *room = buf_room(ret, CHUNK);
		la_ssize_t n = room ? lib.archive_read_data(a, room, CHUNK) : 0;

		if (!room)
			return err_set(e, GP_TOO_LARGE, "'%s' unpacks to more than %zu MiB", shown,
				       ret->limit >> 20);
		if (n < 0)
			return err_set(e, GP_IO, "unpacking '%s': %s", shown,
				       lib.archive_error_string(a));
		if (n == 0)
			return 0;
		buf_added(ret, (size_t)n);
	}
}

int unpack(int fd, const char *shown, struct buf *ret, struct err *e)
{
	struct archive *a;
	int failed;

	if (load(e))
		return err_ctx(e, "unpacking '%s'", shown);
	a = lib.archive_read_new();
	failed = unpack_by(a, fd, shown, ret, e);
	lib.archive_read_free(a);
	return failed;
}
