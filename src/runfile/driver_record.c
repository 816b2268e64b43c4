/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that nvidia-installer put on a host. */
#include "runfile/driver_record.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

int driver_record_read(const struct sys *sys, struct arena *a, struct install_record *ret,
		       bool *ret_there, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(16 << 20);

	if (sys_read_if(sys, RECORD_PATH, &b, ret_there, e))
		return -1;
	return *ret_there ? record_parse(buf_str(&b), b.len, a, ret, e) : 0;
}

/* ---- compare ---- */

static int link_differs(const struct sys *sys, const char *path, const char *target, bool *ret,
			struct err *e)
{
	auto_buf struct buf now = BUF_INIT(4096);
	struct sys_stat st;

	*ret = true;
	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type != SYS_LINK)
		return 0;
	if (sys_readlink(sys, path, &now, e))
		return -1;
	*ret = !str_eq(buf_str(&now), target);
	return 0;
}

static int check_file(const struct sys *sys, const struct record_entry *entry, struct arena *a,
		      const char **ret_wrong, struct err *e)
{
	struct sys_sums sums = { .want = SUM_RECORD };
	struct sys_stat st;

	if (sys_stat(sys, entry->path, &st, e))
		return -1;
	if (st.type != SYS_FILE) {
		*ret_wrong = arena_printf(a, "/%s is not there", entry->path);
		return 0;
	}
	if (sys_sum(sys, entry->path, &sums, e))
		return -1;
	if (sums.record != entry->crc)
		*ret_wrong = arena_printf(a, "/%s is not as it was installed", entry->path);
	return 0;
}

/* The record itself would be content with zeros that were there when it was written. */
static int check_libcuda(const struct sys *sys, const struct install_record *record,
			 struct arena *a, const char **ret_wrong, struct err *e)
{
	list_each (&record->entries, entry) {
		auto_buf struct buf head = BUF_INIT(64);

		if (entry->kind != RECORD_FILE || !strstr(entry->path, "/libcuda.so."))
			continue;
		if (sys_read_head(sys, entry->path, 4, &head, e))
			return -1;
		if (head.len != 4 || memcmp(head.data, "\177ELF", 4) != 0)
			*ret_wrong = arena_printf(a, "/%s is no library", entry->path);
	}
	return 0;
}

int driver_record_check(const struct sys *sys, const struct install_record *record, struct arena *a,
			const char **ret_wrong, struct err *e)
{
	*ret_wrong = NULL;
	list_each (&record->entries, entry) {
		bool differs = false;

		if (entry->kind == RECORD_FILE && check_file(sys, entry, a, ret_wrong, e))
			return -1;
		if (entry->kind == RECORD_LINK &&
		    link_differs(sys, entry->path, entry->target, &differs, e))
			return -1;
		if (differs)
			*ret_wrong = arena_printf(a, "/%s does not lead to %s", entry->path,
						  entry->target);
		if (*ret_wrong)
			return 0;
	}
	return check_libcuda(sys, record, a, ret_wrong, e);
}

int driver_record_left(const struct sys *sys, const struct install_record *record, struct arena *a,
		       const char **ret, struct err *e)
{
	*ret = NULL;
	list_each (&record->entries, entry) {
		bool restored = false;
		struct sys_stat st;

		list_each (&record->entries, other)
			restored |= other->kind >= RECORD_LINK_MOVED &&
				    str_eq(other->path, entry->path);
		if (restored || entry->kind >= RECORD_LINK_MOVED)
			continue;
		if (sys_stat(sys, entry->path, &st, e))
			return -1;
		if (st.type != SYS_ABSENT) {
			*ret = arena_printf(a, "/%s", entry->path);
			return 0;
		}
	}
	return 0;
}

/* ---- clear away ---- */

/* Where /lib is a link to usr/lib, what the record has below it is there; no link is followed. */
static int merged(const struct sys *sys, const char *path, struct arena *a, const char **ret,
		  struct err *e)
{
	const char *slash = strchr(path, '/');
	struct sys_stat st = { 0 };

	if (slash && !str_starts(path, "usr/") &&
	    sys_stat(sys, arena_strn(a, path, (size_t)(slash - path)), &st, e))
		return -1;
	*ret = st.type == SYS_LINK ? arena_printf(a, "usr/%s", path) : path;
	return 0;
}

static int remove_merged(const struct sys *sys, const char *path, struct err *e)
{
	auto_arena struct arena a = { 0 };

	return merged(sys, path, &a, &path, e) || sys_remove(sys, path, e) ? -1 : 0;
}

static int put_file_back(const struct sys *sys, const struct record_entry *entry, struct arena *a,
			 struct err *e)
{
	const struct sys_attr attr = { .mode = entry->mode, .uid = entry->uid, .gid = entry->gid };
	auto_buf struct buf b = BUF_INIT(512 << 20);
	const char *path;
	bool there;

	if (merged(sys, entry->path, a, &path, e) ||
	    sys_read_if(sys, entry->moved_to, &b, &there, e))
		return -1;
	return there ? sys_replace(sys, path, buf_str(&b), b.len, &attr, e) : 0;
}

static int put_link_back(const struct sys *sys, const struct record_entry *entry, struct arena *a,
			 struct err *e)
{
	const char *path;
	struct sys_stat st;

	if (merged(sys, entry->path, a, &path, e) || sys_stat(sys, path, &st, e))
		return -1;
	return st.type == SYS_ABSENT ? sys_symlink(sys, entry->target, path, e) : 0;
}

static int clear_installed(const struct sys *sys, const struct install_record *record,
			   struct err *e)
{
	list_each (&record->entries, entry) {
		bool differs = false;

		if (entry->kind >= RECORD_LINK_MOVED)
			continue;
		if (entry->kind == RECORD_LINK &&
		    link_differs(sys, entry->path, entry->target, &differs, e))
			return -1;
		/* A link that leads elsewhere is somebody else's by now. */
		if (!differs && remove_merged(sys, entry->path, e))
			return -1;
	}
	return 0;
}

static int clear_folders(const struct sys *sys, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct piece rest, line;
	bool there;

	if (sys_read_if(sys, RECORD_DIRS, &b, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&b), b.len };
	while (there && str_line(&rest, &line)) {
		const char *path = arena_strn(&a, line.at, line.len);

		path += strspn(path, "/");
		if (*path && !strstr(path, "..") && !str_eq(path, RECORD_HOME) &&
		    (merged(sys, path, &a, &path, e) || sys_rmdir(sys, path, e)))
			return -1;
	}
	return 0;
}

/*
 * Killed between making a library and writing it down, the installer leaves it full of zeros, takes
 * it for somebody else's file later, and puts it back when it uninstalls.
 */
static int clear_unrecorded(const struct sys *sys, const char *version, struct err *e)
{
	static const char *const places[] = { "usr/lib/x86_64-linux-gnu",
					      "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib",
					      "usr/lib/x86_64-linux-gnu/nvidia/current" };
	auto_arena struct arena a = { 0 };
	const char *tail = arena_printf(&a, ".so.%s", version);

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		strs names = { 0 };
		struct sys_stat st;

		if (sys_stat(sys, places[i], &st, e))
			return -1;
		if (st.type != SYS_DIR)
			continue; /* usr/lib64 may lead to one that is looked into anyway */
		if (sys_list(sys, places[i], &a, &names, e))
			return -1;
		list_each (&names, name)
			if (str_ends(*name, tail) &&
			    sys_remove(sys, arena_printf(&a, "%s/%s", places[i], *name), e))
				return -1;
	}
	return 0;
}

/* Where nvidia-installer puts modules; packages have other folders. */
static int clear_modules(const struct sys *sys, struct err *e)
{
	static const char *const names[] = { "nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm",
					     "nvidia-peermem" };
	auto_arena struct arena a = { 0 };
	strs kernels = { 0 };

	if (sys_list(sys, "lib/modules", &a, &kernels, e))
		return -1;
	list_each (&kernels, kernel)
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (remove_merged(sys,
					  arena_printf(&a,
						       "lib/modules/%s/kernel/drivers/video/%s.ko",
						       *kernel, names[i]),
					  e))
				return -1;
	return 0;
}

int driver_record_clear(const struct sys *sys, const char *version, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct install_record record = { 0 };
	bool there;

	if (driver_record_read(sys, &a, &record, &there, e) || clear_installed(sys, &record, e) ||
	    clear_unrecorded(sys, version, e) || clear_modules(sys, e))
		return -1;
	/* What was being installed may be another version than the one that is wanted now. */
	if (there && !str_eq(record.version, version) && clear_unrecorded(sys, record.version, e))
		return -1;
	list_each (&record.entries, entry) {
		if (entry->kind == RECORD_FILE_MOVED && put_file_back(sys, entry, &a, e))
			return -1;
		if (entry->kind == RECORD_LINK_MOVED && put_link_back(sys, entry, &a, e))
			return -1;
	}
	return clear_folders(sys, e) || sys_prune(sys, RECORD_HOME, e) ? -1 : 0;
}
