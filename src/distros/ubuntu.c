/* SPDX-License-Identifier: Apache-2.0 */
/* Ubuntu. */
#include "distros/distro.h"

#include "base/str.h"

#include <string.h>

/*
 * Kernels come as 6.8.0-45-generic, followed by meta-packages: linux-image-generic, or
 * linux-image-generic-hwe-24.04 on the newer kernels of a release. The same meta-package of headers
 * follows the same kernels. Without any, this kernel is all there will be.
 */
static void headers(struct arena *a, const struct facts *f, const struct fact_kernel *k, strs *ret)
{
	static const char image[] = "linux-image-";
	const char *abi = strchr(k->release, '-'), *dash = strrchr(k->release, '-');
	const char *flavour = dash ? dash + 1 : "";
	size_t n = strlen(flavour);

	/* Whoever compiles a kernel names it otherwise, and the archive has no headers of it. */
	if (!dash || abi == dash || strspn(abi + 1, "0123456789") != (size_t)(dash - abi - 1))
		return;
	list_add(a, ret, arena_printf(a, "linux-headers-%s", k->release));
	list_each (&f->packages, p) {
		const char *rest = p->name + strlen(image);

		if (n && str_starts(p->name, image) && str_eq(p->status, "installed") &&
		    strncmp(rest, flavour, n) == 0 && (!rest[n] || rest[n] == '-'))
			list_add(a, ret, arena_printf(a, "linux-headers-%s", rest));
	}
}

static const struct archive archive = {
	.origin = "Ubuntu",
	.paths = (const char *const[]){ "ubuntu", "ubuntu-ports", NULL },
	.symbolic = (const char *const[]){ "devel", NULL },
};

static const char *enable(struct arena *a, const struct facts *f, const strs *components,
			  const struct mirrors *mirrors, bool *ret_missing)
{
	return distro_enable(&archive, a, f, components, mirrors, ret_missing);
}

const struct distro distro_ubuntu = {
	.id = "ubuntu",
	.world = "ubuntu",
	.headers = headers,
	.enable = enable,
};
