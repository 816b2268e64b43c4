/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov facts: what this host is. */
#include "commands/common.h"

#include "base/mem.h"
#include "candidates.h"
#include "look.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A .run file: what is inside, without running it. */
static int show_runfile(const struct options *o, const char *path, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	auto_free char *full = mem_alloc(PATH_MAX);
	struct jw j = { .out = &text };
	struct runfile r = { 0 };
	struct sys sys = { 0 };
	int rc;

	if (!realpath(path, full))
		return err_errno(e, errno, "reading '%s'", path);
	if (sys_real_open("/", &sys, e))
		return -1;
	rc = look(&sys, full + 1, &a, &r, e);
	sys_real_close(&sys);
	if (rc)
		return -1;
	if (opt_wants(o, "json")) {
		rec_write(&j, runfile_rows, &r);
		buf_addc(&text, '\n');
	} else {
		runfile_show(&r, &text);
	}
	return print(&text, e) ? -1 : STATUS_OK;
}

/* Only JSON has them: it is what another machine plans with. */
static void add_candidates(struct job *j)
{
	auto_err no_cache = { 0 }; /* then libapt reads the indexes each time */

	if (j->borrowed || !opt_wants(j->o, "json"))
		return;
	if (opt_given(j->o, OPT_NO_APT)) {
		fact_unknown(&j->facts, "candidates", "not asked for (--no-apt)");
		return;
	}
	candidates_gather(&j->catalog, &j->sys, job_cache(j, &no_cache) ? NULL : &j->cache,
			  &j->facts);
	job_stage(j, "libapt");
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;

	if (o->args.n)
		return show_runfile(o, o->args.at[0], e);
	if (job_open(&j, o, e) || job_facts(&j, e))
		return -1;
	add_candidates(&j);
	job_show_stages(&j);
	if (opt_wants(o, "json")) {
		facts_write(&j.facts, &text);
	} else {
		facts_summary(&j.facts, &j.catalog, &text);
		buf_addc(&text, '\n');
		list_each (&j.facts.notes, n)
			if (n->unknown)
				buf_addf(&text, "unknown: %s: %s\n", n->fact, n->unknown);
	}
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_facts = {
	.name = "facts",
	.args = "[FILE.run]",
	.min = 0,
	.max = 1,
	.summary = "show what this host is",
	.about = "Reads the host and shows what matters for GPUs. With --json, the output is an "
		 "input of plan on any machine, and holds what apt would install now "
		 "of every package that could be needed: read from the indexes at hand, by libapt, "
		 "which keeps its own binary caches in gpuprov's cache folder.\n"
		 "\nWith the name of a .run file: what that brings, without running anything of "
		 "it.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_JSON, OPT_FORMAT, OPT_NO_APT,
					  OPT_CACHE, OPT_CATALOG, OPT_TIMING, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
