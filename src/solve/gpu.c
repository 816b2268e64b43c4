/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: which GPUs the plan is for. */
#include "solve/priv.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* "10de:1eb8" or "1eb8" in either case; NULL when it is no PCI id. */
static const char *pci_device(struct arena *a, const char *text)
{
	unsigned long long id;
	const char *hex = text;

	if (strncasecmp(text, "10de:", 5) == 0)
		hex = text + 5;
	if (strlen(hex) != 4 || !str_to_hex(hex, &id) || !isxdigit((unsigned char)hex[1]))
		return NULL;
	return arena_printf(a, "%04llx", id);
}

enum { FAR = 3 };

/*
 * "Tesla-T4", "RTX4090": how many letters are wrong in a name, or in the end of one; none when it
 * is a part of it.
 */
static unsigned wrong_letters(const char *name, const char *typed)
{
	unsigned best = FAR, distance;

	if (strcasestr(name, typed))
		return 0;
	for (const char *at = name; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		/* "Ti" alone is no GPU. */
		if (strpbrk(at, "0123456789") && str_meant(typed, at, &distance) && distance < best)
			best = distance;
	}
	return best;
}

static void suggest_names(struct solving *s, struct diag *d, const char *typed)
{
	unsigned shown = 0;

	for (unsigned wrong = 0; wrong < FAR; wrong++) {
		const struct record *r = NULL;

		while (shown < 3 && (r = catalog_next(s->catalog, "gpu", r))) {
			const char *name = record_get(r, "name");

			if (wrong_letters(name, typed) != wrong)
				continue;
			diag_way(&s->plan->diags, d, NULL, "did you mean \"%s\" (10de:%s)?", name,
				 r->key);
			shown++;
		}
	}
	diag_way(&s->plan->diags, d, NULL,
		 "give the PCI id instead, as lspci -n shows it: 10de:xxxx");
}

static void add_named(struct solving *s, const struct value *asked)
{
	const char *name = asked->text;
	const struct record *r = catalog_gpu_named(s->catalog, name);
	const char *device = r ? r->key : pci_device(s->a, name);
	struct fact_gpu *g;

	/* A100 is four hex digits too: without 10de: in front, an id must be one that is known. */
	if (device && !r && !strchr(name, ':') && !catalog_gpu(s->catalog, device))
		device = NULL;
	if (!device) {
		struct diag *d = refuse(s, GP_UNKNOWN_GPU, "gpus",
					"there is no GPU named '%s' in the catalog", name);

		if (asked->at.line)
			d->at = asked->at;
		suggest_names(s, d, name);
		return;
	}
	g = list_push(s->a, &s->gpus);
	g->vendor = "10de";
	g->device = device;
}

static bool none_found(struct solving *s)
{
	const char *unknown = facts_unknown(s->facts, "gpus");
	struct diag *d = refuse(s, GP_NO_GPU, "gpus", "no NVIDIA GPU on this host");
	struct diags *ds = &s->plan->diags;

	diag_why(ds, d, "%s",
		 unknown ? unknown :
			   "looked for vendor 10de, classes 0300 and 0302, on the PCI bus");
	diag_way(ds, d, "gpus=[\"Tesla T4\"]",
		 "when building an image, say for which GPUs: gpus: [\"Tesla T4\"]");
	diag_way(ds, d, NULL, "or on the command line: --gpu \"Tesla T4\"");
	diag_way(ds, d, NULL,
		 "plan for another machine: gpuprov facts --json there, --facts FILE here");
	return false;
}

/* Eight of the same are one reason, not eight. */
static void find_targets(struct solving *s)
{
	list_each (&s->gpus, g) {
		bool seen = false;
		struct target *t;

		list_each (&s->targets, before)
			seen |= str_eq(before->fact->device, g->device);
		if (seen)
			continue;
		t = list_push(s->a, &s->targets);
		t->fact = g;
		t->gpu = catalog_gpu(s->catalog, g->device);
		t->arch = t->gpu ? catalog_find(s->catalog, "arch", record_get(t->gpu, "arch")) :
				   NULL;
		t->name = catalog_gpu_name(s->catalog, g->device);
	}
}

static void name_gpus(struct solving *s)
{
	struct facts seen = { .a = s->a };
	auto_buf struct buf b = BUF_TEXT;

	list_each (&s->gpus, g)
		list_add(s->a, &seen.gpus, *g);
	facts_gpu_names(&seen, s->catalog, &b);
	s->gpu_names = arena_str(s->a, buf_str(&b));
}

/* Under WSL the driver is that of Windows; one of Linux would hide it. */
static bool is_wsl(struct solving *s)
{
	struct diag *d;

	if (!s->facts->live || !str_eq(s->facts->platform.virt, "wsl"))
		return false;
	d = refuse(s, GP_NOT_A_HOST, /* path= */ NULL, "the driver of this system is Windows's");
	why(s, d,
	    "under WSL the GPU is /dev/dxg, and libcuda comes from Windows; a driver for "
	    "Linux would stand in its way");
	way(s, d, NULL, "install the driver in Windows; WSL needs none");
	way(s, d, NULL, "plan for another machine: gpuprov facts --json there, --facts FILE here");
	return true;
}

bool solve_gpus(struct solving *s)
{
	const struct value *asked = profile_given(s->profile, "gpus");
	bool listed = asked && asked->form == VALUE_LIST;

	if (is_wsl(s))
		return false;
	if (listed)
		list_each (&asked->items, it)
			add_named(s, it);
	else
		list_each (&s->facts->gpus, g)
			list_add(s->a, &s->gpus, *g);
	/* Names that nobody knows are refused already. */
	if (listed && asked->items.n && !s->gpus.n)
		return false;
	if (!s->gpus.n)
		return none_found(s);
	name_gpus(s);
	find_targets(s);
	return true;
}
