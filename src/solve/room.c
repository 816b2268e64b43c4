/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File systems that the plan writes to: read-only or full ones are warned of. Who only plans may
 * see less than who applies (a service with ProtectSystem=), so apply alone refuses.
 */
#include "solve/priv.h"

#include "base/str.h"

#include <string.h>

/* Where kinds of steps write besides the path they name. */
static const struct {
	const char *kind;
	const char *places[5];
} writes[] = {
	{ "packages", { "usr", "etc", "var/lib/dpkg", "var/cache/apt/archives" } },
	{ "dpkg", { "usr", "etc", "var/lib/dpkg" } },
	{ "driver-run", { "usr" } },
	{ "driver-away", { "usr" } },
	{ "cuda-run", { "usr/local" } },
	{ "initramfs", { "boot" } },
	{ "hold", { "var/lib/dpkg" } },
};

static const char *slash(const struct fact_mount *m)
{
	return *m->path == '/' ? "" : "/";
}

/* A file system is measured once: places on it have the very same figures. */
static bool same_file_system(const struct fact_mount *a, const struct fact_mount *b)
{
	return a->free_bytes == b->free_bytes && a->read_only == b->read_only;
}

/* ---- read-only ---- */

static void written(const struct facts *f, const char *path, struct arena *a, strs *ret)
{
	const struct fact_mount *m = facts_mount(f, path);

	if (!m || !m->read_only)
		return;
	list_each (&f->mounts, above)
		if (same_file_system(above, m) && strlen(above->path) < strlen(m->path))
			m = above;
	list_each (ret, seen)
		if (str_eq(*seen, m->path))
			return;
	list_add(a, ret, m->path);
}

static void written_by(const struct facts *f, const struct plan_step *s, struct arena *a, strs *ret)
{
	const char *path = step_get(s, "path");

	if (path)
		written(f, path, a, ret);
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++)
		for (const char *const *p = writes[i].places; str_eq(writes[i].kind, s->kind) && *p;
		     p++)
			written(f, *p, a, ret);
}

static void warn_of_read_only(struct solving *s)
{
	static const char *const usual[] = { "etc", "usr", "var/lib/gpuprov", NULL };
	const char *first = NULL;
	strs read_only = { 0 };

	list_each (&s->plan->steps, step) {
		if (step->op == OP_KEEP)
			continue;
		written(s->facts, "var/lib/gpuprov", s->a, &read_only);
		written_by(s->facts, step, s->a, &read_only);
		if (!first && read_only.n)
			first = step->what;
	}
	/* Refused before it came to that: any driver would be written to these. */
	for (const char *const *p = usual; plan_refused(s->plan) && s->targets.n && *p; p++)
		written(s->facts, *p, s->a, &read_only);
	list_each (&read_only, path) {
		const char *at = **path == '/' ? "" : "/";
		struct diag *d = warn(s, GP_READ_ONLY, /* path= */ NULL,
				      "%s%s is read-only, and the plan writes to it", at, *path);

		if (first && path == read_only.at)
			why(s, d, "the first step that it stops: %s", first);
		way(s, d, NULL,
		    "make it writable: mount -o remount,rw %s%s (an image-based system has "
		    "a command of its own for that)",
		    at, *path);
		way(s, d, NULL,
		    "or make the change where the image is built: gpuprov apply --root DIR");
	}
}

/* ---- room ---- */

static long long usual(const struct solving *s, const char *what, const char *size)
{
	const struct record *r = catalog_find(s->catalog, "footprint", what);
	const char *text = r ? record_get(r, size) : NULL;
	unsigned long long mb;

	return text && str_to_u64(text, &mb) ? (long long)mb * 1000000 : 0;
}

/* The exact set is known only on the host itself, so this is no reason to refuse. */
static void warn_of_full(struct solving *s)
{
	const struct plan_step *packages = plan_find(s->plan, "packages:nvidia");
	const struct fact_mount *to = facts_mount(s->facts, "usr");
	const struct fact_mount *from = facts_mount(s->facts, "var/cache/apt/archives");
	auto_buf struct buf b = BUF_TEXT;
	long long disk = 0, download = 0;
	struct diag *d;

	if (!packages || packages->op == OP_KEEP || !to || !from)
		return;
	if (s->modules && s->choice.origin != FROM_RUNFILE && !s->facts->driver.version) {
		disk += usual(s, "driver", "disk");
		download += usual(s, "driver", "download");
	}
	if (s->cuda_packages && str_eq(s->cuda_install, "toolkit") && !s->facts->cudas.n) {
		disk += usual(s, "toolkit", "disk");
		download += usual(s, "toolkit", "download");
	}
	if (same_file_system(to, from))
		disk += download;
	if (to->free_bytes >= disk)
		return;
	str_size(&b, (unsigned long long)disk);
	buf_addf(&b, ", and %s%s has ", slash(to), to->path);
	str_size(&b, (unsigned long long)to->free_bytes);
	d = warn(s, GP_NO_SPACE, /* path= */ NULL, "packages like these usually take %s",
		 buf_str(&b));
	why(s, d, "how much exactly is asked of apt on the host, before anything is changed there");
	way(s, d, NULL, "make room there, then plan again");
}

void solve_room(struct solving *s)
{
	warn_of_read_only(s);
	warn_of_full(s);
}
