/* SPDX-License-Identifier: Apache-2.0 */
/* The profile language. One row a key; parents before their children. */
#include "schema.h"

#include "base/str.h"

const char *const schema_kinds[] = { "bare-metal", NULL };

static const char *const purposes[] = { "run", "desktop", NULL };
static const char *const modules[] = { "auto", "proprietary", "none", NULL };
static const char *const sources[] = { "auto", "distro", NULL };
static const char *const nouveau[] = { "auto", "blacklist", "leave", NULL };
static const char *const reboot[] = { "ask", "never", NULL };

#define ALL KIND_BARE_METAL

const struct schema_row schema_table[] = {
	{ "version", SCHEMA_WORD, ALL, true, NULL, (const char *const[]){ "1", NULL },
	  "version of the profile language" },
	{ "kind", SCHEMA_WORD, ALL, true, NULL, schema_kinds, "what kind of host this is" },
	{ "purpose", SCHEMA_WORD, ALL, false, "run", purposes,
	  "which components are wanted: run = driver, desktop = driver and X server parts" },
	{ "gpus", SCHEMA_GPUS, ALL, false, "auto", NULL,
	  "the host's own GPUs, or a list of names or PCI ids when building an image" },
	{ "driver", SCHEMA_MAP, ALL, false, NULL, NULL, "the NVIDIA driver" },
	{ "driver.branch", SCHEMA_BRANCH, ALL, false, NULL, NULL,
	  "driver branch, like \"535\"; left out: what suits the GPUs and the source" },
	{ "driver.version", SCHEMA_VERSION, ALL, false, NULL, NULL,
	  "exact driver version, like \"535.309.01\"" },
	{ "driver.modules", SCHEMA_WORD, ALL, false, "auto", modules,
	  "kernel modules; none = user space only" },
	{ "driver.source", SCHEMA_WORD, ALL, false, "auto", sources,
	  "where the driver comes from: distro = the distribution's own packages" },
	{ "driver.nouveau", SCHEMA_WORD, ALL, false, "auto", nouveau,
	  "keep nouveau from claiming the GPUs; auto = when a kernel module is installed" },
	{ "apt", SCHEMA_MAP, ALL, false, NULL, NULL, "package installation" },
	{ "apt.mirror", SCHEMA_URL, ALL, false, NULL, NULL,
	  "use this mirror for repositories that gpuprov adds" },
	{ "reboot", SCHEMA_WORD, ALL, false, "ask", reboot,
	  "what to do when a change needs a reboot: ask = say so, never = leave it at that" },
	{ .path = NULL },
};

const struct schema_row *schema_find(const char *path)
{
	for (const struct schema_row *row = schema_table; row->path; row++)
		if (str_eq(row->path, path))
			return row;
	return NULL;
}

const char *schema_default(const char *path)
{
	const struct schema_row *row = schema_find(path);

	return row ? row->fallback : NULL;
}
