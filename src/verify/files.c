/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of packages and files: what was installed is there, whole, and of one version. */
#include "verify/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

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

static int read_elf(struct checking *c, const char *path, struct buf *ret, bool *ret_elf,
		    struct err *e)
{
	if (sys_read(c->sys, path, ret, e))
		return -1;
	*ret_elf = ret->len > 64 && memcmp(ret->data, "\177ELF", 4) == 0;
	return 0;
}

/* The version in the name of the file that the linker ends up with: libcuda.so.535.309.01. */
static int check_library(struct checking *c, struct err *e)
{
	const char *path =
		arena_printf(c->a, "usr/lib/%s/%s", lib_triplet(c->facts), c->post->subject);
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
	bool there = st.type == SYS_FILE || st.type == SYS_LINK;

	return conclude(c, there, "/%s%s", c->post->subject, there ? "" : " is not there");
}

/*
 * libcuda, NVML and the module in the kernel of one version: what "Driver/library version mismatch"
 * is about. What is not there counts elsewhere.
 */
static int check_agree(struct checking *c, struct err *e)
{
	const char *libs[] = { "libcuda.so.1", "libnvidia-ml.so.1" };
	const char *first = NULL, *loaded = NULL;
	auto_buf struct buf seen = BUF_TEXT;
	bool same = true;

	for (size_t i = 0; i < sizeof(libs) / sizeof(*libs); i++) {
		const char *version;

		if (library_version(c, libs[i], &version, e))
			return -1;
		if (!version)
			continue;
		buf_addf(&seen, "%s%s is of %s", seen.len ? ", " : "", libs[i], version);
		same &= !first || str_eq(first, version);
		first = first ? first : version;
	}
	if (c->facts->live && text_of(c, "sys/module/nvidia/version", &loaded, e))
		return -1;
	if (loaded) {
		loaded = arena_strn(c->a, loaded, strcspn(loaded, "\n"));
		buf_addf(&seen, "%smodule %s is loaded", seen.len ? ", " : "", loaded);
		same &= !first || str_eq(first, loaded);
	}
	if (!first)
		return not_applicable(c, "there is no NVIDIA library to compare");
	return conclude(c, same, "%s", buf_str(&seen));
}

const struct check checks_files[] = {
	{ "package", check_package },
	{ "dpkg", check_dpkg },
	{ "library", check_library },
	{ "program", check_program },
	{ "file", check_file },
	{ "agree", check_agree },
	{ NULL, NULL },
};
