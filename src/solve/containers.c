/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solver: the NVIDIA Container Toolkit, and the engine that is to know it. Facts and sources:
 * the catalog's toolkit, toolkit-set, cdi-0.7.0 and containerd-for-k8s records.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "profile/schema.h"
#include "registry.h"

#include <string.h>

/* Which engine is asked for; NULL: none, only the toolkit. */
static const char *engine_asked(const struct solving *s)
{
	if (str_eq(s->profile->kind, "docker"))
		return profile_get(s->profile, "engine");
	if (str_eq(s->profile->kind, "k8s"))
		return profile_get(s->profile, "kubernetes.engine");
	return NULL;
}

/* ---- which toolkit ---- */

static const char *safe_minimum(const struct solving *s)
{
	const struct record *r = catalog_find(s->catalog, "toolkit-minimum", "safe");

	return r ? record_get(r, "version") : NULL;
}

/* The newest that is safe and not known as bad. */
static const char *newest_toolkit(const struct solving *s)
{
	const char *least = safe_minimum(s);
	const struct record *r = NULL;

	while ((r = catalog_next(s->catalog, "toolkit", r)))
		if (!record_get(r, "bad") && (!least || ver_cmp(r->key, least) >= 0))
			return r->key;
	return least;
}

/* R52: versions that are known as bad, or open to a known attack. */
static void judge_toolkit(struct solving *s, const char *version)
{
	const struct record *known = catalog_find(s->catalog, "toolkit", version);
	const char *bad = known ? record_get(known, "bad") : NULL;
	const char *least = safe_minimum(s), *newest = newest_toolkit(s);
	const char *set = arena_printf(s->a, "container-toolkit.version=\"%s\"", newest);
	struct diag *d;

	if (!bad && (!least || ver_cmp(version, least) >= 0))
		return;
	d = by_rule(s, bad || ver_cmp(version, "1.17.8") < 0 ? SEV_ERROR : SEV_WARNING, 52,
		    "container-toolkit.version", "container toolkit %s should not be installed",
		    version);
	if (bad)
		why(s, d, "it %s", bad);
	else
		why(s, d,
		    ver_cmp(version, "1.17.8") < 0 ?
			    "CVE-2025-23266 lets a container take over the host; 1.17.8 "
			    "is the first without it" :
			    "CVE-2026-24260 is mended from 1.19.1 on");
	way(s, d, set, "take container-toolkit.version: \"%s\"", newest);
	way(s, d, "container-toolkit.version=null", "leave container-toolkit.version out");
}

/* R63: the toolkit that was tested with the set which the profile names, unless it is unsafe. */
static const char *toolkit_of_set(struct solving *s)
{
	const struct record *set = profile_get(s->profile, "kubernetes.set") ? tested_set(s) : NULL;
	const char *version = set ? tested_version(s, set, "toolkit") : NULL;
	const struct record *known = version ? catalog_find(s->catalog, "toolkit", version) : NULL;

	return known && !record_get(known, "bad") && ver_cmp(version, safe_minimum(s)) >= 0 ?
		       version :
		       NULL;
}

/* R51: the runtime is a part of the toolkit now; what is left of it alone does nothing. */
static void replace_the_runtime(struct solving *s, struct wants *w)
{
	const struct fact_package *p = facts_package(s->facts, "nvidia-container-runtime");
	const struct record *r =
		catalog_find(s->catalog, "toolkit-replaces", "nvidia-container-runtime");
	const char *last = r ? record_get(r, "up_to") : NULL;
	struct diag *d;

	if (!p || !str_eq(p->status, "installed") ||
	    facts_installed(s->facts, "nvidia-container-toolkit"))
		return;
	d = by_rule(s, SEV_WARNING, 51, "container-toolkit",
		    "nvidia-container-runtime %s is installed alone; the whole toolkit comes",
		    p->version);
	why(s, d,
	    "it is one program of the toolkit: without libnvidia-container, the hook and their "
	    "configuration no container gets a GPU");
	if (last && ver_deb_cmp(p->version, last) <= 0)
		list_add(s->a, &w->replaced, p->name);
}

/* Returns its version. */
static const char *want_toolkit(struct solving *s, struct wants *w)
{
	const char *asked = profile_get(s->profile, "container-toolkit.version");
	const char *set = profile_get(s->profile, "container-toolkit.packages");
	const struct record *r = catalog_find(s->catalog, "toolkit-set", set);
	const char *of_set = toolkit_of_set(s);
	const char *version = asked ? asked : of_set ? of_set : newest_toolkit(s);
	const char *at = r ? record_get(r, "packages") : "";

	judge_toolkit(s, version);
	replace_the_runtime(s, w);
	/* R51: all of them at one version. */
	while (*at) {
		size_t n = strcspn(at, ",");

		want_package(s, w, arena_strn(s->a, at, n), version, "R51",
			     place(s, "container-toolkit"),
			     "NVIDIA Container Toolkit, its packages at one version");
		at += n + (at[n] == ',');
	}
	w->toolkit = true;
	list_each (&s->facts->packages, p) {
		struct diag *d;

		if (!str_eq(p->name, "nvidia-docker2"))
			continue;
		d = by_rule(s, SEV_WARNING, 51, "container-toolkit",
			    "nvidia-docker2 is retired, and its daemon.json entry stays");
		why(s, d, "the container toolkit does all it did");
	}
	return version;
}

/* ---- the engine ---- */

static const char *engine_setting(struct solving *s, const char *engine, const char *key)
{
	const char *path = arena_printf(s->a, "%s.%s", engine, key);

	return schema_find(path, schema_kind_bit(s->profile->kind)) ?
		       profile_get(s->profile, path) :
		       NULL;
}

/* Of the engine that is there, else of the one that the distribution has. */
static const char *version_of(const struct solving *s, const char *name,
			      const struct fact_engine *engine)
{
	if (engine)
		return engine->version;
	return s->release ? record_get(s->release, str_eq(name, "docker") ? "docker_io" : name) :
			    NULL;
}

/* R54: engines that do not read the CDI files which the toolkit writes now. */
static void judge_cdi(struct solving *s, const char *engine, const char *version)
{
	const struct record *r = catalog_find(s->catalog, "cdi-0.7.0", engine);
	const char *least = r ? record_get(r, "min") : NULL;
	struct diag *d;

	if (!least || !version || ver_cmp(version, least) >= 0)
		return;
	if (str_eq(engine, "podman")) {
		d = by_rule(s, SEV_ERROR, 54, "engine",
			    "podman %s does not read the CDI files of this toolkit", version);
		why(s, d, "CDI is all that Podman has for GPUs; it needs %s or newer", least);
		way(s, d, NULL, "install podman %s or newer, then plan again", least);
		way(s, d, "engine=docker", "use Docker: engine: docker");
		return;
	}
	d = by_rule(s, SEV_WARNING, 54, "engine", "%s %s is too old for CDI", engine, version);
	why(s, d, "it needs %s or newer; GPUs go by the runtime instead", least);
}

/* R55, R57: where CDI is not on by itself, but can be. */
static bool cdi_wanted(struct solving *s, const char *engine, const char *version)
{
	const char *wish = engine_setting(s, engine, "cdi");

	if (!wish)
		return false;
	if (!str_eq(wish, "auto"))
		return profile_on(s->profile, arena_printf(s->a, "%s.cdi", engine));
	if (!version)
		return false;
	if (str_eq(engine, "docker"))
		return ver_cmp(version, "26.1.0") >= 0 && ver_cmp(version, "28.2.0") < 0;
	return ver_cmp(version, "1.7.16") >= 0 && ver_cmp(version, "2.0") < 0;
}

/* R55, R57: CDI that is asked for must be there to be enabled. */
static void judge_cdi_wish(struct solving *s, const char *engine, const char *version)
{
	bool docker = str_eq(engine, "docker");
	const char *since = docker ? "25.0" : "1.7";
	const char *path = arena_printf(s->a, "%s.cdi", engine);
	struct diag *d;

	if (!engine_setting(s, engine, "cdi") || !profile_on(s->profile, path) || !version ||
	    ver_cmp(version, since) >= 0)
		return;
	d = by_rule(s, SEV_ERROR, docker ? 55 : 57, path, "%s %s has no CDI to enable", engine,
		    version);
	why(s, d, "it came with %s %s", engine, since);
	way(s, d, arena_printf(s->a, "%s=auto", path), "go by the runtime: %s: auto", path);
	way(s, d, NULL, "bring %s to %s or newer, then plan again", engine,
	    docker ? "26.1.0" : "1.7.16");
}

static bool refuse_variant(struct solving *s, const struct fact_engine *engine)
{
	struct diag *d;

	if (!str_eq(engine->variant, "snap"))
		return false;
	d = refuse(s, GP_EDIT_UNSUPPORTED, "engine", "%s is a snap here", engine->name);
	why(s, d, "a snap manages its configuration itself");
	way(s, d, NULL, "replace it by the distribution's package or the vendor's");
	return true;
}

/* There is none: the distribution's, or a refusal. False when there is no going on. */
static bool provide_engine(struct solving *s, struct wants *w, const char *engine)
{
	const char *wish = engine_setting(s, engine, "install");
	const struct record *role = role_of(s, s->distro->world, engine, NULL);
	struct diag *d;

	if (role && wish && !str_eq(wish, "none")) {
		want_role(s, w, s->distro->world, engine, NULL,
			  arena_printf(s->a, "%s.install", engine));
		return true;
	}
	d = refuse(s, GP_NOT_A_HOST, "engine", "there is no %s on this host", engine);
	why(s, d, role ? "%s.install is none" : "no package of the distribution is known for %s",
	    engine);
	way(s, d, NULL, "install %s, then plan again", engine);
	if (role)
		way(s, d, arena_printf(s->a, "%s.install=auto", engine),
		    "let it be installed: %s.install: auto", engine);
	return false;
}

/* R58: what changing it disturbs. */
static void say_restart(struct solving *s, struct plan_step *step, const struct fact_engine *engine)
{
	bool reload = str_eq(engine->name, "docker") || str_eq(engine->name, "crio");

	if (step->op == OP_KEEP)
		return;
	step->risk =
		engine->containers > 0 && !reload ?
			arena_printf(s->a, "%s is restarted; it runs %lld containers (R58)",
				     engine->name, engine->containers) :
		reload ? arena_printf(s->a,
				      "%s is reloaded where that is enough, else restarted (R58)",
				      engine->name) :
			 arena_printf(s->a, "%s is restarted (R58)", engine->name);
}

/* What tells its version once it is there. */
static const char *program_of(struct solving *s, const char *name, const struct fact_engine *engine)
{
	const struct record *role = role_of(s, s->distro->world, name, NULL);

	if (engine)
		return engine->program;
	return role ? record_get(role, "program") : NULL;
}

/* R61: whose daemon it is, where it is not the host's. */
static void add_owner(struct solving *s, struct plan_step *step, const struct fact_engine *engine)
{
	if (engine && str_eq(engine->variant, "rootless"))
		step_reason(s->plan, step, "R61", NULL,
			    "docker is rootless here: the file is its user's, and stays so");
}

static void add_engine_step(struct solving *s, const char *name, const struct fact_engine *engine)
{
	/* k0s has no settings of its own: beneath it is containerd. */
	const char *group = str_eq(name, "k0s") ? "containerd" : name;
	const char *config = engine_setting(s, group, "config");
	const char *binary = engine_setting(s, group, "runtime-path");
	bool as_default = profile_on(s->profile, arena_printf(s->a, "%s.default-runtime", group));
	const char *restart = engine_setting(s, group, "restart");
	const char *program = program_of(s, name, engine);
	bool cdi = cdi_wanted(s, name, version_of(s, name, engine));
	bool kept = engine && engine->knows_nvidia == TRI_YES &&
		    (!as_default || engine->default_nvidia == TRI_YES);
	struct plan_step *step;

	if (!config && engine && !str_eq(name, "k0s"))
		config = engine->config;
	if (!config)
		config = runtime_find(name)->file;
	step = plan_add(
		s->plan, "engine", name, kept ? OP_KEEP : OP_CHANGE, "%s",
		runtime_target(runtime_find(name), config, engine ? engine->args : NULL, s->a));
	step_arg(s->plan, step, "engine", name);
	step_arg(s->plan, step, "config", config);
	step_arg(s->plan, step, "name", engine_setting(s, group, "runtime-name"));
	step_arg(s->plan, step, "binary", binary ? binary : "/usr/bin/nvidia-container-runtime");
	if (program)
		step_arg(s->plan, step, "program", program);
	if (engine && engine->args)
		step_arg(s->plan, step, "args", engine->args);
	if (engine && engine->version)
		step_arg(s->plan, step, "version", engine->version);
	if (as_default)
		step_arg(s->plan, step, "default", "yes");
	if (cdi)
		step_arg(s->plan, step, "cdi", "yes");
	if (profile_on(s->profile, arena_printf(s->a, "%s.replace", group)))
		step_arg(s->plan, step, "replace", "yes");
	if (restart)
		step_arg(s->plan, step, "restart", restart);
	step_needs(s->plan, step, "packages:nvidia");
	step_needs(s->plan, step, "toolkit:settings");
	step_needs(s->plan, step, "cdi:nvidia");
	step_reason(s->plan, step, str_eq(name, "docker") ? "R53" : "R56", place(s, group),
		    "the engine must know the runtime '%s'",
		    engine_setting(s, group, "runtime-name"));
	if (cdi)
		step_reason(s->plan, step, str_eq(group, "docker") ? "R55" : "R57",
			    place(s, arena_printf(s->a, "%s.cdi", group)),
			    profile_on(s->profile, arena_printf(s->a, "%s.cdi", group)) ?
				    "CDI is asked for" :
				    "this version has CDI and does not enable it by itself");
	add_owner(s, step, engine);
	if (engine)
		say_restart(s, step, engine);
	plan_post(s->plan, arena_printf(s->a, "containers.%s", name), "engine", step->id, NULL,
		  NULL)
		->needs = "daemon";
}

/* What runc has goes on with the new runtime, so a quarrel does too. */
static void judge_cgroups(struct solving *s, const struct fact_engine *engine)
{
	const char *ours = engine->cgroup_driver, *theirs = s->facts->kubelet.cgroup_driver;
	struct diag *d;

	if (!ours || !theirs || str_eq(ours, theirs))
		return;
	d = warn(s, GP_CGROUP_DRIVERS, "kubernetes.engine",
		 "the kubelet makes cgroups by %s, containerd by %s", theirs, ours);
	why(s, d,
	    "cgroupDriver in /var/lib/kubelet/config.yaml, SystemdCgroup of runc in %s; with "
	    "both at work pods die one after another",
	    engine->config ? engine->config : "containerd's configuration");
	way(s, d, NULL,
	    "set SystemdCgroup = %s for runc and restart containerd, with the node drained",
	    str_eq(theirs, "systemd") ? "true" : "false");
}

/* R66: containerd must fit the Kubernetes release. */
static void judge_for_k8s(struct solving *s, const struct fact_engine *engine)
{
	const char *version = cluster_version(s);
	const char *at;
	struct diag *d;

	if (!version || !engine->version ||
	    catalog_containerd_fits(s->catalog, version, engine->version, s->a, &at))
		return;
	d = by_rule(s, SEV_ERROR, 66, "kubernetes.version",
		    "containerd %s does not fit Kubernetes %s", engine->version,
		    ver_head(version, 2, s->a));
	why(s, d, "it takes %s, or newer of the same series", at);
	way(s, d, NULL, "update containerd, then plan again");
}

/* The service that runs: it is called otherwise on a server than on a worker. */
static const char *unit_of(struct solving *s, const char *name)
{
	const char *server = str_eq(name, "rke2") ? "rke2-server" : name;
	const char *agent = arena_printf(s->a, "%s-agent", name);

	list_each (&s->facts->services, unit)
		if (str_eq(*unit, agent) || str_eq(*unit, server))
			return arena_printf(s->a, "%s.service", *unit);
	return NULL;
}

/*
 * The folder is read after config.yaml, by name; of a key the last value counts, and what the user
 * has in config.yaml stays (docs.k3s.io/installation/configuration "Multiple Config Files", since
 * 1.21: k3s-io/k3s#3205; docs.rke2.io/install/configuration says the same of RKE2). A file of the
 * user's that comes after ours wins; verify reads what was generated.
 */
static bool add_agent_default(struct solving *s, const char *name)
{
	const char *path = arena_printf(s->a, "etc/rancher/%s/config.yaml.d/gpuprov.yaml", name);
	const char *text = "# Written by gpuprov. Do not edit; 'gpuprov rollback' takes it away "
			   "again.\ndefault-runtime: nvidia\n";
	const struct fact_file *ours = facts_file(s->facts, path);
	struct plan_step *step;

	if (!profile_on(s->profile, "containerd.default-runtime"))
		return false;
	step = plan_add(s->plan, "file", arena_printf(s->a, "%s-default", name),
			!ours                       ? OP_ADD :
			str_eq(ours->content, text) ? OP_KEEP :
						      OP_CHANGE,
			"/%s", path);
	step_arg(s->plan, step, "path", path);
	step_arg(s->plan, step, "content", text);
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, "R56", place(s, "containerd.default-runtime"),
		    "%s takes its default runtime from here", name);
	return true;
}

/* k3s and RKE2 write their containerd's file themselves, and look for the runtime when they start.
 */
static void add_agent(struct solving *s, const char *name, const struct fact_engine *engine)
{
	const char *unit = unit_of(s, name);
	bool as_default = add_agent_default(s, name);
	struct plan_step *step;
	bool kept;

	plan_omit(s->plan, arena_printf(s->a, "%s configuration", name), "R56",
		  place(s, "kubernetes.engine"),
		  "%s finds nvidia-container-runtime by itself when it starts", name);
	if (!s->facts->live || !engine || !engine->config || !unit ||
	    str_eq(profile_get(s->profile, "containerd.restart"), "never"))
		return;
	kept = engine->knows_nvidia == TRI_YES &&
	       (!as_default || engine->default_nvidia == TRI_YES);
	step = plan_add(s->plan, "agent", name, kept ? OP_KEEP : OP_CHANGE, "%s", unit);
	step_arg(s->plan, step, "unit", unit);
	step_arg(s->plan, step, "config", engine->config);
	step_arg(s->plan, step, "name", "nvidia");
	if (as_default)
		step_arg(s->plan, step, "default", "yes");
	step_needs(s->plan, step, "packages:nvidia");
	step_needs(s->plan, step, arena_printf(s->a, "file:%s-default", name));
	step_reason(s->plan, step, "R56", place(s, "kubernetes.engine"),
		    "%s looks for the runtime when it starts", name);
	if (!kept)
		step->risk = arena_printf(s->a, "%s is restarted; its containers go on", name);
	plan_post(s->plan, arena_printf(s->a, "containers.%s", name), "agent", step->id, NULL, NULL)
		->needs = "daemon";
}

static void solve_engine(struct solving *s, struct wants *w, const char *name)
{
	const struct fact_engine *engine = facts_engine(s->facts, name);

	if (str_eq(name, "k3s") || str_eq(name, "rke2")) {
		add_agent(s, name, engine);
		return;
	}
	if (engine && refuse_variant(s, engine))
		return;
	if (!engine && !provide_engine(s, w, name))
		return;
	judge_cdi(s, name, version_of(s, name, engine));
	judge_cdi_wish(s, name, version_of(s, name, engine));
	if (engine && str_eq(s->profile->kind, "k8s") && str_eq(name, "containerd")) {
		judge_for_k8s(s, engine);
		judge_cgroups(s, engine);
	}
	if (str_eq(name, "podman"))
		plan_omit(s->plan, "podman configuration", NULL, place(s, "engine"),
			  "Podman takes GPUs by CDI: podman run --device nvidia.com/gpu=all");
	else
		add_engine_step(s, name, engine);
}

/* The guide's check, where an image for it is named or there. */
static void add_trial(struct solving *s, const char *engine)
{
	const char *image = profile_get(s->profile, "verify.container-image");

	/* What k3s, RKE2 and k0s bring has no client of its own to start a container with. */
	if (str_eq(engine, "docker") || str_eq(engine, "podman") ||
	    plan_find(s->plan, "engine:containerd") || plan_find(s->plan, "engine:crio"))
		plan_post(s->plan, "containers.gpu", "container-run", engine, image, NULL)->needs =
			"gpu";
}

void solve_containers(struct solving *s, struct wants *w)
{
	const char *engine = engine_asked(s);
	struct toolkit_ask ask = { .name = engine };

	if (!engine && !str_eq(s->purpose, "containers"))
		return;
	ask.version = want_toolkit(s, w);
	if (engine) {
		ask.engine = facts_engine(s->facts, engine);
		solve_engine(s, w, engine);
		add_trial(s, engine);
	}
	solve_toolkit(s, &ask);
}
