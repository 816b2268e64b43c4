/* SPDX-License-Identifier: Apache-2.0 */
/* Installed kernels: can they boot, can a module be built for them, have they one. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

static int exists(const struct sys *sys, const char *path, bool *ret, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(sys, path, &st, e))
		return -1;
	*ret = st.type != SYS_ABSENT;
	return 0;
}

static int newest_modprobe_conf(const struct sys *sys, struct facts *f, long long *ret,
				struct err *e)
{
	strs names = { 0 };

	*ret = 0;
	if (sys_list(sys, "etc/modprobe.d", f->a, &names, e))
		return -1;
	list_each (&names, name) {
		struct sys_stat st;

		if (sys_stat(sys, arena_printf(f->a, "etc/modprobe.d/%s", *name), &st, e))
			return -1;
		if (st.mtime_ns > *ret)
			*ret = st.mtime_ns;
	}
	return 0;
}

static int learn(const struct sys *sys, struct facts *f, const char *release, long long conf,
		 struct err *e)
{
	struct fact_kernel k = { .release = release, .running = str_eq(release, f->kernel) };
	struct sys_stat initrd;

	if (exists(sys, arena_printf(f->a, "boot/vmlinuz-%s", release), &k.image, e) ||
	    exists(sys, arena_printf(f->a, "usr/src/linux-headers-%s/Makefile", release),
		   &k.headers, e) ||
	    sys_stat(sys, arena_printf(f->a, "boot/initrd.img-%s", release), &initrd, e))
		return -1;
	/* Headers without modules or image: a leftover, or a build host. Both are facts. */
	if (initrd.type == SYS_FILE)
		k.initramfs = initrd.mtime_ns < conf ? "stale" : "fresh";
	list_add(f->a, &f->kernels, k);
	return 0;
}

static bool known(const struct facts *f, const char *release)
{
	list_each (&f->kernels, k)
		if (str_eq(k->release, release))
			return true;
	return false;
}

/* A kernel leaves traces in three places; each of them is enough to be one. */
static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	static const struct {
		const char *dir, *prefix;
	} places[] = {
		{ "usr/lib/modules", "" },
		{ "lib/modules", "" },
		{ "boot", "vmlinuz-" },
		{ "usr/src", "linux-headers-" },
	};
	long long conf;

	if (newest_modprobe_conf(sys, f, &conf, e))
		return err_ctx(e, "looking for kernels");
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		strs names = { 0 };

		if (sys_list(sys, places[i].dir, f->a, &names, e))
			return err_ctx(e, "looking for kernels");
		list_each (&names, name) {
			const char *release = *name + strlen(places[i].prefix);

			if (!str_starts(*name, places[i].prefix) || known(f, release) ||
			    str_ends(*name, "-common"))
				continue;
			if (learn(sys, f, release, conf, e))
				return err_ctx(e, "looking at kernel %s", release);
		}
	}
	fact_from(f, "kernels", "lib/modules, boot, usr/src");
	return 0;
}

const struct probe probe_kernels = { "kernels", PROBE_NORMAL, run };
