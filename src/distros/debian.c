/* SPDX-License-Identifier: Apache-2.0 */
/* Debian. */
#include "distros/distro.h"

#include <string.h>

/*
 * Kernel releases end in their flavour: 6.1.0-56-amd64, 6.1.0-56-cloud-amd64, 6.12.107+deb13-amd64.
 * The meta-package of the flavour brings headers for this kernel and for every later one.
 */
static void headers(struct arena *a, const struct facts *f, const struct fact_kernel *k, strs *ret)
{
	const char *at = strchr(k->release, '-');

	(void)f;
	if (at && at[1] >= '0' && at[1] <= '9')
		at = strchr(at + 1, '-');
	if (at)
		list_add(a, ret, arena_printf(a, "linux-headers%s", at));
}

static const struct archive archive = {
	.origin = "Debian",
	.paths = (const char *const[]){ "debian", "debian-security", NULL },
	.symbolic =
		(const char *const[]){ "stable", "oldstable", "testing", "unstable", "sid", NULL },
};

static const char *enable(struct arena *a, const struct facts *f, const strs *components,
			  const struct mirrors *mirrors, bool *ret_missing)
{
	return distro_enable(&archive, a, f, components, mirrors, ret_missing);
}

const struct distro distro_debian = {
	.id = "debian",
	.world = "debian",
	.headers = headers,
	.enable = enable,
};
