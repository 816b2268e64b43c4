/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the file systems that an installation writes to. */
#include "probes/probe.h"

#include "sys/sys.h"

struct measured {
	unsigned long long dev;
	long long free_bytes;
};

typedef LIST(struct measured) measures;

/* Measured once, so that places on one file system have the same figure and are known by it. */
static long long free_of(struct facts *f, measures *seen, unsigned long long dev, long long now)
{
	list_each (seen, it)
		if (it->dev == dev)
			return it->free_bytes;
	list_add(f->a, seen, ((struct measured){ dev, now }));
	return now;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char *const places[] = {
		"",
		"boot",
		"etc",
		"tmp",
		"usr",
		"usr/local",
		"usr/src",
		"var",
		"var/cache/apt/archives",
		"var/lib/dpkg",
	};
	measures seen = { 0 };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct sys_space space;
		struct sys_stat st;
		struct fact_mount *m;

		if (sys_stat(sys, places[i], &st, e))
			return err_ctx(e, "measuring free space");
		if (st.type != SYS_DIR)
			continue;
		if (sys_space(sys, places[i], &space, e))
			return err_ctx(e, "measuring free space");
		m = list_push(f->a, &f->mounts);
		m->path = *places[i] ? places[i] : "/";
		m->free_bytes = free_of(f, &seen, st.dev, (long long)space.free_bytes);
		m->read_only = space.read_only;
	}
	fact_from(f, "mounts", "statvfs");
	return 0;
}

const struct probe probe_mounts = { "mounts", PROBE_LAST, run };
