/* SPDX-License-Identifier: Apache-2.0 */
/* One result on standard output, whatever happens. */
#include "commands/outcome.h"

#include "base/str.h"
#include "engines/engine.h"
#include "execute/runs.h"
#include "sys/hash.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DIFF_BYTES = 64 << 10 }; /* of one file; longer ones are named and not shown */

bool outcome_asked(const struct options *o)
{
	return opt_wants(o, "result") || opt_wants(o, "salt");
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- what changes ---- */

static void add_diff(struct job *j, const char *what, const char *before, const char *after)
{
	list_add(&j->a, &j->outcome->result.diff,
		 ((struct result_diff){ .before = before ? before : "",
					.after = after ? after : "",
					.before_header = what,
					.after_header = what }));
}

/* The bytes of a file as they are now; "" when there is none. */
static int read_now(struct job *j, const char *path, const char **ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(DIFF_BYTES);
	auto_err problem = { 0 };
	size_t bad;

	if (sys_read(&j->sys, path, &text, &problem) == 0) {
		*ret = utf8_valid(text.data, text.len, &bad) ? arena_str(&j->a, buf_str(&text)) :
							       "(not text)\n";
		return 0;
	}
	*ret = problem.code == GP_NO_FILE ? "" : "(too long to be shown)\n";
	if (problem.code == GP_NO_FILE || problem.code == GP_TOO_LARGE)
		return 0;
	err_move(e, &problem);
	return -1;
}

static int diff_file(struct job *j, const struct plan_step *s, struct err *e)
{
	const char *path = step_get(s, "path"), *before;
	const char *after = step_get(s, "content");

	if (read_now(j, path, &before, e))
		return err_ctx(e, "showing what changes in '/%s'", path);
	if (!after)
		after = s->op == OP_REMOVE ? "" : "(not text)\n";
	/* A plan that was begun has steps that are done. */
	if (!str_eq(before, after))
		add_diff(j, arena_printf(&j->a, "/%s", path), before, after);
	return 0;
}

static void diff_packages(struct job *j, const struct plan_step *s)
{
	auto_buf struct buf before = BUF_TEXT, after = BUF_TEXT;

	list_each (&s->packages, p) {
		if (p->old_version)
			buf_addf(&before, "%s %s\n", p->name, p->old_version);
		if (p->version)
			buf_addf(&after, "%s %s\n", p->name, p->version);
	}
	add_diff(j, arena_printf(&j->a, "packages: %s", s->what),
		 arena_str(&j->a, buf_str(&before)), arena_str(&j->a, buf_str(&after)));
}

static int diff_engine(struct job *j, const struct plan_step *s, struct err *e)
{
	struct engine_view v = { 0 };

	if (engine_look(&j->sys, s, &j->a, &v, e))
		return err_ctx(e, "showing what changes for %s", s->id);
	list_each (&v.files, f) {
		const char *before, *after;
		size_t len;

		engine_text(&v, f->path, false, &before, &len);
		engine_text(&v, f->path, true, &after, &len);
		if (!str_eq(before, after))
			add_diff(j, f->path, before, after);
	}
	return 0;
}

static int diff_step(struct job *j, const struct plan_step *s, struct err *e)
{
	if (step_get(s, "path") && (step_get(s, "content") || step_get(s, "base64")))
		return diff_file(j, s, e);
	if (str_eq(s->kind, "packages"))
		diff_packages(j, s);
	else if (str_eq(s->kind, "engine"))
		return diff_engine(j, s, e);
	else
		add_diff(j, s->id, s->op == OP_ADD ? "" : "as it is\n",
			 s->op == OP_REMOVE ? "" : arena_printf(&j->a, "%s\n", s->what));
	return 0;
}

/* ---- the plan ---- */

static void add_action(struct job *j, const struct plan_step *s)
{
	static const char *const words[] = { "remove", "replace", "add", "change", "keep" };
	const struct result_action action = {
		.id = s->id,
		.kind = s->kind,
		.op = words[s->op],
		.what = s->what,
		.reason = s->reasons.n ? s->reasons.at[0].text : NULL,
		.state = s->when ? RESULT_WAITING : RESULT_PLANNED,
	};

	list_add(&j->a, &j->outcome->result.actions, action);
}

/* "Configured and waiting for a boot" is not a change, or fleets would never come to rest. */
static int see_waiting(struct job *j, struct err *e)
{
	struct result *r = &j->outcome->result;
	auto_err hidden = { 0 }; /* the state is root's: a plan needs no rights */
	runs all = { 0 };
	bool awaited = false;

	if (runs_list(&j->sys, &j->a, &all, &hidden)) {
		if (hidden.code == GP_NO_PERMISSION)
			return 0;
		err_move(e, &hidden);
		return -1;
	}
	if (runs_reboot(&j->sys, &all, &j->a, &awaited, e))
		return -1;
	r->reboot_required |= awaited;
	if (!runs_waiting(&all, runs_open(&all)))
		return 0;
	r->reboot_required = true;
	r->changed = false;
	list_each (&r->actions, it)
		r->changed |= it->state == RESULT_PLANNED;
	return 0;
}

int outcome_plan(struct job *j, struct err *e)
{
	struct told *o = j->outcome;
	auto_buf struct buf text = BUF_TEXT;
	char hash[HASH_HEX];

	o->planned = true;
	o->plan = j->plan;
	plan_write(&j->plan, &text);
	hash_bytes(buf_str(&text), text.len, hash);
	o->result.plan_id = arena_str(&j->a, hash);
	if (plan_refused(&j->plan))
		return 0;
	o->result.reboot_required = j->plan.totals.reboot;
	o->result.changed = plan_pending(&j->plan);
	list_each (&j->plan.steps, s) {
		if (s->op == OP_KEEP)
			continue;
		add_action(j, s);
		if (o->diff && diff_step(j, s, e))
			return -1;
	}
	return see_waiting(j, e);
}

void outcome_event(struct job *j, const struct exec_event *ev)
{
	struct told *o = j->outcome;

	if (ev->kind == EXEC_BEGIN)
		o->at_ms = now_ms();
	if (ev->kind != EXEC_KEPT && ev->kind != EXEC_DONE && ev->kind != EXEC_FAILED)
		return;
	o->done += ev->kind == EXEC_DONE;
	list_each (&o->result.actions, it) {
		if (!str_eq(it->id, ev->step->id))
			continue;
		it->state = ev->kind == EXEC_FAILED ? RESULT_FAILED : RESULT_DONE;
		it->ms = ev->kind == EXEC_KEPT ? 0 : now_ms() - o->at_ms;
	}
}

/* ---- the end ---- */

/* An error is one of the diagnostics, and its text is the message. */
static void end_failed(struct job *j, struct diags *d, struct err *e)
{
	struct result *r = &j->outcome->result;

	r->rc = code_status(e->code);
	r->msg = arena_printf(&j->a, "GP%04d: %s", (int)e->code, e->text);
	diag_from_err(d, e);
}

/* What a refused plan or a bad profile is about: its first error. */
static const char *first_error(const struct diags *d)
{
	list_each (&d->list, it)
		if (it->severity == SEV_ERROR)
			return it->what;
	return NULL;
}

static const char *message(struct job *j, bool applied)
{
	const struct result *r = &j->outcome->result;
	const char *boot = r->reboot_required ? "; a reboot is needed" : "";
	size_t n = j->outcome->done, waiting = 0;

	list_each (&r->actions, it) {
		n += !applied && it->state == RESULT_PLANNED;
		waiting += it->state == RESULT_WAITING;
	}
	if (!n && waiting)
		return "what is left waits for a reboot";
	if (!n)
		return r->reboot_required ? "nothing to do; a reboot is needed" : "nothing to do";
	return arena_printf(&j->a, "%zu step%s %s%s", n, n == 1 ? "" : "s",
			    applied ? "done" : "to do", boot);
}

static void end(struct job *j, int status, bool applied, struct err *e)
{
	struct result *r = &j->outcome->result;
	struct diags d = { .a = &j->a };

	list_each (&j->complaints.list, it)
		list_add(&j->a, &d.list, *it);
	if (j->outcome->planned)
		list_each (&j->outcome->plan.diags.list, it)
			list_add(&j->a, &d.list, *it);
	r->rc = status;
	if (e->code)
		end_failed(j, &d, e);
	r->failed = r->rc != STATUS_OK && r->rc != STATUS_PENDING;
	if (applied || r->failed)
		r->changed = j->outcome->done > 0;
	list_each (&r->actions, it)
		if (r->failed && (it->state == RESULT_PLANNED || it->state == RESULT_WAITING))
			it->state = RESULT_SKIPPED;
	if (!r->msg && r->failed)
		r->msg = first_error(&d);
	if (!r->msg)
		r->msg = r->failed ? "failed" : message(j, applied);
	list_each (&d.list, it)
		list_add(&j->a, &r->diagnostics, *it);
}

/* What the host is now, under the name that Ansible makes a variable of. */
static void add_facts(struct job *j, struct jw *w)
{
	auto_err unknown = { 0 }; /* the result tells already why this is no host */
	struct facts now;

	if (!j->outcome->facts || !j->sys.ops || facts_gather(&j->sys, &j->a, &now, &unknown))
		return;
	jw_key(w, "ansible_facts");
	jw_open(w, '{');
	jw_key(w, "gpuprov");
	rec_write(w, facts_rows, &now);
	jw_close(w, '}');
}

static int show(struct job *j, struct err *e)
{
	const struct told *o = j->outcome;
	auto_buf struct buf text = BUF_TEXT;
	struct jw w = { .out = &text, .compact = true };

	if (o->salt) {
		result_write_salt(&o->result, &text);
		return print(&text, e);
	}
	jw_open(&w, '{');
	result_write(&w, &o->result);
	add_facts(j, &w);
	jw_close(&w, '}');
	buf_addc(&text, '\n');
	return print(&text, e);
}

/* ---- when we ourselves are broken ---- */

static const char *last_words;

/* Nothing is on standard output yet: a result is printed whole, at the end. */
static void on_crash(int sig)
{
	(void)sig;
	if (write(STDOUT_FILENO, last_words, strlen(last_words)) < 0)
		_exit(STATUS_FAILED);
	_exit(STATUS_INTERNAL);
}

static void expect_crash(bool salt)
{
	struct sigaction act = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };

	last_words = salt ? "{\"changed\":true,\"comment\":\"gpuprov: internal error; run it again "
			    "to go on\"}\n" :
			    "{\"schema\":\"" RESULT_SCHEMA
			    "\",\"changed\":true,\"failed\":true,\"msg\":\"GP0001: internal error; "
			    "run it again to go on\",\"rc\":70,\"reboot_required\":false,"
			    "\"plan_id\":null,\"actions\":[],\"diagnostics\":[],\"diff\":[]}\n";
	sigaction(SIGABRT, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGFPE, &act, NULL);
	sigaction(SIGILL, &act, NULL);
}

int outcome_failed(struct job *j, struct told *o, struct err *problem, struct err *e)
{
	o->result.schema = RESULT_SCHEMA;
	j->outcome = o;
	end(j, STATUS_FAILED, false, problem);
	return show(j, e) ? -1 : (int)o->result.rc;
}

int outcome_tell(struct job *j, struct told *o, int (*work)(struct job *, struct err *),
		 struct err *e)
{
	auto_err problem = { 0 };
	int status;

	o->result.schema = RESULT_SCHEMA;
	j->outcome = o;
	expect_crash(o->salt);
	status = work(j, &problem);
	end(j, status, work == work_apply, &problem);
	return show(j, e) ? -1 : (int)o->result.rc;
}

int outcome_of(struct job *j, int (*work)(struct job *, struct err *), struct err *e)
{
	struct told o = { .diff = true, .salt = opt_wants(j->o, "salt") };

	return outcome_tell(j, &o, work, e);
}
