/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile says about GPUs, driver and CUDA that fits no host together. */
#include "solve/solve.h"

#include "base/str.h"

/* What a refusal can be about that no host changes: driver and CUDA, and GPUs that are named. */
static const unsigned pair_rules[] = { 1, 13, 14, 15, 20, 21, 22, 23, 24 };

static bool is_pair_rule(enum code code, bool gpus_named)
{
	for (size_t i = 0; i < sizeof(pair_rules) / sizeof(*pair_rules); i++)
		if (code == GP_RULE + pair_rules[i])
			return gpus_named || i == 0;
	return false;
}

/* Only what the user wrote contradicts itself; a default is the solver's to choose. */
static bool is_about(const struct profile *p, const struct diag *d)
{
	static const char *const keys[] = { "driver.branch", "driver.version", "driver.modules",
					    "cuda.version" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct value *v = profile_given(p, keys[i]);

		if (v && str_eq(v->at.file, d->at.file) && v->at.line == d->at.line &&
		    v->at.col == d->at.col)
			return true;
	}
	return false;
}

/*
 * Where the driver is named, it is NVIDIA's list that counts, not what a distribution carries of
 * it. Only this look at the profile sees that.
 */
static struct profile with_nvidias(const struct profile *p, struct arena *a)
{
	struct profile copy = *p;

	copy.root.items.at = NULL;
	copy.root.items.n = copy.root.items.cap = 0;
	list_each (&p->root.items, v) {
		struct value *mine = list_push(a, &copy.root.items), *source;

		*mine = *v;
		if (!str_eq(v->key, "driver") || v->form != VALUE_MAP || value_find(v, "source"))
			continue;
		mine->items.at = NULL;
		mine->items.n = mine->items.cap = 0;
		list_each (&v->items, it)
			list_add(a, &mine->items, *it);
		source = list_push(a, &mine->items);
		source->key = "source";
		source->path = "driver.source";
		source->form = VALUE_TEXT;
		source->text = "nvidia";
	}
	return copy;
}

void solve_pairs(const struct profile *p, const struct catalog *catalog, struct arena *a,
		 struct diags *ret)
{
	const struct value *gpus = profile_given(p, "gpus");
	bool named = gpus && gpus->form == VALUE_LIST && gpus->at.line;
	bool chosen = profile_given(p, "driver.branch") || profile_given(p, "driver.version");
	struct fact_gpu any = { .vendor = "10de", .device = "1eb8", .class_id = "030200" };
	/* So that a way out can be planned to its end. */
	struct fact_source archive = { .file = "etc/apt/sources.list",
				       .uri = "http://debian.example/debian/",
				       .suite = "bookworm" };
	struct facts f = { .schema = FACTS_SCHEMA,
			   .os = { "debian", "12", "bookworm", "Debian 12", "amd64" },
			   .a = a };
	struct profile asked = chosen ? with_nvidias(p, a) : *p;
	struct plan plan;

	if (!named && !chosen)
		return;
	if (!named)
		list_add(a, &f.gpus, any);
	list_add(a, &archive.components, "main");
	list_add(a, &f.sources, archive);
	solve(&asked, &f, catalog, a, &plan);
	list_each (&plan.diags.list, d)
		if (d->severity == SEV_ERROR && is_pair_rule(d->code, named) && is_about(p, d) &&
		    (chosen || d->code != GP_RULE + 1))
			list_add(ret->a, &ret->list, *d);
}
