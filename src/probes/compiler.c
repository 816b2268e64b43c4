/* SPDX-License-Identifier: Apache-2.0 */
/* The default compiler: what `gcc` is, by its link and the package behind it. */
#include "probes/probe.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

#define GCC "usr/bin/gcc"

/* "/usr/bin/gcc-12", "gcc-12", "/etc/alternatives/gcc" and what that leads to. */
static const char *name_of(const struct sys *sys, struct facts *f)
{
	const char *target = probe_link(sys, f, GCC);

	if (target && str_starts(target, "/etc/alternatives/"))
		target = probe_link(sys, f, target + 1);
	return probe_last(target);
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	const char *name = name_of(sys, f);
	const struct fact_package *p;
	struct piece version;
	size_t n = 0;

	(void)e;
	if (!probe_there(sys, GCC))
		return 0;
	/* gcc-12 is a link itself: x86_64-linux-gnu-gcc-12 is the program, gcc-12 the package. */
	name = name && strstr(name, "gcc-") ? strstr(name, "gcc-") : name;
	p = name ? facts_package(f, name) : NULL;
	if (!p) {
		fact_unknown(f, "gcc", "/usr/bin/gcc does not belong to a package gcc-N");
		return 0;
	}
	version = ver_deb_upstream(p->version);
	while (n < version.len && strchr("0123456789.", version.at[n]))
		n++;
	f->gcc = arena_strn(f->a, version.at, n);
	fact_from(f, "gcc", GCC);
	return 0;
}

const struct probe probe_compiler = { "compiler", PROBE_LAST, run };
