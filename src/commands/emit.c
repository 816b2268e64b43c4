/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov emit: text for other engines, made from a profile. */
#include "emit.h"

#include "base/str.h"
#include "commands/common.h"

#define OWN_TEMPLATES "etc/gpuprov/templates"

struct target {
	const char *name, *kind; /* the kind of profile it takes; NULL = any */
	int (*emit)(struct emit *em, struct buf *ret, struct err *e);
};

static const struct target targets[] = {
	{ "k8s", "k8s", emit_k8s },
	{ NULL, NULL, NULL },
};
static const char *const target_names[] = { "k8s", NULL };

/* A template of the administrator's takes the place of ours. */
static int read_own(void *ctx, const char *name, struct buf *ret, bool *ret_there, struct err *e)
{
	struct job *j = ctx;
	const char *path = arena_printf(&j->a, OWN_TEMPLATES "/%s", name);

	if (sys_read_if(&j->sys, path, ret, ret_there, e))
		return err_ctx(e, "reading the template '/%s'", path);
	return 0;
}

static const struct target *find_target(const char *name, struct err *e)
{
	for (const struct target *t = targets; t->name; t++)
		if (str_eq(t->name, name))
			return t;
	err_set(e, GP_USAGE, "emit takes k8s, not '%s'", name);
	return NULL;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT, shown = BUF_TEXT;
	const struct target *t = find_target(o->args.at[0], e);
	struct emit_door door = { read_own, &j };
	struct diags diags = { .a = &j.a };
	struct emit em = { &j.profile, &j.catalog, &door, &diags, &j.a };
	struct style style = terminal_style(o, stderr);

	if (!t || job_open(&j, o, e))
		return -1;
	if (job_profile(&j, o->args.at[1], e))
		return e->code ? -1 : STATUS_PROFILE;
	if (t->kind && !str_eq(t->kind, j.profile.kind)) {
		err_set(e, GP_NOT_FOR_THIS, "%s is made from a profile of kind %s; this one is %s",
			t->name, t->kind, j.profile.kind);
		return -1;
	}
	if (t->emit(&em, &text, e))
		return -1;
	job_stage(&j, "emit");
	diag_sort(&diags);
	render_diags(&diags, &j.profile.text, &style, &shown);
	fputs(buf_str(&shown), stderr);
	if (print(&text, e))
		return -1;
	job_show_stages(&j);
	return diag_count(&diags, SEV_ERROR) ? STATUS_NO_PLAN : STATUS_OK;
}

const struct command command_emit = {
	.name = "emit",
	.args = "WHAT PROFILE",
	.min = 2,
	.max = 2,
	.summary = "write what other engines take: Kubernetes manifests",
	.about = "Writes to standard output what another engine carries out. WHAT is one of:\n"
		 "\n"
		 "k8s: the manifests that a cluster needs for its GPUs, in the order in which they "
		 "are applied: kubectl apply --server-side --field-manager=gpuprov -f FILE\n"
		 "\n"
		 "The text is made from templates. A file below /etc/gpuprov/templates takes the "
		 "place of the template of the same name; those that are built in are installed "
		 "below /usr/share/gpuprov/templates. Nothing is changed, here or elsewhere.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_CATALOG, OPT_TIMING, OPT_COUNT },
	.words = target_names,
	.run = run,
};
