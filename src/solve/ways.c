/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solver: ways out of refusals. What could help the driver is found by asking the rules again
 * with one setting changed; then each way that names settings, whoever named it, is tried in full:
 * the profile with them, solved again. What does not lead on is not offered.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <stdint.h>
#include <string.h>

/* ---- what could help the driver ---- */

struct change {
	const char *path, *value; /* NULL = take it out */
};

static void apply_change(struct solving *s, const struct change *c)
{
	if (str_eq(c->path, "driver.source"))
		s->asks.source = c->value;
	else if (str_eq(c->path, "driver.modules"))
		s->asks.modules = c->value;
	else if (str_eq(c->path, "driver.branch"))
		s->asks.branch = c->value;
	else if (str_eq(c->path, "driver.version"))
		s->asks.version = c->value;
	else if (str_eq(c->path, "driver.build"))
		s->asks.build = c->value;
	else if (str_eq(c->path, "cuda.version"))
		list_each (&s->asks.cudas, cuda)
			*cuda = c->value;
}

static const char *as_set(struct solving *s, const struct change *c)
{
	bool quoted = c->value && *c->value >= '0' && *c->value <= '9';

	return arena_printf(s->a, "%s=%s%s%s", c->path, quoted ? "\"" : "",
			    c->value ? c->value : "null", quoted ? "\"" : "");
}

static void add_text(struct solving *s, struct buf *b, const struct change *c)
{
	buf_adds(b, b->len ? ", and " : "");
	if (c->value)
		buf_addf(b, "write %s: %s", c->path, strchr(as_set(s, c), '=') + 1);
	else
		buf_addf(b, "leave %s out", c->path);
}

/* A rule may know that way already. */
static bool has_way(const struct diag *d, const char *set)
{
	list_each (&d->ways, w)
		if (w->sets.n == 1 && str_eq(w->sets.at[0], set))
			return true;
	return false;
}

/* Does it lead to a plan? Then it is a way out of each of these refusals. */
static bool try_changes(struct solving *s, const struct change *changes, size_t n,
			struct diags *refusals)
{
	struct asks asked = s->asks;
	strs cudas = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	bool good;

	list_each (&asked.cudas, cuda)
		list_add(s->a, &cudas, *cuda);
	s->asks.cudas = cudas;
	for (size_t i = 0; i < n; i++) {
		apply_change(s, &changes[i]);
		add_text(s, &text, &changes[i]);
	}
	good = any_choice(s);
	s->asks = asked;
	if (!good)
		return false;
	list_each (&refusals->list, d) {
		struct way *w;

		if (d->severity != SEV_ERROR || (n == 1 && has_way(d, as_set(s, changes))))
			continue;
		w = list_push(s->a, &d->ways);
		w->text = arena_str(s->a, buf_str(&text));
		for (size_t i = 0; i < n; i++)
			list_add(s->a, &w->sets, as_set(s, &changes[i]));
	}
	return true;
}

/* The best branch for these GPUs when all but the source and the flavour is left open. */
static bool try_branches(struct solving *s, const struct change *also, struct diags *refusals)
{
	const struct record *r = NULL, *best = NULL;
	struct change both[2];

	/* Newest of those that live, by the rank of a choice: LTS and production before the rest.
	 */
	for (int pass = 0; pass < 2; pass++) {
		best = NULL;
		while ((r = catalog_next(s->catalog, "branch", r))) {
			struct asks asked = s->asks;
			bool lives = branch_lives(s, r) && (record_is(r, "kind", "LTS") ||
							    record_is(r, "kind", "production"));
			bool good;

			if (!pass && !lives)
				continue;
			s->asks.branch = r->key;
			s->asks.version = NULL;
			if (also)
				apply_change(s, also);
			good = any_choice(s);
			s->asks = asked;
			if (good)
				best = r;
		}
		if (best)
			break;
	}
	if (!best)
		return false;
	both[0] = s->asks.version && !s->asks.branch ?
			  (struct change){ "driver.version", NULL } :
			  (struct change){ "driver.branch", best->key };
	if (s->asks.version && s->asks.branch)
		both[0] = (struct change){ "driver.version", NULL };
	if (also)
		both[1] = *also;
	return try_changes(s, both, also ? 2 : 1, refusals);
}

/* A CUDA version that works, the newest first. */
static bool try_cudas(struct solving *s, struct diags *refusals)
{
	const struct record *r = NULL;

	if (!s->asks.cudas.n)
		return false;
	while ((r = catalog_next(s->catalog, "cuda-series", r))) {
		const struct change c = { "cuda.version", r->key };

		if (try_changes(s, &c, 1, refusals))
			return true;
	}
	return false;
}

void find_ways(struct solving *s, struct diags *refusals)
{
	static const struct change singles[] = {
		{ "driver.modules", "auto" },  { "driver.source", "auto" },
		{ "driver.source", "nvidia" }, { "driver.source", "runfile" },
		{ "driver.build", "auto" },    { "driver.version", NULL },
	};
	static const struct change sources[] = { { "driver.source", "auto" },
						 { "driver.modules", "auto" } };
	unsigned found = 0;

	if (s->depth == DEPTH_BARE)
		return;
	for (size_t i = 0; i < sizeof(singles) / sizeof(*singles); i++) {
		if (str_eq(singles[i].path, "driver.version") && !s->asks.version)
			continue;
		/* nvidia and auto are one way when auto already leads there. */
		if (found && str_eq(singles[i].path, "driver.source") && i > 1)
			continue;
		found += try_changes(s, &singles[i], 1, refusals);
	}
	if (s->asks.branch || s->asks.version)
		found += try_branches(s, NULL, refusals);
	found += try_cudas(s, refusals);
	for (size_t i = 0; !found && i < sizeof(sources) / sizeof(*sources); i++)
		found += try_branches(s, &sources[i], refusals);
	if (!found && !str_eq(s->asks.modules, "none")) {
		const struct change none = { "driver.modules", "none" };

		try_changes(s, &none, 1, refusals);
	}
}

/* ---- the last resort: give up as little of what was asked as leads to a plan ---- */

typedef LIST(struct change) changes;

static void give_up(struct solving *s, changes *list, const char *path, const char *given,
		    const char *value)
{
	if (given && !str_eq(given, value ? value : ""))
		list_add(s->a, list, ((struct change){ path, value }));
}

static bool works(struct solving *s, const changes *list, size_t without)
{
	struct asks asked = s->asks;
	strs cudas = { 0 };
	bool good;

	list_each (&asked.cudas, cuda)
		list_add(s->a, &cudas, *cuda);
	s->asks.cudas = cudas;
	for (size_t i = 0; i < list->n; i++)
		if (i != without)
			apply_change(s, &list->at[i]);
	good = any_choice(s);
	s->asks = asked;
	return good;
}

/* What no other driver mends, and its own ways out do: Secure Boot's keys, forward compatibility.
 */
static const unsigned mended_elsewhere[] = { 40, 6, 0 };

/* All but the CUDA version left open; with each of those, the newest first. */
static bool find_last_resort(struct solving *s, changes *ret)
{
	const struct record *r = NULL;

	give_up(s, ret, "driver.version", s->asks.version, NULL);
	give_up(s, ret, "driver.branch", s->asks.branch, NULL);
	give_up(s, ret, "driver.source", s->asks.source, "auto");
	give_up(s, ret, "driver.modules", s->asks.modules, "auto");
	give_up(s, ret, "driver.build", s->asks.build, "auto");
	if (works(s, ret, SIZE_MAX))
		return true;
	if (!s->asks.cudas.n)
		return false;
	list_add(s->a, ret, ((struct change){ "cuda.version", NULL }));
	while ((r = catalog_next(s->catalog, "cuda-series", r))) {
		ret->at[ret->n - 1].value = r->key;
		if (works(s, ret, SIZE_MAX))
			return true;
	}
	return false;
}

/* What is given up for nothing is kept. */
static void keep_needless(struct solving *s, changes *list)
{
	for (size_t i = 0; i < list->n;) {
		if (!works(s, list, i)) {
			i++;
			continue;
		}
		list->n--;
		memmove(&list->at[i], &list->at[i + 1], (list->n - i) * sizeof(*list->at));
	}
}

static bool last_resort(struct solving *s, struct way *ret)
{
	auto_buf struct buf text = BUF_TEXT;
	changes list = { 0 };
	bool found;

	s->overlook = mended_elsewhere;
	found = find_last_resort(s, &list);
	if (found)
		keep_needless(s, &list);
	s->overlook = NULL;
	*ret = (struct way){ 0 };
	list_each (&list, c) {
		add_text(s, &text, c);
		list_add(s->a, &ret->sets, as_set(s, c));
	}
	ret->text = arena_str(s->a, buf_str(&text));
	return found && list.n;
}

/* ---- trying them in full ---- */

enum { MOST_ROUNDS = 3 }; /* a way, and what its refusals ask for on top */

static bool says_the_same(const struct diag *a, const struct diag *b)
{
	return a->severity == SEV_ERROR && b->severity == SEV_ERROR && a->code == b->code &&
	       str_eq(a->what, b->what);
}

static bool has_diag(const struct plan *p, const struct diag *d)
{
	list_each (&p->diags.list, it)
		if (says_the_same(it, d))
			return true;
	return false;
}

/* The first refusal that the settings bring; NULL = none. */
static const struct diag *brought(const struct solving *s, const struct plan *p)
{
	list_each (&p->diags.list, it)
		if (it->severity == SEV_ERROR && !has_diag(s->plan, it))
			return it;
	return NULL;
}

/* "driver.source=auto" sets what "driver.source=nvidia" sets. */
static bool sets_too(const struct way *w, const char *set)
{
	size_t n = strcspn(set, "=");

	list_each (&w->sets, other)
		if (strncmp(*other, set, n + 1) == 0)
			return true;
	return false;
}

/* What a refusal on the way asks for is done too. */
static bool go_further(struct solving *s, struct way *w, const struct diag *refusal)
{
	list_each (&refusal->ways, further) {
		bool clash = !further->sets.n;

		list_each (&further->sets, set)
			clash |= sets_too(w, *set);
		if (clash)
			continue;
		list_each (&further->sets, set)
			list_add(s->a, &w->sets, *set);
		w->text = arena_printf(s->a, "%s, and %s", w->text, further->text);
		return true;
	}
	return false;
}

static bool leads_on(struct solving *s, const struct diag *d, struct way *w)
{
	for (unsigned round = 0; round < MOST_ROUNDS; round++) {
		struct profile changed;
		struct diags said = { .a = s->a };
		struct plan p;
		const struct diag *refusal;

		plan_init(&p, s->a);
		if (profile_changed(s->profile, &w->sets, s->a, &changed, &said))
			p.diags = said;
		else
			solve_at(round + 1 < MOST_ROUNDS ? DEPTH_TRIAL : DEPTH_BARE, &changed,
				 s->facts, s->catalog, s->a, &p);
		refusal = brought(s, &p);
		if (!refusal)
			return !has_diag(&p, d);
		if (!go_further(s, w, refusal))
			return false;
	}
	return false;
}

static bool is_among(const struct way *ways, size_t n, const struct way *w)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(ways[i].text, w->text))
			return true;
	return false;
}

/* Only what is about the driver or CUDA can be mended by asking for others. */
static bool is_of_driver(const struct diag *d)
{
	return d->rule || d->code == GP_SOURCE_LACKS_BRANCH;
}

/* Drop what does not lead on, and what is there twice. */
static void keep_good(struct solving *s, struct diag *d)
{
	size_t kept = 0;

	list_each (&d->ways, w) {
		if (w->sets.n && !leads_on(s, d, w))
			continue;
		if (!is_among(d->ways.at, kept, w))
			d->ways.at[kept++] = *w;
	}
	d->ways.n = kept;
}

static size_t times(const struct plan *p, enum code code)
{
	size_t n = 0;

	list_each (&p->diags.list, d)
		n += d->code == code;
	return n;
}

/* With these settings nothing more is refused, and there is a warning of this kind less. */
static bool spares(struct solving *s, const struct diag *d, const struct way *w)
{
	struct profile changed;
	struct diags said = { .a = s->a };
	struct plan p;

	if (profile_changed(s->profile, &w->sets, s->a, &changed, &said))
		return false;
	plan_init(&p, s->a);
	solve_at(DEPTH_BARE, &changed, s->facts, s->catalog, s->a, &p);
	return !brought(s, &p) && times(&p, d->code) < times(s->plan, d->code);
}

static void check_way_of_warning(struct solving *s, struct diag *d)
{
	size_t kept = 0;

	list_each (&d->ways, w)
		if (!w->sets.n || spares(s, d, w))
			d->ways.at[kept++] = *w;
	d->ways.n = kept;
}

void check_ways(struct solving *s)
{
	list_each (&s->plan->diags.list, d) {
		struct way last;

		if (d->severity != SEV_ERROR) {
			check_way_of_warning(s, d);
			continue;
		}
		keep_good(s, d);
		if (!d->ways.n && is_of_driver(d) && s->targets.n && last_resort(s, &last) &&
		    leads_on(s, d, &last))
			*list_push(s->a, &d->ways) = last;
		else if (!d->ways.n && is_of_driver(d) && s->targets.n)
			way(s, d, NULL, "see what there is for it: gpuprov compat --gpu \"%s\"",
			    s->targets.at[0].name);
	}
}
