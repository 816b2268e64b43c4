/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov ansible-module: what the modules of the collection gpuprov.host run. */
#include "commands/outcome.h"

#include "base/str.h"
#include "edit/edit.h"

#include <string.h>
#include <strings.h>

#define PROFILE "/etc/gpuprov/profile.yaml"

enum form { FORM_TEXT, FORM_BOOL, FORM_LIST, FORM_PROFILE };

/* What a task can say. Those without an option are looked at by name. */
struct parameter {
	const char *name;
	enum form form;
	enum option option;
};

static const struct parameter parameters[] = {
	{ "profile", FORM_TEXT, OPT_COUNT },      { "content", FORM_PROFILE, OPT_COUNT },
	{ "facts", FORM_BOOL, OPT_COUNT },        { "root", FORM_TEXT, OPT_ROOT },
	{ "cache", FORM_TEXT, OPT_CACHE },        { "catalog", FORM_TEXT, OPT_CATALOG },
	{ "offline", FORM_BOOL, OPT_OFFLINE },    { "refresh", FORM_BOOL, OPT_REFRESH },
	{ "gpus", FORM_LIST, OPT_GPU },           { "_ansible_check_mode", FORM_BOOL, OPT_COUNT },
	{ "_ansible_diff", FORM_BOOL, OPT_COUNT }
};

enum { PARAMETERS = sizeof(parameters) / sizeof(*parameters) };

/* What a task said, read from the file that Ansible names. */
struct task {
	struct arena *a;
	struct options options;
	const char *profile, *content;
	bool check, diff, facts;
};

static const char *copy(struct arena *a, struct piece p)
{
	return arena_strn(a, p.at, p.len);
}

/* Ansible passes on what was written: true is a boolean, and in key=value form a word. */
static int read_bool(const struct parameter *p, const struct tree *t, bool *ret, struct err *e)
{
	static const char *const yes[] = { "true", "yes", "on", "1", NULL };
	static const char *const no[] = { "false", "no", "off", "0", NULL };
	bool scalar = t->type == TREE_BOOL || t->type == TREE_STRING || t->type == TREE_INT;

	for (int i = 0; scalar && yes[i]; i++) {
		size_t n = strlen(yes[i]), m = strlen(no[i]);

		if (t->text.len == n && strncasecmp(t->text.at, yes[i], n) == 0) {
			*ret = true;
			return 0;
		}
		if (t->text.len == m && strncasecmp(t->text.at, no[i], m) == 0) {
			*ret = false;
			return 0;
		}
	}
	return err_set(e, GP_USAGE, "parameter '%s' is true or false, not %s", p->name,
		       tree_what(t));
}

static int read_text(const struct parameter *p, const struct tree *t, struct arena *a,
		     const char **ret, struct err *e)
{
	if (t->type != TREE_STRING)
		return err_set(e, GP_USAGE, "parameter '%s' is text, not %s", p->name,
			       tree_what(t));
	*ret = copy(a, t->text);
	return 0;
}

static int read_list(struct task *task, const struct parameter *p, const struct tree *t,
		     struct err *e)
{
	if (t->type != TREE_ARRAY)
		return err_set(e, GP_USAGE, "parameter '%s' is a list, not %s", p->name,
			       tree_what(t));
	list_each (&t->members, it) {
		const char *text;

		if (read_text(p, it->value, task->a, &text, e))
			return -1;
		list_add(task->a, &task->options.values[p->option], text);
	}
	return 0;
}

/* A profile in the task itself: as text, or as the keys, whose JSON is YAML. */
static int read_content(struct task *task, const struct parameter *p, const struct tree *t,
			const char *json, struct err *e)
{
	if (t->type == TREE_TABLE) {
		task->content = arena_strn(task->a, json + t->from, t->to - t->from);
		return 0;
	}
	return read_text(p, t, task->a, &task->content, e);
}

static int read_one(struct task *task, const struct parameter *p, const struct tree *t,
		    const char *json, struct err *e)
{
	const char *text = NULL;
	bool yes = false;

	if (t->type == TREE_NULL)
		return 0;
	if (p->form == FORM_LIST)
		return read_list(task, p, t, e);
	if (p->form == FORM_PROFILE)
		return read_content(task, p, t, json, e);
	if (p->form == FORM_BOOL ? read_bool(p, t, &yes, e) : read_text(p, t, task->a, &text, e))
		return -1;
	if (p->option != OPT_COUNT && (text || yes))
		list_add(task->a, &task->options.values[p->option], text ? text : "");
	if (str_eq(p->name, "profile"))
		task->profile = text;
	if (str_eq(p->name, "facts"))
		task->facts = yes;
	if (str_eq(p->name, "_ansible_check_mode"))
		task->check = yes;
	if (str_eq(p->name, "_ansible_diff"))
		task->diff = yes;
	return 0;
}

/* A parameter that we do not know would be one that is not obeyed. */
static int unknown(const char *name, struct err *e)
{
	auto_buf struct buf all = BUF_TEXT;

	for (size_t i = 0; i < PARAMETERS; i++)
		if (parameters[i].name[0] != '_')
			buf_addf(&all, "%s%s", all.len ? ", " : "", parameters[i].name);
	err_set(e, GP_USAGE, "there is no parameter '%s'", name);
	err_way(e, "the parameters are %s", buf_str(&all));
	return -1;
}

static int read_task(struct task *task, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(EDIT_MAX_BYTES);
	auto_edit struct edit *ed = NULL;
	const struct tree *root;

	if (user_read(path, &text, e))
		return err_ctx(e, "reading what the task says");
	ed = edit_open(task->a, EDIT_JSON, buf_str(&text), text.len);
	root = edit_root(ed);
	if (edit_refused(ed) || root->type != TREE_TABLE || root->origin == TREE_BLANK)
		return err_set(e, GP_USAGE, "'%s' is not the JSON object that Ansible passes",
			       path);
	list_each (&root->members, m) {
		const char *name = copy(task->a, m->key);
		const struct parameter *p = NULL;

		for (size_t i = 0; i < PARAMETERS; i++)
			if (str_eq(parameters[i].name, name))
				p = &parameters[i];
		/* Of Ansible's own words those that matter to us are among the parameters. */
		if (!p && str_starts(name, "_ansible_"))
			continue;
		if (!p ? unknown(name, e) : read_one(task, p, m->value, buf_str(&text), e))
			return -1;
	}
	if (task->profile && task->content)
		return err_set(e, GP_USAGE, "'profile' and 'content' are two profiles: give one");
	return 0;
}

/* The work of the task's commands, with the options that it comes to. */
static int work_facts(struct job *j, struct err *e)
{
	return job_open(j, j->o, e);
}

static int run(const struct options *o, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_job j = { 0 };
	struct task task = { .a = &a, .facts = true };
	struct told out = { 0 };
	int (*work)(struct job *, struct err *) = work_apply;
	auto_err problem = { 0 };

	task.options.a = &a;
	task.options.command = command_find("apply");
	list_add(&a, &task.options.values[OPT_FORMAT], "result");
	list_add(&a, &task.options.values[OPT_YES], "");
	j.o = &task.options;
	j.complaints.a = &j.a;
	if (read_task(&task, o->args.at[0], &problem))
		return outcome_failed(&j, &out, &problem, e);
	list_add(&a, &task.options.args, task.profile ? task.profile : PROFILE);
	if (task.content) {
		task.options.args.at[0] = "content";
		j.profile_inline = task.content;
	}
	if (o->args.n > 1)
		work = work_facts;
	else if (task.check)
		work = work_plan;
	out.diff = task.diff;
	out.facts = task.facts;
	return outcome_tell(&j, &out, work, e);
}

const struct command command_ansible_module = {
	.name = "ansible-module",
	.args = "FILE [facts]",
	.min = 1,
	.max = 2,
	.summary = "do what an Ansible task of gpuprov.host says",
	.about = "Reads a task's parameters from FILE, as Ansible passes them to a module, and "
		 "prints one JSON object, whatever happens: what was changed, what failed and why, "
		 "whether a reboot is needed (schema gpuprov.result/1). In check mode nothing is "
		 "changed; in diff mode the changes of files are in the result.\n"
		 "\n"
		 "With 'facts', only the host's facts are told, as ansible_facts.gpuprov.\n"
		 "\n"
		 "Scripts take 'gpuprov apply --format result' instead.\n",
	.options = (const enum option[]){ OPT_COUNT },
	.run = run,
};
