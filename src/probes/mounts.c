/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the file systems that an installation writes to. */
#include "probes/probe.h"

#include "sys/sys.h"

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
		m->free_bytes = (long long)space.free_bytes;
		m->read_only = space.read_only;
	}
	fact_from(f, "mounts", "statvfs");
	return 0;
}

const struct probe probe_mounts = { "mounts", PROBE_LAST, run };
