/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container engine reads its configuration. */
#include "engines/locate.h"

#include "base/str.h"

#include <string.h>

const char *arg_value(const strs *args, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < args->n; i++) {
		const char *arg = args->at[i];

		if (str_eq(arg, name))
			return i + 1 < args->n ? args->at[i + 1] : "";
		if (str_starts(arg, name) && arg[n] == '=')
			return arg + n + 1;
	}
	return NULL;
}

/* Of an option with a short name too. */
static const char *either(const strs *args, const char *name, const char *other)
{
	const char *value = arg_value(args, name);

	return value ? value : arg_value(args, other);
}

static const char *rootless_file(const struct locate_env *env, struct arena *a)
{
	if (!str_empty(env->xdg_config))
		return arena_printf(a, "%s/docker/daemon.json", env->xdg_config);
	return arena_printf(a, "%s/.config/docker/daemon.json", env->home ? env->home : "");
}

static void locate_docker(const strs *args, const struct locate_env *env, struct arena *a,
			  struct located *ret)
{
	const char *named = arg_value(args, "--config-file");
	const char *rootless = arg_value(args, "--rootless");

	ret->named = named != NULL;
	ret->config = named ? named : "/etc/docker/daemon.json";
	if (rootless && !str_eq(rootless, "false")) {
		ret->variant = "rootless";
		if (!named)
			ret->config = rootless_file(env, a);
	}
	if (!str_starts(ret->config, "/var/snap/"))
		return;
	ret->variant = "snap";
	ret->refuse = "it belongs to a snap, whose folder is replaced at each refresh";
}

/* Whose containerd is this, when it is not the host's own? */
static const struct {
	const char *part, *owner, *refuse;
} owners[] = {
	{ "/run/docker/containerd/", "docker", "this containerd is dockerd's own and has no CRI" },
	{ "/rancher/k3s/", "k3s", "k3s generates it at each start" },
	{ "/rancher/rke2/", "rke2", "RKE2 generates it at each start" },
	{ "/etc/k0s/", "k0s", "k0s manages it; files of one's own go to /etc/k0s/containerd.d" },
	{ "/var/snap/", "microk8s", "it belongs to a snap" },
};

static void locate_containerd(const strs *args, struct located *ret)
{
	const char *named = either(args, "--config", "-c");

	ret->named = named != NULL;
	ret->config = named ? named : "/etc/containerd/config.toml";
	for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++) {
		if (!strstr(ret->config, owners[i].part))
			continue;
		ret->owner = owners[i].owner;
		ret->refuse = owners[i].refuse;
		ret->config = NULL;
		return;
	}
}

static void locate_crio(const strs *args, struct located *ret)
{
	const char *named = either(args, "--config", "-c");
	const char *folder = either(args, "--config-dir", "-d");

	ret->named = named != NULL;
	ret->config = named ? named : "/etc/crio/crio.conf";
	ret->drop_ins = folder ? folder : "/etc/crio/crio.conf.d";
}

void locate(const char *engine, const strs *args, const struct locate_env *env, struct arena *a,
	    struct located *ret)
{
	*ret = (struct located){ 0 };
	if (str_eq(engine, "docker"))
		locate_docker(args, env, a, ret);
	else if (str_eq(engine, "containerd"))
		locate_containerd(args, ret);
	else if (str_eq(engine, "crio"))
		locate_crio(args, ret);
}
