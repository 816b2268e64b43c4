/* SPDX-License-Identifier: Apache-2.0 */
/* Installing the driver by NVIDIA's .run, proven by the installer's own record. */
#include "steps/step.h"

#include "base/rec.h"
#include "base/str.h"
#include "runfile/driver_record.h"
#include "runfile/installer.h"
#include "runfile/look.h"
#include "runfile/uninstall.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/*
 * Arguments: object, sha256, timeout (see runfile/installer.h), version; `module` open, proprietary
 * or none; `kernel` for each that gets one; `arg`: given to the installer as it is; `arg-if-known`:
 * only when the installer knows it, which its header says.
 */
#define KEY INSTALLER_DRIVER
#define LOG "var/log/nvidia-installer.log"

/* ---- done ---- */

static int module_there(const struct sys *sys, const char *kernel, bool *ret, struct err *e)
{
	static const char *const places[] = { "kernel/drivers/video/nvidia.ko",
					      "updates/dkms/nvidia.ko", "updates/dkms/nvidia.ko.xz",
					      "updates/dkms/nvidia.ko.zst" };
	auto_arena struct arena a = { 0 };

	*ret = false;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !*ret; i++) {
		struct sys_stat st;

		if (sys_stat(sys, arena_printf(&a, "lib/modules/%s/%s", kernel, places[i]), &st, e))
			return -1;
		*ret = st.type == SYS_FILE;
	}
	return 0;
}

/* What is not as it should be, in words; NULL = the driver is there, whole, for every kernel. */
static int what_lacks(const struct sys *sys, const struct plan_step *s, struct arena *a,
		      const char **ret, struct err *e)
{
	struct install_record record = { 0 };
	bool there, begun, module;

	if (installer_begun(sys, KEY, &begun, e) || driver_record_read(sys, a, &record, &there, e))
		return -1;
	*ret = !there ? "there is no record of the installer" :
	       begun  ? "an installation did not come to its end" :
			NULL;
	if (!*ret && !str_eq(record.version, step_get(s, "version")))
		*ret = arena_printf(a, "version %s is installed", record.version);
	if (*ret)
		return 0;
	list_each (&s->args, arg) {
		if (!str_eq(arg->key, "kernel"))
			continue;
		if (module_there(sys, arg->value, &module, e))
			return -1;
		if (!module)
			*ret = arena_printf(a, "kernel %s has no module", arg->value);
	}
	return *ret ? 0 : driver_record_check(sys, &record, a, ret, e);
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *lacks = NULL;

	if (what_lacks(sys, s, &a, &lacks, e))
		return -1;
	*ret = !lacks;
	return 0;
}

/* ---- save ---- */

struct saved {
	const char *before; /* version of a driver that was there by a .run */
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved, before, REC_STR, "the driver that was there"),
	REC_END,
};

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct install_record record = { 0 };
	struct saved saved = { 0 };
	struct jw j = { .out = ret, .compact = true };
	bool there;

	(void)s;
	if (driver_record_read(sys, &a, &record, &there, e))
		return -1;
	saved.before = record.version;
	rec_write(&j, saved_rows, &saved);
	return 0;
}

/* ---- apply ---- */

typedef LIST(const char *) words;

/* The kind of modules is said in two ways, by age; a very old installer has one kind only. */
static int add_module_type(const struct plan_step *s, const struct runfile *r, struct arena *a,
			   words *argv, struct err *e)
{
	const char *type = step_get(s, "module");

	if (str_eq(type, "none")) {
		list_add(a, argv,
			 runfile_knows(r, "--no-kernel-modules") ? "--no-kernel-modules" :
								   "--no-kernel-module");
	} else if (runfile_knows(r, "--kernel-module-type")) {
		list_add(a, argv, arena_printf(a, "--kernel-module-type=%s", type));
	} else if (runfile_knows(r, "--kernel-module-build-directory")) {
		list_add(a, argv,
			 arena_printf(a, "--kernel-module-build-directory=kernel%s",
				      str_eq(type, "open") ? "-open" : ""));
	} else if (str_eq(type, "open")) {
		err_set(e, GP_RUNFILE_UNFIT, "the installer of %s has no open kernel modules",
			step_get(s, "version"));
		err_way(e, "take a newer driver, or driver.modules: proprietary");
		return -1;
	}
	return 0;
}

static int make_argv(const struct plan_step *s, const struct runfile *r, const char *kernel,
		     bool first, struct arena *a, words *ret, struct err *e)
{
	list_add(a, ret, r->label ? r->label : "the driver's installer");
	list_each (&s->args, arg)
		if (str_eq(arg->key, "arg") ||
		    (str_eq(arg->key, "arg-if-known") && runfile_knows(r, arg->value)))
			list_add(a, ret, arg->value);
	if (add_module_type(s, r, a, ret, e))
		return -1;
	if (kernel)
		list_add(a, ret, arena_printf(a, "--kernel-name=%s", kernel));
	if (!first)
		list_add(a, ret,
			 runfile_knows(r, "--kernel-modules-only") ? "--kernel-modules-only" :
								     "--kernel-module-only");
	list_add(a, ret, NULL);
	return 0;
}

static int run_once(const struct sys *sys, const struct plan_step *s, const struct runfile *r,
		    const char *kernel, bool first, struct err *e)
{
	auto_arena struct arena a = { 0 };
	words argv = { 0 };
	struct installer i = { .step = s, .tmp_option = "--tmpdir", .log = LOG, .mark = "ERROR:" };

	if (make_argv(s, r, kernel, first, &a, &argv, e))
		return -1;
	i.argv = argv.at;
	return installer_run(sys, &i, e);
}

/* Once for the first kernel with all the rest, then once for each other kernel. */
static int run_all(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		   const struct runfile *r, struct err *e)
{
	struct step_progress p = { .what = "installing the driver" };
	bool first = true;

	list_each (&s->args, arg) {
		if (!str_eq(arg->key, "kernel"))
			continue;
		p.what = arg->value;
		run->progress(run->ctx, &p);
		if (run_once(sys, s, r, arg->value, first, e))
			return -1;
		first = false;
	}
	if (!first)
		return 0;
	run->progress(run->ctx, &p);
	return run_once(sys, s, r, NULL, true, e);
}

static int check_result(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *lacks = NULL;

	if (what_lacks(sys, s, &a, &lacks, e))
		return -1;
	return lacks ? err_set(e, GP_INSTALLATION_BROKEN, "the installer ended well, but %s",
			       lacks) :
		       0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_err late = { 0 }; /* the first reason is the one to report; the next run clears up */
	struct runfile r = { 0 };

	if (!sys->cache)
		return err_set(e, GP_INTERNAL, "there is no cache with the installer");
	if (look_at_header(sys->cache, step_get(s, "object"), &a, &r, e) ||
	    installer_begin(sys, KEY, e))
		return -1;
	if (run_all(sys, s, run, &r, e)) {
		if (driver_clear(sys, step_get(s, "version"), &late))
			err_way(e, "what is left of it is cleared away by the next apply");
		return -1;
	}
	if (installer_end(sys, KEY, e))
		return -1;
	return check_result(sys, s, e);
}

/* ---- sweep and undo ---- */

static int sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	bool begun;

	if (installer_sweep(sys, e) || installer_begun(sys, KEY, &begun, e))
		return -1;
	return begun ? driver_clear(sys, step_get(s, "version"), e) : 0;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct install_record record = { 0 };
	bool there, begun;

	(void)saved;
	run->progress(run->ctx, &(struct step_progress){ .what = "uninstalling the driver" });
	if (installer_begun(sys, KEY, &begun, e) || driver_record_read(sys, &a, &record, &there, e))
		return -1;
	/* It is gone already, or another took its place. */
	if (!begun && (!there || !str_eq(record.version, step_get(s, "version"))))
		return 0;
	return driver_take_away(sys, step_get(s, "version"), e);
}

static int undo_risk(const struct sys *sys, const struct plan_step *s, const char *saved,
		     struct arena *a, const char **ret, struct err *e)
{
	struct saved before = { 0 };

	(void)sys;
	(void)s;
	if (rec_read(saved, strlen(saved), "the journal", saved_rows, &before, a, e))
		return -1;
	if (before.before)
		*ret = arena_printf(a, "driver %s, which was there before, is not put back",
				    before.before);
	return 0;
}

const struct step_kind step_driver_run = {
	.name = "driver-run",
	.required = (const char *const[]){ "object", "version", "module", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = sweep,
	.undo = undo,
	.undo_risk = undo_risk,
};
