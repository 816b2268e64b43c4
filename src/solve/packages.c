/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: which packages. What they are called is data: the catalog's `role` records. */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static void want_components(struct solving *s, struct wants *w, const char *at)
{
	while (at && *at) {
		size_t n = strcspn(at, ",");
		const char *name = arena_strn(s->a, at, n);
		bool there = false;

		list_each (&w->components, c)
			there |= str_eq(*c, name);
		if (!there)
			list_add(s->a, &w->components, name);
		at += n + (at[n] == ',');
	}
}

void want_package(struct solving *s, struct wants *w, const char *package, const char *within,
		  const char *rule, struct span *at, const char *reason)
{
	list_each (&w->list, it)
		if (str_eq(it->package, package))
			return;
	*list_push(s->a, &w->list) = (struct wanted){ package, within, rule, reason, at };
}

/* One of the {words} of a package name. */
static const char *word_for(struct solving *s, const char *name, size_t n, const char *kernel)
{
	const char *cuda = s->asks.cudas.n ? s->asks.cudas.at[0] : "";
	struct piece p = { name, n };

	if (piece_eq(p, "branch"))
		return s->choice.branch;
	if (piece_eq(p, "version"))
		return s->choice.newest;
	if (piece_eq(p, "kernel"))
		return kernel;
	if (piece_eq(p, "flavour"))
		return flavour_word(s->choice.flavour);
	if (piece_eq(p, "cuda")) {
		const char *series = ver_head(cuda, 2, s->a);
		size_t dot = strcspn(series, ".");

		return arena_printf(s->a, "%.*s-%s", (int)dot, series,
				    series[dot] ? series + dot + 1 : "0");
	}
	if (piece_eq(p, "cuda-major"))
		return arena_strn(s->a, cuda, strcspn(cuda, "."));
	return NULL;
}

static const char *spell(struct solving *s, const char *name, size_t n, const char *kernel)
{
	auto_buf struct buf b = BUF_TEXT;

	for (size_t i = 0; i < n; i++) {
		size_t close = strcspn(name + i, "}");
		const char *word =
			name[i] == '{' ? word_for(s, name + i + 1, close - 1, kernel) : NULL;

		if (word) {
			buf_adds(&b, word);
			i += close;
		} else {
			buf_addc(&b, name[i]);
		}
	}
	return arena_str(s->a, buf_str(&b));
}

/* A package for each kernel that boots, and the one that follows later kernels of that kind. */
static void want_for_kernels(struct solving *s, struct wants *w, const struct record *r,
			     const char *name, size_t n, const char *rule, struct span *at)
{
	list_each (&s->facts->kernels, k) {
		const char *flavour = strrchr(k->release, '-');

		if (!k->image && !k->running)
			continue;
		want_package(s, w, spell(s, name, n, k->release), NULL, rule, at,
			     record_get(r, "what"));
		if (flavour)
			want_package(s, w, spell(s, name, n, flavour + 1), NULL, rule, at,
				     "the same for the kernels that will follow");
	}
}

void want_role(struct solving *s, struct wants *w, const char *world, const char *role,
	       const char *rule, const char *path)
{
	const struct record *r = role_of(s, world, role, s->choice.branch);
	const char *at = r ? record_get(r, "packages") : NULL;
	bool versioned = r && !record_is(r, "versioned", "no");

	if (!r)
		return;
	while (*at) {
		size_t n = strcspn(at, ",");
		const char *brace = memmem(at, n, "{kernel}", strlen("{kernel}"));

		if (brace)
			want_for_kernels(s, w, r, at, n, rule, place(s, path));
		else
			want_package(s, w, spell(s, at, n, NULL), versioned ? s->within : NULL,
				     rule, place(s, path), record_get(r, "what"));
		at += n + (at[n] == ',');
	}
	want_components(s, w, record_get(r, "components"));
	w->nvidia |= str_starts(world, "nvidia");
	w->distro |= !str_starts(world, "nvidia");
}

/* R38: a module is built by the compiler that built the kernel. */
void want_compiler(struct solving *s, struct wants *w, const struct fact_kernel *k)
{
	const char *there = s->facts->gcc ? ver_head(s->facts->gcc, 1, s->a) : NULL;

	/* A default of that version is there, or will be: dkms and the installer bring gcc. */
	if (!k->compiler || str_eq(there, k->compiler))
		return;
	if (!there && s->release && record_get(s->release, "gcc") &&
	    str_eq(ver_head(record_get(s->release, "gcc"), 1, s->a), k->compiler))
		return;
	want_package(s, w, arena_printf(s->a, "gcc-%s", k->compiler), NULL, "R38",
		     place(s, "driver.modules"),
		     arena_printf(s->a, "the compiler that built kernel %s", k->release));
}

static void want_headers(struct solving *s, struct wants *w)
{
	list_each (&s->facts->kernels, k) {
		strs names = { 0 };

		if (k->image || k->running) {
			s->distro->headers(s->a, s->facts, k, &names);
			want_compiler(s, w, k);
		}
		list_each (&names, name)
			want_package(s, w, *name, NULL, "R38", place(s, "driver.modules"),
				     "headers for every kernel that will boot: DKMS builds the "
				     "module for each");
	}
}

static void want_modules(struct solving *s, struct wants *w)
{
	const char *flavour = flavour_word(s->choice.flavour);

	if (!s->modules) {
		plan_omit(s->plan, "kernel modules", NULL, place(s, "driver.modules"),
			  "%s: user space only",
			  profile_is(s->profile, "driver.modules", "none") ?
				  "driver.modules is none" :
				  "a container uses those of its host");
		return;
	}
	want_role(s, w, s->choice.world,
		  arena_printf(s->a, "%s-%s", s->choice.prebuilt ? "prebuilt" : "module", flavour),
		  s->choice.prebuilt ? "R40" : NULL, "driver.modules");
	if (profile_on(s->profile, "driver.persistence"))
		want_role(s, w, s->choice.world, "persistence", NULL, "driver.persistence");
	if (!s->choice.prebuilt)
		want_headers(s, w);
}

/* The generation of NVSwitches that is told by the GPUs: R47. */
static const struct record *switch_generation(const struct solving *s)
{
	const struct record *r = NULL;

	while ((r = catalog_next(s->catalog, "nvswitch", r))) {
		list_each (&s->targets, t)
			if (record_has(r, "gpus", t->fact->device))
				return r;
	}
	return NULL;
}

static bool wished(const struct solving *s, const char *path, bool by_itself)
{
	return profile_is(s->profile, path, "auto") ? by_itself : profile_on(s->profile, path);
}

struct fabric fabric_of(const struct solving *s)
{
	struct fabric f = { .switches = s->facts->switches.n > 0 };
	bool fourth = switch_generation(s) != NULL;

	list_each (&s->targets, t) {
		f.rack |= t->gpu && (strstr(t->name, "GB200") || strstr(t->name, "GB300"));
		f.sxm |= t->gpu && record_is(t->gpu, "sxm", "yes");
	}
	/* The switches of GB200 and GB300 are in other boxes of the rack, with managers there. */
	fourth = fourth && !f.rack;
	f.switches |= fourth;
	f.manager = wished(s, "fabric.manager", f.switches);
	f.nvlsm = wished(s, "fabric.nvlsm", fourth);
	f.imex = wished(s, "fabric.imex", f.rack);
	return f;
}

/* R46 to R49: what NVSwitch systems need besides the driver, all of the driver's version. */
static void want_fabric(struct solving *s, struct wants *w)
{
	const struct fabric f = fabric_of(s);

	if (!s->modules)
		return;
	if (f.manager)
		want_role(s, w, s->choice.world, "fabric", "R46", "fabric.manager");
	else if (f.switches || f.sxm || f.rack)
		/* An SXM board looks as if it needed one: R47. */
		plan_omit(s->plan, "fabric manager", "R47", place(s, "fabric.manager"),
			  f.switches ? "fabric.manager is off" :
			  f.rack ? "the NVSwitches are in other boxes of the rack, managed there" :
				   "there is no NVSwitch");
	if (f.nvlsm)
		want_role(s, w, s->choice.world, "nvlsm", "R49", "fabric.nvlsm");
	if (f.imex)
		want_role(s, w, s->choice.world, "imex", "R49", "fabric.imex");
}

static void want_desktop(struct solving *s, struct wants *w)
{
	bool desktop = str_eq(s->purpose, "desktop");
	const char *headless = profile_get(s->profile, "driver.headless");
	bool x = str_eq(headless, "auto") ? desktop : !profile_on(s->profile, "driver.headless");

	if (x) {
		want_role(s, w, s->choice.world, "desktop", NULL, "purpose");
		want_role(s, w, s->choice.world,
			  arena_printf(s->a, "desktop-%s", flavour_word(s->choice.flavour)), NULL,
			  "purpose");
	}
	if (desktop)
		want_role(s, w, s->distro->world, "settings", NULL, "purpose");
	else
		plan_omit(s->plan, "nvidia-settings", NULL, place(s, "purpose"),
			  "purpose is %s: X server settings are for desktops", s->purpose);
}

static void want_all(struct solving *s, struct wants *w)
{
	/* R34: installed before the driver, it keeps apt on the branch. */
	if (s->choice.origin == FROM_NVIDIA && profile_on(s->profile, "apt.pin"))
		want_role(s, w, s->choice.world, "pinning", "R34", "apt.pin");
	want_role(s, w, s->choice.world, "libcuda", NULL, "driver");
	want_role(s, w, s->choice.world, "smi", NULL, "driver");
	want_modules(s, w);
	want_fabric(s, w);
	want_desktop(s, w);
	want_cuda(s, w);
	solve_containers(s, w);
}

/* Installed, whole, and of the version asked for. */
static bool satisfied(const struct solving *s, const struct wanted *w)
{
	const struct fact_package *p = facts_package(s->facts, w->package);
	/* What is half installed will be whole: that is a step of its own. */
	bool repaired = plan_find(s->plan, "dpkg:repair") != NULL;
	bool whole = p && (repaired ? !str_eq(p->status, "config-files") :
				      str_eq(p->status, "installed"));

	return whole && (!w->within || ver_deb_within(p->version, w->within));
}

void step_apt(struct solving *s, struct plan_step *step)
{
	const char *proxy = profile_get(s->profile, "apt.proxy");

	if (proxy)
		step_arg(s->plan, step, "proxy", proxy);
	if (str_eq(step->kind, "packages") && profile_given(s->profile, "apt.lock-timeout"))
		step_arg(s->plan, step, "lock-timeout",
			 profile_get(s->profile, "apt.lock-timeout"));
}

/*
 * All packages are one step, because they are one transaction: libapt resolves them together, and a
 * plan in which half of a driver is installed does not exist.
 */
static void add_packages(struct solving *s, const struct wants *w, const strs *repos)
{
	struct plan_step *step =
		s->choice.origin == FROM_RUNFILE ?
			plan_add(s->plan, "packages", "nvidia", OP_KEEP,
				 "what the installer needs") :
			plan_add(s->plan, "packages", "nvidia", OP_KEEP, "NVIDIA driver %s%s",
				 s->within, str_eq(s->cuda_install, "none") ? "" : " and CUDA");

	list_each (&w->list, one) {
		const char *want = one->within ?
					   arena_printf(s->a, "%s %s", one->package, one->within) :
					   one->package;

		if (!satisfied(s, one))
			step->op = OP_ADD;
		step_arg(s->plan, step, "want", want);
		step_reason(s->plan, step, one->rule, one->at, "%s: %s", one->package, one->why);
		plan_post(s->plan, arena_printf(s->a, "package.%s", one->package), "package",
			  one->package, one->within, one->package);
	}
	step_apt(s, step);
	if (profile_given(s->profile, "apt.remove"))
		list_each (&profile_given(s->profile, "apt.remove")->items, name)
			step_arg(s->plan, step, "remove", name->text);
	list_each (&w->replaced, name)
		step_arg(s->plan, step, "remove", *name);
	step_needs(s->plan, step, "dpkg:repair");
	list_each (repos, repo)
		step_needs(s->plan, step, *repo);
	step_needs(s->plan, step, SWITCH_PACKAGES);
	step_needs(s->plan, step, SWITCH_RUNFILE);
	step_needs(s->plan, step, "file:apt-pin");
	step_needs(s->plan, step, "file:nouveau");
	step_needs(s->plan, step, "file:nova-core");
	step_needs(s->plan, step, "file:module-options");
	step_needs(s->plan, step, "file:module-signing");
}

static void add_repo(struct solving *s, strs *repos, const char *which, const strs *components,
		     const char *path)
{
	const char *id = repo_for(s, which, components, path);

	if (id)
		list_add(s->a, repos, id);
}

/* The package whose version decides a postcondition, once libapt has named it. */
static const char *role_package(struct solving *s, const char *role)
{
	const struct record *r = role_of(s, s->choice.world, role, s->choice.branch);
	const char *name = r ? record_get(r, "packages") : "";

	return spell(s, name, strcspn(name, ","), NULL);
}

/* The driver comes as a .run; what it takes to install it comes as packages. */
static void solve_runfile(struct solving *s)
{
	struct wants w = { 0 };
	strs repos = { 0 };

	if (!solve_driver_runfile(s, &w))
		return;
	want_cuda(s, &w);
	solve_containers(s, &w);
	if (w.components.n)
		add_repo(s, &repos, "distro", &w.components, "cuda.source");
	if (w.nvidia)
		add_repo(s, &repos, "nvidia-cuda", NULL, "cuda.source");
	if (w.list.n)
		if (w.toolkit)
			add_repo(s, &repos, "nvidia-container-toolkit", NULL, "container-toolkit");
	add_packages(s, &w, &repos);
	if (s->cuda_packages)
		solve_cuda_default(s);
	solve_hold(s, &w);
	plan_post(s->plan, "dpkg.clean", "dpkg", "dpkg", NULL, NULL);
}

void solve_packages(struct solving *s)
{
	struct wants w = { 0 };
	strs repos = { 0 };

	solve_switch(s);
	if (s->choice.origin == FROM_RUNFILE) {
		solve_runfile(s);
		return;
	}
	want_all(s, &w);
	if (w.components.n)
		add_repo(s, &repos, "distro", &w.components, "driver.source");
	if (w.nvidia)
		add_repo(s, &repos, "nvidia-cuda", NULL,
			 s->choice.origin == FROM_NVIDIA ? "driver.source" : "cuda.source");
	if (w.toolkit)
		add_repo(s, &repos, "nvidia-container-toolkit", NULL, "container-toolkit");
	solve_pin(s, &w);
	add_packages(s, &w, &repos);
	if (s->cuda_packages)
		solve_cuda_default(s);
	solve_hold(s, &w);
	plan_post(s->plan, "driver.libcuda", "library", "libcuda.so.1", s->within,
		  role_package(s, "libcuda"));
	plan_post(s->plan, "driver.nvidia-smi", "program", "usr/bin/nvidia-smi", s->within,
		  role_package(s, "smi"));
	plan_post(s->plan, "dpkg.clean", "dpkg", "dpkg", NULL, NULL);
}
