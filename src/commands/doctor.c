/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov doctor: what is broken, why, and what mends it. */
#include "base/str.h"
#include "commands/common.h"
#include "doctor.h"

struct doctor_report {
	const char *schema;
	const char *host;
	bool changed, reboot_required; /* always false: it only looks */
	findings findings;
};

static const struct rec_row report_rows[] = {
	REC_ROW(struct doctor_report, schema, REC_STR, "format"),
	REC_ROW(struct doctor_report, host, REC_STR, "which host"),
	REC_ROW(struct doctor_report, changed, REC_BOOL, "the host was changed"),
	REC_ROW(struct doctor_report, reboot_required, REC_BOOL, "a boot is needed"),
	{ .name = "findings",
	  .type = REC_LIST,
	  .offset = offsetof(struct doctor_report, findings),
	  .rows = finding_rows,
	  .size = sizeof(struct finding) },
	REC_END,
};

/* What only doctor looks into: the text of files that others write. */
static int add_files(struct job *j, struct err *e)
{
	static const char *const paths[] = { "etc/docker/daemon.json", "etc/cdi/nvidia.yaml",
					     "var/run/cdi/nvidia.yaml" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		auto_buf struct buf text = BUF_INIT(1 << 20);
		auto_err hidden = { 0 };
		bool there = false;

		if (facts_file(&j->facts, paths[i]))
			continue;
		if (sys_read_if(&j->sys, paths[i], &text, &there, &hidden)) {
			/* Somebody without rights is told what can be seen. */
			if (hidden.code == GP_NO_PERMISSION)
				continue;
			err_move(e, &hidden);
			return -1;
		}
		if (there)
			list_add(&j->a, &j->facts.files,
				 ((struct fact_file){ .path = paths[i],
						      .state = "file",
						      .content =
							      arena_str(&j->a, buf_str(&text)) }));
	}
	return 0;
}

/* The one line of a host on which nothing was found. */
static void add_silence(const struct job *j, bool message, struct buf *ret)
{
	const struct facts *f = &j->facts;

	if (message)
		buf_adds(ret, "This message is not known here. 'gpuprov doctor' without it looks "
			      "at the host.\n");
	else if (f->driver.version && f->driver.loaded)
		buf_addf(ret, "Nothing is wrong here that gpuprov knows of: driver %s.\n",
			 f->driver.version);
	else if (f->driver.version)
		buf_addf(ret,
			 "Nothing is wrong here that gpuprov knows of: driver %s, not loaded "
			 "yet.\n",
			 f->driver.version);
	else
		buf_adds(ret, "Nothing is wrong here that gpuprov knows of, and no NVIDIA driver "
			      "is installed.\n");
}

static int show(const struct job *j, const findings *all, bool message, struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;

	if (opt_wants(j->o, "json")) {
		struct doctor_report r = { .schema = "gpuprov.doctor/1",
					   .host = j->facts.host,
					   .findings = *all };
		struct jw w = { .out = &text };

		rec_write(&w, report_rows, &r);
		buf_addc(&text, '\n');
	} else if (all->n) {
		render_findings(all, &style, &text);
	} else {
		add_silence(j, message, &text);
	}
	return print(&text, e);
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	const char *message = opt_value(o, OPT_ERROR);
	findings all = { 0 };

	if (job_open(&j, o, e))
		return -1;
	if (message) {
		doctor_error(message, &j.catalog, &j.a, &all);
		return show(&j, &all, true, e) ? -1 : STATUS_OK;
	}
	if (job_facts(&j, e) || (!j.borrowed && add_files(&j, e)))
		return -1;
	doctor(&j.facts, &j.catalog, &j.a, &all);
	if (show(&j, &all, false, e))
		return -1;
	list_each (&all, f)
		if (f->severity == SEV_ERROR)
			return STATUS_MISMATCH;
	return STATUS_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.args = "",
	.min = 0,
	.max = 0,
	.summary = "name what is broken, why, and what mends it",
	.about = "Looks at the host, or at facts of another one, and shows what does not fit "
		 "together: what was seen and where, how it comes about, and the commands or the "
		 "changes of the profile that mend it. Changes nothing and needs no rights. With "
		 "--error, explains a message that some program printed.\n"
		 "\n"
		 "Exits with 5 when something is broken; warnings and notes do not count.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_ERROR, OPT_JSON, OPT_FORMAT,
					  OPT_CATALOG, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
