/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules say about a driver for these GPUs. Facts and sources: the catalog's rule, branch, arch
 * and gpu records.
 */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static const char *path_of(const struct solving *s)
{
	return s->asks.version ? "driver.version" : "driver.branch";
}

/* R20: every GPU has a last branch. R36: and a first one. */
static void r20(struct solving *s, const struct choice *c)
{
	list_each (&s->targets, t) {
		const char *last = catalog_last_branch(t->gpu, t->arch);
		struct diag *d;

		if (!last || ver_cmp(c->branch, last) <= 0)
			continue;
		d = by_rule(s, SEV_ERROR, 20, path_of(s),
			    "driver branch %s does not support the %s", c->branch, t->name);
		why(s, d, "%s GPUs are supported up to branch %s", t->arch ? t->arch->key : "such",
		    last);
	}
}

static void r36(struct solving *s, const struct choice *c)
{
	list_each (&s->targets, t) {
		const char *first = catalog_first_branch(t->gpu, t->arch);
		struct diag *d;

		if (!first || ver_cmp(c->branch, first) >= 0)
			continue;
		d = by_rule(s, SEV_ERROR, 36, path_of(s),
			    "driver branch %s does not know the %s yet", c->branch, t->name);
		why(s, d, "%s GPUs need branch %s or newer", t->arch->key, first);
	}
}

/* R21: open modules drive GPUs with a GSP only: Turing and newer. */
static void r21(struct solving *s, const struct choice *c)
{
	if (c->flavour != FLAVOUR_OPEN)
		return;
	list_each (&s->targets, t) {
		bool never = t->arch && record_is(t->arch, "open", "never");
		const char *from = t->arch ? record_get(t->arch, "open_from") : NULL;
		struct diag *d;

		if (!never && !(t->gpu && record_is(t->gpu, "open", "no")) &&
		    !(from && ver_cmp(c->branch, from) < 0))
			continue;
		d = by_rule(s, SEV_ERROR, 21, "driver.modules",
			    "open kernel modules do not drive the %s", t->name);
		if (from && !never && ver_cmp(c->branch, from) < 0)
			why(s, d, "for %s they start with branch %s", t->arch->key, from);
		else
			why(s, d, "they need a GPU with a GSP: Turing or newer");
	}
}

/* R22: some GPUs are driven by open modules only. */
static void r22(struct solving *s, const struct choice *c)
{
	if (c->flavour != FLAVOUR_PROPRIETARY)
		return;
	list_each (&s->targets, t) {
		struct diag *d;

		if (!(t->arch && record_is(t->arch, "open", "required")) &&
		    !(t->gpu && record_is(t->gpu, "open_required", "yes")))
			continue;
		d = by_rule(s, SEV_ERROR, 22, "driver.modules",
			    "the %s needs the open kernel modules", t->name);
		why(s, d, "proprietary modules do not know it");
	}
}

/* R23: proprietary modules end with branch 610. */
static void r23(struct solving *s, const struct choice *c)
{
	struct diag *d;

	if (c->flavour != FLAVOUR_PROPRIETARY || !c->known ||
	    !record_is(c->known, "proprietary", "no"))
		return;
	d = by_rule(s, SEV_ERROR, 23, "driver.modules",
		    "driver branch %s has no proprietary kernel modules", c->branch);
	why(s, d, "from branch 615 on only the open ones are packaged");
}

/* R25: the first version inside the branch that lists a device. */
static void r25(struct solving *s, const struct choice *c)
{
	list_each (&s->targets, t) {
		const char *min = t->gpu ? record_get(t->gpu, "min") : NULL;
		const char *late = t->gpu ? record_get(t->gpu, "late") : NULL;
		const char *in_branch = NULL;
		struct diag *d;

		/* late="{'545': '545.29.02'}": it came to that branch later than its beginning. */
		if (late) {
			const char *at = strstr(late, arena_printf(s->a, "'%s': '", c->branch));

			if (at) {
				at += strlen(c->branch) + strlen("'': '");
				in_branch = arena_strn(s->a, at, strcspn(at, "'"));
			}
		}
		if (!in_branch)
			in_branch = min;
		if (!in_branch || ver_cmp(c->newest, in_branch) >= 0)
			continue;
		/* Older than the whole branch: r36 says it when the generation is newer too. */
		if (catalog_first_branch(t->gpu, t->arch) &&
		    ver_cmp(c->branch, catalog_first_branch(t->gpu, t->arch)) < 0)
			continue;
		d = by_rule(s, SEV_ERROR, 25, path_of(s), "driver %s does not list the %s",
			    c->newest, t->name);
		why(s, d, "it is supported from %s on", in_branch);
	}
}

/* R26: a branch that came after the catalog, or that never was. */
static void r26(struct solving *s, const struct choice *c)
{
	struct diag *d;

	if (c->known || c->lacking)
		return;
	d = by_rule(s, SEV_WARNING, 26, path_of(s), "driver branch %s is not in the catalog",
		    c->branch);
	why(s, d, "nothing speaks for it or against it but what is known of its GPUs");
}

/* R27: a branch that gets no fixes any more. */
static void r27(struct solving *s, const struct choice *c)
{
	const char *eol = c->known ? record_get(c->known, "eol") : NULL;
	struct diag *d;

	if (!c->known || branch_lives(s, c->known))
		return;
	d = by_rule(s, SEV_WARNING, 27, path_of(s), "driver branch %s is past its end of life",
		    c->branch);
	why(s, d, "NVIDIA ended it %s%s%s", eol ? "on " : "long ago; the date is not known",
	    eol ? eol : "",
	    c->origin == FROM_DISTRO ? "; the distribution alone mends it now" : "");
	if (s->asks.version)
		way(s, d, "driver.version=null", "leave driver.version out");
	else if (s->asks.branch)
		way(s, d, "driver.branch=null", "leave driver.branch out");
	else if (c->origin == FROM_DISTRO)
		way(s, d, "driver.source=nvidia",
		    "take a branch that NVIDIA still mends from its repository: driver.source: "
		    "nvidia");
}

/* R28: new-feature branches get no quarterly fixes. */
static void r28(struct solving *s, const struct choice *c)
{
	struct diag *d;

	if (!c->known || !record_is(c->known, "kind", "new-feature") || !on_data_center(s))
		return;
	d = by_rule(s, SEV_WARNING, 28, path_of(s),
		    "driver branch %s is a new-feature branch; data-centre GPUs should have a "
		    "production or LTS branch",
		    c->branch);
	why(s, d, "it gets no quarterly fixes");
}

/* "6.8.0-45-generic" is 6.8.0 to a rule. */
static const char *kernel_version(struct solving *s, const char *release)
{
	return arena_strn(s->a, release, strspn(release, "0123456789."));
}

/* The oldest kernel for a branch: the `min-kernel` record that begins last before it. */
static const char *min_kernel(const struct solving *s, const char *branch)
{
	const struct record *r = NULL;
	const char *min = NULL, *since = NULL;

	while ((r = catalog_next(s->catalog, "min-kernel", r))) {
		const char *from = record_get(r, "from");

		if (!min || (ver_cmp(branch, from) >= 0 && ver_cmp(from, since) > 0)) {
			min = r->key;
			since = from;
		}
	}
	return min;
}

/* R29: no newest kernel is published; some are known to break a branch all the same. */
static void r29_newer(struct solving *s, const struct choice *c, const struct fact_kernel *k)
{
	const struct record *r = catalog_find(s->catalog, "kernel-breaks", c->branch);
	struct diag *d;

	if (!r || ver_cmp(kernel_version(s, k->release), record_get(r, "from")) < 0)
		return;
	d = by_rule(s, SEV_WARNING, 29, path_of(s),
		    "modules of driver %s are known not to compile for kernel %s", c->branch,
		    k->release);
	why(s, d, "%s marks them as broken from linux %s on", record_get(r, "by"),
	    record_get(r, "from"));
	way(s, d, NULL, "boot a kernel older than %s", record_get(r, "from"));
}

/* R29: the kernel must not be too old. */
static void r29(struct solving *s, const struct choice *c)
{
	const char *min = min_kernel(s, c->branch);

	if (c->flavour == FLAVOUR_NONE || !min)
		return;
	list_each (&s->facts->kernels, k) {
		struct diag *d;

		if (!k->image && !k->running)
			continue;
		r29_newer(s, c, k);
		if (ver_cmp(kernel_version(s, k->release), min) >= 0)
			continue;
		d = by_rule(s, SEV_ERROR, 29, path_of(s), "kernel %s is too old for driver %s",
			    k->release, c->branch);
		why(s, d, "it needs linux %s or newer", min);
	}
}

/* R30: one version for everything; a source whose open modules lag behind cannot give it. */
static void r30(struct solving *s, const struct choice *c)
{
	const struct record *archive;
	const char *open;
	struct diag *d;

	if (c->origin != FROM_DISTRO || c->flavour != FLAVOUR_OPEN || !s->facts->os.version)
		return;
	archive = catalog_find(s->catalog, "archive-driver",
			       arena_printf(s->a, "%s/%s", s->facts->os.id, s->facts->os.version));
	open = archive ? record_get(archive, arena_printf(s->a, "open.%s", c->branch)) : NULL;
	if (!open || !c->version || ver_cmp(open, c->version) == 0)
		return;
	d = by_rule(s, SEV_ERROR, 30, "driver.modules",
		    "%s %s has open kernel modules of %s, but user space of %s", s->facts->os.id,
		    s->facts->os.version, open, c->version);
	why(s, d, "all parts of a driver must be of one version");
}

/* R30: the module of a container is that of its host; user space must be of the same version. */
static void r30_container(struct solving *s, const struct choice *c)
{
	const char *loaded = s->facts->driver.loaded;
	struct diag *d;

	if (!in_container(s))
		return;
	if (c->flavour != FLAVOUR_NONE) {
		d = by_rule(s, SEV_ERROR, 30, "driver.modules",
			    "a container (%s) has no kernel modules of its own",
			    s->facts->platform.container);
		why(s, d, "it uses those of the host it runs on");
		way(s, d, NULL,
		    "install the driver on that host, and let the container have its devices; in "
		    "here driver.modules: none");
		return;
	}
	if (!loaded || (c->version && ver_cmp(c->version, loaded) == 0))
		return;
	d = by_rule(s, SEV_ERROR, 30, path_of(s), "driver %s does not fit the module of the host",
		    c->version ? c->version : c->branch);
	why(s, d, "module %s is loaded there, and all parts of a driver must be of one version",
	    loaded);
}

/* R47, R49: a source without a part that this system cannot do without. */
static void r47_r49(struct solving *s, const struct choice *c)
{
	const struct fabric f = fabric_of(s);
	const struct {
		bool wanted;
		unsigned rule;
		const char *role, *path, *what, *reason;
	} parts[] = {
		{ f.manager, 47, "fabric", "fabric.manager", "fabric manager",
		  "NVSwitches need one, of the driver's version" },
		{ f.nvlsm, 49, "nvlsm", "fabric.nvlsm", "NVLink subnet manager",
		  "the NVSwitches of Blackwell HGX need one" },
		{ f.imex, 49, "imex", "fabric.imex", "imex",
		  "NVLink across hosts needs it, of the driver's version" },
	};
	bool lacks[sizeof(parts) / sizeof(*parts)];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		lacks[i] = parts[i].wanted && c->flavour != FLAVOUR_NONE && !c->lacking &&
			   !(c->world && role_of(s, c->world, parts[i].role, c->branch));
		n += lacks[i];
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct diag *d;

		if (!lacks[i])
			continue;
		d = by_rule(s, SEV_ERROR, parts[i].rule, parts[i].path, "%s has no %s",
			    choice_name(s, c), parts[i].what);
		why(s, d, "%s", parts[i].reason);
		/* Alone it leads to a plan only where nothing else is lacking. */
		if (n == 1)
			way(s, d, arena_printf(s->a, "%s=false", parts[i].path),
			    "provide it in another way: %s: false", parts[i].path);
	}
}

/* The source has no such branch, version or flavour. */
static void lacking(struct solving *s, const struct choice *c)
{
	const char *asked = s->asks.version ? s->asks.version : c->branch;
	struct diag *d;

	if (!c->lacking)
		return;
	d = refuse(s, GP_SOURCE_LACKS_BRANCH, path_of(s), "%s does not carry driver %s",
		   c->origin == FROM_DISTRO ?
			   arena_printf(s->a, "%s %s", s->facts->os.id,
					s->facts->os.version ? s->facts->os.version : "") :
		   c->origin == FROM_NVIDIA ? "NVIDIA's repository" :
					      "the catalog of .run installers",
		   asked);
	why(s, d, "%s", c->lacking);
}

/* R50: features that only open modules have. */
static void r50(struct solving *s, const struct choice *c)
{
	const struct value *features = profile_given(s->profile, "driver.features");
	struct diag *d;

	if (!features || c->flavour == FLAVOUR_OPEN)
		return;
	list_each (&features->items, f) {
		d = by_rule(s, SEV_ERROR, 50, "driver.features", "%s needs the open kernel modules",
			    f->text);
		why(s, d, "GPUDirect Storage from 2.17.5, confidential computing and HMM do");
		way(s, d, "driver.features=null", "leave driver.features out");
	}
}

/* R67: what asks for NVIDIA's DRA driver on this node. */
static void r67(struct solving *s, const struct choice *c)
{
	const struct record *r = catalog_find(s->catalog, "component-driver", "DRA driver");
	struct diag *d;

	if (!wants_dra(s) || !r || ver_cmp(c->newest, record_get(r, "min")) >= 0)
		return;
	d = by_rule(s, SEV_ERROR, 67, "kubernetes.features",
		    "NVIDIA's DRA driver needs driver %s or newer", record_get(r, "min"));
	why(s, d, "%s is %s", choice_name(s, c), c->newest);
	way(s, d, "kubernetes.features=null", "leave kubernetes.features out");
}

/* R31: one source for a host. */
static void r31(struct solving *s, const struct choice *c)
{
	const char *origin = s->facts->driver.origin;
	bool run_now = str_eq(origin, "runfile");
	bool packaged = driver_is_packaged(s);
	struct diag *d;

	if (!s->facts->driver.version || (!run_now && !packaged) ||
	    str_eq(origin, origin_word(c->origin)))
		return;
	if (packaged && c->origin != FROM_RUNFILE && str_eq(origin, "unknown"))
		return;
	if (packaged && c->origin != FROM_RUNFILE) {
		d = by_rule(s, SEV_WARNING, 31, "driver.source",
			    "the driver changes its source: driver %s came from %s",
			    s->facts->driver.version,
			    str_eq(origin, "distro") ? "the distribution" : "NVIDIA's repository");
		why(s, d, "all of its packages are replaced together, never mixed");
		return;
	}
	/* What this program itself left half-done is its own to clear away. */
	if (profile_is(s->profile, "driver.existing", "replace") ||
	    (run_now && facts_file(s->facts, FACT_INSTALLING "/driver"))) {
		d = by_rule(s, SEV_WARNING, 31, "driver.existing",
			    "driver %s, installed %s, is taken away first",
			    s->facts->driver.version,
			    run_now ? "by a .run installer" : "from packages");
		why(s, d, "packages and .run installers overwrite each other's files");
		return;
	}
	d = by_rule(s, SEV_ERROR, 31, "driver.source", "driver %s was installed %s",
		    s->facts->driver.version, run_now ? "by a .run installer" : "from packages");
	why(s, d, "packages and .run installers overwrite each other's files");
	way(s, d, "driver.existing=replace",
	    "let it be taken away first: driver.existing: replace");
	if (run_now)
		way(s, d, NULL,
		    "take it away yourself: nvidia-uninstall --silent, then plan again");
	else
		way(s, d, NULL, "take it away yourself, then plan again: apt-get remove %s",
		    driver_packages(s));
}

/* R40: Secure Boot takes modules that somebody it trusts has signed. */
static void r40(struct solving *s, const struct choice *c)
{
	const struct fact_secure_boot *sb = &s->facts->secure_boot;
	bool key = profile_given(s->profile, "driver.signing.key") &&
		   profile_given(s->profile, "driver.signing.certificate");
	struct diag *d;

	s->signing = SIGN_NOT_NEEDED;
	/* A key that was named is used also where nothing asks for it now: in an image. */
	if (key && sb->enabled != TRI_YES && c->flavour != FLAVOUR_NONE && !c->prebuilt)
		s->signing = SIGN_OWN_KEY;
	if (sb->enabled != TRI_YES || c->flavour == FLAVOUR_NONE)
		return;
	if (c->prebuilt) {
		s->signing = SIGN_PREBUILT;
		return;
	}
	if (key) {
		s->signing = SIGN_OWN_KEY;
		d = by_rule(s, SEV_WARNING, 40, "driver.signing",
			    "modules are signed with your key");
		why(s, d, "they load only where the firmware trusts its certificate");
		return;
	}
	list_each (&sb->keys, k) {
		if (!strcasestr(*k, "dkms") && !strcasestr(*k, "module signing"))
			continue;
		s->signing = SIGN_ENROLLED;
		return;
	}
	d = by_rule(s, SEV_ERROR, 40, "driver.modules",
		    "Secure Boot is on, and nothing this host trusts signs the modules");
	why(s, d,
	    "modules compiled by DKMS are signed with a key of this host, which is not "
	    "enrolled");
	way(s, d, NULL,
	    "enrol it at the console: mokutil --import /var/lib/dkms/mok.pub, reboot, confirm, "
	    "plan again");
	way(s, d, NULL, "name a key that is trusted: driver.signing: {key: ..., certificate: ...}");
	way(s, d, NULL, "turn Secure Boot off in the firmware, plan again");
	way(s, d, "driver.modules=none", "user space only: driver.modules: none");
}

const struct rule rules_driver[] = {
	{ 0, lacking }, { 20, r20 }, { 36, r36 },           { 21, r21 }, { 22, r22 },
	{ 23, r23 },    { 25, r25 }, { 26, r26 },           { 27, r27 }, { 28, r28 },
	{ 29, r29 },    { 30, r30 }, { 30, r30_container }, { 31, r31 }, { 47, r47_r49 },
	{ 67, r67 },    { 40, r40 }, { 50, r50 },           { 0, NULL },
};
