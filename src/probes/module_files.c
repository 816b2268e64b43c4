/* SPDX-License-Identifier: Apache-2.0 */
/* The NVIDIA module that is installed for each kernel: version, flavour, signer, who made it. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

/*
 * nvidia.ko, and Debian's nvidia-current.ko, nvidia-tesla.ko, nvidia-tesla-535.ko,
 * nvidia-legacy-390xx.ko. `part` is "" for the module itself or "-modeset" for the one that belongs
 * to it.
 */
static bool is_driver(const char *file, const char *part)
{
	static const char *const kinds[] = { "-current", "-tesla", "-legacy" };
	const char *rest = file + strlen("nvidia");
	size_t n = strlen(part);

	if (!str_starts(file, "nvidia"))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!str_starts(rest, kinds[i]))
			continue;
		rest += strlen(kinds[i]);
		if (*rest == '-' && rest[1] >= '0' && rest[1] <= '9')
			rest += 1 + strspn(rest + 1, "0123456789x");
		break;
	}
	return strncmp(rest, part, n) == 0 && str_starts(rest + n, ".ko");
}

/* Modules by the index that modprobe uses; without one, where they use to lie. */
static void list_modules(const struct sys *sys, struct facts *f, const char *dir, strs *ret)
{
	static const char *const places[] = { "updates/dkms", "updates", "extra",
					      "kernel/drivers/video" };
	auto_buf struct buf text = BUF_INIT(16 << 20);
	auto_err ignored = { 0 }; /* no index: look into the folders */
	struct piece rest, line;

	if (!sys_read(sys, arena_printf(f->a, "%s/modules.dep", dir), &text, &ignored)) {
		rest = (struct piece){ buf_str(&text), text.len };
		while (str_line(&rest, &line)) {
			const char *colon = memchr(line.at, ':', line.len);

			if (colon && memmem(line.at, (size_t)(colon - line.at), "/nvidia", 7))
				list_add(f->a, ret,
					 arena_strn(f->a, line.at, (size_t)(colon - line.at)));
		}
		return;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		strs names = { 0 };

		probe_list(sys, f, arena_printf(f->a, "%s/%s", dir, places[i]), &names);
		list_each (&names, name)
			list_add(f->a, ret, arena_printf(f->a, "%s/%s", places[i], *name));
	}
}

static const char *find(const strs *modules, const char *part)
{
	list_each (modules, path)
		if (is_driver(probe_last(*path), part))
			return *path;
	return NULL;
}

/* Where a module lies tells who put it there: DKMS, a package with ready modules, an installer. */
static const char *made_by(const char *path)
{
	if (str_starts(path, "updates/dkms/"))
		return "dkms";
	return str_starts(path, "kernel/nvidia-") ? "package" : "other";
}

/*
 * Unpacking an nvidia.ko.xz takes a second; what belongs to it is made, licensed and signed
 * together with it, and is small.
 */
static void learn(const struct sys *sys, struct facts *f, struct fact_kernel *k, const char *dir,
		  const strs *modules)
{
	const char *path = find(modules, ""), *small = find(modules, "-modeset");
	struct sys_module m;
	auto_err e = { 0 };

	if (!path)
		return;
	k->made_by = made_by(path);
	if (!str_ends(path, ".ko") && small)
		path = small;
	path = arena_printf(f->a, "%s/%s", dir, path);
	if (sys_module(sys, path, f->a, &m, &e)) {
		fact_unknown(f, arena_printf(f->a, "kernels.%s.nvidia", k->release),
			     arena_str(f->a, e.text));
		return;
	}
	k->nvidia = m.version;
	if (m.license)
		k->flavour = str_eq(m.license, "NVIDIA") ? "proprietary" : "open";
	k->signer = m.signer;
	fact_from(f, arena_printf(f->a, "kernels.%s.nvidia", k->release), path);
}

/*
 * DKMS leaves the log of a build that failed in module/version/build/. Its first line is "DKMS
 * make.log for nvidia-current-535.309.01 for kernel 6.1.0-56-amd64 (x86_64)".
 */
static void failed_builds(const struct sys *sys, struct facts *f)
{
	strs modules = { 0 };

	probe_list(sys, f, "var/lib/dkms", &modules);
	list_each (&modules, module) {
		const char *dir = arena_printf(f->a, "var/lib/dkms/%s", *module);
		strs versions = { 0 };

		if (!str_starts(*module, "nvidia"))
			continue;
		probe_list(sys, f, dir, &versions);
		list_each (&versions, version) {
			const char *log = arena_printf(f->a, "%s/%s/build/make.log", dir, *version);
			const char *line = probe_line(sys, f, log);

			list_each (&f->kernels, k)
				if (line && !k->nvidia &&
				    strstr(line, arena_printf(f->a, " for kernel %s ", k->release)))
					k->failed = log;
		}
	}
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	(void)e;
	list_each (&f->kernels, k) {
		const char *dir = arena_printf(f->a, "usr/lib/modules/%s", k->release);
		strs modules = { 0 };

		if (!probe_there(sys, dir))
			dir = arena_printf(f->a, "lib/modules/%s", k->release);
		list_modules(sys, f, dir, &modules);
		learn(sys, f, k, dir, &modules);
	}
	failed_builds(sys, f);
	return 0;
}

const struct probe probe_module_files = { "module_files", PROBE_NORMAL, run };
