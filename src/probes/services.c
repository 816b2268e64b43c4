/* SPDX-License-Identifier: Apache-2.0 */
/* Services that run and matter: what holds GPUs, what runs containers, what draws the screen. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

static const char *const wanted[] = {
	"nvidia-persistenced",
	"nvidia-fabricmanager",
	"nvidia-imex",
	"nvidia-dcgm",
	"dcgm",
	"dcgm-exporter",
	"nvidia-powerd",
	"nvidia-mig-manager",
	"nvidia-vgpud",
	"docker",
	"snap.docker.dockerd",
	"containerd",
	"crio",
	"kubelet",
	"k3s",
	"k3s-agent",
	"rke2-server",
	"rke2-agent",
	"k0scontroller",
	"k0sworker",
	"display-manager",
	"gdm",
	"gdm3",
	"lightdm",
	"sddm",
	"unattended-upgrades",
	"apt-daily-upgrade",
};

/* A unit has a control group while it runs; that of one that ended is gone, or holds nothing. */
static bool runs(const struct sys *sys, struct facts *f, const char *slice, const char *name)
{
	const char *path =
		arena_printf(f->a, "%s/system.slice/%s.service/cgroup.procs", slice, name);
	const char *nested = arena_printf(f->a, "%s/system.slice/%s.service", slice, name);
	strs names = { 0 };

	if (probe_line(sys, f, path))
		return true;
	/* A service that delegates has its processes further down. */
	probe_list(sys, f, nested, &names);
	list_each (&names, it)
		if (probe_line(sys, f, arena_printf(f->a, "%s/%s/cgroup.procs", nested, *it)))
			return true;
	return false;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char *const trees[] = { "sys/fs/cgroup", "sys/fs/cgroup/systemd",
					     "sys/fs/cgroup/unified" };

	(void)e;
	if (!sys->live)
		return 0;
	for (size_t t = 0; t < sizeof(trees) / sizeof(*trees); t++) {
		if (!probe_there(sys, arena_printf(f->a, "%s/system.slice", trees[t])))
			continue;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (runs(sys, f, trees[t], wanted[i]))
				list_add(f->a, &f->services, wanted[i]);
		fact_from(f, "services", trees[t]);
		return 0;
	}
	fact_unknown(f, "services", "systemd has no control groups here");
	return 0;
}

const struct probe probe_services = { "services", PROBE_NORMAL, run };
