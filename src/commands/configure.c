/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov configure: register the runtime with a container engine, without a profile. */
#include "base/str.h"
#include "base/udiff.h"
#include "commands/acting.h"
#include "engines/engine.h"
#include "engines/locate.h"
#include "execute/journal.h"
#include "execute/runs.h"
#include "registry.h"

#include <string.h>
#include <unistd.h>

struct work {
	struct job j;
	const struct runtime *runtime;
	const struct fact_engine *engine; /* NULL: none of this host's is found */
	const char *config;               /* the engine's file */
	const char *target;               /* what the plan names: that, or a file of our own */
	struct engine_view view;
};

static void refuse(struct work *w, enum code code, const char *path, const char *text,
		   const char *way)
{
	struct diag *d = diag_add(&w->j.plan.diags, SEV_ERROR, code, NULL, "%s: %s", path, text);

	if (way)
		diag_way(&w->j.plan.diags, d, NULL, "%s", way);
}

/* ---- what is asked for ---- */

static int find_engine(struct work *w, struct err *e)
{
	static const char *const probes[] = { "engines", "dpkg", NULL }, *const alone[] = {
		"engines", NULL
	};
	struct job *j = &w->j;
	struct sys_stat st;

	/* Editing needs no Debian: where there is no dpkg, programs tell their versions. */
	if (sys_stat(&j->sys, "var/lib/dpkg/status", &st, e) ||
	    facts_gather_some(&j->sys, st.type == SYS_FILE ? probes : alone, &j->a, &j->facts, e))
		return -1;
	w->engine = facts_engine(&j->facts, w->runtime->name);
	w->config = opt_value(j->o, OPT_CONFIG);
	if (!w->config && w->engine)
		w->config = w->engine->config;
	if (!w->config)
		w->config = w->runtime->file;
	w->target =
		runtime_target(w->runtime, w->config, w->engine ? w->engine->args : NULL, &w->j.a);
	if (*w->config == '/')
		return 0;
	err_set(e, GP_USAGE, "--config: '%s' is not an absolute path", w->config);
	err_way(e, "name it as the daemon does, beneath the root: --config %s", w->runtime->file);
	return -1;
}

/* A file that something else generates, or that belongs to a snap. */
static void check_owner(struct work *w)
{
	const char *option = str_eq(w->runtime->name, "docker") ? "--config-file" : "--config";
	const char *words[] = { option, w->config };
	const strs args = { words, 2, 0 };
	const struct locate_env env = { 0 };
	struct located at;

	if (w->engine && str_eq(w->engine->variant, "snap") && !opt_given(w->j.o, OPT_CONFIG)) {
		refuse(w, GP_EDIT_UNSUPPORTED, w->runtime->name,
		       "it is a snap, which manages its configuration itself",
		       "use the distribution's docker.io, or Docker's own packages");
		return;
	}
	locate(w->runtime->name, &args, &env, &w->j.a, &at);
	if (at.refuse)
		refuse(w, GP_EDIT_UNSUPPORTED, w->config, at.refuse,
		       "use the mechanism of what generates it");
}

static void add_switch(struct work *w, struct plan_step *s, enum option option, const char *key)
{
	if (opt_given(w->j.o, option))
		step_arg(&w->j.plan, s, key, "yes");
}

static void add_value(struct work *w, struct plan_step *s, const char *key, const char *value)
{
	if (!str_empty(value))
		step_arg(&w->j.plan, s, key, value);
}

static const char *given_or(const struct work *w, enum option option, const char *otherwise)
{
	const char *value = opt_value(w->j.o, option);

	return value ? value : otherwise;
}

static struct plan_step *add_step(struct work *w)
{
	struct plan *p = &w->j.plan;
	struct plan_step *s = plan_add(p, "engine", w->runtime->name, OP_CHANGE, "%s", w->target);
	const char *version = opt_value(w->j.o, OPT_ENGINE_VERSION);

	step_arg(p, s, "engine", w->runtime->name);
	step_arg(p, s, "config", w->config);
	step_arg(p, s, "name", given_or(w, OPT_RUNTIME_NAME, "nvidia"));
	step_arg(p, s, "binary",
		 given_or(w, OPT_RUNTIME_PATH, "/usr/bin/nvidia-container-runtime"));
	if (w->engine) {
		add_value(w, s, "program", w->engine->program);
		add_value(w, s, "args", w->engine->args);
		if (!version)
			version = w->engine->version;
	}
	add_value(w, s, "version", version);
	add_switch(w, s, OPT_DEFAULT, "default");
	add_switch(w, s, OPT_CDI, "cdi");
	add_switch(w, s, OPT_REPLACE, "replace");
	add_switch(w, s, OPT_REMOVE, "remove");
	return s;
}

/* ---- what we did before, for --remove ---- */

/* The records of one step, unless it is about another file. */
static int add_records(struct work *w, struct plan_step *to, const struct journal_record *r,
		       struct err *e)
{
	struct engine_saved saved = { 0 };

	if (rec_read(r->text, strlen(r->text), "the journal", engine_saved_rows, &saved, &w->j.a,
		     e))
		return -1;
	list_each (&saved.files, file) {
		auto_buf struct buf text = BUF_TEXT;
		struct jw json = { .out = &text, .compact = true };

		rec_write(&json, edit_record_rows, &file->record);
		step_arg(&w->j.plan, to, "record", arena_str(&w->j.a, buf_str(&text)));
	}
	return 0;
}

/* *ret_stop: this run took the runtime out, so what came before counts no more. */
static int take_run(struct work *w, struct plan_step *to, const struct run *run, bool *ret_stop,
		    struct err *e)
{
	journal_records records = { 0 };
	struct plan plan;

	if (journal_read(&w->j.sys, run->number, &w->j.a, &records, e) ||
	    journal_plan(&w->j.sys, run->number, &w->j.a, &plan, e))
		return -1;
	list_each (&plan.steps, s) {
		if (!str_eq(s->kind, "engine") || !str_eq(step_get(s, "config"), w->config))
			continue;
		if (str_eq(step_get(s, "remove"), "yes"))
			*ret_stop = true;
		list_each (&records, r)
			if (!*ret_stop && str_eq(r->kind, "start") && str_eq(r->step, s->id) &&
			    add_records(w, to, r, e))
				return -1;
	}
	return 0;
}

static int add_history(struct work *w, struct plan_step *to, struct err *e)
{
	bool stop = false;
	runs all = { 0 };

	if (!opt_given(w->j.o, OPT_REMOVE))
		return 0;
	if (runs_list(&w->j.sys, &w->j.a, &all, e))
		return -1;
	for (size_t i = all.n; i-- > 0 && !stop;) {
		const struct run *run = &all.at[i];

		if (run->started && !run->rollback && run->state != RUN_ROLLED_BACK &&
		    take_run(w, to, run, &stop, e))
			return -1;
	}
	return 0;
}

/* ---- the plan of one step ---- */

static struct diag *add_issue(struct work *w, enum severity severity,
			      const struct runtime_issue *one)
{
	struct diags *d = &w->j.plan.diags;
	const struct edit_issue *issue = &one->issue;
	const struct span at = { .file = one->path,
				 .line = issue->at.line,
				 .col = issue->at.col,
				 .width = 1,
				 .off = issue->at.off,
				 .len = 1 };
	struct diag *new;

	if (issue->at.line)
		return diag_add(d, severity, edit_code(issue->kind), &at, "%s", issue->text);
	new = diag_add(d, severity, edit_code(issue->kind), NULL, "%s: %s", one->path, issue->text);
	return new;
}

/* Ways out that options of this command are. */
static void add_ways(struct work *w, struct diag *d, const struct edit_issue *issue)
{
	struct diags *all = &w->j.plan.diags;

	if (issue->way)
		diag_way(all, d, NULL, "%s", issue->way);
	if (issue->kind == EDIT_CONFLICT && !opt_given(w->j.o, OPT_REPLACE))
		diag_way(all, d, NULL, "overwrite it: --replace");
	if (strstr(issue->text, "version of containerd is needed"))
		diag_way(all, d, NULL, "name it: --engine-version 1.7.24");
	if (issue->kind == EDIT_PRECONDITION && w->view.ask.binary_missing)
		diag_way(all, d, NULL,
			 "install nvidia-container-toolkit first, or name the program: "
			 "--runtime-path FILE");
}

static void add_issues(struct work *w)
{
	list_each (&w->view.answer.refusals, one)
		add_ways(w, add_issue(w, SEV_ERROR, one), &one->issue);
	list_each (&w->view.answer.notes, one)
		add_issue(w, SEV_WARNING, one);
}

static void add_reasons(struct work *w, struct plan_step *s)
{
	const struct runtime_answer *r = &w->view.answer;
	struct plan *p = &w->j.plan;
	const char *name = step_get(s, "name");

	if (opt_given(w->j.o, OPT_REMOVE))
		step_reason(p, s, NULL, NULL, "the runtime '%s' is taken out", name);
	else
		step_reason(p, s, NULL, NULL, "the runtime '%s' is not registered%s", name,
			    opt_given(w->j.o, OPT_DEFAULT) ? " as the default" : "");
	list_each (&r->writes, write) {
		const struct engine_file *f = engine_file(&w->view, write->path);

		if (!str_eq(write->path, w->target))
			step_reason(p, s, NULL, NULL, "%s %s",
				    write->text ? "with the file" : "without the file",
				    write->path);
		if (f->linked)
			step_reason(p, s, NULL, NULL,
				    "the link leads to /%s; it stays, its "
				    "target is changed",
				    f->real);
	}
	if (r->why)
		step_reason(p, s, NULL, NULL, "%s: %s",
			    r->effect == RUNTIME_RESTART ? "restart" : "reload", r->why);
}

static void add_risk(struct work *w, struct plan_step *s)
{
	long long n = w->engine ? w->engine->containers : -1;

	if (w->view.answer.effect != RUNTIME_RESTART || !w->engine ||
	    w->engine->running != TRI_YES || !str_eq(w->runtime->name, "docker"))
		return;
	s->risk = n >= 0 ? arena_printf(&w->j.a,
					"restarting docker stops %lld running container%s, unless "
					"live-restore is on",
					n, n == 1 ? "" : "s") :
			   "restarting docker stops its containers, unless live-restore is on";
}

static int make_plan(struct work *w, struct err *e)
{
	struct job *j = &w->j;
	struct plan_step *s;
	enum engine_state state = ENGINE_KNOWS;

	plan_init(&j->plan, &j->a);
	j->plan.header.kind = "configure";
	j->plan.header.profile = arena_printf(&j->a, "configure %s", w->runtime->name);
	j->plan.header.host = arena_printf(
		&j->a, "%s%s%s", w->runtime->name, w->engine && w->engine->version ? " " : "",
		w->engine && w->engine->version ? w->engine->version :
						  ", which is not found on this host");
	check_owner(w);
	s = add_step(w);
	if (add_history(w, s, e) || engine_look(&j->sys, s, &j->a, &w->view, e))
		return -1;
	add_issues(w);
	if (!w->view.answer.writes.n && !w->view.answer.refusals.n &&
	    engine_state(&j->sys, &w->view, &state, e))
		return -1;
	if (w->view.answer.writes.n && w->view.answer.writes.at[0].created)
		s->op = OP_ADD;
	if (!w->view.answer.writes.n && state != ENGINE_IGNORANT)
		s->op = OP_KEEP;
	add_reasons(w, s);
	add_risk(w, s);
	plan_finish(&j->plan);
	return 0;
}

/* ---- showing ---- */

static void add_diff(const struct work *w, struct buf *ret)
{
	list_each (&w->view.answer.writes, write) {
		const char *old, *new;
		size_t old_len, new_len;

		engine_text(&w->view, write->path, false, &old, &old_len);
		engine_text(&w->view, write->path, true, &new, &new_len);
		udiff(write->path, old, old_len, write->path, new, new_len, ret);
	}
}

/* On a terminal the bytes of a file must not be commands to it. */
static int show_diff(const struct work *w, struct err *e)
{
	auto_buf struct buf text = BUF_TEXT, shown = BUF_TEXT;
	struct piece rest, line;

	add_diff(w, &text);
	if (!isatty(STDOUT_FILENO))
		return print(&text, e);
	rest = (struct piece){ buf_str(&text), text.len };
	while (str_line(&rest, &line)) {
		for (size_t i = 0; i < line.len; i++)
			if (line.at[i] == '\t')
				buf_addc(&shown, '\t');
			else
				str_escape(&shown, line.at + i, 1);
		buf_addc(&shown, '\n');
	}
	return print(&shown, e);
}

/* The lines that complaints point at. */
static void show_diags(const struct work *w)
{
	struct style style = terminal_style(w->j.o, stderr);
	auto_buf struct buf shown = BUF_TEXT;
	struct profile_text text = { .file = w->config,
				     .bytes = w->view.ask.file.text,
				     .len = w->view.ask.file.len };
	auto_arena struct arena a = { 0 };
	size_t errors = diag_count(&w->j.plan.diags, SEV_ERROR);

	for (size_t i = 0; text.bytes && i <= text.len; i++)
		if (!i || text.bytes[i - 1] == '\n')
			list_add(&a, &text.lines, i);
	render_diags(&w->j.plan.diags, text.bytes ? &text : NULL, &style, &shown);
	if (errors)
		buf_addf(&shown, "No change: %zu error%s. Nothing has been written.\n", errors,
			 errors == 1 ? "" : "s");
	fputs(buf_str(&shown), stderr);
}

/* 65 for a file that cannot be read as what it is, 3 for what is in the way. */
static enum status refusal(const struct work *w)
{
	enum status worst = STATUS_NO_PLAN;

	list_each (&w->j.plan.diags.list, d)
		if (d->severity == SEV_ERROR && code_status(d->code) != STATUS_NO_PLAN)
			worst = code_status(d->code);
	return worst;
}

/* ---- all of it ---- */

static int carry_out(struct work *w, struct err *e)
{
	struct job *j = &w->j;

	if (engine_writable(&j->sys, &w->view, e) || acting_show(j, e))
		return -1;
	if (!opt_wants(j->o, "json") && plan_pending(&j->plan) && show_diff(w, e))
		return -1;
	show_diags(w);
	if (plan_pending(&j->plan) && acting_confirm(j, e))
		return -1;
	if (acting_carry_out(j, e))
		return -1;
	if (plan_pending(&j->plan))
		fprintf(stderr, "Done. gpuprov rollback puts it back.\n");
	return STATUS_OK;
}

static int work(struct work *w, struct err *e)
{
	if (find_engine(w, e) || make_plan(w, e))
		return -1;
	if (plan_refused(&w->j.plan)) {
		if (opt_wants(w->j.o, "json") && acting_show(&w->j, e))
			return -1;
		show_diags(w);
		return (int)refusal(w);
	}
	if (!opt_given(w->j.o, OPT_DIFF))
		return carry_out(w, e);
	show_diags(w);
	return show_diff(w, e) ? -1 : STATUS_OK;
}

/* Looking needs neither rights nor the lock. */
static int open_and_work(struct work *w, struct err *e)
{
	struct job *j = &w->j;
	int lock, rc;

	if (sys_real_open(opt_value(j->o, OPT_ROOT), &j->sys, e))
		return -1;
	if (opt_given(j->o, OPT_DIFF))
		return work(w, e);
	if (acting_rights(j, "configure", e) || journal_lock(&j->sys, &lock, e))
		return -1;
	rc = work(w, e);
	sys_unlock(&j->sys, lock);
	return rc;
}

static int run(const struct options *o, struct err *e)
{
	struct work w = { .j.o = o, .runtime = runtime_find(o->args.at[0]) };
	int rc;

	if (!w.runtime) {
		err_set(e, GP_USAGE, "configure: there is no engine '%s'", o->args.at[0]);
		err_way(e, "it is one of docker, containerd and crio; podman needs no "
			   "configuration, it reads CDI");
		return -1;
	}
	rc = open_and_work(&w, e);
	job_release(&w.j);
	return rc;
}

const struct command command_configure = {
	.name = "configure",
	.args = "ENGINE",
	.min = 1,
	.max = 1,
	.summary = "register the runtime with a container engine; no profile",
	.about = "Edits the configuration that the engine's daemon really reads: our keys are "
		 "added, every other byte stays. The engine checks the new text before it is "
		 "written, is reloaded or restarted, and is asked; when it does not know the "
		 "runtime then, the old file is put back.\n"
		 "\n"
		 "Shows the change, asks, and keeps a journal: 'gpuprov rollback' undoes it, "
		 "--remove takes the runtime out later, also after other edits. On a --root that "
		 "is not running only files are written.\n"
		 "\n"
		 "Exits with 0 also when there is nothing to do, with 65 when the file cannot be "
		 "parsed, with 3 when somebody else's setting is in the way.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_CONFIG, OPT_RUNTIME_NAME, OPT_RUNTIME_PATH,
					  OPT_DEFAULT, OPT_CDI, OPT_REMOVE, OPT_REPLACE, OPT_DIFF,
					  OPT_ENGINE_VERSION, OPT_YES, OPT_JSON, OPT_COUNT },
	.words = (const char *const[]){ "docker", "containerd", "crio", NULL },
	.run = run,
};
