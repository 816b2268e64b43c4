/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules say about CUDA with this driver and these GPUs. Facts and sources: the catalog's
 * cuda-major, cuda, cuda-series, cuda-arch and branch records.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static void r01_r03(struct solving *s, const struct choice *c)
{
	list_each (&s->asks.cudas, cuda) {
		bool own;
		const char *min = catalog_min_driver(s->catalog, *cuda, s->a, &own);
		struct diag *d;

		if (!min || ver_cmp(c->newest, min) >= 0)
			continue;
		if (profile_on(s->profile, "cuda.compat"))
			continue; /* R06 decides */
		d = by_rule(s, SEV_ERROR, own ? 3 : 1, "cuda.version",
			    "CUDA %s needs driver %s or newer; %s is %s", *cuda, min,
			    choice_name(s, c), c->newest);
		why(s, d,
		    own ? "before CUDA 11 a driver runs no newer toolkit than its own" :
			  "that is the minimum of every CUDA %s",
		    ver_head(*cuda, 1, s->a));
	}
}

/* R02, R05: a newer minor than the driver's own works, within limits. */
static void r02_r05(struct solving *s, const struct choice *c)
{
	const char *level = c->known ? record_get(c->known, "max_cuda") : NULL;

	if (!level)
		return;
	list_each (&s->asks.cudas, cuda) {
		bool own;
		const char *min = catalog_min_driver(s->catalog, *cuda, s->a, &own);
		struct diag *d;

		if (ver_cmp(ver_head(*cuda, 2, s->a), level) <= 0 || own || !min ||
		    ver_cmp(c->newest, min) < 0)
			continue;
		d = by_rule(s, SEV_WARNING, str_eq(s->cuda_install, "toolkit") ? 5 : 2,
			    "cuda.version",
			    "CUDA %s on driver %s runs by minor-version compatibility only", *cuda,
			    c->branch);
		why(s, d,
		    "the driver's own level is CUDA %s: features of a newer minor, and PTX that "
		    "has to be compiled at run time, need a newer driver",
		    level);
	}
}

/* R06, R07: forward compatibility. */
static void r06_r07(struct solving *s, const struct choice *c)
{
	const char *level = c->known ? record_get(c->known, "max_cuda") : NULL;
	struct diag *d;

	if (!profile_on(s->profile, "cuda.compat"))
		return;
	list_each (&s->targets, t) {
		if (t->gpu && record_is(t->gpu, "class", "datacenter"))
			continue;
		d = by_rule(s, SEV_ERROR, 6, "cuda.compat",
			    "forward compatibility is not for the %s", t->name);
		why(s, d, "it is for data-centre GPUs only");
		way(s, d, "cuda.compat=false", "leave it off: cuda.compat: false");
	}
	list_each (&s->asks.cudas, cuda) {
		if (!level || ver_cmp(ver_head(*cuda, 2, s->a), level) > 0)
			continue;
		d = by_rule(s, SEV_WARNING, 7, "cuda.compat",
			    "cuda-compat for CUDA %s is not newer than the driver", *cuda);
		why(s, d, "driver %s already has CUDA %s; the older libcuda would win", c->branch,
		    level);
		way(s, d, "cuda.compat=false", "leave it off: cuda.compat: false");
	}
}

/* The cuda-arch record of a compute capability. */
static const struct record *arch_record(const struct solving *s, const struct target *t)
{
	const char *cc = t->gpu ? record_get(t->gpu, "cc") : NULL;
	const struct record *r = NULL;

	while (cc && (r = catalog_next(s->catalog, "cuda-arch", r)))
		if (record_has(r, "cc", cc))
			return r;
	return NULL;
}

/* R13, R14: the last CUDA of a generation. R15: its first, by the series' own list. */
static void r13_r15(struct solving *s, const struct choice *c)
{
	(void)c;
	list_each (&s->asks.cudas, cuda) {
		const char *series = ver_head(*cuda, 2, s->a);
		const struct record *known = catalog_find(s->catalog, "cuda-series", series);

		list_each (&s->targets, t) {
			const struct record *arch = arch_record(s, t);
			const char *last = arch ? record_get(arch, "last_cuda") : NULL;
			const char *first = arch ? record_get(arch, "first_cuda") : NULL;
			const char *cc = t->gpu ? record_get(t->gpu, "cc") : NULL;
			struct diag *d;

			if (last && ver_cmp(series, last) > 0) {
				d = by_rule(
					s, SEV_ERROR,
					str_eq(record_get(arch, "arch"), "Kepler") ||
							str_eq(record_get(arch, "arch"), "Fermi") ?
						14 :
						13,
					"cuda.version", "CUDA %s does not know the %s any more",
					*cuda, t->name);
				why(s, d, "CUDA %s was the last for compute capability %s (%s)",
				    last, cc, record_get(arch, "arch"));
			} else if ((known && cc && !record_has(known, "cc", cc)) ||
				   (!known && first && ver_cmp(series, first) < 0)) {
				d = by_rule(s, SEV_ERROR, 15, "cuda.version",
					    "CUDA %s does not know the %s yet", *cuda, t->name);
				why(s, d, "compute capability %s is not among its targets", cc);
			}
		}
	}
}

/* R16, R17: nvcc and the host's compiler and C library. */
static void r16_r17(struct solving *s, const struct choice *c)
{
	const char *gcc = s->facts->gcc;
	const char *glibc = s->facts->glibc;

	(void)c;
	list_each (&s->asks.cudas, cuda) {
		const struct record *r =
			catalog_find(s->catalog, "cuda-series", ver_head(*cuda, 2, s->a));
		const char *gcc_max = r ? record_get(r, "gcc_max") : NULL;
		const char *breaks = r ? record_get(r, "glibc_breaks_from") : NULL;
		const char *least = r ? record_get(r, "glibc_min") : NULL;
		struct diag *d;

		if (!str_eq(s->cuda_install, "toolkit"))
			continue;
		if (gcc && gcc_max && ver_cmp(ver_head(gcc, 1, s->a), gcc_max) > 0) {
			d = by_rule(s, SEV_WARNING, 16, "cuda.version", "nvcc %s refuses gcc %s",
				    ver_head(*cuda, 2, s->a), gcc);
			why(s, d, "gcc %s is the newest it takes", gcc_max);
			way(s, d, NULL, "install gcc-%s too, and compile with nvcc -ccbin gcc-%s",
			    gcc_max, gcc_max);
		}
		if (glibc && ((breaks && ver_cmp(glibc, breaks) >= 0) ||
			      (least && ver_cmp(glibc, least) < 0))) {
			d = by_rule(s, SEV_WARNING, 17, "cuda.version",
				    "CUDA %s does not fit the C library %s",
				    ver_head(*cuda, 2, s->a), glibc);
			if (breaks && ver_cmp(glibc, breaks) >= 0)
				why(s, d, "its headers clash with glibc %s and newer", breaks);
			else
				why(s, d, "it needs glibc %s or newer", least);
		}
	}
}

/* R19: ppc64le ends with CUDA 12.4. */
static void r19(struct solving *s, const struct choice *c)
{
	(void)c;
	if (!str_eq(s->facts->os.arch, "ppc64el"))
		return;
	list_each (&s->asks.cudas, cuda) {
		struct diag *d;

		if (ver_cmp(ver_head(*cuda, 2, s->a), "12.4") <= 0)
			continue;
		d = by_rule(s, SEV_ERROR, 19, "cuda.version", "CUDA %s is not made for ppc64le",
			    *cuda);
		why(s, d, "12.4 was the last");
		way(s, d, NULL, "ask for CUDA 12.4 or older, or use another machine");
	}
}

/* A version that never was. */
static void released(struct solving *s, const struct choice *c)
{
	(void)c;
	list_each (&s->asks.cudas, cuda) {
		const char *series = ver_head(*cuda, 2, s->a);
		bool exact = !str_eq(series, *cuda);
		struct diag *d;

		if (catalog_find(s->catalog, exact ? "cuda" : "cuda-series", *cuda) ||
		    (exact && !catalog_find(s->catalog, "cuda-series", series)))
			continue;
		d = by_rule(s, SEV_WARNING, 26, "cuda.version", "CUDA %s is not in the catalog",
			    *cuda);
		why(s, d, "its needs are judged by what is known of CUDA %s",
		    exact ? series : ver_head(*cuda, 1, s->a));
	}
}

const struct rule rules_cuda[] = {
	{ 1, r01_r03 },  { 2, r02_r05 }, { 6, r06_r07 },  { 13, r13_r15 },
	{ 16, r16_r17 }, { 19, r19 },    { 0, released }, { 0, NULL },
};
