/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov compat: which CUDA goes with which driver and which GPU. */
#include "compat.h"

#include "base/str.h"
#include "commands/common.h"

#include <string.h>

/* What this host (or --facts) has now. A matrix can do without: no error is one here. */
static struct compat_mark mark_of(struct job *j)
{
	struct compat_mark mark = { NULL, NULL };
	auto_err ignored = { 0 };

	if (job_facts(j, &ignored))
		return mark;
	if (j->facts.driver.version)
		mark.branch = arena_strn(&j->a, j->facts.driver.version,
					 strcspn(j->facts.driver.version, "."));
	list_each (&j->facts.cudas, it) {
		size_t n = it->version ? strcspn(it->version, ".") : 0;

		if (!n || !(it->linked || j->facts.cudas.n == 1))
			continue;
		n += it->version[n] ? 1 + strcspn(it->version + n + 1, ".") : 0;
		mark.series = arena_strn(&j->a, it->version, n);
	}
	return mark;
}

static int matrix(struct job *j, struct buf *out, struct err *e)
{
	const char *name = opt_value(j->o, OPT_GPU);
	const struct record *gpu = NULL;
	struct compat_mark mark = mark_of(j);

	if (name) {
		auto_buf struct buf ignored = BUF_TEXT;

		gpu = catalog_gpu_named(&j->catalog, name);
		if (!gpu)
			gpu = catalog_gpu(&j->catalog, str_starts(name, "10de:") ? name + 5 : name);
		/* Not known: say so as the question about the GPU alone does. */
		if (!gpu)
			return compat_gpu(&j->catalog, name, &j->a, &ignored, e);
	}
	compat_matrix(&j->catalog, gpu, &mark, opt_format(j->o), &j->a, out);
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf out = BUF_INIT(8 << 20);
	const char *cuda = opt_value(o, OPT_CUDA), *driver = opt_value(o, OPT_DRIVER);
	const char *gpu = opt_value(o, OPT_GPU);
	bool whole = opt_given(o, OPT_MATRIX);

	if (!cuda && !driver && !gpu && !whole) {
		err_set(e, GP_USAGE, "compat of what?");
		err_way(e,
			"gpuprov compat --cuda 12.8, --driver 580, --gpu \"Tesla T4\" or --matrix");
		return -1;
	}
	if (!whole && !opt_wants(o, "text")) {
		err_set(e, GP_USAGE, "--format is for --matrix");
		err_way(e, "add --matrix, or leave --format out");
		return -1;
	}
	if (job_open(&j, o, e))
		return -1;
	if (whole && matrix(&j, &out, e))
		return -1;
	if (cuda && compat_cuda(&j.catalog, cuda, &j.a, &out, e))
		return -1;
	if (driver && compat_driver(&j.catalog, driver, &j.a, &out, e))
		return -1;
	if (gpu && !whole && compat_gpu(&j.catalog, gpu, &j.a, &out, e))
		return -1;
	return print(&out, e) ? -1 : STATUS_OK;
}

const struct command command_compat = {
	.name = "compat",
	.args = "",
	.min = 0,
	.max = 0,
	.summary = "ask the catalog what goes with what",
	.about = "Tells what a CUDA version needs, what a driver supports, or what a GPU takes; "
		 "--matrix shows driver branches by CUDA versions: full support, minor-version "
		 "compatibility, with a cuda-compat package, or none. What this host has is "
		 "marked.\n",
	.options = (const enum option[]){ OPT_CUDA, OPT_DRIVER, OPT_GPU, OPT_MATRIX, OPT_FORMAT,
					  OPT_FACTS, OPT_ROOT, OPT_CATALOG, OPT_COUNT },
	.formats = (const char *const[]){ "text", "md", "html", "csv", "json", NULL },
	.run = run,
};
