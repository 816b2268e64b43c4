/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: what the kernel needs besides packages, and what must hold about its modules. */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static const char head[] =
	"# Written by gpuprov. Do not edit; 'gpuprov rollback' takes it away again.\n";

static bool module_loaded(const struct solving *s, const char *name)
{
	list_each (&s->facts->modules, m)
		if (str_eq(*m, name))
			return true;
	return false;
}

struct plan_step *solve_file(struct solving *s, const char *name, const char *path,
			     const char *content)
{
	const struct fact_file *ours = facts_file(s->facts, path);
	enum plan_op op = !ours ? OP_ADD : str_eq(ours->content, content) ? OP_KEEP : OP_CHANGE;
	struct plan_step *step = plan_add(s->plan, "file", name, op, "/%s", path);

	step_arg(s->plan, step, "path", path);
	step_arg(s->plan, step, "content", content);
	return step;
}

/* R39: what would claim a GPU before the NVIDIA module does. */
static void add_blacklist(struct solving *s, const char *module, const char *key)
{
	const char *path = arena_printf(s->a, "etc/modprobe.d/gpuprov-%s.conf", key);
	const char *at = arena_printf(s->a, "driver.%s", key);
	const char *wish = profile_get(s->profile, at);
	/* nova_core is younger than most kernels: kept off where it is, or where it is asked for.
	 */
	bool here = str_eq(module, "nouveau") || module_loaded(s, module);
	const char *content;

	if (str_eq(wish, "leave") || (str_eq(wish, "auto") && (!s->modules || !here))) {
		if (here)
			plan_omit(s->plan, arena_printf(s->a, "%s blacklist", module), "R39",
				  place(s, at),
				  str_eq(wish, "leave") ?
					  "driver.%s is leave" :
					  "no kernel module of ours that %s could keep out",
				  str_eq(wish, "leave") ? key : module);
		return;
	}
	content = arena_printf(s->a,
			       "# Written by gpuprov: %s must not claim the NVIDIA GPUs.\n"
			       "# Do not edit; 'gpuprov rollback' takes it away again.\n"
			       "blacklist %s\n%s",
			       module, module,
			       str_eq(module, "nouveau") ? "options nouveau modeset=0\n" : "");
	step_reason(s->plan, solve_file(s, key, path, content), "R39", place(s, at),
		    "%s must not claim the GPU before the NVIDIA module does", module);
	s->plan->totals.reboot |= module_loaded(s, module);
	plan_post(s->plan, arena_printf(s->a, "kernel.%s-blacklist", key), "file", path, NULL,
		  NULL);
}

/* Options of the module, and for Secure Boot the key that DKMS signs with. */
static void add_options(struct solving *s)
{
	const struct value *options = profile_given(s->profile, "driver.module-options");
	auto_buf struct buf text = BUF_TEXT;

	if (!options || !s->modules)
		return;
	buf_adds(&text, head);
	list_each (&options->items, o)
		buf_addf(&text, "options nvidia %s=%s\n", o->key, o->text);
	step_reason(s->plan,
		    solve_file(s, "module-options", "etc/modprobe.d/gpuprov-nvidia.conf",
			       arena_str(s->a, buf_str(&text))),
		    NULL, place(s, "driver.module-options"), "options of the nvidia module");
	plan_post(s->plan, "kernel.module-options", "file", "etc/modprobe.d/gpuprov-nvidia.conf",
		  NULL, NULL);
}

static void add_signing(struct solving *s)
{
	struct plan_step *step;

	/* nvidia-installer signs by itself, unless DKMS builds. */
	if (s->signing != SIGN_OWN_KEY ||
	    (s->choice.origin == FROM_RUNFILE && !profile_is(s->profile, "driver.build", "dkms")))
		return;
	step = solve_file(s, "module-signing", "etc/dkms/framework.conf.d/gpuprov.conf",
			  arena_printf(s->a, "%smok_signing_key=\"%s\"\nmok_certificate=\"%s\"\n",
				       head, profile_get(s->profile, "driver.signing.key"),
				       profile_get(s->profile, "driver.signing.certificate")));
	step_reason(s->plan, step, "R40", place(s, "driver.signing"),
		    "DKMS signs the modules with your key");
	plan_post(s->plan, "kernel.module-signing", "file",
		  "etc/dkms/framework.conf.d/gpuprov.conf", NULL, NULL);
}

static bool file_changes(const struct solving *s, const char *id)
{
	const struct plan_step *file = plan_find(s->plan, id);

	return file && file->op != OP_KEEP;
}

static void add_initramfs(struct solving *s)
{
	static const char *const files[] = { "file:nouveau", "file:nova-core",
					     "file:module-options" };
	bool changes = false, any = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		changes |= file_changes(s, files[i]);
		any |= plan_find(s->plan, files[i]) != NULL;
	}
	if (!any)
		return;
	list_each (&s->facts->kernels, k) {
		struct plan_step *step;
		bool stale = changes || str_eq(k->initramfs, "stale");

		if (!k->initramfs)
			continue;
		step = plan_add(s->plan, "initramfs", k->release, stale ? OP_CHANGE : OP_KEEP,
				"/boot/initrd.img-%s", k->release);
		step_arg(s->plan, step, "kernel", k->release);
		step->risk =
			"the old image is not kept; undo rebuilds it from the old configuration";
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
			if (plan_find(s->plan, files[i]))
				step_needs(s->plan, step, files[i]);
		step_needs(s->plan, step, "packages:nvidia");
		step_reason(s->plan, step, "R39", place(s, "driver.nouveau"),
			    "what modprobe reads at boot must be in the initramfs too");
	}
}

/*
 * Programs make /dev/nvidia-uvm by themselves only where they may load modules: in a container they
 * may not. The name is that of the module or of an alias that the packages bring.
 */
static void add_modules_load(struct solving *s)
{
	static const char path[] = "etc/modules-load.d/gpuprov-nvidia.conf";
	struct plan_step *step;

	if (!s->modules)
		return;
	step = solve_file(s, "modules-load", path, arena_printf(s->a, "%snvidia-uvm\n", head));
	step_needs(s->plan, step, "packages:nvidia");
	step_needs(s->plan, step, "driver-run:nvidia");
	step_reason(s->plan, step, NULL, place(s, "driver.modules"),
		    "/dev/nvidia-uvm is there after every boot: containers cannot load its module");
	plan_post(s->plan, "kernel.modules-load", "file", path, NULL, NULL);
}

/* R46: NVIDIA's package brings the unit and leaves it off; GPUs behind NVSwitch wait for it. */
static void enable_fabric(struct solving *s)
{
	const struct plan_step *packages = plan_find(s->plan, "packages:nvidia");
	struct plan_step *step;
	bool wanted = false;

	if (packages)
		list_each (&packages->args, arg)
			wanted |= str_eq(arg->key, "want") &&
				  str_starts(arg->value, "nvidia-fabricmanager");
	if (!wanted)
		return;
	step = plan_add(s->plan, "link", "fabric-manager",
			facts_file(s->facts, FABRIC_LINK) ? OP_KEEP : OP_ADD,
			"nvidia-fabricmanager.service, at every boot");
	step_arg(s->plan, step, "path", FABRIC_LINK);
	step_arg(s->plan, step, "target", "/usr/lib/systemd/system/nvidia-fabricmanager.service");
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, "R46", place(s, "fabric.manager"),
		    "started at every boot: the GPUs behind NVSwitch wait for it");
	plan_post(s->plan, "fabric.enabled", "file", FABRIC_LINK, NULL, NULL);
}

static void add_module_posts(struct solving *s)
{
	const struct record *r =
		s->choice.world && !s->choice.prebuilt ?
			role_of(s, s->choice.world,
				arena_printf(s->a, "module-%s", flavour_word(s->choice.flavour)),
				s->choice.branch) :
			NULL;
	/* The package whose version decides, where one package is the module. */
	const char *of =
		r && !strchr(record_get(r, "packages"), '{') ? record_get(r, "packages") : NULL;

	if (!s->modules)
		return;
	if (!s->choice.prebuilt && s->choice.origin != FROM_RUNFILE)
		plan_post(s->plan, "driver.module-source", "module-source", "nvidia", s->within,
			  of);
	list_each (&s->facts->kernels, k)
		if (k->image || k->running)
			plan_post(s->plan, arena_printf(s->a, "driver.module.%s", k->release),
				  "module", k->release, s->within, of);
	plan_post(s->plan, "driver.loaded", "loaded", "nvidia", s->within, of)->needs = "boot";
}

/* R44: the module in the kernel is not the one that the new user space fits. */
static void add_reboot(struct solving *s)
{
	const char *loaded = s->facts->driver.loaded;

	if (!s->modules || !s->facts->live)
		return;
	/* A system without the module needs the next boot, or a modprobe, to use the GPUs. */
	if (!s->facts->modules.n && plan_pending(s->plan))
		s->plan->totals.reboot = true;
	if (loaded && !ver_within(loaded, s->within)) {
		struct diag *d = by_rule(s, SEV_WARNING, 44, "reboot",
					 "module %s is loaded until the next boot", loaded);

		why(s, d, "nvidia-smi reports a version mismatch until then");
		s->plan->totals.reboot = true;
	}
}

/* What holds the GPUs until the next boot; NULL when no other module does. */
static const char *in_the_way(const struct solving *s)
{
	return module_loaded(s, "nouveau")   ? "nouveau" :
	       module_loaded(s, "nova_core") ? "nova_core" :
					       NULL;
}

/* The module in the kernel is the one that the plan wants, and it is not taken away from it. */
static bool in_effect(const struct solving *s)
{
	const char *loaded = s->facts->driver.loaded, *flavour = s->facts->driver.loaded_flavour;

	return loaded && !in_the_way(s) && ver_within(loaded, s->within) &&
	       (!flavour || str_eq(flavour, flavour_word(s->choice.flavour))) &&
	       !plan_find(s->plan, "driver-away:nvidia") &&
	       !plan_find(s->plan, "packages:other-driver");
}

/* R39, R44: the second sitting. What needs a boot is done, and proved, after it. */
static void add_second_sitting(struct solving *s)
{
	const char *loaded = s->facts->driver.loaded, *instead = in_the_way(s);
	struct plan_step *step;

	if (!s->modules || !s->facts->live || !s->plan->totals.reboot || !s->facts->gpus.n ||
	    in_effect(s))
		return;
	step = plan_add(s->plan, "module", "nvidia", loaded || instead ? OP_REPLACE : OP_ADD,
			"kernel module nvidia %s", s->within);
	step->when = "boot";
	step_arg(s->plan, step, "module", "nvidia");
	step_arg(s->plan, step, "version", s->within);
	step_arg(s->plan, step, "flavour", flavour_word(s->choice.flavour));
	if (instead)
		step_arg(s->plan, step, "instead", instead);
	step_needs(s->plan, step, "packages:nvidia");
	step_needs(s->plan, step, "driver-run:nvidia");
	list_each (&s->facts->kernels, k)
		step_needs(s->plan, step, arena_printf(s->a, "initramfs:%s", k->release));
	if (loaded || instead)
		step_reason(s->plan, step, loaded ? "R44" : "R39", NULL,
			    "after the next boot: until then %s%s holds the GPUs",
			    loaded ? "module " : "", loaded ? loaded : instead);
	else
		step_reason(s->plan, step, NULL, NULL, "after the next boot: the module is new");
}

void solve_kernel_side(struct solving *s)
{
	add_blacklist(s, "nouveau", "nouveau");
	add_blacklist(s, "nova_core", "nova-core");
	add_options(s);
	add_signing(s);
	add_initramfs(s);
	add_modules_load(s);
	enable_fabric(s);
	add_module_posts(s);
	plan_post(s->plan, "gpu.count", "gpus", "nvidia", arena_printf(s->a, "%zu", s->gpus.n),
		  NULL)
		->needs = "gpu";
	add_reboot(s);
	add_second_sitting(s);
}
