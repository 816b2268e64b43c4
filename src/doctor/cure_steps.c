/* SPDX-License-Identifier: Apache-2.0 */
/* Cures that are a step of their own, whatever else the host is meant to be. */
#include "doctor/cure.h"

#include "base/str.h"
#include "base/ver.h"
#include "engines/toolkit.h"

#include <string.h>

struct curing {
	const struct finding *f;
	const struct facts *facts;
	struct plan *plan;
};

/* What {name} in the finding's commands stands for; NULL = it is not known here. */
static const char *about_what(const struct curing *c, const char *name)
{
	list_each (&c->f->about, one)
		if (str_eq(one->name, name))
			return one->value;
	return NULL;
}

/* A step, unless the plan has it for another reason already: then it acts at least. */
static struct plan_step *add(const struct curing *c, const char *kind, const char *name,
			     enum plan_op op, const char *what)
{
	const char *id = arena_printf(c->plan->a, "%s:%s", kind, name);
	struct plan_step *s;

	list_each (&c->plan->steps, old)
		if (str_eq(old->id, id)) {
			old->op = old->op == OP_KEEP ? op : old->op;
			return NULL;
		}
	s = plan_add(c->plan, kind, name, op, "%s", what);
	step_reason(c->plan, s, c->f->symptom, NULL, "%s", c->f->what);
	return s;
}

static bool repair_dpkg(const struct curing *c)
{
	struct plan_step *s =
		add(c, "dpkg", "repair", OP_CHANGE,
		    c->facts->dpkg.unfinished.n ? "dpkg --configure -a, then apt-get -f install" :
						  "dpkg --configure -a");

	if (s)
		s->risk = "what dpkg has finished stays finished";
	return true;
}

static bool rebuild_initramfs(const struct curing *c)
{
	bool any = false;

	list_each (&c->facts->kernels, k) {
		struct plan_step *s;

		if (!str_eq(k->initramfs, "stale"))
			continue;
		any = true;
		s = add(c, "initramfs", k->release, OP_CHANGE,
			arena_printf(c->plan->a, "/boot/initrd.img-%s", k->release));
		if (!s)
			continue;
		step_arg(c->plan, s, "kernel", k->release);
		s->risk = "the old image is not kept; undo rebuilds it from the old configuration";
	}
	return any;
}

static void take_away(const struct curing *c, const char *path)
{
	struct plan_step *s =
		add(c, "file-away", path, OP_REMOVE, arena_printf(c->plan->a, "/%s", path));

	if (s)
		step_arg(c->plan, s, "path", path);
}

/* What is left of a .run that is gone: plain files. With its uninstaller it is not gone. */
static bool clear_marks(const struct curing *c)
{
	if (c->facts->driver.version)
		return false;
	list_each (&c->facts->driver.marks, m)
		if (!str_ends(*m, "/alternate-install-present") && !str_ends(*m, ".log"))
			return false;
	list_each (&c->facts->driver.marks, m)
		take_away(c, *m + strspn(*m, "/"));
	return c->facts->driver.marks.n > 0;
}

static bool remove_package(const struct curing *c)
{
	const char *name = about_what(c, "package");
	struct plan_step *s;

	if (!name)
		return false;
	s = add(c, "packages", name, OP_REMOVE, name);
	if (s)
		step_arg(c->plan, s, "away", name);
	return true;
}

/* The toolkit's service keeps a specification of its own, from this version on. */
static bool keeps_specs(const struct curing *c, const struct cure_ask *ask)
{
	const struct fact_package *p = facts_package(c->facts, "nvidia-container-toolkit-base");
	const struct record *r = catalog_find(ask->catalog, "cdi", "nvidia");
	const char *since = r ? record_get(r, "refresh_since") : NULL;

	return p && since && str_eq(p->status, "installed") && ver_deb_cmp(p->version, since) >= 0;
}

/* Made by hand: it goes, and the service makes its own. */
static bool renew_cdi(const struct curing *c, const struct cure_ask *ask)
{
	const char *spec = about_what(c, "spec");
	struct plan_step *s;

	if (!spec || !keeps_specs(c, ask))
		return false;
	s = add(c, "cdi", "nvidia", OP_CHANGE, TOOLKIT_CDI_SERVICE);
	if (s)
		step_arg(c->plan, s, "wish", "on");
	if (!str_starts(spec, "etc/"))
		return true;
	take_away(c, spec);
	list_each (&c->plan->steps, cdi)
		if (str_eq(cdi->id, "cdi:nvidia"))
			step_needs(c->plan, cdi, arena_printf(c->plan->a, "file-away:%s", spec));
	return true;
}

static void add_value(const struct curing *c, struct plan_step *s, const char *key,
		      const char *value)
{
	if (!str_empty(value))
		step_arg(c->plan, s, key, value);
}

/* As `gpuprov configure` does it; agents of a cluster find the runtime themselves. */
static bool register_runtime(const struct curing *c)
{
	const char *name = about_what(c, "engine");
	const struct fact_engine *e = name ? facts_engine(c->facts, name) : NULL;
	struct plan_step *s;

	if (!e || !e->config || e->variant ||
	    !(str_eq(name, "docker") || str_eq(name, "containerd") || str_eq(name, "crio")))
		return false;
	s = add(c, "engine", name, OP_CHANGE, e->config);
	if (!s)
		return true;
	step_arg(c->plan, s, "engine", name);
	step_arg(c->plan, s, "config", e->config);
	step_arg(c->plan, s, "name", "nvidia");
	step_arg(c->plan, s, "binary", "/usr/bin/nvidia-container-runtime");
	add_value(c, s, "program", e->program);
	add_value(c, s, "args", e->args);
	add_value(c, s, "version", e->version);
	s->risk = arena_printf(c->plan->a, "%s is reloaded where that is enough, else restarted",
			       name);
	plan_post(c->plan, arena_printf(c->plan->a, "containers.%s", name), "engine", s->id, NULL,
		  NULL)
		->needs = "daemon";
	return true;
}

static bool load_uvm(const struct curing *c)
{
	static const char path[] = "etc/modules-load.d/gpuprov-nvidia.conf";
	struct plan_step *s = add(c, "file", "modules-load", OP_ADD,
				  "/etc/modules-load.d/"
				  "gpuprov-nvidia.conf");

	c->plan->totals.reboot = true;
	if (!s)
		return true;
	step_arg(c->plan, s, "path", path);
	step_arg(c->plan, s, "content",
		 "# Written by gpuprov. Do not edit; 'gpuprov rollback' takes it away again.\n"
		 "nvidia-uvm\n");
	return true;
}

bool cure_steps(const struct finding *f, const struct cure_ask *ask, struct plan *io)
{
	static const struct {
		const char *symptom;
		bool (*cure)(const struct curing *c);
	} cures[] = {
		{ "S10", clear_marks },       { "S16", register_runtime },
		{ "S23", register_runtime },  { "S27", remove_package },
		{ "S29", load_uvm },          { "S37", repair_dpkg },
		{ "S39", rebuild_initramfs }, { "S43", remove_package },
	};
	const struct curing c = { f, ask->facts, io };

	if (str_eq(f->symptom, "S20"))
		return renew_cdi(&c, ask);
	for (size_t i = 0; i < sizeof(cures) / sizeof(*cures); i++)
		if (str_eq(f->symptom, cures[i].symptom))
			return cures[i].cure(&c);
	return false;
}
