/* SPDX-License-Identifier: Apache-2.0 */
/* Planning many hosts at once. */
#include "commands/fleet.h"

#include "base/str.h"
#include "solve.h"

#include <string.h>
#include <sys/stat.h>

struct fleet {
	struct job *j;
	struct buf *out;
	size_t hosts, refused, pending;
};

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool fleet_asked(const struct options *o)
{
	const strs *files = &o->values[OPT_FACTS];

	return files->n > 1 || (files->n == 1 && is_folder(files->at[0]));
}

/* "GP1127 R27": what the refusals and warnings of a host are called, each once. */
static void add_codes(const struct plan *p, enum severity severity, struct buf *b)
{
	list_each (&p->diags.list, d) {
		bool seen = false;

		list_each (&p->diags.list, before) {
			if (before == d)
				break;
			seen |= before->code == d->code && before->severity == d->severity;
		}
		if (d->severity == severity && !seen)
			buf_addf(b, "%s%s", b->len ? " " : "",
				 d->rule ? d->rule : arena_printf(p->a, "GP%04d", (int)d->code));
	}
}

static void show_text(struct fleet *f, const char *host, const struct plan *p)
{
	auto_buf struct buf codes = BUF_TEXT, line = BUF_TEXT;
	struct plan_totals t = p->totals;

	if (plan_refused(p)) {
		add_codes(p, SEV_ERROR, &codes);
		buf_addf(&line, "refused    %s", buf_str(&codes));
		list_each (&p->diags.list, d) {
			if (d->severity != SEV_ERROR)
				continue;
			buf_addf(&line, "  %s", d->what);
			break;
		}
	} else if (!plan_pending(p)) {
		buf_adds(&line, "kept");
	} else {
		buf_addf(&line, "to change  %lld add, %lld change, %lld remove%s", t.add, t.change,
			 t.remove, t.reboot ? ", reboot" : "");
	}
	add_codes(p, SEV_WARNING, &codes);
	if (!plan_refused(p) && codes.len)
		buf_addf(&line, "  warns %s", buf_str(&codes));
	buf_addf(f->out, "%-24s %s\n", host, buf_str(&line));
}

static void show_json(struct fleet *f, const char *host, const char *file, const struct plan *p)
{
	struct jw j = { .out = f->out, .compact = true };

	jw_open(&j, '{');
	jw_put_str(&j, "host", host);
	jw_put_str(&j, "facts", file);
	jw_put_str(&j, "outcome",
		   plan_refused(p) ? "refused" :
		   plan_pending(p) ? "changes" :
				     "kept");
	jw_put_bool(&j, "reboot_required", p->totals.reboot);
	jw_key(&j, "steps");
	jw_open(&j, '[');
	list_each (&p->steps, s)
		if (s->op != OP_KEEP)
			jw_str(&j, s->id);
	jw_close(&j, ']');
	jw_key(&j, "diagnostics");
	jw_open(&j, '[');
	list_each (&p->diags.list, d) {
		jw_open(&j, '{');
		jw_put_str(&j, "severity", d->severity == SEV_ERROR ? "error" : "warning");
		jw_put_str(&j, "code", arena_printf(p->a, "GP%04d", (int)d->code));
		if (d->rule)
			jw_put_str(&j, "rule", d->rule);
		jw_put_str(&j, "what", d->what);
		jw_close(&j, '}');
	}
	jw_close(&j, ']');
	jw_close(&j, '}');
	buf_addc(f->out, '\n');
}

static int plan_one(struct fleet *f, const char *file, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_INIT(8 << 20);
	const char *slash = strrchr(file, '/');
	struct facts facts;
	struct plan plan;

	if (user_read(file, &text, e) || facts_read(buf_str(&text), text.len, file, &a, &facts, e))
		return -1;
	solve(&f->j->profile, &facts, &f->j->catalog, &a, &plan);
	f->hosts++;
	f->refused += plan_refused(&plan);
	f->pending += plan_pending(&plan);
	if (opt_wants(f->j->o, "json"))
		show_json(f, facts.host ? facts.host : file, file, &plan);
	else
		show_text(f, facts.host ? facts.host : slash ? slash + 1 : file, &plan);
	/* What is known is shown while the rest is worked out. */
	if (f->out->len < 1 << 16)
		return 0;
	if (print(f->out, e))
		return -1;
	buf_clear(f->out);
	return 0;
}

static int plan_folder(struct fleet *f, const char *path, struct err *e)
{
	struct sys dir = { 0 };
	strs names = { 0 };
	int rc = sys_real_open(path, &dir, e);

	if (rc)
		return err_ctx(e, "opening the folder of facts");
	rc = sys_list(&dir, ".", &f->j->a, &names, e);
	list_each (&names, name) {
		const char *dot = strrchr(*name, '.');

		if (!rc && str_eq(dot, ".json"))
			rc = plan_one(f, arena_printf(&f->j->a, "%s/%s", path, *name), e);
	}
	sys_real_close(&dir);
	return rc;
}

int fleet_plan(struct job *j, struct err *e)
{
	auto_buf struct buf out = BUF_INIT(1 << 20);
	struct fleet f = { .j = j, .out = &out };
	const strs *files = &j->o->values[OPT_FACTS];

	list_each (files, file)
		if (is_folder(*file) ? plan_folder(&f, *file, e) : plan_one(&f, *file, e))
			return -1;
	if (print(&out, e))
		return -1;
	fprintf(stderr, "%zu hosts: %zu to change, %zu kept, %zu refused.\n", f.hosts, f.pending,
		f.hosts - f.pending - f.refused, f.refused);
	job_stage(j, "plan");
	job_show_stages(j);
	if (f.refused)
		return job_contradicts(j) ? STATUS_PROFILE : STATUS_NO_PLAN;
	return opt_given(j->o, OPT_DETAILED_EXITCODE) && f.pending ? STATUS_PENDING : STATUS_OK;
}
