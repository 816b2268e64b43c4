/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what containers need: the toolkit as one version, and a CDI spec that fits the host. */
#include "verify/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "engines/toolkit.h"
#include "sys/sys.h"

#include <string.h>

static const char *const toolkit[] = { "nvidia-container-toolkit", "nvidia-container-toolkit-base",
				       "libnvidia-container-tools", "libnvidia-container1", NULL };

static int check_toolkit(struct checking *c, struct err *e)
{
	auto_buf struct buf seen = BUF_TEXT;
	const char *first = NULL;
	bool same = true;

	(void)e;
	for (int i = 0; toolkit[i]; i++) {
		const struct fact_package *p = facts_package(c->facts, toolkit[i]);

		if (!p || !str_eq(p->status, "installed"))
			continue;
		same &= !first || str_eq(first, p->version);
		first = first ? first : p->version;
		buf_addf(&seen, "%s%s %s", seen.len ? ", " : "", p->name, p->version);
	}
	if (!first)
		return conclude(c, false, "the container toolkit is not installed");
	if (same)
		return conclude(c, true, "all of %s", first);
	return conclude(c, false, "of several versions: %s", buf_str(&seen));
}

/* ---- CDI specifications ---- */

struct spec {
	const char *path;
	struct toolkit_spec is;
};
typedef LIST(struct spec) specs;

static int read_specs(struct checking *c, const char *folder, specs *ret, struct err *e)
{
	strs names = { 0 };

	if (sys_list(c->sys, folder, c->a, &names, e))
		return -1;
	list_each (&names, name) {
		struct spec *spec;
		const char *path = arena_printf(c->a, "%s/%s", folder, *name), *text;

		if (!str_ends(*name, ".yaml") && !str_ends(*name, ".json"))
			continue;
		if (text_of(c, path, &text, e))
			return -1;
		if (!text || (!str_starts(*name, "nvidia") && !strstr(text, "nvidia.com/")))
			continue;
		spec = list_push(c->a, ret);
		spec->path = path;
		toolkit_read_spec(text, c->a, &spec->is);
	}
	return 0;
}

/* The first of the paths that is not there; NULL = all are. */
static int first_lost(struct checking *c, const strs *paths, const char **ret, struct err *e)
{
	*ret = NULL;
	list_each (paths, path) {
		struct sys_stat st;

		if (sys_stat(c->sys, *path, &st, e))
			return -1;
		if (st.type == SYS_ABSENT && !*ret)
			*ret = *path;
	}
	return 0;
}

/* What is wrong with one of them; *ret NULL = nothing. */
static int fault_of(struct checking *c, const struct spec *spec, const char **ret, struct err *e)
{
	const char *driver = c->facts->driver.version, *lost;

	*ret = NULL;
	if (spec->is.driver && driver && !str_eq(spec->is.driver, driver)) {
		*ret = arena_printf(c->a, "/%s is of driver %s, the host has %s", spec->path,
				    spec->is.driver, driver);
		return 0;
	}
	if (first_lost(c, &spec->is.files, &lost, e))
		return -1;
	if (!lost && c->facts->live && first_lost(c, &spec->is.devices, &lost, e))
		return -1;
	if (lost)
		*ret = arena_printf(c->a, "/%s names /%s, which is not there", spec->path, lost);
	return 0;
}

/* Two files of one folder that define a device: neither counts then. */
static const char *twice(struct checking *c, const specs *all)
{
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = i + 1; k < all->n; k++) {
			const struct spec *x = &all->at[i], *y = &all->at[k];
			size_t folder = (size_t)(strrchr(x->path, '/') - x->path) + 1;

			if (strncmp(x->path, y->path, folder) != 0)
				continue;
			list_each (&x->is.names, name)
				list_each (&y->is.names, other)
					if (str_eq(*name, *other))
						return arena_printf(c->a,
								    "/%s and /%s both define the "
								    "device '%s'",
								    x->path, y->path, *name);
		}
	return NULL;
}

static int judge_specs(struct checking *c, const specs *all, struct err *e)
{
	size_t devices = 0, files = 0;

	list_each (all, spec) {
		const char *fault;
		bool by_hand = str_starts(spec->path, "etc/");

		if (fault_of(c, spec, &fault, e))
			return -1;
		if (fault)
			return conclude(c, false, "%s; %s", fault,
					by_hand ? "it was made by hand: take it away, "
						  "nvidia-cdi-refresh keeps one" :
						  "systemctl restart nvidia-cdi-refresh makes it "
						  "anew");
		devices += spec->is.devices.n;
		files += spec->is.files.n;
	}
	if (twice(c, all))
		return conclude(c, false, "%s: neither can be used", twice(c, all));
	if (!c->facts->live)
		return defer(c, "boot", "%zu files of /%s are there; an image has no devices",
			     files, all->at[0].path);
	return conclude(c, true, "/%s%s: %zu devices and %zu files, all there", all->at[0].path,
			all->n > 1 ? ", and more" : "", devices, files);
}

static int check_cdi(struct checking *c, struct err *e)
{
	specs all = { 0 };

	if (read_specs(c, "etc/cdi", &all, e) || read_specs(c, "run/cdi", &all, e))
		return -1;
	if (all.n)
		return judge_specs(c, &all, e);
	/* Podman has nothing else; the service makes one when the driver is there. */
	if (!plan_find(c->plan, "cdi:nvidia") || c->plan->header.undoes)
		return not_applicable(c, "there is no CDI spec of NVIDIA");
	return defer(c, "boot",
		     "there is no CDI spec yet: nvidia-cdi-refresh makes it when the "
		     "driver is loaded");
}

const struct check checks_containers[] = {
	{ "toolkit-set", check_toolkit },
	{ "cdi", check_cdi },
	{ NULL, NULL },
};
