/* SPDX-License-Identifier: Apache-2.0 */
/* What rules say about the host for the driver that was chosen, whichever that is. */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

/* R19: the container toolkit is made for few architectures; for ppc64le it was up to 1.17. */
static void r19(struct solving *s, const struct choice *c)
{
	const struct record *set = catalog_find(s->catalog, "toolkit-set", "whole");
	const char *arch = s->facts->os.arch;
	const char *asked = profile_get(s->profile, "container-toolkit.version");
	bool power = str_eq(arch, "ppc64el");
	struct diag *d;

	(void)c;
	if (!str_eq(s->purpose, "containers") || !arch || !set ||
	    record_has(set, "architectures", arch) ||
	    (power && asked && ver_cmp(asked, "1.18") < 0))
		return;
	d = by_rule(s, SEV_ERROR, 19, "container-toolkit",
		    "the container toolkit is not made for %s", power ? "ppc64le" : arch);
	why(s, d, power ? "1.17 was the last that was made for it%s" : "it is made for %s",
	    power ? "" : record_get(set, "architectures"));
	way(s, d, NULL, "run GPU containers on a machine of %s", record_get(set, "architectures"));
}

/* R26: an id that no list has is no reason to refuse. */
static void r26(struct solving *s, const struct choice *c)
{
	(void)c;
	list_each (&s->targets, t) {
		struct diag *d;

		if (t->gpu)
			continue;
		d = by_rule(s, SEV_WARNING, 26, "gpus", "%s is not in the catalog", t->name);
		why(s, d,
		    "lists of GPUs are never complete, so it is no reason to refuse; verify "
		    "tells whether the driver takes it");
	}
}

/* R12: names without a version follow the newest release, unless something holds them. */
static void r12(struct solving *s, const struct choice *c)
{
	const struct record *r = c->origin == FROM_NVIDIA && c->world ?
					 role_of(s, c->world, "libcuda", c->branch) :
					 NULL;
	struct diag *d;

	if (!r || strchr(record_get(r, "packages"), '{') || profile_on(s->profile, "apt.pin"))
		return;
	d = by_rule(s, SEV_WARNING, 12, "apt.pin", "nothing keeps the driver on branch %s",
		    c->branch);
	why(s, d,
	    "NVIDIA's packages for it have no branch in their names, so the next upgrade "
	    "takes the newest there is");
	way(s, d, "apt.pin=true", "let NVIDIA's pinning package hold it: apt.pin: true");
}

/* R32: marks of a .run whose driver is gone, or whose record cannot be read. */
static void r32(struct solving *s, const struct choice *c)
{
	const struct fact_driver *there = &s->facts->driver;
	const char *mark = there->marks.n ? there->marks.at[0] : "";
	bool uninstaller = str_ends(mark, "/nvidia-uninstall");
	bool run = c->origin == FROM_RUNFILE;
	struct diag *d;

	/* What this program itself left half-done is cleared away by the step that follows. */
	if (there->version || !there->marks.n || facts_file(s->facts, FACT_INSTALLING "/driver"))
		return;
	d = by_rule(s, run || uninstaller ? SEV_ERROR : SEV_WARNING, 32, "driver.source",
		    "an earlier driver left '%s'", mark);
	if (uninstaller) {
		why(s, d, "a .run installer was here, and which driver it brought is not known");
		way(s, d, NULL, "let it clear up: nvidia-uninstall --silent, then plan again");
		return;
	}
	why(s, d, "%s",
	    run ? "nvidia-installer stops where another installation has left its mark" :
		  "nothing else of it is there; an installer by .run would stop at it");
	way(s, d, NULL, "take it away: rm %s, then plan again", mark);
}

/* R32: a toolkit that was cut off, and is not asked for: nothing else would clear it away. */
static void r32_cuda(struct solving *s, const struct choice *c)
{
	static const char head[] = FACT_INSTALLING "/cuda-";

	(void)c;
	list_each (&s->facts->files, file) {
		const char *series = file->path + sizeof(head) - 1;
		bool asked = false;
		struct diag *d;

		if (!str_starts(file->path, head))
			continue;
		list_each (&s->asks.cudas, cuda)
			asked |= str_eq(ver_head(*cuda, 2, s->a), series);
		if (asked)
			continue;
		d = by_rule(s, SEV_WARNING, 32, "cuda", "a CUDA %s toolkit is half-copied here",
			    series);
		why(s, d, "its installation was cut off, and this profile does not ask for it");
		way(s, d, NULL, "put back what was begun: gpuprov rollback, then plan again");
	}
}

/* R33: another flavour than the one that is installed. */
static void r33(struct solving *s, const struct choice *c)
{
	const char *there = s->facts->driver.flavour;
	struct diag *d;

	if (!there || c->flavour == FLAVOUR_NONE || str_eq(there, flavour_word(c->flavour)))
		return;
	d = by_rule(s, SEV_WARNING, 33, "driver.modules",
		    "the %s kernel modules are replaced by the %s ones", there,
		    flavour_word(c->flavour));
	why(s, d, "both cannot be installed together; the switch is complete after a reboot");
	s->plan->totals.reboot = true;
}

/* R37: NVIDIA's repository for a release that its guide no longer names. */
static void r37(struct solving *s, const struct choice *c)
{
	struct diag *d;

	if (c->origin != FROM_NVIDIA || !s->release ||
	    !record_is(s->release, "nvidia_current", "no"))
		return;
	d = by_rule(s, SEV_WARNING, 37, "driver.source", "NVIDIA's guide no longer lists %s %s",
		    s->facts->os.id, s->facts->os.version);
	why(s, d, "its repository may not get newer drivers");
}

/* R38: modules are compiled for each kernel, so its headers must be there or to be had. */
static void r38(struct solving *s, const struct choice *c)
{
	if (c->flavour == FLAVOUR_NONE || c->prebuilt)
		return;
	list_each (&s->facts->kernels, k) {
		struct diag *d;

		strs names = { 0 };

		s->distro->headers(s->a, s->facts, k, &names);
		if ((!k->image && !k->running) || k->headers || names.n)
			continue;
		d = by_rule(s, SEV_ERROR, 38, "driver.modules",
			    "no package brings headers for kernel %s", k->release);
		why(s, d, "the kernel module is compiled for every kernel that will boot");
		way(s, d, NULL, "install them at /lib/modules/%s/build, then plan again",
		    k->release);
		way(s, d, NULL, "boot a kernel of the distribution");
		way(s, d, "driver.modules=none", "user space only: driver.modules: none");
	}
}

/* R45: modules cannot be swapped under processes that use them. */
static void r45(struct solving *s, const struct choice *c)
{
	const char *wish = profile_get(s->profile, "driver.in-use");
	const char *loaded = s->facts->driver.loaded;
	struct diag *d;

	if (!s->facts->holders.n || c->flavour == FLAVOUR_NONE || !loaded ||
	    (c->version && ver_cmp(loaded, c->version) == 0))
		return;
	if (str_eq(wish, "next-boot")) {
		s->plan->totals.reboot = true;
		return;
	}
	d = by_rule(s, SEV_ERROR, 45, "driver.in-use", "%s (%lld)%s hold%s the GPUs",
		    s->facts->holders.at[0].name, s->facts->holders.at[0].pid,
		    s->facts->holders.n > 1 ? " and others" : "",
		    s->facts->holders.n > 1 ? "" : "s");
	why(s, d, "modules cannot be replaced while they are in use");
	way(s, d, "driver.in-use=next-boot", "switch at the next boot: driver.in-use: next-boot");
	way(s, d, NULL, "stop them, then plan again");
}

/* R64: a driver container of the gpu-operator and a driver on the host exclude each other. */
static void r64(struct solving *s, const struct choice *c)
{
	const struct fact_driver *there = &s->facts->driver;
	struct diag *d;

	(void)c;
	if (!str_eq(there->origin, "container"))
		return;
	d = by_rule(s, SEV_ERROR, 64, "driver.source",
		    "a driver container of the gpu-operator drives this host");
	why(s, d,
	    "driver %s comes from it; a driver on the host and that container exclude each "
	    "other",
	    there->version ? there->version : "in use");
	way(s, d, NULL, "tell the operator to leave it: driver.enabled=false, and drain the node");
}

const struct rule rules_host[] = {
	{ 12, r12 }, { 19, r19 }, { 26, r26 }, { 32, r32 }, { 32, r32_cuda }, { 33, r33 },
	{ 37, r37 }, { 38, r38 }, { 45, r45 }, { 64, r64 }, { 0, NULL },
};
