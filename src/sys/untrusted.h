/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking into an archive that nobody vouches for. A child does it that can read this one file and
 * write one pipe and nothing else: no file, no network, no new program, bounded memory and time. A
 * member that no installer needs (one that leads out of the folder, a device, a set-id file, a
 * bomb) refuses the whole archive. Nothing is unpacked.
 */
#pragma once

#include "sys/sys.h"

struct look_job {
	const char *path;        /* beneath the root */
	unsigned long long from; /* the archive begins here, */
	unsigned long long len;  /* and has so many bytes */
	/* Names whose text is wanted (".manifest"; "/x" is x in any folder), NULL-terminated. */
	const char *const *want;
	size_t want_max; /* most bytes of such a text */
};

struct look_text {
	const char *name; /* without a leading "./" */
	const char *text;
	size_t len;
};

struct look_answer {
	struct arena *a;
	long long members, unpacked;
	strs names; /* without a leading "./" */
	LIST(struct look_text) texts;
	bool confined; /* the kernel had what locks the child down */
};

/* GP_RUNFILE_HOSTILE names the member; GP_RUNFILE_DAMAGED says what does not unpack. */
int real_look(const struct sys *s, const struct look_job *job, struct look_answer *ret,
	      struct err *e);

/* In lockdown.c: give up every right but reading descriptor 0 and writing 1. */
bool lock_down(void);
