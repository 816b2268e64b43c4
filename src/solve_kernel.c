/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: what the kernel needs besides packages, and what must hold about its modules. */
#include "solve_priv.h"

#include "base/str.h"

static const char blacklist[] = "# Written by gpuprov: nouveau must not claim the NVIDIA GPUs.\n"
				"# Do not edit; 'gpuprov rollback' takes it away again.\n"
				"blacklist nouveau\n"
				"options nouveau modeset=0\n";

static void add_blacklist(struct solving *s)
{
	const char *path = "etc/modprobe.d/gpuprov-nouveau.conf";
	const struct fact_file *ours = facts_file(s->facts, path);
	const char *wish = profile_get(s->profile, "driver.nouveau");
	struct plan_step *step;
	bool loaded = false;

	if (str_eq(wish, "leave") || (str_eq(wish, "auto") && !s->modules)) {
		plan_omit(s->plan, "nouveau blacklist", "R39", place(s, "driver.nouveau"),
			  str_eq(wish, "leave") ?
				  "driver.nouveau is leave" :
				  "no kernel module of ours that nouveau could keep out");
		return;
	}
	list_each (&s->facts->modules, m)
		loaded |= str_eq(*m, "nouveau");
	step = plan_add(s->plan, "file", "nouveau", OP_KEEP, "/%s", path);
	if (!ours)
		step->op = OP_ADD;
	else if (!str_eq(ours->content, blacklist))
		step->op = OP_CHANGE;
	step_arg(s->plan, step, "path", path);
	step_arg(s->plan, step, "content", blacklist);
	step_reason(s->plan, step, "R39", place(s, "driver.nouveau"),
		    "nouveau must not claim the GPU before the NVIDIA module does");
	s->plan->totals.reboot |= loaded;
	plan_post(s->plan, "kernel.nouveau-blacklist", "file", path, NULL, NULL);
}

static void add_initramfs(struct solving *s)
{
	const struct plan_step *file = plan_find(s->plan, "file:nouveau");
	bool changes = file && file->op != OP_KEEP;

	if (!file)
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
		step_needs(s->plan, step, "file:nouveau");
		step_needs(s->plan, step, "packages:nvidia");
		step_reason(s->plan, step, "R39", place(s, "driver.nouveau"),
			    "the blacklist must be in the initramfs too");
	}
}

static void add_module_posts(struct solving *s)
{
	if (!s->modules)
		return;
	plan_post(s->plan, "driver.module-source", "module-source", "nvidia", s->within,
		  "nvidia-kernel-dkms");
	list_each (&s->facts->kernels, k)
		if (k->image || k->running)
			plan_post(s->plan, arena_printf(s->a, "driver.module.%s", k->release),
				  "module", k->release, s->within, "nvidia-kernel-dkms");
	plan_post(s->plan, "driver.loaded", "loaded", "nvidia", s->within, "nvidia-kernel-dkms")
		->needs = "boot";
}

void solve_kernel_side(struct solving *s)
{
	add_blacklist(s);
	add_initramfs(s);
	add_module_posts(s);
	plan_post(s->plan, "gpu.count", "gpus", "nvidia", arena_printf(s->a, "%zu", s->gpus.n),
		  NULL)
		->needs = "gpu";
	/*
	 * A running system without the module needs the next boot, or a modprobe, to use the GPUs.
	 */
	if (s->modules && s->facts->live && !s->facts->modules.n && plan_pending(s->plan))
		s->plan->totals.reboot = true;
}
