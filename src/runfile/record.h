/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-installer's own record of what it installed and moved away: /var/lib/nvidia/log. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

#define RECORD_PATH "var/lib/nvidia/log"
#define RECORD_DIRS "var/lib/nvidia/dirs"
#define RECORD_HOME "var/lib/nvidia"

enum record_kind {
	RECORD_LINK = 0,         /* installed: a symbolic link */
	RECORD_FILE = 1,         /* installed: a file */
	RECORD_LINK_MOVED = 2,   /* was there before: a symbolic link */
	RECORD_FILE_MOVED = 100, /* was there before: a file, now /var/lib/nvidia/NUMBER */
};

struct record_entry {
	enum record_kind kind;
	const char *path; /* beneath the root */
	const char *target;
	const char *moved_to; /* beneath the root */
	uint32_t crc;
	unsigned mode, uid, gid;
};

struct install_record {
	const char *version;
	LIST(struct record_entry) entries;
};

/*
 * Parse it. One that was cut off in its last line is taken up to there: that is how it looks after
 * a power cut, and what it has is what must be cleared up.
 */
int record_parse(const char *text, size_t len, struct arena *a, struct install_record *ret,
		 struct err *e);
