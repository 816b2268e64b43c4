/* SPDX-License-Identifier: Apache-2.0 */
/* Planning many hosts at once. */
#include "commands/fleet.h"

#include "base/str.h"
#include "solve/solve.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 256, MOST_WORKERS = 8 };

/* What became of one host. */
struct host {
	const char *file;
	struct buf line;
	bool refused, pending;
	struct err problem;
	bool failed;
};

/*
 * Hosts are worked out by several threads, a batch at a time, and told in their order. Planning is
 * pure: profile and catalog are only read, and each host has an arena of its own.
 */
struct fleet {
	struct job *j;
	strs files;
	struct host hosts[BATCH];
	size_t n; /* of this batch */
	atomic_size_t next;
	size_t count, refused, pending;
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

static void show_text(struct buf *ret, const char *host, const char *gpus, const struct plan *p)
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
	buf_addf(ret, "%-24s %-28s %s\n", host, gpus, buf_str(&line));
}

static void show_json(struct buf *ret, const char *host, const char *file, const char *gpus,
		      const struct plan *p)
{
	struct jw j = { .out = ret, .compact = true };

	jw_open(&j, '{');
	jw_put_str(&j, "host", host);
	jw_put_str(&j, "facts", file);
	jw_put_str(&j, "gpus", gpus);
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
	buf_addc(ret, '\n');
}

static int plan_one(const struct fleet *f, struct host *h, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = BUF_INIT(8 << 20), gpus = BUF_TEXT;
	const char *slash = strrchr(h->file, '/');
	/* Looking a place up takes memory of the profile: that must not be shared. */
	struct profile profile = f->j->profile;
	struct facts facts;
	struct plan plan;

	if (user_read(h->file, &text, e) ||
	    facts_read(buf_str(&text), text.len, h->file, &a, &facts, e))
		return -1;
	profile.a = &a;
	solve(&profile, &facts, &f->j->catalog, &a, &plan);
	h->refused = plan_refused(&plan);
	h->pending = plan_pending(&plan);
	facts_gpu_names(&facts, &f->j->catalog, &gpus);
	if (opt_wants(f->j->o, "json"))
		show_json(&h->line, facts.host ? facts.host : h->file, h->file, buf_str(&gpus),
			  &plan);
	else
		show_text(&h->line,
			  facts.host ? facts.host :
			  slash      ? slash + 1 :
				       h->file,
			  gpus.len ? buf_str(&gpus) : "no GPU", &plan);
	return 0;
}

static void *work(void *ctx)
{
	struct fleet *f = ctx;

	for (size_t i = atomic_fetch_add(&f->next, 1); i < f->n; i = atomic_fetch_add(&f->next, 1))
		f->hosts[i].failed = plan_one(f, &f->hosts[i], &f->hosts[i].problem) != 0;
	return NULL;
}

/* With one processor, or where no thread can be had, we do it ourselves. */
static void work_together(struct fleet *f)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t workers[MOST_WORKERS];
	size_t n = 0;

	atomic_store(&f->next, 0);
	while (n < MOST_WORKERS && (long)n + 1 < processors && n + 1 < f->n &&
	       pthread_create(&workers[n], NULL, work, f) == 0)
		n++;
	work(f);
	while (n > 0)
		pthread_join(workers[--n], NULL);
}

/* In their order; the first that failed ends it. What was known before it is told. */
static int tell(struct fleet *f, struct err *e)
{
	auto_buf struct buf out = BUF_INIT(64 << 20);
	bool failed = false;

	for (size_t i = 0; i < f->n; i++) {
		struct host *h = &f->hosts[i];

		if (h->failed && !failed)
			err_move(e, &h->problem);
		failed |= h->failed;
		if (!failed) {
			buf_add(&out, h->line.data, h->line.len);
			f->count++;
			f->refused += h->refused;
			f->pending += h->pending;
		}
		err_drop(&h->problem); /* one is told, and it was moved */
		buf_release(&h->line);
	}
	if (failed) {
		auto_err late = { 0 };

		/* The error of the facts says more than that of a closed pipe. */
		if (print(&out, &late))
			err_drop(&late);
		return -1;
	}
	return print(&out, e);
}

static int list_folder(struct fleet *f, const char *path, struct err *e)
{
	struct sys dir = { 0 };
	strs names = { 0 };
	int rc = sys_real_open(path, &dir, e);

	if (rc)
		return err_ctx(e, "opening the folder of facts");
	rc = sys_list(&dir, ".", &f->j->a, &names, e);
	list_each (&names, name)
		if (str_eq(strrchr(*name, '.'), ".json"))
			list_add(&f->j->a, &f->files, arena_printf(&f->j->a, "%s/%s", path, *name));
	sys_real_close(&dir);
	return rc;
}

static int plan_all(struct fleet *f, struct err *e)
{
	for (size_t at = 0; at < f->files.n; at += f->n) {
		f->n = f->files.n - at < BATCH ? f->files.n - at : BATCH;
		for (size_t i = 0; i < f->n; i++)
			f->hosts[i] = (struct host){ .file = f->files.at[at + i],
						     .line = BUF_INIT(1 << 20) };
		work_together(f);
		if (tell(f, e))
			return -1;
	}
	return 0;
}

int fleet_plan(struct job *j, struct err *e)
{
	struct fleet f = { .j = j };
	const strs *files = &j->o->values[OPT_FACTS];

	list_each (files, file) {
		if (is_folder(*file) && list_folder(&f, *file, e))
			return -1;
		if (!is_folder(*file))
			list_add(&j->a, &f.files, *file);
	}
	if (!opt_wants(j->o, "json"))
		printf("%-24s %-28s %s\n", "HOST", "GPUS", "WHAT WOULD BE DONE");
	if (plan_all(&f, e))
		return -1;
	fprintf(stderr, "%zu hosts: %zu to change, %zu kept, %zu refused.\n", f.count, f.pending,
		f.count - f.pending - f.refused, f.refused);
	job_stage(j, "plan");
	job_show_stages(j);
	if (f.refused)
		return job_contradicts(j) ? STATUS_PROFILE : STATUS_NO_PLAN;
	return opt_given(j->o, OPT_DETAILED_EXITCODE) && f.pending ? STATUS_PENDING : STATUS_OK;
}
