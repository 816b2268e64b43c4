/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: CUDA on the host. */
#include "doctor/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

/* S31 */
static void without_driver(struct diagnosing *d)
{
	const struct facts *v = d->facts;
	struct finding *f;

	if (!v->cudas.n || v->driver.version || v->driver.loaded || !v->live || !v->gpus.n)
		return;
	f = found(d, "S31", "CUDA %s is installed and no driver", v->cudas.at[0].version);
	list_each (&v->cudas, c)
		saw(d, f, "cudas", "CUDA %s in %s", c->version, c->path);
	saw(d, f, "driver.version", "no libcuda, no nvidia-smi");
}

static bool has_compat(const struct diagnosing *d)
{
	list_each (&d->facts->packages, p)
		if (str_starts(p->name, "cuda-compat-") && str_eq(p->status, "installed"))
			return true;
	return false;
}

/* S32: forward compatibility is there for just that. */
static void too_new(struct diagnosing *d)
{
	const char *version = d->facts->driver.version;

	if (!version || has_compat(d))
		return;
	list_each (&d->facts->cudas, c) {
		bool own;
		const char *min =
			c->version ? catalog_min_driver(d->catalog, c->version, d->a, &own) : NULL;
		struct finding *f;

		if (!min || ver_cmp(version, min) >= 0)
			continue;
		f = found(d, "S32", "CUDA %s needs driver %s or newer, %s is installed", c->version,
			  min, version);
		saw(d, f, "cudas", "CUDA %s in %s", c->version, c->path);
		saw(d, f, "driver.version", "driver %s", version);
	}
}

/* S27 */
static void compat_older(struct diagnosing *d)
{
	const char *version = d->facts->driver.version;

	list_each (&d->facts->packages, p) {
		struct piece v = ver_deb_upstream(p->version);
		struct finding *f;

		if (!str_starts(p->name, "cuda-compat-") || !str_eq(p->status, "installed") ||
		    !version || ver_cmp(arena_strn(d->a, v.at, v.len), version) >= 0)
			continue;
		f = found(d, "S27", "%s brings libcuda %.*s, the driver has %s", p->name,
			  (int)v.len, v.at, version);
		saw(d, f, "packages", "%s %s", p->name, p->version);
		saw(d, f, "driver.version", "driver %s", version);
		about(d, f, "package", p->name);
	}
}

/* S26 */
static void metapackage(struct diagnosing *d)
{
	const struct fact_package *p = facts_package(d->facts, "cuda");

	if (p && str_eq(p->status, "installed"))
		saw(d, found(d, "S26", "the package cuda %s drags the driver along", p->version),
		    "packages", "cuda %s is installed", p->version);
}

look *const looks_cuda[] = { without_driver, too_new, compat_older, metapackage, NULL };
