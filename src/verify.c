/* SPDX-License-Identifier: Apache-2.0 */
/* Proving the postconditions. */
#include "verify.h"

#include "base/str.h"
#include "base/ver.h"
#include "driver_record.h"
#include "runfile.h"
#include "sys/sys.h"

#include <stdarg.h>
#include <string.h>

static const char *const result_words[] = { "PASS", "FAIL", "DEFERRED", NULL };

const struct rec_row verdict_rows[] = {
	REC_ROW(struct verdict, id, REC_STR, "postcondition"),
	{ .name = "result",
	  .type = REC_WORD,
	  .offset = offsetof(struct verdict, result),
	  .words = result_words,
	  .help = "PASS, FAIL or DEFERRED" },
	REC_ROW(struct verdict, evidence, REC_STR, "what was seen"),
	REC_ROW(struct verdict, needs, REC_STR, "what it takes to prove it"),
	REC_END,
};

struct checking {
	const struct facts *facts;
	const struct sys *sys;
	struct arena *a;
	const struct plan_post *post;
	const char *wanted;
	struct verdict v;
};

static int conclude(struct checking *c, bool good, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int conclude(struct checking *c, bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->v.evidence = arena_vprintf(c->a, fmt, ap);
	va_end(ap);
	c->v.result = good ? VERDICT_PASS : VERDICT_FAIL;
	return 0;
}

static int defer(struct checking *c, const char *why)
{
	c->v.result = VERDICT_DEFERRED;
	c->v.needs = c->post->needs;
	c->v.evidence = why;
	return 0;
}

static int check_package(struct checking *c, struct err *e)
{
	const struct fact_package *p = facts_package(c->facts, c->post->subject);
	bool exact = c->wanted && strpbrk(c->wanted, "-:+~");

	(void)e;
	if (!p || str_eq(p->status, "config-files"))
		return conclude(c, false, "not installed");
	if (!str_eq(p->status, "installed"))
		return conclude(c, false, "%s is %s", p->version, p->status);
	if (!c->wanted)
		return conclude(c, true, "%s", p->version);
	if (exact ? str_eq(p->version, c->wanted) : ver_deb_within(p->version, c->wanted))
		return conclude(c, true, "%s", p->version);
	return conclude(c, false, "%s is installed, %s is planned", p->version, c->wanted);
}

static int check_dpkg(struct checking *c, struct err *e)
{
	const struct fact_dpkg *d = &c->facts->dpkg;

	(void)e;
	if (d->interrupted)
		return conclude(c, false, "dpkg was interrupted; run dpkg --configure -a");
	if (d->unfinished.n)
		return conclude(c, false, "%s%s", d->unfinished.at[0],
				d->unfinished.n > 1 ? ", and more" : "");
	return conclude(c, true, "every package is whole");
}

/* Follow links to the file behind a name, inside the root. *ret is NULL when there is none. */
static int behind(struct checking *c, const char *path, const char **ret, struct err *e)
{
	for (int links = 0; links < 16; links++) {
		auto_buf struct buf target = BUF_INIT(4096);
		struct sys_stat st;
		const char *slash;

		if (sys_stat(c->sys, path, &st, e))
			return -1;
		if (st.type != SYS_LINK) {
			*ret = st.type == SYS_FILE ? path : NULL;
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

static int read_elf(struct checking *c, const char *path, struct buf *ret, bool *ret_elf,
		    struct err *e)
{
	if (sys_read(c->sys, path, ret, e))
		return -1;
	*ret_elf = ret->len > 64 && memcmp(ret->data, "\177ELF", 4) == 0;
	return 0;
}

static const char *triplet(const struct facts *f)
{
	return str_eq(f->os.arch, "arm64") ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
}

/* The version in the name of the file that the linker ends up with: libcuda.so.535.309.01. */
static int check_library(struct checking *c, struct err *e)
{
	const char *path = arena_printf(c->a, "usr/lib/%s/%s", triplet(c->facts), c->post->subject);
	auto_buf struct buf bytes = BUF_INIT(512 << 20);
	const char *file = NULL, *version;
	bool elf;

	if (behind(c, path, &file, e))
		return -1;
	if (!file)
		return conclude(c, false, "/%s is not there", path);
	if (read_elf(c, file, &bytes, &elf, e))
		return -1;
	if (!elf)
		return conclude(c, false, "/%s is not a library", file);
	version = strstr(strrchr(file, '/'), ".so.");
	version = version ? version + 4 : "";
	return conclude(c, ver_within(version, c->wanted), "/%s", file);
}

/* The version that the program carries in itself. */
static int check_program(struct checking *c, struct err *e)
{
	auto_buf struct buf bytes = BUF_INIT(64 << 20);
	const char *file = NULL;
	bool elf, has;

	if (behind(c, c->post->subject, &file, e))
		return -1;
	if (!file)
		return conclude(c, false, "/%s is not there", c->post->subject);
	if (read_elf(c, file, &bytes, &elf, e))
		return -1;
	has = elf && memmem(bytes.data, bytes.len, c->wanted, strlen(c->wanted));
	return conclude(c, has, "/%s %s %s", file,
			!elf ? "is not a program, wanted" :
			has  ? "is of" :
			       "is not of",
			c->wanted);
}

static int check_file(struct checking *c, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(c->sys, c->post->subject, &st, e))
		return -1;
	return conclude(c, st.type == SYS_FILE, "/%s%s", c->post->subject,
			st.type == SYS_FILE ? "" : " is not there");
}

static int check_module_source(struct checking *c, struct err *e)
{
	strs names = { 0 };

	if (sys_list(c->sys, "usr/src", c->a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *dash = strrchr(*name, '-');
		const char *conf = arena_printf(c->a, "usr/src/%s/dkms.conf", *name);
		struct sys_stat st;

		if (!str_starts(*name, c->post->subject) || !dash ||
		    !ver_within(dash + 1, c->wanted))
			continue;
		if (sys_stat(c->sys, conf, &st, e))
			return -1;
		if (st.type == SYS_FILE)
			return conclude(c, true, "/usr/src/%s", *name);
	}
	return conclude(c, false, "no /usr/src/%s*-%s with a dkms.conf", c->post->subject,
			c->wanted);
}

/* A module carries "version=..." in its .modinfo section. */
static const char *module_version(struct checking *c, const struct buf *ko)
{
	static const char key[] = "\0version=";
	const char *at = memmem(ko->data, ko->len, key, sizeof(key) - 1);

	return at ? arena_str(c->a, at + sizeof(key) - 1) : NULL;
}

static int check_module(struct checking *c, struct err *e)
{
	static const char *const places[] = { "updates/dkms/nvidia-current.ko",
					      "updates/dkms/nvidia.ko",
					      "kernel/drivers/video/nvidia.ko" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *path =
			arena_printf(c->a, "lib/modules/%s/%s", c->post->subject, places[i]);
		auto_buf struct buf ko = BUF_INIT(512 << 20);
		const char *version;
		bool there;

		if (sys_read_if(c->sys, path, &ko, &there, e))
			return -1;
		if (!there)
			continue;
		version = module_version(c, &ko);
		return conclude(c, version && ver_within(version, c->wanted), "/%s is of %s", path,
				version ? version : "no version");
	}
	return conclude(c, false, "kernel %s has no NVIDIA module", c->post->subject);
}

static int check_loaded(struct checking *c, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(256);
	const char *version;
	bool there;

	if (!c->facts->live)
		return defer(c, "an image is not running");
	if (sys_read_if(c->sys, "sys/module/nvidia/version", &b, &there, e))
		return -1;
	if (!there)
		return defer(c, "the module is not loaded yet");
	version = arena_strn(c->a, buf_str(&b), strcspn(buf_str(&b), "\n"));
	return conclude(c, ver_within(version, c->wanted), "version %s is loaded", version);
}

static int check_gpus(struct checking *c, struct err *e)
{
	strs names = { 0 };

	if (!c->facts->live)
		return defer(c, "an image has no GPU");
	if (sys_list(c->sys, "proc/driver/nvidia/gpus", c->a, &names, e))
		return -1;
	if (!names.n)
		return defer(c, "the driver is not loaded");
	return conclude(c, str_eq(arena_printf(c->a, "%zu", names.n), c->wanted),
			"the driver sees %zu, %s expected", names.n, c->wanted);
}

/* Every file that the .run installer put there, by its own record. */
static int check_record(struct checking *c, struct err *e)
{
	struct install_record record = { 0 };
	const char *wrong = NULL;
	bool there;

	if (driver_record_read(c->sys, c->a, &record, &there, e))
		return -1;
	if (!there)
		return conclude(c, false, "/" RECORD_PATH " is not there");
	if (!str_eq(record.version, c->wanted))
		return conclude(c, false, "the record is of %s", record.version);
	if (driver_record_check(c->sys, &record, c->a, &wrong, e))
		return -1;
	return wrong ? conclude(c, false, "%s", wrong) :
		       conclude(c, true, "%zu files and links are as they were installed",
				record.entries.n);
}

static int check_nvcc(struct checking *c, struct err *e)
{
	const char *nvcc = arena_printf(c->a, "/%s/bin/nvcc", c->post->subject);
	const char *const argv[] = { nvcc, "-V", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 60 };
	struct sys_done done = { 0 };
	struct sys_stat st;
	bool good;

	if (sys_stat(c->sys, nvcc + 1, &st, e))
		return -1;
	if (st.type != SYS_FILE)
		return conclude(c, false, "%s is not there", nvcc);
	if (sys_run(c->sys, &cmd, &done, e))
		return -1;
	good = !done.status && runfile_nvcc_says(buf_str(&done.output), c->wanted);
	buf_release(&done.output);
	return conclude(c, good, "%s -V %s %s", nvcc, good ? "says" : "does not say", c->wanted);
}

static const struct {
	const char *kind;
	int (*check)(struct checking *c, struct err *e);
} checks[] = {
	{ "package", check_package }, { "dpkg", check_dpkg },
	{ "library", check_library }, { "program", check_program },
	{ "file", check_file },       { "module-source", check_module_source },
	{ "module", check_module },   { "loaded", check_loaded },
	{ "gpus", check_gpus },       { "driver-record", check_record },
	{ "nvcc", check_nvcc },
};

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

static int check_one(struct checking *c, struct err *e)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (str_eq(checks[i].kind, c->post->kind))
			return checks[i].check(c, e);
	return err_set(e, GP_INTERNAL, "there is no check of kind '%s'", c->post->kind);
}

int verify_posts(const struct plan *plan, const struct plan *applied, const struct facts *facts,
		 const struct sys *sys, struct arena *a, verdicts *ret, struct err *e)
{
	list_each (&plan->posts, post) {
		struct checking c = {
			facts, sys, a, post, wanted(post, applied), { .id = post->id }
		};

		if (check_one(&c, e))
			return err_ctx(e, "checking %s", post->id);
		list_add(a, ret, c.v);
	}
	return 0;
}
