/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of CUDA on the host: each toolkit is what it says, found by the linker and by a login. */
#include "verify/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

/* What follows `key` up to a character of `stop`; NULL when the key is not there. */
static const char *after(struct checking *c, const char *text, const char *key, const char *stop)
{
	const char *at = text ? strstr(text, key) : NULL;

	return at ? arena_strn(c->a, at + strlen(key), strcspn(at + strlen(key), stop)) : NULL;
}

/* The compiler says "Cuda compilation tools, release 12.8, V12.8.93". */
static int ask_nvcc(struct checking *c, const char *nvcc, const char **ret, struct err *e)
{
	const char *argv[] = { arena_printf(c->a, "/%s", nvcc), "--version", NULL };
	struct sys_cmd cmd = { .argv = argv, .timeout_s = 10 };
	struct sys_done done = { 0 };

	if (sys_run(c->sys, &cmd, &done, e))
		return -1;
	*ret = done.status ? NULL : after(c, buf_str(&done.output), "release ", ",\n");
	buf_release(&done.output);
	return 0;
}

/* version.json of the toolkit: { "cuda": { "name": "CUDA SDK", "version": "12.8.1" }, ... } */
static const char *toolkit_version(struct checking *c, const char *text)
{
	const char *cuda = text ? strstr(text, "\"cuda\"") : NULL;
	const char *version = after(c, cuda, "\"version\"", "}\n");

	return version ? after(c, version, "\"", "\"") : NULL;
}

static int check_nvcc(struct checking *c, struct err *e)
{
	const char *dir = c->post->subject, *version = NULL, *text, *file;
	const char *nvcc = arena_printf(c->a, "%s/bin/nvcc", dir);

	if (behind(c, nvcc, &file, e) ||
	    text_of(c, arena_printf(c->a, "%s/version.json", dir), &text, e))
		return -1;
	if (!file)
		return conclude(c, false, "/%s is not there", nvcc);
	if (c->facts->live && ask_nvcc(c, nvcc, &version, e))
		return -1;
	if (version)
		return conclude(c, ver_within(version, c->wanted), "/%s says release %s", nvcc,
				version);
	if (c->facts->live)
		return conclude(c, false, "/%s does not tell its release", nvcc);
	version = toolkit_version(c, text);
	if (!version)
		return conclude(c, false, "/%s/version.json does not tell the version", dir);
	return conclude(c, ver_within(version, c->wanted), "/%s, version.json says %s", nvcc,
			version);
}

/* /usr/local/cuda, over however many links of update-alternatives. */
static int check_default(struct checking *c, struct err *e)
{
	const char *dir;

	if (behind_dir(c, "usr/local/cuda", &dir, e))
		return -1;
	if (!dir)
		return conclude(c, false, "/usr/local/cuda is not there");
	return conclude(c, !c->wanted || str_eq(dir, c->wanted), "/usr/local/cuda is /%s%s%s", dir,
			c->wanted && !str_eq(dir, c->wanted) ? ", wanted /" : "",
			c->wanted && !str_eq(dir, c->wanted) ? c->wanted : "");
}

/* A line of ld.so.conf.d that leads to a libcudart of the wanted major. */
static int in_folder(struct checking *c, const char *folder, bool *ret, struct err *e)
{
	const char *lib = arena_printf(c->a, "%s/libcudart.so.%.*s", folder,
				       (int)strcspn(c->wanted, "."), c->wanted);
	const char *file, *real;

	/* The folder itself may be a link: /usr/local/cuda/lib64. */
	if (behind_dir(c, folder, &real, e) || behind(c, lib, &file, e))
		return -1;
	if (!file && real && !str_eq(real, folder) &&
	    behind(c, arena_printf(c->a, "%s/%s", real, strrchr(lib, '/') + 1), &file, e))
		return -1;
	*ret = file != NULL;
	return 0;
}

static int check_linker(struct checking *c, struct err *e)
{
	strs names = { 0 };
	bool found = false;

	if (sys_list(c->sys, "etc/ld.so.conf.d", c->a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *path = arena_printf(c->a, "etc/ld.so.conf.d/%s", *name), *text;
		struct piece rest, line;

		if (!str_ends(*name, ".conf"))
			continue;
		if (text_of(c, path, &text, e))
			return -1;
		rest = PIECE(text ? text : "");
		while (str_line(&rest, &line)) {
			line = str_trim(line);
			if (!piece_starts(line, "/"))
				continue;
			if (in_folder(c, arena_strn(c->a, line.at + 1, line.len - 1), &found, e))
				return -1;
			if (found)
				return conclude(c, true, "/%s names %.*s", path, (int)line.len,
						line.at);
		}
	}
	return conclude(c, false,
			"no file of /etc/ld.so.conf.d leads to libcudart.so.%.*s: programs say "
			"'cannot open shared object file'",
			(int)strcspn(c->wanted, "."), c->wanted);
}

/* ---- PATH in a login shell ---- */

/* "CUDA_HOME=/usr/local/cuda" of the file that the plan writes. */
static const char *home_of(struct checking *c)
{
	const struct plan_step *file = plan_find(c->plan, "file:cuda-path");

	return file ? after(c, step_get(file, "content"), "CUDA_HOME=/", "\n") : NULL;
}

/* A program of the root can be run: in an image only by root. */
static int can_run(struct checking *c, const char *program, const char **ret_lack, struct err *e)
{
	const char *file;
	struct sys_ident id;

	*ret_lack = NULL;
	if (behind(c, program, &file, e) || sys_ident(c->sys, &id, e))
		return -1;
	if (!file)
		*ret_lack = "boot";
	else if (!c->sys->live && id.euid)
		*ret_lack = "root";
	return 0;
}

/*
 * What a login shell finds. Its words are fixed, nothing of the profile gets to the shell; and no
 * home folder, so that what is seen is the system's own PATH.
 */
static int check_login(struct checking *c, struct err *e)
{
	const char *const argv[] = { "/bin/sh", "-l", "-c", "command -v nvcc", NULL };
	const char *const env[] = { "HOME=/nonexistent", NULL };
	struct sys_cmd cmd = { .argv = argv, .env = env, .timeout_s = 10 };
	struct sys_done done = { 0 };
	const char *home = home_of(c), *lack, *seen, *found = NULL, *wanted = NULL;
	bool good;

	if (!home)
		return not_applicable(c, "the profile leaves PATH as it is");
	if (can_run(c, "bin/sh", &lack, e))
		return -1;
	if (lack)
		return defer(c, lack, "a login shell cannot be asked in this image");
	if (sys_run(c->sys, &cmd, &done, e))
		return -1;
	seen = arena_strn(c->a, buf_str(&done.output), strcspn(buf_str(&done.output), "\n"));
	buf_release(&done.output);
	if (done.status || *seen != '/')
		return conclude(c, false,
				"a login shell does not find nvcc: /etc/profile reads no "
				"/etc/profile.d, or PATH is set anew later");
	if (behind(c, seen + 1, &found, e) ||
	    behind(c, arena_printf(c->a, "%s/bin/nvcc", home), &wanted, e))
		return -1;
	good = found && str_eq(found, wanted);
	return good ? conclude(c, true, "a login shell finds %s", seen) :
		      conclude(c, false, "a login shell finds %s, wanted /%s/bin/nvcc", seen, home);
}

const struct check checks_cuda[] = {
	{ "nvcc", check_nvcc },
	{ "cuda-default", check_default },
	{ "cuda-linker", check_linker },
	{ "login-path", check_login },
	{ NULL, NULL },
};
