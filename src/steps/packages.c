/* SPDX-License-Identifier: Apache-2.0 */
/* Installing exactly the set of packages that the plan shows, through libapt. */
#include "steps/step.h"

#include "base/control.h"
#include "base/json.h"
#include "base/str.h"
#include "sys/apt.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/* ---- done ---- */

struct installed {
	struct piece name, arch, version;
	bool whole;
};

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
						 piece_eq(state, "hold ok installed") };

		if (piece_eq(now.name, k->name) &&
		    (piece_eq(now.arch, k->arch) || piece_eq(now.arch, "all") ||
		     str_eq(k->arch, "all")))
			return now;
	}
	return (struct installed){ 0 };
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 20);

	if (sys_read(sys, "var/lib/dpkg/status", &b, e))
		return -1;
	*ret = s->packages.n > 0;
	list_each (&s->packages, k) {
		struct installed now = look_up((struct piece){ buf_str(&b), b.len }, k);

		*ret &= as_planned(k, &now);
	}
	return 0;
}

/* ---- save ---- */

/* What was there: the plan's old versions, which closure took from dpkg. */
static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	struct jw j = { .out = ret, .compact = true };

	(void)sys;
	(void)e;
	jw_open(&j, '{');
	jw_key(&j, "packages");
	jw_open(&j, '[');
	list_each (&s->packages, k) {
		jw_open(&j, '{');
		jw_put_str(&j, "name", k->name);
		jw_put_str(&j, "arch", k->arch);
		jw_put_str(&j, "old_version", k->old_version);
		jw_close(&j, '}');
	}
	jw_close(&j, ']');
	jw_close(&j, '}');
	return 0;
}

/* ---- apply ---- */

/*
 * In an image that is not running, maintainer scripts must start nothing. invoke-rc.d asks this
 * file; one that is there already is the user's word and stays. The marker lets a later run take
 * away what a run that was cut off left behind.
 */
#define POLICY "usr/sbin/policy-rc.d"
static const char policy[] = "#!/bin/sh\n"
			     "# gpuprov: nothing is started while packages are installed\n"
			     "exit 101\n";

static int policy_is_ours(const struct sys *sys, bool *ret_there, bool *ret_ours, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 10);

	if (sys_read_if(sys, POLICY, &b, ret_there, e))
		return -1;
	*ret_ours = *ret_there && str_eq(buf_str(&b), policy);
	return 0;
}

static int hold_services(const struct sys *sys, bool *ret_held, struct err *e)
{
	const struct sys_attr attr = { .mode = 0755 };
	bool there, ours;

	*ret_held = false;
	if (sys->live)
		return 0;
	if (policy_is_ours(sys, &there, &ours, e))
		return -1;
	*ret_held = !there || ours;
	if (there)
		return 0;
	return sys_replace(sys, POLICY, policy, strlen(policy), &attr, e);
}

static void on_event(void *ctx, const struct apt_event *ev)
{
	const struct step_run *run = ctx;
	struct step_progress p = { .what = ev->what, .done = ev->done, .total = ev->total };

	if (ev->kind == APT_EV_INDEX)
		p.what = "fetching package indexes";
	else if (ev->kind == APT_EV_DOWNLOAD)
		p.what = "downloading";
	p.bytes = ev->kind != APT_EV_INSTALL;
	p.rate = ev->rate;
	run->progress(run->ctx, &p);
}

static int ask(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
	       enum apt_verb verb, enum apt_refresh refresh, struct err *e)
{
	auto_arena struct arena a = { 0 };
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

	step_wants(s, &a, &job);
	list_each (&s->packages, k) {
		struct apt_package *p = list_push(&a, &expect.packages);

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

static int sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	bool there, ours;

	(void)s;
	if (policy_is_ours(sys, &there, &ours, e))
		return -1;
	return ours ? sys_remove(sys, POLICY, e) : 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	bool held;
	int rc;

	if (hold_services(sys, &held, e))
		return -1;
	rc = install(sys, s, run, e);
	if (held) {
		auto_err late = { 0 };

		/*
		 * The first reason is the one to report; a policy left behind is ours to clear next
		 * time.
		 */
		if (sys_remove(sys, POLICY, &late) && !rc) {
			err_move(e, &late);
			rc = -1;
		}
	}
	return rc;
}

const struct step_kind step_packages = {
	.name = "packages",
	.required = (const char *const[]){ "want", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = sweep,
};
