/* SPDX-License-Identifier: Apache-2.0 */
/* What several commands do alike. */
#include "commands/common.h"

#include "base/mem.h"
#include "base/str.h"
#include "closure/closure.h"
#include "closure/index_dates.h"
#include "cluster/cluster_plan.h"
#include "runfile/inside.h"
#include "solve/solve.h"
#include "sys/apt.h"
#include "sys/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void job_release(struct job *j)
{
	if (j->sys.ops)
		sys_real_close(&j->sys);
	if (j->cache.ops)
		sys_real_close(&j->cache);
	buf_release(&j->profile_text);
	arena_release(&j->a);
}

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void job_stage(struct job *j, const char *name)
{
	long long now = now_us();

	list_add(&j->a, &j->stages, ((struct job_stage){ name, now - j->stage_began }));
	j->stage_began = now;
}

void job_show_stages(const struct job *j)
{
	if (opt_given(j->o, OPT_TIMING))
		list_each (&j->stages, s)
			fprintf(stderr, "timing: %-8s %8lld us\n", s->name, s->us);
}

static int open_catalog(struct job *j, struct err *e)
{
	const char *path = opt_value(j->o, OPT_CATALOG);
	auto_buf struct buf text = BUF_INIT(8 << 20);
	size_t len;
	const char *builtin;

	if (path) {
		if (user_read(path, &text, e))
			return -1;
		return catalog_load(buf_str(&text), text.len, path, &j->a, &j->catalog, e);
	}
	builtin = catalog_builtin(&len);
	return catalog_load(builtin, len, "built in", &j->a, &j->catalog, e);
}

int job_catalog_hash(struct job *j, const char **ret, struct err *e)
{
	const char *path = opt_value(j->o, OPT_CATALOG);
	auto_buf struct buf text = BUF_INIT(8 << 20);
	char hash[HASH_HEX];
	size_t len;
	const char *bytes = catalog_builtin(&len);

	if (path && user_read(path, &text, e))
		return -1;
	hash_bytes(path ? buf_str(&text) : bytes, path ? text.len : len, hash);
	*ret = arena_str(&j->a, hash);
	return 0;
}

int job_open(struct job *j, const struct options *o, struct err *e)
{
	j->o = o;
	j->stage_began = now_us();
	j->complaints.a = &j->a;
	j->profile_text = (struct buf)BUF_INIT(PROFILE_MAX_BYTES + 1);
	if (sys_real_open(opt_value(o, OPT_ROOT), &j->sys, e))
		return -1;
	if (open_catalog(j, e))
		return -1;
	job_stage(j, "catalog");
	return 0;
}

int job_facts(struct job *j, struct err *e)
{
	const char *path = opt_value(j->o, OPT_FACTS);
	auto_buf struct buf text = BUF_INIT(8 << 20);

	if (!path) {
		if (facts_gather(&j->sys, &j->a, &j->facts, e))
			return -1;
		job_stage(j, "facts");
		return 0;
	}
	j->borrowed = true;
	if (user_read(path, &text, e)) {
		if (e->code == GP_NO_FILE)
			err_way(e,
				"make one, on the host that is meant: gpuprov facts --json >FILE");
		return -1;
	}
	return facts_read(buf_str(&text), text.len, path, &j->a, &j->facts, e);
}

static int read_base(void *ctx, const char *path, struct buf *ret, struct err *e)
{
	(void)ctx;
	return user_read(path, ret, e);
}

/* A file name as it may stand in a command that is proposed. */
static const char *proposed(struct job *j, const char *path)
{
	auto_buf struct buf shown = BUF_TEXT;

	str_escape(&shown, path, strlen(path));
	return str_eq(buf_str(&shown), path) && !strpbrk(path, " '\"\\$`;&|<>()*?") ?
		       arena_str(&j->a, path) :
		       "FILE";
}

/* A profile that cannot be read, as a complaint with what to do about it. */
static void no_profile(struct job *j, const char *path, struct err *e)
{
	bool large = e->code == GP_TOO_LARGE;
	struct span at = { .file = path, .line = large, .col = large, .width = large };
	const char *meant = e->code == GP_NO_FILE ? user_meant(path, &j->a) : NULL;

	if (large)
		err_way(e, "check that this is the right file");
	else if (meant && str_eq(proposed(j, meant), meant))
		err_way(e, "did you mean %s?", meant);
	else if (e->code == GP_NO_FILE)
		err_way(e, "gpuprov init %s writes one that fits this host", proposed(j, path));
	else if (e->code == GP_NO_PERMISSION)
		err_way(e, "make it readable for you, or name another profile");
	else
		err_way(e, "name a file that holds a profile; gpuprov init FILE writes one");
	e->code = large ? GP_PROFILE_TOO_LARGE : GP_PROFILE_UNREADABLE;
	err_at(e, &at);
}

int job_load_profile(struct job *j, const char *path)
{
	static const struct profile_door door = { read_base, NULL };
	auto_err e = { 0 };
	int rc;

	if (user_read(path, &j->profile_text, &e)) {
		no_profile(j, path, &e);
		diag_from_err(&j->complaints, &e);
		return -1;
	}
	rc = profile_load(path, buf_str(&j->profile_text), j->profile_text.len, &door, &j->a,
			  &j->profile, &j->complaints);
	job_stage(j, "profile");
	return rc;
}

static int show_complaints(struct job *j, int rc)
{
	struct style style = terminal_style(j->o, stderr);
	auto_buf struct buf shown = BUF_TEXT, data = BUF_TEXT;

	render_diags(&j->complaints, &j->profile.text, &style, &shown);
	fputs(buf_str(&shown), stderr);
	if (!rc || !opt_wants(j->o, "json"))
		return rc;
	render_diags_json(&j->complaints, &data);
	fputs(buf_str(&data), stdout);
	return -1;
}

int job_profile(struct job *j, const char *path, struct err *e)
{
	(void)e;
	if (j->profile_inline)
		return job_profile_text(j, path, j->profile_inline);
	return show_complaints(j, job_load_profile(j, path));
}

int job_profile_text(struct job *j, const char *name, const char *text)
{
	static const struct profile_door door = { read_base, NULL };

	return show_complaints(j, profile_load(name, text, strlen(text), &door, &j->a, &j->profile,
					       &j->complaints));
}

/* --gpu says it on the command line: the same as `gpus:` in the profile, which it overrides. */
static void apply_gpu_option(struct job *j)
{
	const strs *names = &j->o->values[OPT_GPU];
	struct value *gpus = NULL;

	if (!names->n)
		return;
	list_each (&j->profile.root.items, v)
		if (str_eq(v->key, "gpus"))
			gpus = v;
	if (!gpus) {
		gpus = list_push(&j->a, &j->profile.root.items);
		gpus->key = gpus->path = "gpus";
	}
	gpus->form = VALUE_LIST;
	gpus->at = (struct span){ .file = "--gpu" };
	gpus->items.n = 0;
	list_each (names, name) {
		struct value *v = list_push(&j->a, &gpus->items);

		v->form = VALUE_TEXT;
		v->text = *name;
		v->path = "gpus";
		v->at = gpus->at;
	}
}

/* Root's cache is the system's, or where the plan says; anybody else's is their own. */
static const char *cache_dir(struct job *j)
{
	const char *given = opt_value(j->o, OPT_CACHE);
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (given)
		return given;
	if (geteuid() == 0)
		return j->plan.header.cache ? j->plan.header.cache : "/var/cache/gpuprov";
	if (xdg && *xdg == '/')
		return arena_printf(&j->a, "%s/gpuprov", xdg);
	return arena_printf(&j->a, "%s/.cache/gpuprov", home ? home : "");
}

int job_cache(struct job *j, struct err *e)
{
	const char *dir = cache_dir(j);
	auto_free char *part = mem_strdup(dir);

	if (j->cache.ops)
		return 0;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return err_errno(e, errno, "making the cache folder '%s'", part);
		*slash = '/';
	}
	if (mkdir(dir, 0755) && errno != EEXIST)
		return err_errno(e, errno, "making the cache folder '%s'", dir);
	if (sys_real_open(dir, &j->cache, e))
		return -1;
	j->cache.offline = opt_given(j->o, OPT_OFFLINE);
	j->sys.cache = &j->cache;
	return 0;
}

static void on_apt(void *ctx, const struct apt_event *ev)
{
	struct step_progress p = {
		"fetching package indexes", ev->done, ev->total, true, ev->rate, false
	};

	progress_show(ctx, "plan", &p);
}

#define OWN_TEMPLATES "etc/gpuprov/templates"

int job_template(void *ctx, const char *name, struct buf *ret, bool *ret_there, struct err *e)
{
	struct job *j = ctx;
	const char *path = arena_printf(&j->a, OWN_TEMPLATES "/%s", name);

	if (sys_read_if(&j->sys, path, ret, ret_there, e))
		return err_ctx(e, "reading the template '/%s'", path);
	return 0;
}

/* What the plan puts into the cluster; asked of it only where it is the host's own. */
static int plan_cluster(struct job *j, bool ask, struct err *e)
{
	struct emit_door door = { job_template, j };
	struct diags diags = { .a = &j->a };
	struct emit em = { .profile = &j->profile,
			   .catalog = &j->catalog,
			   .door = &door,
			   .diags = &diags,
			   .a = &j->a };

	if (plan_refused(&j->plan) || !plan_find(&j->plan, "cluster:manifests"))
		return 0;
	if (cluster_fill(&j->plan, &em, e) ||
	    (ask && cluster_ask(&j->plan, &j->profile, &j->sys, e)))
		return -1;
	/* A refused plan has no steps: nobody shall run half of it. */
	if (plan_refused(&j->plan)) {
		j->plan.steps.n = j->plan.posts.n = j->plan.omitted.n = 0;
		j->plan.totals = (struct plan_totals){ 0 };
	}
	job_stage(j, "cluster");
	return 0;
}

/* What a profile names is beside it, unless it says where. */
static int read_for_profile(void *ctx, const char *path, struct buf *ret, struct err *e)
{
	struct job *j = ctx;
	const char *slash = strrchr(j->profile.text.file, '/');

	if (*path != '/' && slash)
		path = arena_printf(&j->a, "%.*s/%s", (int)(slash - j->profile.text.file),
				    j->profile.text.file, path);
	return user_read(path, ret, e);
}

/* The .run files that are here already: what is in them counts. */
static int look_inside_files(struct job *j, struct err *e)
{
	struct sys here = { 0 };
	const struct inside_files files = { &j->sys, &here, &j->cache };
	int rc;

	if (sys_real_open("/", &here, e))
		return -1;
	rc = inside_check(&j->plan, &j->facts, &files, e);
	sys_real_close(&here);
	job_stage(j, "inside");
	return rc;
}

/* Talk, not a part of the plan: the same plan is the same bytes at any hour. */
static void tell_index_age(struct job *j)
{
	int64_t age = sys_now(&j->sys) - j->plan.indexes_since;

	if (!j->plan.indexes_since || age < 60)
		return;
	fprintf(stderr, "package indexes: fetched %s ago%s\n", index_age(age, &j->a),
		opt_given(j->o, OPT_OFFLINE) ? ", and --offline leaves them so" :
					       "; --refresh fetches them anew");
}

int job_resolve(struct job *j, struct err *e)
{
	struct progress progress;
	struct apt_listener listener = { on_apt, &progress };
	struct closure_options co = {
		.refresh = opt_given(j->o, OPT_REFRESH),
		.offline = opt_given(j->o, OPT_OFFLINE),
		.listener = &listener,
		.read = read_for_profile,
		.ctx = j,
	};
	int rc;

	if (job_cache(j, e))
		return -1;
	progress_init(&progress, j->o);
	if (look_inside_files(j, e))
		return -1;
	rc = closure_resolve(&j->plan, &j->facts, &j->sys, &j->cache, &co, e);
	progress_clear(&progress);
	if (!rc)
		tell_index_age(j);
	return rc;
}

const char *job_profile_hash(struct job *j)
{
	auto_buf struct buf bytes = BUF_TEXT;
	char hash[HASH_HEX];

	for (const struct profile_text *t = &j->profile.text; t; t = t->base)
		buf_add(&bytes, t->bytes, t->len);
	hash_bytes(buf_str(&bytes), bytes.len, hash);
	return arena_str(&j->a, hash);
}

int job_plan(struct job *j, bool closure, struct err *e)
{
	apply_gpu_option(j);
	solve(&j->profile, &j->facts, &j->catalog, &j->a, &j->plan);
	j->plan.header.profile_hash = job_profile_hash(j);
	job_stage(j, "solve");
	if (plan_cluster(j, closure && j->facts.live && !j->borrowed, e))
		return -1;
	if (!closure || plan_refused(&j->plan) || !plan_pending(&j->plan))
		return 0;
	if (job_resolve(j, e))
		return -1;
	job_stage(j, "libapt");
	return 0;
}

void job_show_diags(const struct job *j)
{
	struct style style = terminal_style(j->o, stderr);
	auto_buf struct buf shown = BUF_TEXT;
	size_t errors = diag_count(&j->plan.diags, SEV_ERROR);

	render_diags(&j->plan.diags, j->profile.kind ? &j->profile.text : NULL, &style, &shown);
	if (errors)
		buf_addf(&shown, "No plan: %zu error%s. Nothing has been changed.\n", errors,
			 errors == 1 ? "" : "s");
	fputs(buf_str(&shown), stderr);
}

bool job_contradicts(const struct job *j)
{
	auto_arena struct arena a = { 0 };
	struct diags found = { .a = &a };

	solve_pairs(&j->profile, &j->catalog, &a, &found);
	return found.list.n > 0;
}

enum status job_refusal(const struct job *j)
{
	enum status worst = STATUS_NO_PLAN;

	if (j->profile.kind && job_contradicts(j))
		return STATUS_PROFILE;

	list_each (&j->plan.diags.list, d)
		if (d->severity == SEV_ERROR && code_status(d->code) == STATUS_UNSUPPORTED)
			worst = STATUS_UNSUPPORTED;
	return worst;
}

int print(const struct buf *b, struct err *e)
{
	if (fwrite(buf_str(b), 1, b->len, stdout) != b->len || fflush(stdout))
		return err_errno(e, errno, "writing to standard output");
	return 0;
}
