/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog, asked about one thing: a CUDA version, a driver, a GPU. */
#include "compat.h"

#include "base/str.h"
#include "base/ver.h"

#include <ctype.h>
#include <string.h>

/* Can this branch drive it at all? */
static bool drives(const struct catalog *c, const struct record *branch, const struct record *gpu)
{
	const struct record *arch = catalog_find(c, "arch", record_get(gpu, "arch"));
	const char *last = catalog_last_branch(gpu, arch);
	const char *first = catalog_first_branch(gpu, arch);

	return (!last || ver_cmp(branch->key, last) <= 0) &&
	       (!first || ver_cmp(branch->key, first) >= 0);
}

enum compat compat_of(const struct catalog *c, const struct record *branch,
		      const struct record *series, const struct record *gpu, struct arena *a)
{
	bool own;
	const char *min = catalog_min_driver(c, series->key, a, &own);
	const char *newest = record_get(branch, "last");
	const char *level = record_get(branch, "max_cuda");
	const char *cc = gpu ? record_get(gpu, "cc") : NULL;

	if (gpu && (!drives(c, branch, gpu) || (cc && !record_has(series, "cc", cc))))
		return COMPAT_NO;
	if (level && ver_cmp(series->key, level) <= 0)
		return COMPAT_FULL;
	if (min && newest && ver_cmp(newest, min) >= 0)
		return COMPAT_MINOR;
	/* Of the older branches only those that are kept for long are named for it. */
	if (catalog_find(c, "cuda-compat", series->key) &&
	    (record_is(branch, "kind", "LTS") || record_is(branch, "kind", "production")) &&
	    (!gpu || record_is(gpu, "class", "datacenter")))
		return COMPAT_PACKAGE;
	return COMPAT_NO;
}

static void row(struct buf *ret, const char *name, const char *value)
{
	if (value)
		buf_addf(ret, "  %-22s %s\n", name, value);
}

/* "2.27, gcc up to 13": values that are there, joined. */
static const char *joined(struct arena *a, const struct record *r, const char *name,
			  const char *head)
{
	const char *value = r ? record_get(r, name) : NULL;

	return value ? arena_printf(a, "%s%s", head, value) : NULL;
}

/* "7.5,8.0" as "7.5, 8.0". */
static const char *spaced(struct arena *a, const char *list)
{
	auto_buf struct buf b = BUF_TEXT;

	for (; list && *list; list++) {
		buf_addc(&b, *list);
		if (*list == ',')
			buf_addc(&b, ' ');
	}
	return b.len ? arena_str(a, buf_str(&b)) : NULL;
}

static int unknown(struct err *e, const char *what, const char *name, const char *way)
{
	err_set(e, GP_USAGE, "%s '%s' is not in the catalog", what, name);
	err_way(e, "%s", way);
	return -1;
}

/* The oldest branch whose own level reaches a series. */
static const struct record *full_from(const struct catalog *c, const char *series)
{
	const struct record *r = NULL;

	while ((r = catalog_next(c, "branch", r))) {
		const char *level = record_get(r, "max_cuda");

		if (level && ver_cmp(series, level) <= 0)
			return r;
	}
	return NULL;
}

int compat_cuda(const struct catalog *c, const char *version, struct arena *a, struct buf *ret,
		struct err *e)
{
	bool own;
	const char *key = ver_head(version, 2, a);
	const struct record *series = catalog_find(c, "cuda-series", key);
	const struct record *release = catalog_find(c, "cuda", version);
	const struct record *package = catalog_find(c, "cuda-compat", key);
	const struct record *r = NULL, *full = full_from(c, key);
	auto_buf struct buf list = BUF_TEXT;
	const char *min;

	if (!series)
		return unknown(e, "CUDA", version, "see all: gpuprov compat --matrix");
	min = catalog_min_driver(c, key, a, &own);
	buf_addf(ret, "CUDA %s\n", version);
	row(ret, "driver, full", full ? arena_printf(a, "branch %s or newer", full->key) : NULL);
	row(ret, "driver, minimum",
	    min ? arena_printf(a, "%s (minor-version compatibility)", min) : NULL);
	row(ret, "forward compatibility",
	    package ? arena_printf(a, "cuda-compat is of driver %s; data-centre GPUs only",
				   record_get(package, "driver")) :
		      "no cuda-compat package known");
	row(ret, "compute capabilities", spaced(a, record_get(series, "cc")));
	row(ret, "host compiler", joined(a, series, "gcc_max", "gcc up to "));
	row(ret, "C library", joined(a, series, "glibc_min", "glibc from "));
	row(ret, "C library, clashes", joined(a, series, "glibc_breaks_from", "glibc from "));
	if (release) {
		row(ret, "driver in its .run", record_get(release, "bundled_driver"));
		row(ret, "driver of that time", record_get(release, "toolkit_driver"));
	}
	while ((r = catalog_next(c, "cuda", r)))
		if (ver_within(r->key, key))
			buf_addf(&list, "%s%s", list.len ? ", " : "", r->key);
	row(ret, "releases", list.len ? buf_str(&list) : NULL);
	return 0;
}

int compat_driver(const struct catalog *c, const char *version, struct arena *a, struct buf *ret,
		  struct err *e)
{
	const char *key = ver_head(version, 1, a);
	const struct record *branch = catalog_find(c, "branch", key);
	const struct record *r = NULL;
	auto_buf struct buf minors = BUF_TEXT;
	const char *eol;

	if (!branch)
		return unknown(e, "driver branch", key, "see all: gpuprov compat --matrix");
	eol = record_get(branch, "eol");
	buf_addf(ret, "Driver %s\n", version);
	row(ret, "branch", arena_printf(a, "%s, %s", key, record_get(branch, "kind")));
	row(ret, "end of life",
	    eol ? arena_printf(a, "%s%s", eol,
			       strncmp(eol, c->date, strlen(eol)) < 0 ? " (past)" : "") :
		  "not announced");
	row(ret, "newest known", record_get(branch, "last"));
	row(ret, "CUDA level", record_get(branch, "max_cuda"));
	while ((r = catalog_next(c, "cuda-series", r)))
		if (compat_of(c, branch, r, NULL, a) == COMPAT_MINOR)
			buf_addf(&minors, "%s%s", minors.len ? ", " : "", r->key);
	row(ret, "by minor version", minors.len ? buf_str(&minors) : NULL);
	row(ret, "GPUs",
	    arena_printf(a, "%s to %s", record_get(branch, "min_arch"),
			 record_get(branch, "max_arch")));
	row(ret, "open kernel modules",
	    record_is(branch, "open", "default") ? "yes, the default" :
	    record_is(branch, "open", "ok")      ? "yes, on request" :
	    record_is(branch, "open", "only")    ? "yes, nothing else" :
						   "no");
	row(ret, "proprietary modules", record_get(branch, "proprietary"));
	row(ret, ".run installer",
	    catalog_find(c, "run", version) ? "known, with its SHA-256" : NULL);
	return 0;
}

int compat_gpu(const struct catalog *c, const char *name, struct arena *a, struct buf *ret,
	       struct err *e)
{
	const struct record *gpu = catalog_gpu_named(c, name);
	const char *id = strncasecmp(name, "10de:", 5) == 0 ? name + 5 : name;
	const struct record *arch, *r = NULL, *first = NULL, *last = NULL;
	const struct record *cuda_first = NULL, *cuda_last = NULL;
	char lower[5] = "";

	for (size_t i = 0; !gpu && i < 4 && id[i]; i++)
		lower[i] = (char)tolower((unsigned char)id[i]);
	if (!gpu && strlen(id) == 4)
		gpu = catalog_gpu(c, lower);
	if (!gpu)
		return unknown(e, "GPU", name, "give its PCI id, as lspci -n shows it: 10de:1eb8");
	arch = catalog_find(c, "arch", record_get(gpu, "arch"));
	while ((r = catalog_next(c, "branch", r))) {
		if (!drives(c, r, gpu))
			continue;
		first = first ? first : r;
		last = r;
	}
	while ((r = catalog_next(c, "cuda-series", r))) {
		if (!record_get(gpu, "cc") || !record_has(r, "cc", record_get(gpu, "cc")))
			continue;
		cuda_last = cuda_last ? cuda_last : r;
		cuda_first = r;
	}
	buf_addf(ret, "%s (10de:%s)\n", record_get(gpu, "name"), gpu->key);
	row(ret, "architecture",
	    arena_printf(a, "%s, %s", record_get(gpu, "arch"), record_get(gpu, "chip")));
	row(ret, "compute capability", record_get(gpu, "cc"));
	row(ret, "class", record_get(gpu, "class"));
	row(ret, "driver branches",
	    first ? arena_printf(a, "%s to %s%s", first->key, last->key,
				 record_get(gpu, "min") ?
					 arena_printf(a, ", from %s on", record_get(gpu, "min")) :
					 "") :
		    NULL);
	row(ret, "open kernel modules",
	    record_is(gpu, "open_required", "yes") ||
			    (arch && record_is(arch, "open", "required")) ?
		    "required" :
	    record_is(gpu, "open", "yes") ? "yes" :
					    "no");
	row(ret, "CUDA",
	    cuda_first ? arena_printf(a, "%s to %s", cuda_first->key, cuda_last->key) : NULL);
	return 0;
}
