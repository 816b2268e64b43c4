/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov facts: what this host is. */
#include "commands/common.h"

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;

	if (job_open(&j, o, e) || job_facts(&j, e))
		return -1;
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
	.args = "",
	.min = 0,
	.max = 0,
	.summary = "show what this host is",
	.about = "Reads the host and shows what matters for GPUs. With --json, the output is an "
		 "input of plan on any machine.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_JSON, OPT_FORMAT, OPT_CATALOG,
					  OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
