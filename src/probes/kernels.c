/* SPDX-License-Identifier: Apache-2.0 */
/* Installed kernels: can they boot, can a module be built for them and by which compiler. */
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

static const char *digits(struct facts *f, const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n ? arena_strn(f->a, text, n) : NULL;
}

/* "CONFIG_GCC_VERSION=120200": major, minor and patch level, two digits each. */
static const char *by_config(const struct sys *sys, struct facts *f, const char *path)
{
	static const char key[] = "\nCONFIG_GCC_VERSION=";
	auto_buf struct buf text = BUF_INIT(4 << 20);
	auto_err ignored = { 0 }; /* not there, or not for us to read: another place may tell */
	unsigned long long number;
	const char *at;

	if (sys_read(sys, path, &text, &ignored))
		return NULL;
	at = strstr(buf_str(&text), key);
	if (!at || !str_to_u64(digits(f, at + strlen(key)), &number) || number < 10000)
		return NULL; /* 0: it was another compiler */
	return arena_printf(f->a, "%llu", number / 10000);
}

/* "Linux version 6.1.0-56-amd64 (...) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld ...". */
static const char *by_version(const struct sys *sys, struct facts *f)
{
	const char *line = probe_line(sys, f, "proc/version");
	const char *gcc = line ? strstr(line, "gcc") : NULL;
	const char *comma = gcc ? strchr(gcc, ',') : NULL;

	while (comma && comma > gcc && comma[-1] != ' ')
		comma--;
	return comma ? digits(f, comma) : NULL;
}

static const char *compiler_of(const struct sys *sys, struct facts *f, const struct fact_kernel *k)
{
	static const char *const places[] = { "boot/config-%s", "usr/src/linux-headers-%s/.config",
					      "usr/lib/modules/%s/config" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *head = arena_strn(f->a, places[i], strcspn(places[i], "%"));
		const char *path =
			arena_printf(f->a, "%s%s%s", head, k->release, strchr(places[i], '%') + 2);
		const char *major = by_config(sys, f, path);

		if (major)
			return major;
	}
	return k->running ? by_version(sys, f) : NULL;
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
	k.compiler = compiler_of(sys, f, &k);
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

/* Headers that several kernels share are no kernel: those have a configuration. */
static bool is_kernel(const struct sys *sys, struct facts *f, const char *dir, const char *release)
{
	return !str_eq(dir, "usr/src") ||
	       probe_there(sys, arena_printf(f->a, "usr/src/linux-headers-%s/.config", release));
}

/* A kernel leaves traces in four places; each of them is enough to be one. */
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
			    !is_kernel(sys, f, places[i].dir, release))
				continue;
			if (learn(sys, f, release, conf, e))
				return err_ctx(e, "looking at kernel %s", release);
		}
	}
	fact_from(f, "kernels", "lib/modules, boot, usr/src");
	return 0;
}

const struct probe probe_kernels = { "kernels", PROBE_NORMAL, run };
