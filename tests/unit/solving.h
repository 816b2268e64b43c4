/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the solver share: a Debian 12 host as facts, a profile as text, the plan of both.
 */
#pragma once

#include "base/str.h"
#include "catalog.h"
#include "solve/solve.h"

#include "parsing.h"

/* Everything of one plan. The facts may be changed before solving. */
struct solved {
	struct arena a;
	struct catalog catalog;
	struct facts facts;
	struct parsed profile;
	struct plan plan;
};

static inline void solved_release(struct solved *s)
{
	parsed_release(&s->profile);
	arena_release(&s->a);
}
#define auto_solved __attribute__((cleanup(solved_release))) struct solved

static inline struct fact_source *add_debian(struct facts *f, const char *file, const char *suite)
{
	struct fact_source *src = list_push(f->a, &f->sources);

	src->file = file;
	src->uri = "http://deb.example.org/debian/";
	src->suite = suite;
	return src;
}

static inline void add_gpu(struct facts *f, const char *device)
{
	struct fact_gpu *g = list_push(f->a, &f->gpus);

	*g = (struct fact_gpu){
		.address = "0000:01:00.0", .vendor = "10de", .device = device, .class_id = "030200"
	};
}

static inline struct fact_kernel *add_kernel(struct facts *f, const char *release)
{
	struct fact_kernel *k = list_push(f->a, &f->kernels);

	k->release = release;
	k->image = true;
	k->initramfs = "fresh";
	return k;
}

static inline struct fact_package *add_package(struct facts *f, const char *name,
					       const char *version)
{
	struct fact_package *p = list_push(f->a, &f->packages);

	*p = (struct fact_package){
		.name = name, .arch = "amd64", .version = version, .status = "installed"
	};
	return p;
}

static inline void add_file(struct facts *f, const char *path, const char *content)
{
	*list_push(f->a, &f->files) =
		(struct fact_file){ .path = path, .state = "file", .content = content };
}

/* Debian 12 as installed: one Tesla T4, one kernel, only main enabled. */
static inline void host(struct solved *s)
{
	auto_err e = { 0 };
	size_t len;
	const char *text = catalog_builtin(&len);
	struct facts *f = &s->facts;
	struct fact_source *src;

	if (catalog_load(text, len, "built in", &s->a, &s->catalog, &e))
		printf("Bail out! %s\n", e.text);
	*f = (struct facts){ .schema = FACTS_SCHEMA, .host = "h", .a = &s->a };
	f->os = (struct fact_os){ "debian", "12", "bookworm", "Debian GNU/Linux 12", "amd64" };
	add_gpu(f, "1eb8");
	add_kernel(f, "6.1.0-40-amd64");
	src = add_debian(f, "etc/apt/sources.list", "bookworm");
	list_add(f->a, &src->components, "main");
}

/* The profile's head is added; `rest` are further lines. */
static inline const struct plan *solve_for(struct solved *s, const char *rest)
{
	const char *text = arena_printf(&s->a, "version: 1\nkind: bare-metal\n%s", rest);

	parse(&s->profile, text, strlen(text));
	if (s->profile.rc)
		ok(false, "the profile of this test is good: %s", s->profile.diags.list.at[0].what);
	solve(&s->profile.profile, &s->facts, &s->catalog, &s->a, &s->plan);
	return &s->plan;
}

static inline const struct diag *refusal(const struct plan *p, enum code code)
{
	list_each (&p->diags.list, d)
		if (d->code == code)
			return d;
	return NULL;
}

/* How often a step has this argument. */
static inline unsigned has_arg(const struct plan *p, const char *id, const char *key,
			       const char *value)
{
	const struct plan_step *s = plan_find(p, id);
	unsigned n = 0;

	if (s)
		list_each (&s->args, arg)
			n += str_eq(arg->key, key) && str_eq(arg->value, value);
	return n;
}

static inline const struct plan_post *post_of(const struct plan *p, const char *id)
{
	list_each (&p->posts, post)
		if (str_eq(post->id, id))
			return post;
	return NULL;
}

static inline bool omitted(const struct plan *p, const char *what)
{
	list_each (&p->omitted, o)
		if (str_eq(o->what, what))
			return o->reason.text != NULL;
	return false;
}
