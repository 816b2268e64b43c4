/* SPDX-License-Identifier: Apache-2.0 */
/* Packing by libarchive, which is loaded when it is asked for. */
#include "sys/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>

#define NEEDED                                                                                     \
	X(archive_write_new)                                                                       \
	X(archive_write_add_filter_zstd)                                                           \
	X(archive_write_add_filter_gzip)                                                           \
	X(archive_write_set_filter_option)                                                         \
	X(archive_write_set_format_raw)                                                            \
	X(archive_write_set_format_ustar)                                                          \
	X(archive_write_set_bytes_in_last_block)                                                   \
	X(archive_write_open2)                                                                     \
	X(archive_write_header)                                                                    \
	X(archive_write_data)                                                                      \
	X(archive_write_close)                                                                     \
	X(archive_write_free)                                                                      \
	X(archive_error_string)                                                                    \
	X(archive_entry_new)                                                                       \
	X(archive_entry_free)                                                                      \
	X(archive_entry_set_pathname)                                                              \
	X(archive_entry_set_size)                                                                  \
	X(archive_entry_set_filetype)                                                              \
	X(archive_entry_set_perm)                                                                  \
	X(archive_entry_set_mtime)

static struct {
#define X(name) __typeof__(name) *name;
	NEEDED
#undef X
} lib;

static int load(struct err *e)
{
	void *handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);

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
	return 0;
}

static la_ssize_t take(struct archive *a, void *ctx, const void *bytes, size_t n)
{
	struct buf *ret = ctx;

	(void)a;
	buf_add(ret, bytes, n);
	return buf_full(ret) ? -1 : (la_ssize_t)n;
}

static int add(struct archive *a, const struct tar_member *m)
{
	struct archive_entry *entry = lib.archive_entry_new();
	bool good;

	lib.archive_entry_set_pathname(entry, m->name);
	lib.archive_entry_set_size(entry, (la_int64_t)m->len);
	lib.archive_entry_set_filetype(entry, AE_IFREG);
	lib.archive_entry_set_perm(entry, 0600);
	lib.archive_entry_set_mtime(entry, 0, 0);
	good = lib.archive_write_header(a, entry) == ARCHIVE_OK &&
	       lib.archive_write_data(a, m->data, m->len) == (la_ssize_t)m->len;
	lib.archive_entry_free(entry);
	return good ? 0 : -1;
}

static int write_all(struct archive *a, const struct tar_member *members, size_t n, struct buf *ret)
{
	if (lib.archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    lib.archive_write_open2(a, ret, NULL, take, NULL, NULL) != ARCHIVE_OK)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (add(a, &members[i]))
			return -1;
	return lib.archive_write_close(a) == ARCHIVE_OK ? 0 : -1;
}

static int as_tarball(struct archive *a)
{
	return lib.archive_write_add_filter_zstd(a) == ARCHIVE_OK &&
			       lib.archive_write_set_format_ustar(a) == ARCHIVE_OK ?
		       0 :
		       -1;
}

static int as_gzip(struct archive *a)
{
	return lib.archive_write_add_filter_gzip(a) == ARCHIVE_OK &&
			       lib.archive_write_set_filter_option(a, "gzip", "compression-level",
								   "9") == ARCHIVE_OK &&
			       lib.archive_write_set_filter_option(a, "gzip", "timestamp", NULL) ==
				       ARCHIVE_OK &&
			       lib.archive_write_set_format_raw(a) == ARCHIVE_OK ?
		       0 :
		       -1;
}

static int pack(int (*as)(struct archive *a), const struct tar_member *members, size_t n,
		struct buf *ret, struct err *e)
{
	struct archive *a;
	int rc = 0;

	if (load(e))
		return -1;
	a = lib.archive_write_new();
	if (as(a) || write_all(a, members, n, ret))
		rc = err_set(e, GP_IO, "packing: %s",
			     lib.archive_error_string(a) ? lib.archive_error_string(a) :
							   "it became too large");
	lib.archive_write_free(a);
	return rc;
}

int tarball_write(const struct tar_member *members, size_t n, struct buf *ret, struct err *e)
{
	return pack(as_tarball, members, n, ret, e);
}

int gzip_write(const char *bytes, size_t n, struct buf *ret, struct err *e)
{
	const struct tar_member all = { "data", bytes, n };

	return pack(as_gzip, &all, 1, ret, e);
}
