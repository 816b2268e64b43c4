/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: packages, where they come from, and room for them. */
#include "doctor/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

/* S37 comes first: half of what else there is to find follows from it. */
static void unfinished(struct diagnosing *d)
{
	const struct fact_dpkg *v = &d->facts->dpkg;
	struct finding *f;

	if (!v->unfinished.n && !v->interrupted)
		return;
	f = found(d, "S37",
		  v->unfinished.n ? "dpkg has not finished with %zu package%s" :
				    "dpkg was interrupted",
		  v->unfinished.n, v->unfinished.n == 1 ? "" : "s");
	list_each (&v->unfinished, one)
		saw(d, f, "packages", "%s", *one);
	if (v->interrupted)
		saw(d, f, "dpkg.interrupted", "dpkg left its journal in /var/lib/dpkg/updates");
}

/* S14 */
static void locked(struct diagnosing *d)
{
	if (d->facts->lock_holder)
		saw(d, found(d, "S14", "%s is using apt; wait for it", d->facts->lock_holder),
		    "lock_holder", "dpkg's lock is held by %s", d->facts->lock_holder);
}

/* S04 */
static void empty_package(struct diagnosing *d)
{
	list_each (&d->facts->packages, p) {
		const struct fact_candidate *c = facts_candidate(d->facts, p->name);
		struct finding *f;

		if (!c || !c->transitional || !str_eq(p->status, "installed") ||
		    !str_eq(c->version, p->version))
			continue;
		f = found(d, "S04", "%s %s is empty", p->name, p->version);
		saw(d, f, "packages", "%s %s is installed", p->name, p->version);
		saw(d, f, "candidates", "apt calls it a transitional package (%s)",
		    c->origin ? c->origin : "origin unknown");
	}
}

static bool is_nvidia_repository(const struct diagnosing *d, const struct fact_source *s)
{
	const struct record *r = catalog_find(d->catalog, "repository-part", "nvidia-cuda");

	return r && s->uri && strstr(s->uri, record_get(r, "part"));
}

/* S11: the set is mixed already. */
static bool mixed(struct diagnosing *d)
{
	const struct fact_package *first = NULL, *other = NULL;
	struct finding *f;

	list_each (&d->facts->packages, p) {
		if (!p->origin || !str_eq(p->status, "installed") ||
		    !is_of_kind(d, "libraries", p->name))
			continue;
		if (first && !str_eq(first->origin, p->origin))
			other = p;
		first = first ? first : p;
	}
	if (!other)
		return false;
	f = found(d, "S11", "the driver's packages come from %s and from %s", first->origin,
		  other->origin);
	f->severity = SEV_ERROR;
	saw(d, f, "packages", "%s %s from %s", first->name, first->version, first->origin);
	saw(d, f, "packages", "%s %s from %s", other->name, other->version, other->origin);
	return true;
}

/* S11: the next upgrade may mix it. */
static void two_sources(struct diagnosing *d)
{
	const struct fact_source *nvidia = NULL;
	const struct fact_package *p = of_kind(d, "libraries");
	struct finding *f;

	if (mixed(d) || !p || !str_eq(d->facts->driver.origin, "distro") || d->facts->pins.n)
		return;
	list_each (&d->facts->sources, s)
		if (is_nvidia_repository(d, s))
			nvidia = s;
	if (!nvidia)
		return;
	f = found(d, "S11",
		  "the driver is the distribution's, and NVIDIA's repository offers it "
		  "too");
	saw(d, f, "packages", "%s %s%s%s", p->name, p->version, p->origin ? " from " : "",
	    p->origin ? p->origin : "");
	saw(d, f, NULL, "%s names %s", nvidia->file, nvidia->uri);
	saw(d, f, "pins", "no entry in apt's preferences says which counts");
	about(d, f, "source", "distro");
}

/* S12 */
static void retired_key(struct diagnosing *d)
{
	bool used = false;

	list_each (&d->facts->sources, s)
		used |= is_nvidia_repository(d, s);
	list_each (&d->facts->keys, k) {
		const struct record *r = catalog_find(d->catalog, "key", k->fingerprint);
		struct finding *f;

		if (!used || !r || !record_is(r, "retired", "yes"))
			continue;
		f = found(d, "S12", "NVIDIA's repository is trusted by a key that was retired");
		saw(d, f, NULL, "/%s holds %s", k->file, k->fingerprint);
	}
}

/* S12: apt refuses both when they disagree. */
static void disagreeing_sources(struct diagnosing *d)
{
	list_each (&d->facts->sources, s)
		list_each (&d->facts->sources, t) {
			struct finding *f;

			if (t <= s || !str_eq(s->uri, t->uri) || !str_eq(s->suite, t->suite) ||
			    str_eq(s->signed_by, t->signed_by))
				continue;
			f = found(d, "S12", "two entries of one repository name different keys");
			saw(d, f, NULL, "/%s: %s", s->file, s->signed_by ? s->signed_by : "none");
			saw(d, f, NULL, "/%s: %s", t->file, t->signed_by ? t->signed_by : "none");
		}
}

/* S50: one finding for all of them. */
static void damaged(struct diagnosing *d)
{
	const strs *all = &d->facts->damaged;
	struct finding *f;
	const char *of;

	if (!all->n)
		return;
	f = found(d, "S50", "%zu file%s of the driver %s not as %s unpacked", all->n,
		  all->n == 1 ? "" : "s", all->n == 1 ? "is" : "are",
		  all->n == 1 ? "it was" : "they were");
	list_each (all, one)
		if (f->evidence.n < 5)
			saw(d, f, NULL, "/%s", *one);
	of = strstr(all->at[0], " of ");
	if (of)
		about(d, f, "package", arena_strn(d->a, of + 4, strcspn(of + 4, " ")));
}

/* S46 */
static void unverified(struct diagnosing *d)
{
	list_each (&d->facts->sources, s) {
		struct finding *f;

		if (!s->trusted)
			continue;
		f = found(d, "S46", "apt checks no signature of %s", s->uri);
		saw(d, f, NULL, "/%s says trusted=yes", s->file);
	}
}

/* S38: one finding, whatever lies on that file system. */
static void disk_full(struct diagnosing *d)
{
	static const struct {
		const char *path;
		long long least;
	} needs[] = { { "boot", 64LL << 20 }, { "/", 512LL << 20 }, { "var", 512LL << 20 } };
	struct finding *f = NULL;

	if (!d->facts->gpus.n)
		return;
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		list_each (&d->facts->mounts, m) {
			const char *slash = *m->path == '/' ? "" : "/";

			if (!str_eq(m->path, needs[i].path) || m->read_only ||
			    m->free_bytes >= needs[i].least)
				continue;
			if (!f) {
				f = found(d, "S38", "%s%s has %lld MB left", slash, m->path,
					  m->free_bytes / 1000000);
				about(d, f, "path", arena_printf(d->a, "%s%s", slash, m->path));
			}
			saw(d, f, "mounts", "%s%s: %lld MB free", slash, m->path,
			    m->free_bytes / 1000000);
		}
}

look *const looks_packages[] = { unfinished,  locked,      empty_package,
				 two_sources, retired_key, disagreeing_sources,
				 unverified,  disk_full,   damaged,
				 NULL };
