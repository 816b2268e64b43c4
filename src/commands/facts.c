/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov facts: what this host is. */
#include "base/mem.h"
#include "base/str.h"
#include "bundle.h"
#include "closure/candidates.h"
#include "commands/common.h"
#include "doctor/doctor.h"
#include "runfile/look.h"

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

/* Only JSON and bundles have them: they are what another machine plans with. */
static void add_candidates(struct job *j)
{
	auto_err no_cache = { 0 }; /* then libapt reads the indexes each time */

	if (j->borrowed || (!opt_wants(j->o, "json") && !opt_given(j->o, OPT_BUNDLE)))
		return;
	if (opt_given(j->o, OPT_NO_APT)) {
		fact_unknown(&j->facts, "candidates", "not asked for (--no-apt)");
		return;
	}
	candidates_gather(&j->catalog, &j->sys, job_cache(j, &no_cache) ? NULL : &j->cache,
			  &j->facts);
	job_stage(j, "libapt");
}

/* ---- --bundle ---- */

struct found {
	findings findings;
};

static const struct rec_row found_rows[] = {
	{ .name = "findings",
	  .type = REC_LIST,
	  .offset = offsetof(struct found, findings),
	  .rows = finding_rows,
	  .size = sizeof(struct finding) },
	REC_END,
};

static int tell_bundle(const struct job *j, const char *path, const struct bundle *b, struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;
	struct jw w = { .out = &text };
	long long redacted = 0;

	if (opt_wants(j->o, "json")) {
		rec_write(&w, bundle_rows, b);
		buf_addc(&text, '\n');
		return print(&text, e);
	}
	list_each (&b->files, f)
		redacted += f->redacted;
	buf_addf(&text, "Written to %s: %zu files, %lld KiB; %lld secrets were taken out.\n", path,
		 b->files.n, (b->bytes + 1023) / 1024, redacted);
	list_each (&b->left_out, lack)
		buf_addf(&text, "left out: %s: %s\n", lack->from, lack->why);
	buf_addf(&text, "Look at it before you send it: tar --zstd -tvf %s\n", path);
	return print(&text, e);
}

static int make_bundle(struct job *j, struct err *e)
{
	const char *path = opt_value(j->o, OPT_BUNDLE);
	auto_buf struct buf facts = BUF_TEXT, said = BUF_TEXT, packed = BUF_INIT(64 << 20);
	struct bundle manifest = { .program = VERSION, .host = j->facts.host };
	struct jw w = { .out = &said };
	struct found found = { 0 };

	doctor(&j->facts, &j->catalog, &j->a, &found.findings);
	rec_write(&w, found_rows, &found);
	facts_write(&j->facts, &facts);
	if (bundle_make(&j->sys, buf_str(&facts), buf_str(&said), &j->a, &manifest, &packed, e) ||
	    user_create(path, packed.data, packed.len, 0600, e))
		return -1;
	return tell_bundle(j, path, &manifest, e);
}

static int check_bundle(const struct options *o, struct err *e)
{
	const char *path = opt_value(o, OPT_BUNDLE);

	if (!path)
		return 0;
	if (!str_ends(path, ".tar.zst"))
		return err_set(e, GP_USAGE,
			       "--bundle writes a .tar.zst, and '%s' is named otherwise", path);
	if (opt_given(o, OPT_FACTS) || o->args.n)
		return err_set(e, GP_USAGE, "--bundle collects from this host; leave %s out",
			       o->args.n ? o->args.at[0] : "--facts");
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;

	if (check_bundle(o, e))
		return -1;
	if (o->args.n)
		return show_runfile(o, o->args.at[0], e);
	if (job_open(&j, o, e) || job_facts(&j, e))
		return -1;
	add_candidates(&j);
	job_show_stages(&j);
	if (opt_given(o, OPT_BUNDLE))
		return make_bundle(&j, e) ? -1 : STATUS_OK;
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
		 "it.\n"
		 "\nWith --bundle: facts, findings, configurations, logs of packages and builds, "
		 "what the kernel said about GPUs, and gpuprov's own journal, for somebody who "
		 "helps from afar. Passwords, tokens and private keys are taken out, links are not "
		 "followed, and nothing is sent anywhere; manifest.json in it says what is there "
		 "and what was left out.\n",
	.options =
		(const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_BUNDLE, OPT_JSON, OPT_FORMAT,
				       OPT_NO_APT, OPT_CACHE, OPT_CATALOG, OPT_TIMING, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
