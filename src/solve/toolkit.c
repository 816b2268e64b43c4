/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solver: how the container toolkit is set up: its settings, the CDI specification, links for
 * devices. Facts and sources: facts/runtime-config §8 to §10, the catalog's cdi and runtime-mode
 * records.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "engines/toolkit.h"

#include <string.h>

#define NVIDIA_CTK "/usr/bin/nvidia-ctk"

/* ---- config.toml ---- */

static const struct {
	const char *path; /* in the profile */
	const char *key;  /* in the file */
	bool text;
} settings[] = {
	{ "container-toolkit.mode", "nvidia-container-runtime.mode", true },
	{ "container-toolkit.unprivileged-envvar",
	  "accept-nvidia-visible-devices-envvar-when-unprivileged", false },
	{ "container-toolkit.volume-mounts", "accept-nvidia-visible-devices-as-volume-mounts",
	  false },
	{ "container-toolkit.no-cgroups", "nvidia-container-cli.no-cgroups", false },
};

static const char *spelled(struct solving *s, size_t i, const char *value)
{
	if (settings[i].text)
		return arena_printf(s->a, "%s = \"%s\"", settings[i].key, value);
	return arena_printf(s->a, "%s = %s", settings[i].key, value);
}

/* What a setting must be, and whether leaving it out means the same; NULL: it is not ours to say.
 */
static const char *wanted(struct solving *s, const struct toolkit_ask *ask, size_t i,
			  bool *ret_leave)
{
	const char *path = settings[i].path;
	bool rootless = ask->engine && str_eq(ask->engine->variant, "rootless");
	bool given = profile_given(s->profile, path) != NULL;
	bool on = profile_on(s->profile, path);

	*ret_leave = false;
	if (str_eq(profile_get(s->profile, path), "auto")) {
		/* R61: who is not root can change no cgroup of devices. */
		if (str_eq(path, "container-toolkit.no-cgroups") && rootless)
			return "true";
		if (!given || !settings[i].text)
			return NULL;
	}
	if (!given)
		return NULL;
	if (settings[i].text) {
		*ret_leave = str_eq(profile_get(s->profile, path), "auto");
		return profile_get(s->profile, path);
	}
	*ret_leave = on == str_eq(path, "container-toolkit.unprivileged-envvar");
	return on ? "true" : "false";
}

static void judge_no_cgroups(struct solving *s, const struct toolkit_ask *ask)
{
	bool rootless = ask->engine && str_eq(ask->engine->variant, "rootless");
	struct diag *d;

	if (!profile_on(s->profile, "container-toolkit.no-cgroups") || rootless)
		return;
	d = by_rule(s, SEV_WARNING, 61, "container-toolkit.no-cgroups",
		    "with no-cgroups, containers of an engine that runs as root get no GPU");
	why(s, d, "nobody allows them the devices then; it is for rootless engines");
	way(s, d, "container-toolkit.no-cgroups=auto", "let it follow the engine: auto");
}

static void judge_mode(struct solving *s, const struct toolkit_ask *ask)
{
	const char *mode = profile_get(s->profile, "container-toolkit.mode");
	const char *engine = ask->engine ? ask->engine->version : NULL;
	struct diag *d;

	if (str_eq(mode, "jit-cdi") && ver_cmp(ask->version, "1.18.0") < 0) {
		d = by_rule(s, SEV_ERROR, 55, "container-toolkit.mode",
			    "container toolkit %s has no mode jit-cdi, it came with 1.18.0",
			    ask->version);
		way(s, d, "container-toolkit.version=null", "leave container-toolkit.version out");
		way(s, d, "container-toolkit.mode=auto", "leave the mode to it: auto");
	}
	if (str_eq(mode, "cdi") && str_eq(ask->name, "docker") && engine &&
	    ver_cmp(engine, "29.2.0") < 0) {
		d = by_rule(s, SEV_WARNING, 55, "container-toolkit.mode",
			    "with mode cdi, docker run --gpus does not work with Docker %s",
			    engine);
		why(s, d, "before 29.2.0 it calls the runtime hook, which refuses in that mode");
		way(s, d, "container-toolkit.mode=auto", "leave the mode to the toolkit: auto");
		way(s, d, NULL, "use docker run --runtime nvidia, or --device nvidia.com/gpu=all");
	}
	/* Beneath a kubelet that uses systemd's cgroups, solve/containers.c says so already. */
	if (str_eq(mode, "legacy") && !str_eq(s->facts->kubelet.cgroup_driver, "systemd")) {
		d = by_rule(s, SEV_WARNING, 60, "container-toolkit.mode",
			    "in legacy mode systemctl daemon-reload takes the GPUs from running "
			    "containers");
		why(s, d, "systemd does not know devices that the hook adds behind its back");
		way(s, d, "container-toolkit.mode=auto", "leave the mode to the toolkit: auto");
	}
}

static void add_settings(struct solving *s, const struct toolkit_ask *ask)
{
	const struct fact_file *now = facts_file(s->facts, &TOOLKIT_CONFIG[1]);
	const char *text = now ? now->content : NULL;
	struct plan_step *step = NULL;
	bool leave;

	judge_no_cgroups(s, ask);
	judge_mode(s, ask);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const char *value = wanted(s, ask, i, &leave);

		if (!value)
			continue;
		if (!step)
			step = plan_add(s->plan, "toolkit", "settings", OP_CHANGE, TOOLKIT_CONFIG);
		step_arg(s->plan, step, leave ? "leave" : "set", spelled(s, i, value));
		step_reason(s->plan, step,
			    str_eq(settings[i].path, "container-toolkit.no-cgroups") ? "R61" : NULL,
			    place(s, settings[i].path), "%s", spelled(s, i, value));
	}
	if (!step)
		return;
	step_arg(s->plan, step, "path", TOOLKIT_CONFIG);
	step_needs(s->plan, step, "packages:nvidia");
	if (toolkit_says(step, text, text ? strlen(text) : 0, s->a))
		step->op = OP_KEEP;
	plan_post(s->plan, "containers.settings", "toolkit-settings", &TOOLKIT_CONFIG[1], NULL,
		  NULL);
}

/* ---- CDI ---- */

static const char *refresh_since(const struct solving *s)
{
	const struct record *r = catalog_find(s->catalog, "cdi", "nvidia");

	return r ? record_get(r, "refresh_since") : NULL;
}

/* Is the unit wanted by some target already, or masked? As the probe found its links. */
static bool is_wired(const struct solving *s, const char *unit, bool on)
{
	const char *tail = arena_printf(s->a, ".wants/%s", unit);

	list_each (&s->facts->files, f)
		if (on ? str_ends(f->path, tail) :
			 str_eq(f->content, "/dev/null") && str_ends(f->path, unit))
			return true;
	return false;
}

/* Made by hand: nobody makes it anew when the driver changes. */
static void judge_specs(struct solving *s)
{
	list_each (&s->facts->files, f) {
		const char *of = f->content ? strstr(f->content, "libcuda.so.") : NULL;
		struct diag *d;

		if (!str_starts(f->path, "etc/cdi/"))
			continue;
		d = by_rule(s, SEV_WARNING, 59, "container-toolkit.cdi",
			    "/%s was made by hand, and nobody makes it anew", f->path);
		if (of)
			why(s, d,
			    "it is of driver %.*s; it defines the same devices as "
			    "nvidia-cdi-refresh, and goes stale with every driver",
			    (int)strcspn(of + strlen("libcuda.so."), "\n"),
			    of + strlen("libcuda.so."));
		else
			why(s, d, "it defines the same devices as nvidia-cdi-refresh");
		way(s, d, NULL, "take it away: sudo rm /%s", f->path);
	}
}

static void judge_hooks(struct solving *s)
{
	list_each (&s->facts->files, f) {
		struct diag *d;

		if (!str_ends(f->path, "/oci-nvidia-hook.json"))
			continue;
		d = by_rule(s, SEV_WARNING, 59, "engine",
			    "/%s gives containers the GPUs a second time", f->path);
		why(s, d, "Podman runs it beside CDI; it is of toolkits before 1.18");
		way(s, d, NULL, "take it away: sudo rm /%s", f->path);
	}
}

static void add_cdi_step(struct solving *s, bool on)
{
	bool kept = is_wired(s, TOOLKIT_CDI_SERVICE, on) && is_wired(s, TOOLKIT_CDI_PATH, on);
	struct plan_step *step =
		plan_add(s->plan, "cdi", "nvidia", kept ? OP_KEEP : OP_CHANGE,
			 on ? TOOLKIT_CDI_SERVICE : TOOLKIT_CDI_SERVICE ", masked");

	step_arg(s->plan, step, "wish", on ? "on" : "off");
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, "R59", place(s, "container-toolkit.cdi"),
		    on ? "keeps the CDI specification that of the driver" :
			 "container-toolkit.cdi is off");
	if (!on)
		return;
	judge_specs(s);
	plan_post(s->plan, "containers.cdi-refresh", "cdi-refresh", TOOLKIT_CDI_SERVICE, NULL,
		  NULL);
}

static void cdi_too_old(struct solving *s, const struct toolkit_ask *ask, const char *since,
			bool must)
{
	struct diag *d;

	if (!must) {
		plan_omit(s->plan, "nvidia-cdi-refresh", "R59", place(s, "container-toolkit.cdi"),
			  "container toolkit %s does not have it, it came with %s", ask->version,
			  since);
		return;
	}
	d = by_rule(s, SEV_ERROR, 59, "container-toolkit.cdi",
		    "container toolkit %s keeps no CDI specification", ask->version);
	why(s, d, "nvidia-cdi-refresh came with %s; a specification made by hand goes stale",
	    since);
	way(s, d, "container-toolkit.version=null", "leave container-toolkit.version out");
	if (!str_eq(ask->name, "podman"))
		way(s, d, "container-toolkit.cdi=auto", "do without: container-toolkit.cdi: auto");
}

static void add_cdi(struct solving *s, const struct toolkit_ask *ask)
{
	const char *wish = profile_get(s->profile, "container-toolkit.cdi");
	const char *since = refresh_since(s);
	bool automatic = str_eq(wish, "auto"), podman = str_eq(ask->name, "podman");
	bool on = automatic || profile_on(s->profile, "container-toolkit.cdi");
	struct diag *d;

	if (podman)
		judge_hooks(s);
	if (podman && !on) {
		d = by_rule(s, SEV_ERROR, 54, "container-toolkit.cdi",
			    "Podman has nothing but CDI for GPUs");
		way(s, d, "container-toolkit.cdi=auto", "keep it: container-toolkit.cdi: auto");
		return;
	}
	if (since && ver_cmp(ask->version, since) < 0) {
		if (on)
			cdi_too_old(s, ask, since, podman || !automatic);
		return;
	}
	if (s->facts->platform.systemd == TRI_NO && on) {
		plan_omit(s->plan, "nvidia-cdi-refresh", "R59", place(s, "container-toolkit.cdi"),
			  "it is a service of systemd, which is not the init here");
		return;
	}
	add_cdi_step(s, on);
}

/* ---- /dev/char ---- */

static const char rule_text[] =
	"# Written by gpuprov: links in /dev/char, or containers lose their GPUs when systemd\n"
	"# reads its units anew. Do not edit; 'gpuprov rollback' takes it away again.\n"
	"ACTION==\"add\", DEVPATH==\"/bus/pci/drivers/nvidia\", RUN+=\"" NVIDIA_CTK
	" system create-dev-char-symlinks --create-all\"\n";

static void add_links_now(struct solving *s)
{
	struct plan_step *step;

	/* Without the module there are no devices yet: the rule comes in time. */
	if (!s->facts->live || !s->facts->driver.loaded)
		return;
	step = plan_add(s->plan, "devchar", "nvidia",
			facts_file(s->facts, TOOLKIT_DEV_CHAR) ? OP_KEEP : OP_ADD, "/dev/char");
	step_arg(s->plan, step, "program", NVIDIA_CTK);
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, "R60", place(s, "container-toolkit.dev-char-links"),
		    "links for the devices that are there now");
}

static void add_dev_char(struct solving *s, const struct toolkit_ask *ask)
{
	static const char key[] = "container-toolkit.dev-char-links";
	bool automatic = str_eq(profile_get(s->profile, key), "auto");
	const struct fact_file *ours = facts_file(s->facts, TOOLKIT_UDEV_RULE);
	struct plan_step *step;

	if (!automatic && !profile_on(s->profile, key))
		return;
	/* Podman's containers have the devices in their specification, and no daemon. */
	if (automatic && (!ask->name || str_eq(ask->name, "podman")))
		return;
	if (automatic && !ours && facts_file(s->facts, TOOLKIT_DEV_CHAR)) {
		plan_omit(s->plan, "links in /dev/char", "R60", place(s, key),
			  "this driver makes them itself");
		return;
	}
	step = plan_add(s->plan, "file", "dev-char",
			!ours                            ? OP_ADD :
			str_eq(ours->content, rule_text) ? OP_KEEP :
							   OP_CHANGE,
			"/" TOOLKIT_UDEV_RULE);
	step_arg(s->plan, step, "path", TOOLKIT_UDEV_RULE);
	step_arg(s->plan, step, "content", rule_text);
	step_needs(s->plan, step, "packages:nvidia");
	step_reason(s->plan, step, "R60", place(s, key),
		    "without links in /dev/char, systemctl daemon-reload takes the GPUs from "
		    "running containers");
	add_links_now(s);
	plan_post(s->plan, "containers.dev-char", "dev-char", "dev/char", NULL, NULL);
}

void solve_toolkit(struct solving *s, const struct toolkit_ask *ask)
{
	add_settings(s, ask);
	add_cdi(s, ask);
	add_dev_char(s, ask);
}
