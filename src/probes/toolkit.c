/* SPDX-License-Identifier: Apache-2.0 */
/* What the container toolkit, or somebody by hand, has set up: settings, CDI, links for devices. */
#include "probes/probe.h"

#include "base/str.h"
#include "engines/toolkit.h"
#include "sys/sys.h"

#include <string.h>

static struct fact_file *learn(const struct sys *sys, struct facts *f, const char *path)
{
	static const char *const states[] = { "absent", "file", "directory", "link", "other" };
	auto_err ignored = { 0 }; /* what cannot be looked at is not there for us */
	struct fact_file *file;
	struct sys_stat st;

	if (sys_stat(sys, path, &st, &ignored) || st.type == SYS_ABSENT)
		return NULL;
	file = list_push(f->a, &f->files);
	*file = (struct fact_file){ .path = path, .state = states[st.type] };
	if (st.type == SYS_LINK)
		file->content = probe_link(sys, f, path);
	return file;
}

static void learn_text(const struct sys *sys, struct facts *f, const char *path)
{
	struct fact_file *file = learn(sys, f, path);
	const char *text = file ? probe_text(sys, f, path) : NULL;
	size_t bad;

	if (text && utf8_valid(text, strlen(text), &bad))
		file->content = text;
}

/*
 * A specification is long, and made anew at every boot: what counts for a plan is which driver it
 * is of, so that is all that is kept.
 */
static void learn_spec(const struct sys *sys, struct facts *f, const char *path)
{
	const char *text = probe_text(sys, f, path);
	struct toolkit_spec spec;
	struct fact_file *file;

	if (!text || !strstr(text, "nvidia.com/"))
		return;
	file = learn(sys, f, path);
	toolkit_read_spec(text, f->a, &spec);
	if (file && spec.driver)
		file->content = arena_printf(f->a, "libcuda.so.%s\n", spec.driver);
}

static void learn_specs(const struct sys *sys, struct facts *f, const char *folder)
{
	strs names = { 0 };

	probe_list(sys, f, folder, &names);
	list_each (&names, name)
		if (str_ends(*name, ".yaml") || str_ends(*name, ".json"))
			learn_spec(sys, f, arena_printf(f->a, "%s/%s", folder, *name));
}

/* Enabled units have a link in the folder of a target, masked ones lead to /dev/null. */
static void learn_units(const struct sys *sys, struct facts *f)
{
	static const char *const units[] = { TOOLKIT_CDI_SERVICE, TOOLKIT_CDI_PATH };
	strs names = { 0 };

	probe_list(sys, f, "etc/systemd/system", &names);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		learn(sys, f, arena_printf(f->a, "etc/systemd/system/%s", units[i]));
		list_each (&names, name)
			if (str_ends(*name, ".wants"))
				learn(sys, f,
				      arena_printf(f->a, "etc/systemd/system/%s/%s", *name,
						   units[i]));
	}
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	/* Of toolkits before CDI; with it, both give a container the GPUs. */
	static const char *const hooks[] = {
		"usr/share/containers/oci/hooks.d/oci-nvidia-hook.json",
		"etc/containers/oci/hooks.d/oci-nvidia-hook.json",
	};

	(void)e;
	learn_text(sys, f, &TOOLKIT_CONFIG[1]);
	learn_text(sys, f, TOOLKIT_UDEV_RULE);
	learn_units(sys, f);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		learn(sys, f, hooks[i]);
	learn_specs(sys, f, "etc/cdi");
	learn_specs(sys, f, "run/cdi");
	if (sys->live && !learn(sys, f, TOOLKIT_DEV_CHAR) && probe_there(sys, "dev/nvidiactl"))
		fact_from(f, "dev_char", "/dev/nvidiactl has no link /" TOOLKIT_DEV_CHAR);
	return 0;
}

const struct probe probe_toolkit = { "toolkit", PROBE_NORMAL, run };
