/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov emit: text for other engines, made from a profile. */
#include "emit/emit.h"

#include "base/str.h"
#include "commands/common.h"
#include "sys/tarball.h"

#include <unistd.h>

struct target {
	const char *name, *kind; /* the kind of profile it takes; NULL = any */
	int (*emit)(struct emit *em, struct buf *ret, struct err *e);
};

static const struct target targets[] = {
	{ "k8s", "k8s", emit_k8s },
	{ "helm-values", "k8s", emit_helm_values },
	{ "cloud-init", NULL, emit_cloud_init },
	{ "shell", NULL, emit_shell },
	{ NULL, NULL, NULL },
};
static const char *const target_names[] = { "k8s", "helm-values", "cloud-init", "shell", NULL };

static const struct target *find_target(const char *name, struct err *e)
{
	for (const struct target *t = targets; t->name; t++)
		if (str_eq(t->name, name))
			return t;
	err_set(e, GP_USAGE, "emit takes k8s, helm-values, cloud-init or shell, not '%s'", name);
	return NULL;
}

/* Compressed or not, it must be what the cloud takes. */
static int finish(const struct options *o, const struct target *t, struct emit *em,
		  struct buf *text, struct err *e)
{
	bool packed = opt_given(o, OPT_GZIP);
	auto_buf struct buf small = BUF_INIT(16 << 20);

	if (t->emit != emit_cloud_init) {
		if (packed)
			return err_set(e, GP_USAGE, "--gzip is for cloud-init, which unpacks it");
		return 0;
	}
	if (!text->len)
		return 0;
	if (packed && isatty(STDOUT_FILENO)) {
		err_set(e, GP_USAGE, "--gzip writes bytes that a terminal cannot show");
		err_way(e, "write them to a file: gpuprov emit cloud-init --gzip PROFILE >FILE");
		return -1;
	}
	if (packed && gzip_write(buf_str(text), text->len, &small, e))
		return -1;
	emit_check_user_data(em, packed ? small.len : text->len, packed);
	if (packed || diag_count(em->diags, SEV_ERROR))
		buf_clear(text);
	if (packed && !diag_count(em->diags, SEV_ERROR))
		buf_add(text, buf_str(&small), small.len);
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT, shown = BUF_TEXT;
	const struct target *t = find_target(o->args.at[0], e);
	struct emit_door door = { job_template, &j };
	struct diags diags = { .a = &j.a };
	struct emit em = { &j.profile,
			   &j.catalog,
			   &door,
			   &diags,
			   &j.a,
			   opt_value(o, OPT_DEB),
			   opt_value(o, OPT_SHA256),
			   opt_value(o, OPT_PLATFORM) };
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
	if (t->emit(&em, &text, e) || finish(o, t, &em, &text, e))
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
	.summary = "write what other engines take: Kubernetes manifests, user data",
	.about =
		"Writes to standard output what another engine carries out. WHAT is one of:\n"
		"\n"
		"k8s: the manifests that a cluster needs for its GPUs, in the order in which they "
		"are applied: kubectl apply --server-side --field-manager=gpuprov -f FILE\n"
		"\n"
		"helm-values: values for the chart of NVIDIA's gpu-operator, where that owns "
		"device plugin and exporter (kubernetes.owner: gpu-operator) and gpuprov driver "
		"and container toolkit.\n"
		"\n"
		"cloud-init: user data that applies the profile at the first boot, reboots where "
		"the driver takes it, and goes on after that. --platform refuses what a cloud "
		"would "
		"not take, --gzip makes it smaller.\n"
		"\n"
		"shell: a script for POSIX shells that does the same on a host that is there.\n"
		"\n"
		"For the last two the new host must have gpuprov, or be told by --deb where to get "
		"it; a package from a URL needs --sha256.\n"
		"\n"
		"The text is made from templates. A file below /etc/gpuprov/templates takes the "
		"place of the template of the same name; those that are built in are installed "
		"below /usr/share/gpuprov/templates. Nothing is changed, here or elsewhere.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_DEB, OPT_SHA256, OPT_PLATFORM, OPT_GZIP,
					  OPT_CATALOG, OPT_TIMING, OPT_COUNT },
	.words = target_names,
	.run = run,
};
