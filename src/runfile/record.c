/* SPDX-License-Identifier: Apache-2.0 */
/* Reading nvidia-installer's record. */
#include "runfile/record.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

struct reading {
	struct piece rest;
	unsigned line;
	struct arena *a;
	struct err *e;
};

static bool next(struct reading *r, struct piece *ret)
{
	/* A last line without its end was being written when everything stopped. */
	if (!memchr(r->rest.at, '\n', r->rest.len))
		return false;
	r->line++;
	return str_line(&r->rest, ret);
}

static int bad(const struct reading *r)
{
	return err_set(r->e, GP_INSTALLATION_BROKEN,
		       "/" RECORD_PATH ", the installer's record, makes no sense in line %u",
		       r->line);
}

static bool number(const struct reading *r, struct piece p, unsigned long long most,
		   unsigned long long *ret)
{
	return p.len && p.len < 12 && str_to_u64(arena_strn(r->a, p.at, p.len), ret) &&
	       *ret <= most;
}

static bool octal(struct piece p, unsigned *ret)
{
	unsigned v = 0;

	if (!p.len || p.len > 8)
		return false;
	for (size_t i = 0; i < p.len; i++) {
		if (p.at[i] < '0' || p.at[i] > '7')
			return false;
		v = v << 3 | (unsigned)(p.at[i] - '0');
	}
	*ret = v & 07777; /* it has the type of the file too */
	return true;
}

/* "1.0-53530901 (535.309.01)": the form for old readers, and the version itself. */
static const char *version_of(const struct reading *r, struct piece line)
{
	const char *open = memchr(line.at, '(', line.len);
	const char *version;

	if (open) {
		line.len -= (size_t)(open + 1 - line.at);
		line.at = open + 1;
	}
	version =
		arena_strn(r->a, line.at,
			   strcspn(line.at, ")\n") < line.len ? strcspn(line.at, ")\n") : line.len);
	return ver_valid(version) ? version : NULL;
}

/* An absolute path without "..", as it is beneath the root. */
static const char *path_of(const struct reading *r, struct piece p)
{
	const char *path = arena_strn(r->a, p.at, p.len);

	if (*path != '/' || strstr(path, "/../") || str_ends(path, "/..") || !path[1])
		return NULL;
	return path + strspn(path, "/");
}

/* "MODE UID GID" */
static bool take_owner(const struct reading *r, struct piece line, struct record_entry *entry)
{
	struct piece mode, uid, gid;
	unsigned long long u = 0, g = 0;

	if (!str_word(&line, &mode) || !str_word(&line, &uid) || !str_word(&line, &gid) ||
	    !octal(mode, &entry->mode) || !number(r, uid, 0xffffffff, &u) ||
	    !number(r, gid, 0xffffffff, &g))
		return false;
	entry->uid = (unsigned)u;
	entry->gid = (unsigned)g;
	return true;
}

/* What follows the line with the path. 0 = taken, 1 = the record ends in it, -1 = nonsense. */
static int take_rest(struct reading *r, unsigned long long n, struct record_entry *entry)
{
	struct piece line, word;
	unsigned long long crc = 0;

	if (!next(r, &line))
		return 1;
	switch (entry->kind) {
	case RECORD_LINK:
		entry->target = arena_strn(r->a, line.at, line.len);
		return 0;
	case RECORD_FILE:
		if (!number(r, str_trim(line), 0xffffffff, &crc))
			return -1;
		entry->crc = (uint32_t)crc;
		return 0;
	case RECORD_LINK_MOVED:
		entry->target = arena_strn(r->a, line.at, line.len);
		if (!next(r, &line))
			return 1;
		return take_owner(r, line, entry) ? 0 : -1;
	case RECORD_FILE_MOVED:
		entry->moved_to = arena_printf(r->a, RECORD_HOME "/%llu", n);
		if (!str_word(&line, &word) || !number(r, word, 0xffffffff, &crc))
			return -1;
		entry->crc = (uint32_t)crc;
		return take_owner(r, line, entry) ? 0 : -1;
	}
	return -1;
}

static int take_entry(struct reading *r, struct piece line, struct record_entry *entry)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct piece path;
	unsigned long long n = 0;

	if (!colon || !number(r, (struct piece){ line.at, (size_t)(colon - line.at) }, 99999, &n) ||
	    (n > RECORD_LINK_MOVED && n < RECORD_FILE_MOVED))
		return -1;
	path = str_trim((struct piece){ colon + 1, (size_t)(line.at + line.len - colon - 1) });
	entry->kind = n >= RECORD_FILE_MOVED ? RECORD_FILE_MOVED : (enum record_kind)n;
	entry->path = path_of(r, path);
	return entry->path ? take_rest(r, n, entry) : -1;
}

int record_parse(const char *text, size_t len, struct arena *a, struct install_record *ret,
		 struct err *e)
{
	struct reading r = { { text, len }, 0, a, e };
	struct install_record record = { 0 };
	struct piece line;

	if (next(&r, &line))
		record.version = version_of(&r, line);
	if (!record.version && r.line)
		return bad(&r);
	if (!next(&r, &line)) {
		*ret = record;
		return 0;
	}
	while (next(&r, &line)) {
		struct record_entry entry = { 0 };
		int rc = take_entry(&r, line, &entry);

		if (rc < 0)
			return bad(&r);
		if (rc == 0)
			list_add(a, &record.entries, entry);
	}
	*ret = record;
	return 0;
}
