/* SPDX-License-Identifier: Apache-2.0 */
/* Who works with dpkg or apt right now: the holder of one of their locks, by /proc/locks. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

static const char *const locks[] = { "var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock",
				     "var/cache/apt/archives/lock", "var/lib/apt/lists/lock" };

/* "1: POSIX  ADVISORY  WRITE 4711 08:01:131090 0 EOF": the words are the lock's kind and place. */
static const char *holder(struct facts *f, const char *text, const struct sys_stat *st)
{
	/* A device number as the kernel splits it for user space. */
	unsigned long long major = (st->dev >> 8 & 0xfff) | (st->dev >> 32 & ~0xfffULL);
	unsigned long long minor = (st->dev & 0xff) | (st->dev >> 12 & ~0xffULL);
	const char *place = arena_printf(f->a, "%02llx:%02llx:%llu", major, minor, st->ino);
	struct piece rest = PIECE(text), line, word, pid = { 0 };

	while (str_line(&rest, &line)) {
		for (unsigned i = 0; str_word(&line, &word); i++) {
			if (i == 4)
				pid = word;
			if (i == 5 && piece_eq(word, place))
				return arena_strn(f->a, pid.at, pid.len);
		}
	}
	return NULL;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	const char *text = probe_text(sys, f, "proc/locks");

	if (!sys->live)
		return 0;
	if (!text) {
		fact_unknown(f, "lock_holder", "there is no /proc/locks");
		return 0;
	}
	fact_from(f, "lock_holder", "proc/locks");
	for (size_t i = 0; i < sizeof(locks) / sizeof(*locks) && !f->lock_holder; i++) {
		struct sys_stat st;
		const char *pid, *name;

		if (sys_stat(sys, locks[i], &st, e))
			return err_ctx(e, "asking who holds dpkg's lock");
		pid = st.type == SYS_FILE ? holder(f, text, &st) : NULL;
		if (!pid)
			continue;
		name = probe_line(sys, f, arena_printf(f->a, "proc/%s/comm", pid));
		f->lock_holder = arena_printf(f->a, "%s (%s)", name ? name : "process", pid);
	}
	return 0;
}

const struct probe probe_locks = { "locks", PROBE_NORMAL, run };
