/* SPDX-License-Identifier: Apache-2.0 */
/* The NVIDIA driver that is installed, as a whole: its user space, its flavour, where it came from.
 */
#include "probes/probe.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

#define CONTAINER_ROOT "run/nvidia/driver/"

static const char *triplet(const struct facts *f)
{
	return str_eq(f->os.arch, "arm64") ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
}

/* The version in the name of a library: what the link that programs use leads to comes first. */
static const char *library(const struct sys *sys, struct facts *f, const char *dir,
			   const char *name)
{
	const char *link = arena_printf(f->a, "%s/%s.1", dir, name);
	const char *head = arena_printf(f->a, "%s.", name);
	const char *target = probe_last(probe_link(sys, f, link));
	strs names = { 0 };

	if (target && str_starts(target, head) && ver_valid(target + strlen(head)) &&
	    strchr(target + strlen(head), '.'))
		return target + strlen(head);
	probe_list(sys, f, dir, &names);
	list_each (&names, it)
		if (str_starts(*it, head) && ver_valid(*it + strlen(head)) &&
		    strchr(*it + strlen(head), '.'))
			return *it + strlen(head);
	return NULL;
}

/* libcuda and NVML below one root: "" or that of a driver container. */
static const char *user_space(const struct sys *sys, struct facts *f, const char *root)
{
	const char *dirs[] = {
		arena_printf(f->a, "%susr/lib/%s", root, triplet(f)),
		arena_printf(f->a, "%susr/lib/%s/nvidia/current", root, triplet(f)),
		arena_printf(f->a, "%susr/lib64", root),
		arena_printf(f->a, "%susr/lib", root),
	};
	static const char *const names[] = { "libcuda.so", "libnvidia-ml.so" };

	for (size_t n = 0; n < 2; n++)
		for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
			const char *version = library(sys, f, dirs[i], names[n]);

			if (!version)
				continue;
			fact_from(f, "driver.version",
				  arena_printf(f->a, "%s/%s.%s", dirs[i], names[n], version));
			return version;
		}
	return NULL;
}

/* The package that holds libcuda: Debian's libcuda1, Ubuntu's and NVIDIA's libnvidia-compute. */
static const struct fact_package *owner(const struct facts *f, const char *version)
{
	list_each (&f->packages, p) {
		/* Also half-configured: its files are there. */
		if (str_eq(p->status, "config-files") ||
		    (!str_eq(p->name, "libcuda1") && !str_starts(p->name, "libnvidia-compute") &&
		     !str_starts(p->name, "libnvidia-ml1") && !str_ends(p->name, "-libcuda1")))
			continue;
		if (!version || ver_deb_within(p->version, version))
			return p;
	}
	return NULL;
}

static void learn_origin(struct facts *f)
{
	struct fact_driver *d = &f->driver;
	const struct fact_package *p = owner(f, d->version);

	if (p) {
		d->origin = str_eq(p->origin, "NVIDIA") ? "nvidia" :
			    p->origin                   ? "distro" :
							  "unknown";
		fact_from(f, "driver.origin", arena_printf(f->a, "package %s", p->name));
	} else if (d->marks.n) {
		/* What only packages leave behind tells of no installer. */
		d->origin = str_ends(d->marks.at[0], "/alternate-install-present") ? "unknown" :
										     "runfile";
		fact_from(f, "driver.origin", d->marks.at[0]);
	} else if (d->version) {
		d->origin = "unknown";
		fact_from(f, "driver.origin", "no package and no installer claims the libraries");
	}
}

/* Of the kernel that runs, or of the next boot, or of any that has a module. */
static const char *flavour(const struct facts *f)
{
	const char *any = NULL, *next = NULL;

	list_each (&f->kernels, k) {
		if (k->flavour && k->running)
			return k->flavour;
		any = k->flavour ? k->flavour : any;
		next = k->flavour && k->next ? k->flavour : next;
	}
	return next ? next : any;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	(void)e;
	f->driver.version = user_space(sys, f, "");
	f->driver.flavour = flavour(f);
	if (!f->driver.version) {
		f->driver.version = user_space(sys, f, CONTAINER_ROOT);
		if (f->driver.version) {
			f->driver.origin = "container";
			f->driver.flavour = f->driver.loaded_flavour;
			fact_from(f, "driver.origin", CONTAINER_ROOT);
			return 0;
		}
	}
	learn_origin(f);
	return 0;
}

const struct probe probe_driver = { "driver", PROBE_LAST, run };
