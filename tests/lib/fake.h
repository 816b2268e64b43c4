/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world in memory behind struct sys: files, a transcript of every effect, and two kinds of bad
 * luck: dying before the n-th effect, and the n-th effect failing with an errno.
 */
#pragma once

#include "sys/sys.h"

#include <setjmp.h>

struct fake {
	struct sys sys;
	struct arena a;
	struct buf transcript; /* one line an effect: "replace etc/x", "append ...", "run ..." */
	size_t effects;        /* so far */
	size_t die_at;  /* longjmp to `death` before this effect (1 = the first); 0 = never */
	size_t fail_at; /* this effect fails with fail_errno; 0 = never */
	int fail_errno;
	jmp_buf death;
	bool locked;
	struct buf *installed; /* what the fake libapt's install appends to dpkg's status */
	int run_status;        /* what commands exit with */
	const char *boot;      /* boot id */
};

void fake_init(struct fake *f);
void fake_release(struct fake *f);

/* Files as the test sets them up; not effects. */
void fake_put(struct fake *f, const char *path, const char *text);
const char *fake_get(struct fake *f, const char *path); /* NULL when absent */

/* All files and their text, sorted, without those whose path starts with `except` (NULL = all). */
void fake_tree(struct fake *f, const char *except, struct buf *ret);

/* Start over with the bad luck, keeping the files: the machine was switched on again. */
void fake_reboot(struct fake *f);
