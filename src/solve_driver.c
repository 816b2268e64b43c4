/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: which driver. */
#include "solve_priv.h"

#include "base/str.h"
#include "base/ver.h"

/* Eight of the same are one reason, not eight. */
static bool first_of_its_kind(const struct solving *s, const struct fact_gpu *g)
{
	list_each (&s->gpus, before)
		if (str_eq(before->device, g->device))
			return before == g;
	return true;
}

/* R20, R24: the branch must support every GPU of the host. */
static void check_gpu(struct solving *s, const struct fact_gpu *g)
{
	const struct record *gpu = catalog_gpu(s->catalog, g->device);
	const struct record *arch =
		gpu ? catalog_find(s->catalog, "arch", record_get(gpu, "arch")) : NULL;
	const char *name = catalog_gpu_name(s->catalog, g->device);
	const char *first, *last;
	struct diag *d;

	if (!arch) {
		/* R26: lists are incomplete, so an unknown id is no reason to refuse. */
		d = warn(s, GP_RULE + 26, "driver", "%s is not in the catalog", name);
		d->rule = "R26";
		return;
	}
	first = record_get(arch, "first_branch");
	last = record_get(arch, "last_branch");
	if (last && ver_cmp(s->branch, last) > 0) {
		d = refuse(s, GP_RULE + 20, "driver.branch",
			   "driver branch %s does not support the %s", s->branch, name);
		d->rule = "R20";
		diag_why(&s->plan->diags, d, "%s GPUs are supported up to branch %s", arch->key,
			 last);
	} else if (first && ver_cmp(s->branch, first) < 0) {
		d = refuse(s, GP_RULE + 36, "driver.branch",
			   "driver branch %s does not know the %s yet", s->branch, name);
		d->rule = "R36";
		diag_why(&s->plan->diags, d, "%s GPUs need branch %s or newer", arch->key, first);
	}
}

static const struct record *archive_driver(const struct solving *s)
{
	const struct fact_os *os = &s->facts->os;

	return os->version ? catalog_find(s->catalog, "archive-driver",
					  arena_printf(s->a, "%s/%s", os->id, os->version)) :
			     NULL;
}

/* The branch that the distribution itself carries is the only one to be had from it. */
static bool fits_archive(struct solving *s, const struct record *archive)
{
	const char *branch = record_get(archive, "branch");
	const char *version = profile_get(s->profile, "driver.version");
	const char *asked = version ? version : profile_get(s->profile, "driver.branch");
	const char *path = version ? "driver.version" : "driver.branch";
	struct diag *d;

	s->branch = branch;
	s->within = asked ? asked : branch;
	if (!asked || ver_within(asked, branch))
		return true;
	d = refuse(s, GP_SOURCE_LACKS_BRANCH, path, "%s %s does not carry driver %s",
		   s->facts->os.id, s->facts->os.version, asked);
	diag_why(&s->plan->diags, d, "its archive has %s", record_get(archive, "version"));
	diag_way(&s->plan->diags, d, arena_printf(s->a, "driver.branch=%s", branch),
		 "take the branch it has: driver.branch: \"%s\"", branch);
	diag_way(&s->plan->diags, d, NULL, "leave %s out", path);
	return false;
}

bool solve_driver(struct solving *s)
{
	const struct record *archive = archive_driver(s);
	struct diag *d;

	if (!archive) {
		d = refuse(s, GP_UNSUPPORTED_DISTRO, "driver.source",
			   "it is not known which driver %s carries", s->facts->os.name);
		diag_way(&s->plan->diags, d, NULL, "use Debian 12");
		return false;
	}
	if (!fits_archive(s, archive))
		return false;
	s->modules = !profile_is(s->profile, "driver.modules", "none");
	list_each (&s->gpus, g)
		if (first_of_its_kind(s, g))
			check_gpu(s, g);
	return !plan_refused(s->plan);
}
