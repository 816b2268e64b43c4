/* SPDX-License-Identifier: Apache-2.0 */
/* What apt would install now. */
#include "closure/candidates.h"

#include "base/str.h"
#include "base/ver.h"
#include "catalog.h"
#include "registry.h"
#include "sys/apt.h"
#include "sys/hash.h"
#include "sys/sys.h"

#include <stdlib.h>
#include <string.h>

/* ---- the names ---- */

struct naming {
	const struct catalog *catalog;
	const struct facts *facts;
	struct arena *a;
	strs *ret;
};

static bool among(const strs *all, const char *word)
{
	list_each (all, it)
		if (str_eq(*it, word))
			return true;
	return false;
}

/* Everything that a {word} of a package name can stand for on this host. */
static void values_of(const struct naming *n, struct piece word, strs *ret)
{
	const struct record *r = NULL;

	if (piece_eq(word, "branch"))
		while ((r = catalog_next(n->catalog, "branch", r)))
			list_add(n->a, ret, r->key);
	if (piece_eq(word, "flavour")) {
		list_add(n->a, ret, "open");
		list_add(n->a, ret, "proprietary");
	}
	if (piece_eq(word, "kernel"))
		list_each (&n->facts->kernels, k) {
			const char *flavour = strrchr(k->release, '-');

			list_add(n->a, ret, k->release);
			if (flavour && !among(ret, flavour + 1))
				list_add(n->a, ret, flavour + 1);
		}
	if (piece_eq(word, "cuda") || piece_eq(word, "cuda-major"))
		while ((r = catalog_next(n->catalog, "cuda", r))) {
			const char *head = ver_head(r->key, piece_eq(word, "cuda") ? 2 : 1, n->a);
			size_t dot = strcspn(head, ".");
			const char *value = head[dot] ? arena_printf(n->a, "%.*s-%s", (int)dot,
								     head, head + dot + 1) :
							head;

			if (!among(ret, value))
				list_add(n->a, ret, value);
		}
}

/* "nvidia-driver-{branch}-open" with the first of its words replaced by each of its values. */
static void add_name(const struct naming *n, const char *name)
{
	const char *open = strchr(name, '{'), *close = open ? strchr(open, '}') : NULL;
	strs values = { 0 };

	if (!close) {
		list_add(n->a, n->ret, name);
		return;
	}
	values_of(n, (struct piece){ open + 1, (size_t)(close - open - 1) }, &values);
	list_each (&values, value)
		add_name(n, arena_printf(n->a, "%.*s%s%s", (int)(open - name), name, *value,
					 close + 1));
}

static void add_names(const struct naming *n, const char *at)
{
	while (at && *at) {
		size_t len = strcspn(at, ",");

		add_name(n, arena_strn(n->a, at, len));
		at += len + (at[len] == ',');
	}
}

/* What DKMS needs for each kernel: its headers, and the compiler that built it. */
static void add_for_kernels(const struct naming *n)
{
	const struct distro *const *d = distro_table;

	while (*d && !str_eq((*d)->id, n->facts->os.id))
		d++;
	list_each (&n->facts->kernels, k) {
		if (*d)
			(*d)->headers(n->a, n->facts, k, n->ret);
		if (k->compiler)
			list_add(n->a, n->ret, arena_printf(n->a, "gcc-%s", k->compiler));
	}
	list_add(n->a, n->ret, "dkms");
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const char *const *)a, *(const char *const *)b);
}

void candidates_names(const struct catalog *c, const struct facts *f, struct arena *a, strs *ret)
{
	struct naming n = { .catalog = c, .facts = f, .a = a, .ret = ret };
	const struct record *r = NULL;
	size_t kept = 0;

	while ((r = catalog_next(c, "role", r)))
		add_names(&n, record_get(r, "packages"));
	while ((r = catalog_next(c, "toolkit-set", r)))
		add_names(&n, record_get(r, "packages"));
	add_for_kernels(&n);
	list_each (&f->packages, p)
		list_add(a, ret, p->name);
	qsort(ret->at, ret->n, sizeof(*ret->at), by_text);
	for (size_t i = 0; i < ret->n; i++)
		if (!kept || !str_eq(ret->at[i], ret->at[kept - 1]))
			ret->at[kept++] = ret->at[i];
	ret->n = kept;
}

/* ---- asking ---- */

/* libapt's binary caches of this root: a folder of their own, so that no plan's are disturbed. */
static int caches_folder(const struct sys *sys, const struct sys *cache, struct arena *a,
			 const char **ret, struct err *e)
{
	char hash[HASH_HEX];
	const char *dir;

	if (!cache)
		return 0;
	hash_bytes(sys->root, strlen(sys->root), hash);
	dir = arena_printf(a, "candidates/%.16s", hash);
	if (sys_mkdirs(cache, dir, 0755, e))
		return -1;
	*ret = arena_printf(a, "%s/%s", cache->root, dir);
	return 0;
}

/* Without lists there is nothing to start libapt for. */
static int check_lists(const struct sys *sys, struct arena *a, struct err *e)
{
	strs names = { 0 };

	if (sys_list(sys, "var/lib/apt/lists", a, &names, e))
		return -1;
	list_each (&names, name)
		if (strstr(*name, "_Packages"))
			return 0;
	return err_set(e, GP_NO_PACKAGE, "there are no package indexes: apt-get update");
}

static int ask(const struct catalog *c, const struct sys *sys, const struct sys *cache,
	       struct facts *f, struct apt_answer *ret, struct err *e)
{
	strs names = { 0 };
	struct apt_job job = {
		.verb = APT_CANDIDATES,
		.refresh = APT_USE_LISTS,
		.root = sys->root,
	};

	if (check_lists(sys, f->a, e) || caches_folder(sys, cache, f->a, &job.caches, e))
		return -1;
	candidates_names(c, f, f->a, &names);
	list_each (&names, name)
		list_add(f->a, &job.wants, (struct apt_want){ .name = *name });
	return sys_apt(sys, &job, NULL, ret, e);
}

void candidates_gather(const struct catalog *c, const struct sys *sys, const struct sys *cache,
		       struct facts *f)
{
	struct apt_answer answer = { .a = f->a };
	auto_err why = { 0 };

	if (ask(c, sys, cache, f, &answer, &why)) {
		fact_unknown(f, "candidates", arena_str(f->a, why.text));
		return;
	}
	list_each (&answer.packages, p)
		list_add(f->a, &f->candidates,
			 ((struct fact_candidate){ .name = p->name,
						   .version = p->version,
						   .origin = p->origin,
						   .suite = p->suite,
						   .transitional = p->transitional }));
	fact_from(f, "candidates", "libapt: indexes and pins of the host");
}
