/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov doctor: what is broken, why, and what mends it. */
#include "base/str.h"
#include "commands/acting.h"
#include "commands/sitting.h"
#include "damage.h"
#include "doctor/cure.h"
#include "doctor/doctor.h"
#include "execute/journal.h"

#include <unistd.h>

struct doctor_report {
	const char *schema;
	const char *host;
	bool changed, reboot_required; /* by the plan of --fix; without it both are false */
	findings findings;
	struct plan plan; /* of --fix */
	findings left;    /* what doctor finds when it is carried out */
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
	{ .name = "plan",
	  .type = REC_OPT,
	  .offset = offsetof(struct doctor_report, plan),
	  .rows = plan_rows,
	  .help = "the plan that mends them" },
	{ .name = "left",
	  .type = REC_LIST,
	  .offset = offsetof(struct doctor_report, left),
	  .rows = finding_rows,
	  .size = sizeof(struct finding),
	  .help = "what is found when that plan is carried out" },
	REC_END,
};

/* What only doctor looks into: the text of files that others write. */
static int add_files(struct job *j, struct err *e)
{
	static const char *const fixed[] = { "etc/docker/daemon.json", "etc/cdi/nvidia.yaml",
					     "var/run/cdi/nvidia.yaml",
					     "etc/containerd/config.toml" };
	strs paths = { 0 }, names = { 0 };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		list_add(&j->a, &paths, fixed[i]);
	if (sys_list(&j->sys, "etc/containerd/conf.d", &j->a, &names, e))
		return -1;
	list_each (&names, name)
		if (str_ends(*name, ".toml"))
			list_add(&j->a, &paths,
				 arena_printf(&j->a, "etc/containerd/conf.d/%s", *name));
	list_each (&paths, path) {
		auto_buf struct buf text = BUF_INIT(1 << 20);
		auto_err hidden = { 0 };
		bool there = false;

		if (facts_file(&j->facts, *path))
			continue;
		if (sys_read_if(&j->sys, *path, &text, &there, &hidden)) {
			/* Somebody without rights is told what can be seen. */
			if (hidden.code == GP_NO_PERMISSION)
				continue;
			err_move(e, &hidden);
			return -1;
		}
		if (there)
			list_add(&j->a, &j->facts.files,
				 ((struct fact_file){ .path = *path,
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

static int answer(const findings *all)
{
	list_each (all, f)
		if (f->severity == SEV_ERROR)
			return STATUS_MISMATCH;
	return STATUS_OK;
}

static int look(struct job *j, findings *ret, struct err *e)
{
	if (job_facts(j, e) ||
	    (!j->borrowed && (add_files(j, e) || damage_look(&j->sys, &j->facts, e))))
		return -1;
	doctor(&j->facts, &j->catalog, &j->a, ret);
	return 0;
}

static struct cure_ask ask_of(const struct job *j)
{
	return (struct cure_ask){ &j->facts, &j->catalog, j->profile.kind ? &j->profile : NULL };
}

/* ---- --fix ---- */

/* What doctor will say then, in one line. */
static void add_left(const struct cure *cure, struct buf *ret)
{
	if (!cure->left.n) {
		buf_adds(ret, "\nWhen this is done, doctor finds nothing more.\n");
		return;
	}
	buf_adds(ret, "\nWhen this is done, doctor still finds:\n");
	list_each (&cure->left, f)
		buf_addf(ret, "  GP%04u %s\n", (unsigned)f->code, f->what);
}

static int show_cure(const struct job *j, const findings *all, const struct cure *cure,
		     struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;
	struct jw w = { .out = &text };

	if (opt_wants(j->o, "json")) {
		struct doctor_report r = { .schema = "gpuprov.doctor/1",
					   .host = j->facts.host,
					   .changed = plan_pending(&j->plan),
					   .reboot_required = j->plan.totals.reboot,
					   .findings = *all,
					   .plan = j->plan,
					   .left = cure->left };

		rec_write(&w, report_rows, &r);
		buf_addc(&text, '\n');
		return print(&text, e);
	}
	render_findings(all, &style, &text);
	buf_addc(&text, '\n');
	render_plan(&j->plan, &style, &text);
	add_left(cure, &text);
	return print(&text, e);
}

/* Does it take packages, keys or files from elsewhere? Only then somebody has to be asked. */
static bool takes_more(const struct plan *p)
{
	static const char *const kinds[] = { "packages", "keyring", "driver-run" };

	list_each (&p->steps, s)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (s->op != OP_KEEP && str_eq(s->kind, kinds[i]))
				return true;
	return false;
}

/* The plan, with the exact packages where this host is the one that is meant. */
static int make_cure(struct job *j, const findings *all, struct cure *ret, struct err *e)
{
	const struct cure_ask ask = ask_of(j);

	if (cure_plan(&ask, all, &j->a, ret, e))
		return -1;
	j->plan = ret->plan;
	if (ret->profile.kind)
		j->profile = ret->profile;
	return j->borrowed || !takes_more(&j->plan) ? 0 : job_resolve(j, e);
}

/* The findings themselves are asked again, on the host as it is now. */
static int prove(struct job *j, struct err *e)
{
	struct style style = terminal_style(j->o, stdout);
	auto_buf struct buf text = BUF_TEXT;
	const struct cure_ask ask = ask_of(j);
	findings now = { 0 };

	if (look(j, &now, e))
		return -1;
	if (j->plan.totals.reboot || opt_wants(j->o, "json"))
		return STATUS_OK;
	if (cure_judge(&ask, &j->a, &now, e))
		return -1;
	if (now.n)
		render_findings(&now, &style, &text);
	else
		add_silence(j, false, &text);
	return print(&text, e) ? -1 : answer(&now);
}

static int fix_locked(struct job *j, struct err *e)
{
	findings all = { 0 };
	struct cure cure = { 0 };
	struct cure_ask ask;
	bool any = false;

	if (look(j, &all, e))
		return -1;
	ask = ask_of(j);
	if (cure_judge(&ask, &j->a, &all, e))
		return -1;
	list_each (&all, f)
		any |= f->fix == FIX_PLAN || f->fix == FIX_PLAN_AND_BOOT;
	if (!any)
		return show(j, &all, false, e) ? -1 : answer(&all);
	if (make_cure(j, &all, &cure, e) || show_cure(j, &all, &cure, e))
		return -1;
	job_show_diags(j);
	if (plan_refused(&j->plan))
		return (int)job_refusal(j);
	if (j->borrowed)
		return answer(&all);
	if (acting_rights(j, "doctor --fix", e) || (plan_pending(&j->plan) && acting_confirm(j, e)))
		return -1;
	return acting_carry_out(j, e) || sitting_end(j, false, e) < 0 ? -1 : prove(j, e);
}

static int fix(struct job *j, struct err *e)
{
	const struct options *o = j->o;
	int lock, rc;

	if (o->args.n && job_profile(j, o->args.at[0], e))
		return e->code ? -1 : STATUS_PROFILE;
	/* Whoever may not act is shown what would be done. */
	if (opt_given(o, OPT_FACTS) || geteuid() != 0)
		return fix_locked(j, e);
	if (journal_lock(&j->sys, &lock, e))
		return -1;
	rc = fix_locked(j, e);
	sys_unlock(&j->sys, lock);
	return rc;
}

static int check_args(const struct options *o, struct err *e)
{
	bool fixing = opt_given(o, OPT_FIX);

	if (fixing && opt_given(o, OPT_ERROR))
		return err_set(e, GP_USAGE,
			       "--fix mends what is found on the host, --error explains a message: "
			       "say one of them");
	if (!fixing && o->args.n)
		return err_set(e, GP_USAGE,
			       "'doctor' takes a profile with --fix only: gpuprov doctor --fix %s",
			       o->args.at[0]);
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	const char *message = opt_value(o, OPT_ERROR);
	struct cure_ask ask;
	findings all = { 0 };

	if (check_args(o, e) || job_open(&j, o, e))
		return -1;
	if (message) {
		doctor_error(message, &j.catalog, &j.a, &all);
		return show(&j, &all, true, e) ? -1 : STATUS_OK;
	}
	if (opt_given(o, OPT_FIX))
		return fix(&j, e);
	if (look(&j, &all, e))
		return -1;
	ask = ask_of(&j);
	return cure_judge(&ask, &j.a, &all, e) || show(&j, &all, false, e) ? -1 : answer(&all);
}

const struct command command_doctor = {
	.name = "doctor",
	.args = "[PROFILE]",
	.min = 0,
	.max = 1,
	.summary = "name what is broken, why, and what mends it",
	.about = "Looks at the host, or at facts of another one, and shows what does not fit "
		 "together: what was seen and where, how it comes about, and the commands or the "
		 "changes of the profile that mend it. Changes nothing and needs no rights. With "
		 "--error, explains a message that some program printed.\n"
		 "\n"
		 "Each finding says whether a plan mends it: that was tried, on the facts. With "
		 "--fix the plan for all of those is shown, and what doctor would find afterwards; "
		 "it asks, and carries it out with a journal, so that 'gpuprov rollback' puts it "
		 "back. Without PROFILE the host is meant to stay what it is: its driver branch, "
		 "source and kind of modules are kept as far as they work.\n"
		 "\n"
		 "Exits with 5 when something is broken; warnings and notes do not count.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_ERROR, OPT_FIX, OPT_YES,
					  OPT_REFRESH, OPT_OFFLINE, OPT_CACHE, OPT_JSON, OPT_FORMAT,
					  OPT_CATALOG, OPT_COUNT },
	.formats = (const char *const[]){ "text", "json", NULL },
	.run = run,
};
