/* SPDX-License-Identifier: Apache-2.0 */
/* Installing a CUDA toolkit by its .run: the toolkit alone, in a folder of its own version. */
#include "steps/step.h"

#include "base/rec.h"
#include "base/str.h"
#include "runfile/installer.h"
#include "runfile/look.h"
#include "runfile/runfile.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/*
 * Arguments: object, sha256, timeout (see runfile/installer.h), version ("12.2.0"), path
 * ("usr/local/cuda-12.2", beneath the root); `arg`: given to the installer as it is.
 */
#define LOG "var/log/cuda-installer.log"
#define DEFAULT "usr/local/cuda"

static const char *key_of(const struct plan_step *s)
{
	const char *slash = strrchr(step_get(s, "path"), '/');

	return slash ? slash + 1 : step_get(s, "path");
}

/* ---- done ---- */

static int nvcc_says(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *nvcc = arena_printf(&a, "/%s/bin/nvcc", step_get(s, "path"));
	const char *const argv[] = { nvcc, "-V", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 60 };
	struct sys_done done = { 0 };
	struct sys_stat st;

	*ret = false;
	if (sys_stat(sys, nvcc + 1, &st, e))
		return -1;
	if (st.type != SYS_FILE)
		return 0;
	if (sys_run(sys, &cmd, &done, e))
		return -1;
	*ret = !done.status && runfile_nvcc_says(buf_str(&done.output), step_get(s, "version"));
	buf_release(&done.output);
	return 0;
}

/* version.json tells 12.2.0 from 12.2.1; without it nvcc's word must do. */
static int json_says(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_INIT(1 << 20);
	const char *path = arena_printf(&a, "%s/version.json", step_get(s, "path"));
	const char *want = arena_printf(&a, "\"%s\"", step_get(s, "version"));
	const char *cuda;
	bool there;

	if (sys_read_if(sys, path, &b, &there, e))
		return -1;
	cuda = there ? strstr(buf_str(&b), "\"cuda\"") : NULL;
	cuda = cuda ? strstr(cuda, "\"version\"") : NULL;
	if (cuda) {
		cuda += strlen("\"version\"");
		cuda += strspn(cuda, " \t\n:");
	}
	*ret = !there || (cuda && str_starts(cuda, want));
	return 0;
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	bool begun, version = false;

	*ret = false;
	if (installer_begun(sys, key_of(s), &begun, e) || (!begun && nvcc_says(sys, s, ret, e)))
		return -1;
	if (*ret && json_says(sys, s, &version, e))
		return -1;
	*ret &= version;
	return 0;
}

/* ---- save ---- */

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)e;
	buf_adds(ret, "{}");
	return 0;
}

/* ---- apply ---- */

/* Nothing of anybody's may lie where the toolkit goes: uninstalling takes the folder away. */
static int check_free(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *path = step_get(s, "path");
	strs names = { 0 };

	if (sys_list(sys, path, &a, &names, e))
		return -1;
	if (!names.n)
		return 0;
	err_set(e, GP_FOREIGN_CHANGE, "/%s is there already and is not this toolkit", path);
	err_way(e, "remove it: if it has bin/cuda-uninstaller, that does it");
	err_way(e, "ask for another version of CUDA in the profile");
	return -1;
}

struct link {
	bool there;
	struct buf target;
};

static int read_default(const struct sys *sys, struct link *ret, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(sys, DEFAULT, &st, e))
		return -1;
	ret->there = st.type == SYS_LINK;
	return ret->there ? sys_readlink(sys, DEFAULT, &ret->target, e) : 0;
}

/* The installer makes itself the default; which one is the default is another step's to say. */
static int restore_default(const struct sys *sys, const struct link *before, struct err *e)
{
	struct link now = { .target = BUF_INIT(4096) };
	int rc = read_default(sys, &now, e);

	if (rc == 0 && now.there &&
	    !(before->there && str_eq(buf_str(&now.target), buf_str(&before->target)))) {
		rc = sys_remove(sys, DEFAULT, e);
		if (rc == 0 && before->there)
			rc = sys_symlink(sys, buf_str(&before->target), DEFAULT, e);
	}
	buf_release(&now.target);
	return rc;
}

static int clear(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	return sys_prune(sys, step_get(s, "path"), e) || installer_end(sys, key_of(s), e) ? -1 : 0;
}

static int run_installer(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	LIST(const char *) argv = { 0 };
	struct installer i = { .step = s, .tmp_option = "--tmpdir=", .log = LOG };
	struct link before = { .target = BUF_INIT(4096) };
	struct runfile r = { 0 };
	int rc = look_at_header(sys->cache, step_get(s, "object"), &a, &r, e) ||
				 read_default(sys, &before, e) ?
			 -1 :
			 0;

	list_add(&a, &argv, arena_printf(&a, "the installer of CUDA %s", step_get(s, "version")));
	if (r.strict)
		list_add(&a, &argv, "--");
	list_each (&s->args, arg)
		if (str_eq(arg->key, "arg"))
			list_add(&a, &argv, arg->value);
	list_add(&a, &argv, arena_printf(&a, "--toolkitpath=/%s", step_get(s, "path")));
	list_add(&a, &argv, NULL);
	i.argv = argv.at;
	i.mark = "[ERROR]:";
	rc = rc || installer_run(sys, &i, e) || restore_default(sys, &before, e) ? -1 : 0;
	buf_release(&before.target);
	return rc;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_err late = { 0 }; /* the first reason is the one to report; the next run clears up */

	if (!sys->cache)
		return err_set(e, GP_INTERNAL, "there is no cache with the installer");
	run->progress(run->ctx, &(struct step_progress){ .what = "installing the toolkit" });
	if (check_free(sys, s, e) || installer_begin(sys, key_of(s), e))
		return -1;
	if (run_installer(sys, s, e)) {
		if (clear(sys, s, &late))
			err_way(e, "what is left of it is cleared away by the next apply");
		return -1;
	}
	return installer_end(sys, key_of(s), e);
}

/* ---- sweep and undo ---- */

static int sweep(const struct sys *sys, const struct plan_step *s, struct err *e)
{
	bool begun;

	if (installer_sweep(sys, e) || installer_begun(sys, key_of(s), &begun, e))
		return -1;
	return begun ? clear(sys, s, e) : 0;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *saved,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char *path = step_get(s, "path");
	const char *const argv[] = { arena_printf(&a, "/%s/bin/cuda-uninstaller", path), "--silent",
				     NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 900, .mounts = true };
	struct link before = { .target = BUF_INIT(4096) };
	struct sys_stat st;
	strs left = { 0 };
	bool begun;
	int rc;

	(void)saved;
	run->progress(run->ctx, &(struct step_progress){ .what = "uninstalling the toolkit" });
	if (installer_begun(sys, key_of(s), &begun, e) || sys_stat(sys, argv[0] + 1, &st, e))
		return -1;
	if (begun || st.type != SYS_FILE)
		return begun ? clear(sys, s, e) : 0;
	/* Another version may be the default by now. */
	rc = read_default(sys, &before, e) || sys_run_ok(sys, &cmd, e) || sys_rmdir(sys, path, e) ||
			     sys_list(sys, path, &a, &left, e) ?
		     -1 :
		     0;
	buf_release(&before.target);
	if (rc || !left.n)
		return rc;
	err_set(e, GP_INSTALLATION_BROKEN, "CUDA was uninstalled, but /%s/%s is still there", path,
		left.at[0]);
	err_way(e, "look whether it is yours, then remove it");
	return -1;
}

const struct step_kind step_cuda_run = {
	.name = "cuda-run",
	.required = (const char *const[]){ "object", "version", "path", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.sweep = sweep,
	.undo = undo,
};
