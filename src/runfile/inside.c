/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside the .run files of a plan. */
#include "runfile/inside.h"

#include "base/rec.h"
#include "base/str.h"
#include "base/ver.h"
#include "runfile/look.h"
#include "sys/sys.h"

#include <string.h>

struct checking_file {
	struct plan *plan;
	const struct facts *facts;
	const struct inside_files *files;
	struct plan_step *step;
	const char *name;         /* for people */
	unsigned long long bytes; /* of the file; 0 = not known */
	struct runfile run;
	bool seen;
};

/* ---- where it is ---- */

/* Undo what an address cannot hold. */
static const char *path_of_url(struct arena *a, const char *url)
{
	auto_buf struct buf b = BUF_TEXT;

	for (const char *c = url + strlen("file:///"); *c; c++) {
		unsigned long long byte;

		if (*c == '%' && c[1] && c[2] && str_to_hex(arena_strn(a, c + 1, 2), &byte)) {
			buf_addc(&b, (char)byte);
			c += 2;
		} else {
			buf_addc(&b, *c);
		}
	}
	return arena_str(a, buf_str(&b));
}

/* "OBJECT SHA256 SIZE MD5 NAME" of the download, and a file: address of it. */
static void find_download(struct checking_file *c, const char *object, const char **ret_path)
{
	const struct plan_step *fetch = plan_find(c->plan, "fetch:runfiles");
	size_t n = strlen(object);

	*ret_path = NULL;
	if (!fetch)
		return;
	list_each (&fetch->args, arg) {
		struct piece rest = PIECE(arg->value + n), word;

		if (!str_starts(arg->value, object) || arg->value[n] != ' ')
			continue;
		if (str_eq(arg->key, "file") && str_word(&rest, &word) && str_word(&rest, &word)) {
			if (!str_to_u64(arena_strn(c->plan->a, word.at, word.len), &c->bytes))
				c->bytes = 0;
			if (str_word(&rest, &word))
				c->name = arena_str(c->plan->a, str_trim(rest).at);
		} else if (str_eq(arg->key, "url") && str_starts(arg->value + n + 1, "file:///")) {
			*ret_path = path_of_url(c->plan->a, arg->value + n + 1);
		}
	}
}

/* ---- looking, once for each pinned file ---- */

static int recall(struct checking_file *c, const char *memo, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(4 << 20);
	auto_err stale = { 0 }; /* of another version of this program: looked at anew */
	bool there;

	if (sys_read_if(c->files->cache, memo, &b, &there, e))
		return -1;
	c->seen = there && rec_read(buf_str(&b), b.len, memo, runfile_rows, &c->run, c->plan->a,
				    &stale) == 0;
	return 0;
}

static int keep(const struct checking_file *c, const char *memo, struct err *e)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };

	rec_write(&j, runfile_rows, &c->run);
	return sys_mkdirs(c->files->cache, "inside", 0755, e) ||
			       sys_replace(c->files->cache, memo, buf_str(&b), b.len, NULL, e) ?
		       -1 :
		       0;
}

/* It is no .run file, or one that holds what none should: that is a refusal, not an error. */
static void refuse_bytes(struct checking_file *c, const struct err *why)
{
	struct diags *diags = &c->plan->diags;
	struct diag *d = diag_add(diags, SEV_ERROR, why->code, NULL, "%s: %s", c->name, why->text);

	diag_way(diags, d, NULL, "name another file, or another address, in the profile");
}

static int look_at(struct checking_file *c, const struct sys *in, const char *path, struct err *e)
{
	const char *pin = step_get(c->step, "sha256");
	const char *memo = pin ? arena_printf(c->plan->a, "inside/%s", pin) : NULL;
	struct sys_sums sums = { .want = SUM_SHA256 };
	auto_err bad = { 0 };

	if (pin && recall(c, memo, e))
		return -1;
	if (c->seen)
		return 0;
	if (pin && sys_sum(in, path, &sums, e))
		return -1;
	/* Not the file that would be run: that is said when it is fetched or run. */
	if (pin && !str_eq(sums.sha256, pin))
		return 0;
	if ((pin ? look_inside : look)(in, path, c->plan->a, &c->run, &bad) == 0) {
		c->seen = true;
		return pin ? keep(c, memo, e) : 0;
	}
	if (bad.code != GP_NOT_A_RUNFILE && bad.code != GP_RUNFILE_DAMAGED &&
	    bad.code != GP_RUNFILE_HOSTILE) {
		err_move(e, &bad);
		return -1;
	}
	refuse_bytes(c, &bad);
	return 0;
}

static int find_and_look(struct checking_file *c, struct err *e)
{
	const char *object = step_get(c->step, "object"), *path;
	struct sys_stat st;

	c->name = object;
	find_download(c, object, &path);
	if (sys_stat(c->files->cache, object, &st, e))
		return -1;
	if (st.type == SYS_FILE) {
		c->bytes = st.size;
		return look_at(c, c->files->cache, object, e);
	}
	if (!path)
		return 0;
	if (sys_stat(c->files->here, path, &st, e))
		return -1;
	if (st.type != SYS_FILE)
		return 0; /* that it is not there is said when it is fetched */
	c->bytes = st.size;
	return look_at(c, c->files->here, path, e);
}

/* ---- does it fit? ---- */

static struct diag *unfit(struct checking_file *c, enum severity severity, const char *what)
{
	return diag_add(&c->plan->diags, severity, GP_RUNFILE_UNFIT, NULL, "%s %s", c->name, what);
}

static void judge_product(struct checking_file *c, const char *product)
{
	struct arena *a = c->plan->a;
	const char *wanted = step_get(c->step, "version"), *is = c->run.version;
	const char *named = runfile_cuda_version(c->name, a);
	const char *arch = str_eq(c->facts->os.arch, "arm64") ? "aarch64" : "x86_64";
	struct diags *diags = &c->plan->diags;
	struct diag *d;

	if (c->run.product && !str_eq(c->run.product, product)) {
		d = unfit(c, SEV_ERROR,
			  str_eq(product, "cuda") ? "is no CUDA toolkit" : "is no driver");
		diag_way(diags, d, NULL, "name another file in the profile");
		return;
	}
	if (!is)
		is = c->run.inside.toolkit ? c->run.inside.toolkit : named;
	if (is && !ver_within(is, wanted)) {
		d = unfit(c, SEV_ERROR, arena_printf(a, "brings version %s, not %s", is, wanted));
		diag_way(diags, d, NULL, "say that version in the profile, or name another file");
	}
	if (c->run.arch && !str_eq(c->run.arch, arch)) {
		d = unfit(c, SEV_ERROR,
			  arena_printf(a, "is for %s, and this host is %s", c->run.arch, arch));
		diag_way(diags, d, NULL, "name the file for %s in the profile", arch);
	}
}

static void judge_modules(struct checking_file *c)
{
	const struct runfile_payload *in = &c->run.inside;
	const char *type = step_get(c->step, "module");
	bool open = str_eq(type, "open");
	struct diags *diags = &c->plan->diags;
	struct diag *d;

	if (str_eq(type, "none") || (open ? in->open_modules : in->proprietary_modules))
		return;
	d = unfit(c, SEV_ERROR,
		  open ? "has no open kernel modules" : "has no proprietary kernel modules");
	if (open ? in->proprietary_modules : in->open_modules)
		diag_way(diags, d, NULL, "take those it has: driver.modules: %s",
			 open ? "proprietary" : "open");
	diag_way(diags, d, "driver.modules=none", "user space only: driver.modules: none");
}

static bool holds(const strs *list, const char *word)
{
	list_each (list, it)
		if (str_eq(*it, word))
			return true;
	return false;
}

/* Its list may be older than a board: what it does not name is no reason to refuse. */
static void judge_gpus(struct checking_file *c)
{
	const struct runfile_payload *in = &c->run.inside;
	bool open = str_eq(step_get(c->step, "module"), "open");
	struct diags *diags = &c->plan->diags;

	list_each (&c->step->args, arg) {
		struct diag *d;

		if (!str_eq(arg->key, "gpu") || !in->gpus.n)
			continue;
		if (!holds(&in->gpus, arg->value)) {
			d = unfit(c, SEV_WARNING,
				  arena_printf(c->plan->a, "does not list the GPU 10de:%s",
					       arg->value));
			diag_why(diags, d, "verify tells whether the driver takes it");
		} else if (open && !holds(&in->open_gpus, arg->value)) {
			d = unfit(c, SEV_ERROR,
				  arena_printf(c->plan->a,
					       "drives the GPU 10de:%s with proprietary modules "
					       "only",
					       arg->value));
			diag_way(diags, d, "driver.modules=proprietary",
				 "take those: driver.modules: proprietary");
		}
	}
}

static void say_seen(struct checking_file *c)
{
	const struct runfile_payload *in = &c->run.inside;
	auto_buf struct buf b = BUF_TEXT;

	buf_addf(&b, "looked inside: %lld members, ", in->members);
	str_size(&b, (unsigned long long)in->unpacked);
	if (str_eq(c->step->kind, "driver-run"))
		buf_addf(&b, ", %s modules, %zu GPUs listed",
			 in->open_modules && in->proprietary_modules ? "open and proprietary" :
			 in->open_modules                            ? "open" :
			 in->proprietary_modules                     ? "proprietary" :
								       "no",
			 in->gpus.n);
	step_reason(c->plan, c->step, NULL, NULL, "%s", buf_str(&b));
}

/* ---- the room it takes ---- */

/*
 * It is unpacked below /var and then copied to its place. What is not here yet is taken to unpack
 * to four times its size, as the driver 610.57.04 does.
 */
static void count_room(struct checking_file *c)
{
	long long unpacked = c->seen ? c->run.inside.unpacked : (long long)c->bytes * 4;
	const char *to = step_get(c->step, "path");

	plan_room(c->plan, "var", unpacked, !c->seen, "%s unpacked", c->name);
	plan_room(c->plan, to ? to : "usr", unpacked, !c->seen, "%s installed", c->name);
}

static int check(struct plan *plan, const struct facts *facts, const struct inside_files *files,
		 struct plan_step *step, struct err *e)
{
	struct checking_file c = { plan, facts, files, step, .name = NULL };

	if (find_and_look(&c, e))
		return -1;
	count_room(&c);
	if (!c.seen)
		return 0;
	say_seen(&c);
	if (str_eq(step->kind, "cuda-run")) {
		judge_product(&c, "cuda");
		return 0;
	}
	judge_product(&c, "driver");
	judge_modules(&c);
	judge_gpus(&c);
	return 0;
}

int inside_check(struct plan *plan, const struct facts *facts, const struct inside_files *files,
		 struct err *e)
{
	list_each (&plan->steps, step)
		if ((str_eq(step->kind, "driver-run") || str_eq(step->kind, "cuda-run")) &&
		    step->op != OP_KEEP && check(plan, facts, files, step, e))
			return err_ctx(e, "looking into %s", step->what);
	return 0;
}
