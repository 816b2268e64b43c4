/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: CUDA on the host, never with a driver of its own (R11). */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

/* The series that the distribution's archive carries; NULL = none known. */
static const char *archive_series(const struct solving *s)
{
	const struct fact_os *os = &s->facts->os;
	const struct record *r = catalog_find(
		s->catalog, "archive-cuda",
		arena_printf(s->a, "%s/%s", os->id, os->version ? os->version : "sid"));

	return r ? record_get(r, "series") : NULL;
}

/* Is there a GPU this series has no code for? */
static bool fits_gpus(const struct solving *s, const struct record *series)
{
	list_each (&s->targets, t) {
		const char *cc = t->gpu ? record_get(t->gpu, "cc") : NULL;

		if (cc && !record_has(series, "cc", cc))
			return false;
	}
	return true;
}

/* No version was asked for: the newest that driver and GPUs take in full. */
static const char *best_series(struct solving *s, bool from_archive)
{
	const char *level = s->choice.known ? record_get(s->choice.known, "max_cuda") : NULL;
	const char *archive = archive_series(s);
	const struct record *r = NULL;

	if (from_archive && archive)
		return archive;
	while ((r = catalog_next(s->catalog, "cuda-series", r)))
		if ((!level || ver_cmp(r->key, level) <= 0) && fits_gpus(s, r))
			return r->key;
	return NULL;
}

/* Where it comes from: "distro" or "nvidia"; .run toolkits are not packages. */
static const char *cuda_source(const struct solving *s)
{
	const char *source = profile_get(s->profile, "cuda.source");
	const char *archive = archive_series(s);

	if (!str_eq(source, "auto"))
		return source;
	if (s->choice.origin != FROM_DISTRO || !archive)
		return "nvidia";
	list_each (&s->asks.cudas, cuda)
		if (!ver_within(*cuda, archive) && !str_eq(*cuda, archive))
			return "nvidia";
	return "distro";
}

static void say_left_out(struct solving *s)
{
	bool run = str_eq(s->purpose, "run") || str_eq(s->purpose, "desktop");

	plan_omit(s->plan, "CUDA toolkit", NULL, place(s, "purpose"), "purpose is %s: %s",
		  s->purpose,
		  str_eq(s->purpose, "containers") ?
			  "no CUDA on the host, containers bring their own" :
		  run ? "the driver is all that running CUDA programs needs" :
			"cuda.install is none");
}

static void want_extras(struct solving *s, struct wants *w, const char *world)
{
	static const struct {
		const char *path, *role;
	} extras[] = { { "cuda.cudnn", "cudnn" }, { "cuda.nccl", "nccl" } };

	for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); i++) {
		const char *wish = profile_get(s->profile, extras[i].path);

		if (!wish || str_eq(wish, "none"))
			continue;
		want_role(s, w, world, extras[i].role, NULL, extras[i].path);
	}
}

static void from_archive(struct solving *s, struct wants *w)
{
	const char *archive = archive_series(s);

	list_each (&s->asks.cudas, cuda) {
		struct diag *d;

		if (archive && (ver_within(*cuda, archive) || str_eq(*cuda, archive)))
			continue;
		d = refuse(s, GP_SOURCE_LACKS_BRANCH, "cuda.version",
			   "%s %s does not carry CUDA %s", s->facts->os.id,
			   s->facts->os.version ? s->facts->os.version : "", *cuda);
		why(s, d, archive ? "its archive has %s" : "its archive has none that is known%s",
		    archive ? archive : "");
		way(s, d, "cuda.source=nvidia", "take it from NVIDIA: cuda.source: nvidia");
		if (archive)
			way(s, d, arena_printf(s->a, "cuda.version=\"%s\"", archive),
			    "take what it has: cuda.version: \"%s\"", archive);
	}
	want_role(s, w, s->distro->world, "cuda-toolkit", NULL, "cuda");
	want_extras(s, w, s->distro->world);
}

/* The repository of a release begins with the CUDA of its time. */
static void judge_age(struct solving *s, const char *cuda)
{
	const char *first = s->release ? record_get(s->release, "cuda_first") : NULL;
	struct diag *d;

	first = first ? arena_strn(s->a, first, strspn(first, "0123456789.")) : NULL;
	if (!first || ver_cmp(ver_head(cuda, 2, s->a), first) >= 0)
		return;
	d = warn(s, GP_NO_PACKAGE, "cuda.version",
		 "NVIDIA's repository for %s may not have CUDA %s", s->facts->os.name, cuda);
	why(s, d, "the oldest that is known there is %s", first);
	way(s, d, "cuda.source=runfile", "take its .run: cuda.source: runfile");
}

/* R31: a toolkit of a .run is in the folder that packages of the same series write to. */
static bool is_free(struct solving *s, const char *cuda)
{
	const char *path = arena_printf(s->a, "/usr/local/cuda-%s", ver_head(cuda, 2, s->a));

	list_each (&s->facts->cudas, c) {
		struct diag *d;

		if (!str_eq(c->path, path) || !str_eq(c->origin, "runfile"))
			continue;
		d = by_rule(s, SEV_ERROR, 31, "cuda.version", "CUDA %s of a .run is in %s",
			    c->version, path);
		why(s, d, "packages and .run installers overwrite each other's files");
		way(s, d, "cuda.source=runfile", "stay with .run files: cuda.source: runfile");
		way(s, d, NULL, "uninstall it, then plan again: %s/bin/cuda-uninstaller --silent",
		    path);
		return false;
	}
	return true;
}

static void from_nvidia(struct solving *s, struct wants *w)
{
	bool toolkit = str_eq(s->cuda_install, "toolkit");
	strs all = s->asks.cudas;

	s->cuda_packages = toolkit;
	list_each (&all, cuda) {
		if (!is_free(s, *cuda))
			continue;
		judge_age(s, *cuda);
		/* Roles spell the first of the list. */
		s->asks.cudas = (strs){ 0 };
		list_add(s->a, &s->asks.cudas, *cuda);
		want_role(s, w, "nvidia-cuda", toolkit ? "cuda-toolkit" : "cuda-libraries", "R11",
			  "cuda.version");
		if (profile_on(s->profile, "cuda.compat"))
			want_role(s, w, "nvidia-cuda", "cuda-compat", "R06", "cuda.compat");
		want_extras(s, w, "nvidia-cuda");
	}
	s->asks.cudas = all;
}

void want_cuda(struct solving *s, struct wants *w)
{
	const char *source = cuda_source(s);
	bool archive = str_eq(source, "distro");

	if (str_eq(s->cuda_install, "none")) {
		say_left_out(s);
		return;
	}
	if (!s->asks.cudas.n) {
		const char *series = best_series(s, archive);

		if (!series) {
			struct diag *d = refuse(s, GP_UNSATISFIABLE, "cuda",
						"no CUDA version fits these GPUs and this driver");

			way(s, d, "cuda.install=none", "leave it out: cuda.install: none");
			return;
		}
		list_add(s->a, &s->asks.cudas, series);
		/* What was not asked for is judged like what was. */
		rules_run(s, rules_cuda, &s->choice);
	}
	if (str_eq(source, "runfile")) {
		solve_cuda_runfile(s);
		/* They are in no .run; their packages bring no toolkit. */
		want_extras(s, w, "nvidia-cuda");
	}
	if (archive)
		from_archive(s, w);
	else if (!str_eq(source, "runfile"))
		from_nvidia(s, w);
}
