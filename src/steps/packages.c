/* SPDX-License-Identifier: Apache-2.0 */
/* Installing exactly the set of packages that the plan shows, through libapt. */
#include "steps/step.h"

#include "base/control.h"
#include "base/json.h"
#include "base/rec.h"
#include "base/str.h"
#include "base/ver.h"
#include "closure/unfinished.h"
#include "runfile/dkms.h"
#include "sys/apt.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

#define DEBS "var/lib/gpuprov/debs"
#define MARKS "var/lib/apt/extended_states"

/* ---- done ---- */

struct installed {
	struct piece name, arch, version;
	bool whole, gone, held;
};

static bool piece_ends(struct piece p, const char *tail)
{
	size_t n = strlen(tail);

	return p.len >= n && memcmp(p.at + p.len - n, tail, n) == 0;
}

static bool as_planned(const struct plan_package *k, const struct installed *now)
{
	if (!k->version)
		return !now->whole;
	return now->whole && piece_eq(now->version, k->version);
}

/* dpkg's status for one package; a package it does not know is not installed. */
static struct installed look_up(struct piece status, const struct plan_package *k)
{
	struct piece stanza;

	while (control_stanza(&status, &stanza)) {
		struct piece state = control_get(stanza, "Status");
		struct installed now = { control_get(stanza, "Package"),
					 control_get(stanza, "Architecture"),
					 control_get(stanza, "Version"),
					 piece_eq(state, "install ok installed") ||
						 piece_eq(state, "hold ok installed"),
					 piece_ends(state, " not-installed"),
					 piece_starts(state, "hold ") };

		if (piece_eq(now.name, k->name) &&
		    (piece_eq(now.arch, k->arch) || piece_eq(now.arch, "all") ||
		     str_eq(k->arch, "all")))
			return now;
	}
	return (struct installed){ 0 };
}

/* Where nothing is left to install once dpkg was mended, what was asked for tells. */
static bool as_asked(const struct plan_step *s, struct piece status)
{
	auto_arena struct arena a = { 0 };
	struct apt_job job = { 0 };
	bool all;

	step_wants(s, &a, &job);
	all = job.wants.n > 0;
	list_each (&job.wants, w) {
		const struct plan_package any = { .name = w->name, .arch = "all" };
		struct installed now = look_up(status, &any);
		struct piece up = ver_deb_upstream(arena_strn(&a, now.version.at, now.version.len));

		all &= w->away ?
			       !now.whole :
			       now.whole && (!w->within ||
					     ver_within(arena_strn(&a, up.at, up.len), w->within));
	}
	return all;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 20);

	if (sys_read(sys, "var/lib/dpkg/status", &b, e))
		return -1;
	*ret = s->packages.n > 0 || as_asked(s, (struct piece){ buf_str(&b), b.len });
	list_each (&s->packages, k) {
		struct installed now = look_up((struct piece){ buf_str(&b), b.len }, k);

		*ret &= as_planned(k, &now);
	}
	return 0;
}

/* dpkg knows packages of all architectures by their bare name only. */
static const char *dpkg_name(const struct installed *now, const char *name, struct arena *a)
{
	if (piece_eq(now->arch, "all") || !now->arch.len)
		return name;
	return arena_printf(a, "%s:%.*s", name, (int)now->arch.len, now->arch.at);
}

/* ---- save ---- */

/* What was there: the plan's old versions, which closure took from dpkg. */
struct saved_package {
	const char *name, *arch;
	const char *old_version; /* NULL: it was not installed */
	const char *deb;         /* its old package, kept; NULL when it could not be had */
};

struct saved_packages {
	LIST(struct saved_package) packages;
	bool marks; /* apt had its file of automatic marks */
	strs held;  /* names of those that were on hold */
};

static const struct rec_row saved_package_rows[] = {
	REC_ROW(struct saved_package, name, REC_STR, "package"),
	REC_ROW(struct saved_package, arch, REC_STR, "architecture"),
	REC_ROW(struct saved_package, old_version, REC_STR, "version that was installed"),
	REC_ROW(struct saved_package, deb, REC_STR, "the old package, kept"),
	REC_END,
};

static const struct rec_row saved_rows[] = {
	{ .name = "packages",
	  .type = REC_LIST,
	  .offset = offsetof(struct saved_packages, packages),
	  .rows = saved_package_rows,
	  .size = sizeof(struct saved_package),
	  .help = "each of the set" },
	REC_ROW(struct saved_packages, marks, REC_BOOL, "apt had its file of automatic marks"),
	REC_ROW(struct saved_packages, held, REC_STRS, "packages that were on hold"),
	REC_END,
};

/* apt names its files like this; a colon of an epoch would be no file name everywhere. */
static const char *deb_name(struct arena *a, const char *name, const char *version,
			    const char *arch)
{
	const char *colon = strchr(version, ':');

	if (!colon)
		return arena_printf(a, "%s_%s_%s.deb", name, version, arch);
	return arena_printf(a, "%s_%.*s%%3a%s_%s.deb", name, (int)(colon - version), version,
			    colon + 1, arch);
}

/*
 * A second name for the package file, so that whatever cleans apt's folder does not take it from
 * us. *ret stays NULL when it is nowhere.
 */
static int keep_deb(const struct sys *sys, const struct plan_package *k, const char *version,
		    struct arena *a, const char **ret, struct err *e)
{
	const char *const archs[] = { k->arch, "all" };

	for (size_t i = 0; i < 2; i++) {
		const char *name = deb_name(a, k->name, version, archs[i]);
		const char *kept = arena_printf(a, DEBS "/%s", name);
		const char *from = arena_printf(a, "var/cache/apt/archives/%s", name);
		struct sys_stat st;

		if (sys_stat(sys, kept, &st, e))
			return -1;
		if (st.type == SYS_FILE) {
			*ret = kept;
			return 0;
		}
		if (sys_stat(sys, from, &st, e))
			return -1;
		if (st.type != SYS_FILE)
			continue;
		if (sys_mkdirs(sys, DEBS, 0700, e) || sys_link(sys, from, kept, e))
			return -1;
		*ret = kept;
		return 0;
	}
	return 0;
}

/* The repositories may still have the installed version; where they do not, undo will say so. */
static int fetch_old(const struct sys *sys, const struct plan_package *k, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *const argv[] = { "/usr/bin/apt-get",
				     "-qq",
				     "-y",
				     "-o",
				     "Dpkg::Use-Pty=0",
				     "install",
				     "--reinstall",
				     "-d",
				     "--",
				     NULL,
				     NULL };
	const char *const *env = (const char *const[]){ "DEBIAN_FRONTEND=noninteractive", NULL };
	const char *full[sizeof(argv) / sizeof(*argv)];
	struct sys_cmd cmd = { .argv = full, .env = env, .timeout_s = 900 };
	struct sys_done done = { 0 };

	memcpy(full, argv, sizeof(argv));
	full[9] = arena_printf(&a, "%s:%s=%s", k->name, k->arch, k->old_version);
	if (sys_run(sys, &cmd, &done, e))
		return -1;
	buf_release(&done.output);
	return 0;
}

static int save_one(const struct sys *sys, const struct plan_package *k, struct arena *a,
		    struct saved_package *ret, struct err *e)
{
	auto_err unavailable = { 0 }; /* no apt-get in the root: the same as not being offered */

	*ret = (struct saved_package){ .name = k->name,
				       .arch = k->arch,
				       .old_version = k->old_version };
	if (!k->old_version)
		return 0;
	if (keep_deb(sys, k, k->old_version, a, &ret->deb, e))
		return -1;
	if (ret->deb || fetch_old(sys, k, &unavailable))
		return 0;
	return keep_deb(sys, k, k->old_version, a, &ret->deb, e);
}

/*
 * A held package moves only when a plan says so, which the user has read: then the hold is in the
 * way. Undo puts it back, with the package.
 */
static int mark(const struct sys *sys, const char *verb, const strs *names, struct err *e)
{
	auto_arena struct arena a = { 0 };
	strs argv = { 0 };
	struct sys_cmd cmd = { .timeout_s = 120 };

	if (!names->n)
		return 0;
	list_add(&a, &argv, "/usr/bin/apt-mark");
	list_add(&a, &argv, verb);
	list_each (names, name)
		list_add(&a, &argv, *name);
	list_add(&a, &argv, NULL);
	cmd.argv = argv.at;
	return sys_run_ok(sys, &cmd, e);
}

static int find_held(const struct sys *sys, const struct plan_step *s, struct arena *a, strs *ret,
		     struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 20);

	if (sys_read(sys, "var/lib/dpkg/status", &b, e))
		return -1;
	list_each (&s->packages, k) {
		struct installed now = look_up((struct piece){ buf_str(&b), b.len }, k);

		if (now.held)
			list_add(a, ret, arena_str(a, dpkg_name(&now, k->name, a)));
	}
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved_packages saved = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct sys_stat marks;

	if (sys_stat(sys, MARKS, &marks, e) || find_held(sys, s, &a, &saved.held, e))
		return -1;
	saved.marks = marks.type == SYS_FILE;
	list_each (&s->packages, k)
		if (save_one(sys, k, &a, list_push(&a, &saved.packages), e))
			return -1;
	rec_write(&j, saved_rows, &saved);
	return 0;
}

/* ---- apply ---- */

static void on_event(void *ctx, const struct apt_event *ev)
{
	const struct step_run *run = ctx;
	struct step_progress p = { .what = ev->what, .done = ev->done, .total = ev->total };

	if (ev->kind == APT_EV_INDEX)
		p.what = "fetching package indexes";
	else if (ev->kind == APT_EV_DOWNLOAD)
		p.what = "downloading";
	p.bytes = ev->kind != APT_EV_INSTALL;
	p.aloud = ev->kind == APT_EV_WAIT;
	p.rate = ev->rate;
	run->progress(run->ctx, &p);
}

/* What closure asked for besides what the step names: the headers of single kernels. */
static void want_headers(const struct plan_step *s, struct arena *a, struct apt_job *job)
{
	list_each (&s->packages, k) {
		bool asked = false;

		if (k->because || !k->version || !str_starts(k->name, STEP_HEADERS))
			continue;
		list_each (&job->wants, w)
			asked |= str_eq(w->name, k->name);
		if (!asked)
			list_add(a, &job->wants, ((struct apt_want){ .name = k->name }));
	}
}

static int ask(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
	       enum apt_verb verb, enum apt_refresh refresh, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf status = BUF_INIT(64 << 20);
	struct apt_answer expect = { .a = &a }, answer = { .a = &a };
	struct step_run to = *run;
	struct apt_listener listener = { on_event, &to };
	struct apt_job job = {
		.verb = verb,
		.refresh = refresh,
		.root = sys->root,
		.sources = run->sources,
		.expect = &expect,
	};

	if (sys_read(sys, "var/lib/dpkg/status", &status, e))
		return -1;
	step_wants(s, &a, &job);
	want_headers(s, &a, &job);
	list_each (&s->packages, k) {
		struct installed now = look_up((struct piece){ buf_str(&status), status.len }, k);
		struct apt_package *p;

		/* Finishing what dpkg had left may have brought it already. */
		if (as_planned(k, &now))
			continue;
		p = list_push(&a, &expect.packages);
		p->name = k->name;
		p->arch = k->arch;
		p->version = k->version;
		p->change = apt_change_named(k->change);
	}
	return sys_apt(sys, &job, &listener, &answer, e);
}

/*
 * First with the lists at hand. When those do not give the plan's set, because a source was just
 * added or an earlier run was cut off between adding it and reading it, fetch them once and ask
 * again.
 */
static int install(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		   struct err *e)
{
	auto_err first = { 0 };

	if (!step_get(s, "refresh")) {
		if (ask(sys, s, run, APT_INSTALL, APT_USE_LISTS, &first) == 0)
			return 0;
		if (first.code != GP_NO_PACKAGE && first.code != GP_SET_DIFFERS &&
		    first.code != GP_UNSATISFIABLE) {
			err_move(e, &first);
			return -1;
		}
	}
	return ask(sys, s, run, APT_INSTALL, APT_FETCH_LISTS, e);
}

/* What was installed now is what a later run will want back. */
static int keep_new(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };

	list_each (&s->packages, k) {
		const char *kept = NULL;

		if (k->version && keep_deb(sys, k, k->version, &a, &kept, e))
			return -1;
	}
	return 0;
}

/* What is done with services held. */
struct held_work {
	const struct sys *sys;
	const struct plan_step *step;
	const struct saved_packages *saved;
	const struct step_run *run;
};

static int install_kept(void *ctx, struct err *e)
{
	const struct held_work *w = ctx;
	auto_arena struct arena a = { 0 };
	strs held = { 0 };

	int64_t begun = sys_now(w->sys) * 1000000000;

	if (find_held(w->sys, w->step, &a, &held, e) || mark(w->sys, "unhold", &held, e))
		return -1;
	if (install(w->sys, w->step, w->run, e)) {
		if (e->code == GP_DPKG_FAILED)
			dkms_explain(w->sys, begun, e);
		return -1;
	}
	return keep_new(w->sys, w->step, e);
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	struct held_work w = { sys, s, NULL, run };

	return step_services_held(sys, install_kept, &w, e);
}

/* ---- undo ---- */

/*
 * dpkg alone, without libapt: the set is known to the package, the old files are kept, so neither a
 * repository nor a network is needed. dpkg takes its own locks and refuses what would break others.
 */
static int dpkg(const struct sys *sys, const char *const *options, const strs *names, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *const *env = (const char *const[]){ "DEBIAN_FRONTEND=noninteractive", NULL };
	strs argv = { 0 };
	struct sys_cmd cmd = { .env = env };

	if (names && !names->n)
		return 0;
	list_add(&a, &argv, "/usr/bin/dpkg");
	list_add(&a, &argv, "--force-confdef");
	list_add(&a, &argv, "--force-confold");
	for (; *options; options++)
		list_add(&a, &argv, *options);
	for (size_t i = 0; names && i < names->n; i++)
		list_add(&a, &argv, names->at[i]);
	list_add(&a, &argv, NULL);
	cmd.argv = argv.at;
	return sys_run_ok(sys, &cmd, e);
}

/* What dpkg has still to bring back, and what to take away. */
static int what_is_left(const struct sys *sys, const struct saved_packages *saved, struct arena *a,
			strs *ret_back, strs *ret_away, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 20);

	if (sys_read(sys, "var/lib/dpkg/status", &b, e))
		return -1;
	list_each (&saved->packages, k) {
		const struct plan_package as = { .name = k->name, .arch = k->arch };
		struct installed now = look_up((struct piece){ buf_str(&b), b.len }, &as);

		if (!k->old_version) {
			if (now.name.len && !now.gone)
				list_add(a, ret_away, dpkg_name(&now, k->name, a));
			continue;
		}
		if (now.whole && piece_eq(now.version, k->old_version))
			continue;
		if (!k->deb) {
			err_set(e, GP_NOT_KEPT,
				"the package file of %s %s is not kept here, so it cannot be put "
				"back",
				k->name, k->old_version);
			err_way(e,
				"install that version by hand, then run this again: apt-get "
				"install %s=%s",
				k->name, k->old_version);
			return -1;
		}
		list_add(a, ret_back, arena_printf(a, "/%s", k->deb));
	}
	return 0;
}

static bool among(const struct saved_packages *saved, struct piece name)
{
	list_each (&saved->packages, k)
		if (!k->old_version && piece_eq(name, k->name))
			return true;
	return false;
}

/* "Installed automatically" of packages that are gone would count if they came again. */
static int forget_marks(const struct sys *sys, const struct saved_packages *saved, struct err *e)
{
	auto_buf struct buf now = BUF_INIT(16 << 20), kept = BUF_TEXT;
	struct piece rest, stanza;
	bool there;

	if (sys_read_if(sys, MARKS, &now, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&now), now.len };
	while (there && control_stanza(&rest, &stanza))
		if (!among(saved, control_get(stanza, "Package"))) {
			struct piece text = str_trim(stanza);

			buf_add(&kept, text.at, text.len);
			buf_adds(&kept, "\n\n");
		}
	if (!there || kept.len == now.len)
		return 0;
	if (!saved->marks && !kept.len)
		return sys_remove(sys, MARKS, e);
	return sys_replace(sys, MARKS, buf_str(&kept), kept.len, NULL, e);
}

static int put_back(void *ctx, struct err *e)
{
	static const char *const install_old[] = { "--auto-deconfigure", "-i", NULL };
	static const char *const purge[] = { "--force-remove-reinstreq", "--purge", NULL };
	const struct held_work *w = ctx;
	const struct sys *sys = w->sys;
	auto_arena struct arena a = { 0 };
	auto_err unfinished = { 0 }; /* what cannot be finished may well be what is taken away */
	strs back = { 0 }, away = { 0 };
	bool none;

	/* What dpkg had still to write down, its status does not tell yet. */
	if (unfinished_none(sys, &none, e))
		return -1;
	if (!none) {
		w->run->progress(w->run->ctx, &(struct step_progress){ .what = "dpkg" });
		unfinished_end(sys, &unfinished);
	}
	if (what_is_left(sys, w->saved, &a, &back, &away, e))
		return -1;
	/* What came in place of the old packages conflicts with them: dpkg lets it go only so. */
	if (back.n && mark(sys, "deinstall", &away, e))
		return -1;
	if (dpkg(sys, install_old, &back, e) || dpkg(sys, purge, &away, e))
		return -1;
	return mark(sys, "hold", &w->saved->held, e) || forget_marks(sys, w->saved, e) ? -1 : 0;
}

static int read_saved(const char *text, struct arena *a, struct saved_packages *ret, struct err *e)
{
	*ret = (struct saved_packages){ 0 };
	return rec_read(text, strlen(text), "the journal", saved_rows, ret, a, e);
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *text,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved_packages saved;

	struct held_work w = { sys, s, &saved, run };

	if (read_saved(text, &a, &saved, e))
		return -1;
	return step_services_held(sys, put_back, &w, e);
}

static int undo_risk(const struct sys *sys, const struct plan_step *s, const char *text,
		     struct arena *a, const char **ret, struct err *e)
{
	struct saved_packages saved;

	(void)sys;
	(void)s;
	if (read_saved(text, a, &saved, e))
		return -1;
	list_each (&saved.packages, k)
		if (k->old_version && !k->deb) {
			*ret = arena_printf(a,
					    "%s %s is not kept here: put it back by hand first, or "
					    "this step fails",
					    k->name, k->old_version);
			return 0;
		}
	*ret = "what their scripts built (DKMS modules, initramfs, caches) is built anew or "
	       "removed "
	       "by them, not put back to the byte";
	return 0;
}

const struct step_kind step_packages = {
	.name = "packages",
	.required = (const char *const[]){ NULL }, /* `want`, `away`, or both */
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = step_services_sweep,
	.undo = undo,
	.undo_risk = undo_risk,
};
