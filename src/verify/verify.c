/* SPDX-License-Identifier: Apache-2.0 */
/* Proving the postconditions: which check, and how it ends. The checks are in verify_*.c. */
#include "verify/verify.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"
#include "verify/priv.h"

#include <stdarg.h>
#include <string.h>

static const char *const result_words[] = { "PASS", "FAIL", "DEFERRED", "N/A", NULL };

const struct rec_row verdict_rows[] = {
	REC_ROW(struct verdict, id, REC_STR, "postcondition"),
	{ .name = "result",
	  .type = REC_WORD,
	  .offset = offsetof(struct verdict, result),
	  .words = result_words,
	  .help = "PASS, FAIL, DEFERRED or N/A" },
	REC_ROW(struct verdict, evidence, REC_STR, "what was seen"),
	REC_ROW(struct verdict, needs, REC_STR, "what it takes to prove it"),
	REC_END,
};

/* ---- how a check ends ---- */

int conclude(struct checking *c, bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->v.evidence = arena_vprintf(c->a, fmt, ap);
	va_end(ap);
	c->v.result = good ? VERDICT_PASS : VERDICT_FAIL;
	return 0;
}

int defer(struct checking *c, const char *needs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->v.evidence = arena_vprintf(c->a, fmt, ap);
	va_end(ap);
	c->v.result = VERDICT_DEFERRED;
	c->v.needs = needs;
	return 0;
}

int not_applicable(struct checking *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->v.evidence = arena_vprintf(c->a, fmt, ap);
	va_end(ap);
	c->v.result = VERDICT_NA;
	return 0;
}

/* ---- what they share ---- */

static int resolve(struct checking *c, const char *path, enum sys_type type, const char **ret,
		   struct err *e)
{
	for (int links = 0; links < 16; links++) {
		auto_buf struct buf target = BUF_INIT(4096);
		struct sys_stat st;
		const char *slash;

		if (sys_stat(c->sys, path, &st, e))
			return -1;
		if (st.type != SYS_LINK) {
			*ret = st.type == type ? path : NULL;
			return 0;
		}
		if (sys_readlink(c->sys, path, &target, e))
			return -1;
		slash = strrchr(path, '/');
		path = *buf_str(&target) == '/' || !slash ?
			       arena_str(c->a, buf_str(&target) + strspn(buf_str(&target), "/")) :
			       arena_printf(c->a, "%.*s/%s", (int)(slash - path), path,
					    buf_str(&target));
	}
	*ret = NULL;
	return 0;
}

int behind(struct checking *c, const char *path, const char **ret, struct err *e)
{
	return resolve(c, path, SYS_FILE, ret, e);
}

int behind_dir(struct checking *c, const char *path, const char **ret, struct err *e)
{
	return resolve(c, path, SYS_DIR, ret, e);
}

int text_of(struct checking *c, const char *path, const char **ret, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	bool there;

	if (sys_read_if(c->sys, path, &b, &there, e))
		return -1;
	*ret = there ? arena_str(c->a, buf_str(&b)) : NULL;
	return 0;
}

const char *lib_triplet(const struct facts *f)
{
	return str_eq(f->os.arch, "arm64") ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
}

int library_version(struct checking *c, const char *soname, const char **ret, struct err *e)
{
	const char *path = arena_printf(c->a, "usr/lib/%s/%s", lib_triplet(c->facts), soname);
	const char *file, *so;

	if (behind(c, path, &file, e))
		return -1;
	so = file ? strstr(strrchr(file, '/'), ".so.") : NULL;
	*ret = so ? so + 4 : NULL;
	return 0;
}

/* ---- which check ---- */

/* What was installed last is what must be there, when the profile still allows it. */
static const char *wanted(const struct plan_post *post, const struct plan *applied)
{
	if (applied)
		list_each (&applied->posts, before)
			if (str_eq(before->id, post->id) && before->wanted &&
			    (!post->wanted || ver_deb_within(before->wanted, post->wanted)))
				return before->wanted;
	return post->wanted;
}

static const struct check *find_check(const char *kind)
{
	static const struct check *const tables[] = {
		checks_files,   checks_kernel,     checks_gpu,       checks_driver,
		checks_cuda,    checks_containers, checks_engine,    checks_trial,
		checks_runfile, checks_cluster,    checks_manifests,
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct check *one = tables[i]; one->kind; one++)
			if (str_eq(one->kind, kind))
				return one;
	return NULL;
}

static int check_one(const struct verify_subject *what, const struct plan_post *post,
		     struct arena *a, verdicts *ret, struct err *e)
{
	const struct check *check = find_check(post->kind);
	struct checking c = {
		.plan = what->plan,
		.profile = what->profile,
		.facts = what->facts,
		.sys = what->sys,
		.a = a,
		.post = post,
		.wanted = wanted(post, what->applied),
		.v = { .id = post->id },
	};

	if (!check)
		return err_set(e, GP_INTERNAL, "there is no check of kind '%s'", post->kind);
	if (check->run(&c, e))
		return err_ctx(e, "checking %s", post->id);
	list_add(a, ret, c.v);
	return 0;
}

int verify_all(const struct verify_subject *what, struct arena *a, verdicts *ret, struct err *e)
{
	plan_posts more = { 0 };

	verify_implied(what, a, &more);
	list_each (&what->plan->posts, post)
		if (check_one(what, post, a, ret, e))
			return -1;
	list_each (&more, post)
		if (check_one(what, post, a, ret, e))
			return -1;
	return 0;
}
