/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a .run file without running anything of it. */
#include "runfile/look.h"

#include "base/str.h"
#include "sys/sys.h"
#include "sys/untrusted.h"

#include <string.h>

int look_at_header(const struct sys *sys, const char *path, struct arena *a, struct runfile *ret,
		   struct err *e)
{
	auto_buf struct buf head = BUF_INIT(RUNFILE_HEAD_MAX + 1);
	struct sys_stat st;

	if (sys_read_head(sys, path, RUNFILE_HEAD_MAX, &head, e) || sys_stat(sys, path, &st, e))
		return -1;
	/* A link: what is read is what it leads to, so its size counts. */
	if (st.type != SYS_FILE)
		return err_set(e, GP_IO, "'%s' is not a regular file", path);
	if (runfile_parse(buf_str(&head), head.len, st.size, a, ret, e))
		return err_ctx(e, "%s", path);
	if (!ret->product || !str_eq(ret->product, "driver")) {
		const char *version = runfile_cuda_version(path, a);

		if (version) {
			ret->product = "cuda";
			ret->version = version;
		}
	}
	return 0;
}

/* ---- the sums it has of itself ---- */

static int differs(const char *path, const char *what, struct err *e)
{
	err_set(e, GP_RUNFILE_DAMAGED, "'%s' is damaged: its %s is not what its header says", path,
		what);
	err_way(e, "download it again");
	return -1;
}

static int check_sums(const struct sys *sys, const char *path, struct arena *a, struct runfile *r,
		      struct err *e)
{
	struct sys_sums sums = {
		.want = SUM_SHA256 | SUM_MD5 | SUM_CKSUM | SUM_INNER_SHA256,
		.from = (unsigned long long)r->sums_from,
		.len = (unsigned long long)r->sums_len,
	};

	if (sys_sum(sys, path, &sums, e))
		return -1;
	r->file_sha256 = arena_str(a, sums.sha256);
	if (r->crc && !str_eq(r->crc, arena_printf(a, "%u", sums.cksum)))
		return differs(path, "cksum", e);
	if (r->md5 && !str_eq(r->md5, sums.md5))
		return differs(path, "MD5", e);
	if (r->sha256 && !str_eq(r->sha256, sums.inner_sha256))
		return differs(path, "SHA-256", e);
	return 0;
}

/* ---- what the payload says ---- */

/* Line 2 of the manifest is the version, line 4 the kernel modules. */
static int take_manifest(struct look_text text, struct arena *a, struct runfile *r, struct err *e)
{
	struct piece rest = { text.text, text.len }, line, word;

	for (int n = 1; n <= 4 && str_line(&rest, &line); n++) {
		if (n == 2 && r->version && !piece_eq(line, r->version))
			return err_set(e, GP_RUNFILE_DAMAGED,
				       "the header says version %s, the manifest another",
				       r->version);
		while (n == 4 && str_word(&line, &word))
			list_add(a, &r->inside.modules, arena_strn(a, word.at, word.len));
	}
	return 0;
}

/* "devid": "0x1EB8" of supported-gpus.json, as sysfs writes it: 1eb8. */
static void take_gpus(struct look_text text, struct arena *a, struct runfile *r)
{
	static const char key[] = "\"devid\"";
	const char *at = text.text, *end = text.text + text.len;

	while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
		unsigned long long id = 0;

		at += sizeof(key) - 1;
		at += strspn(at, " :\t");
		if (*at != '"')
			continue;
		at++;
		if (!str_to_hex(arena_strn(a, at, strcspn(at, "\"")), &id) || id > 0xffff)
			continue;
		list_add(a, &r->inside.gpus, arena_printf(a, "%04llx", id));
		/* Its object has lists and texts in it, but no other object. */
		if (memmem(at, strcspn(at, "}"), "\"kernelopen\"", strlen("\"kernelopen\"")))
			list_add(a, &r->inside.open_gpus, arena_printf(a, "%04llx", id));
	}
}

/* {"cuda": {"name": "CUDA SDK", "version": "12.2.2"}, ...} */
static void take_toolkit(struct look_text text, struct arena *a, struct runfile *r)
{
	const char *at = strstr(text.text, "\"cuda\"");

	at = at ? strstr(at, "\"version\"") : NULL;
	at = at ? strchr(at + strlen("\"version\""), '"') : NULL;
	if (at)
		r->inside.toolkit = arena_strn(a, at + 1, strcspn(at + 1, "\""));
}

static int take_payload(const struct look_answer *answer, struct arena *a, struct runfile *r,
			struct err *e)
{
	r->inside.members = answer->members;
	r->inside.unpacked = answer->unpacked;
	list_each (&answer->names, name) {
		r->inside.open_modules |= str_starts(*name, "kernel-open/");
		r->inside.proprietary_modules |= str_starts(*name, "kernel/");
	}
	list_each (&answer->texts, text) {
		if (str_eq(text->name, ".manifest") && take_manifest(*text, a, r, e))
			return -1;
		if (str_eq(text->name, "supported-gpus/supported-gpus.json"))
			take_gpus(*text, a, r);
		if (str_ends(text->name, "version.json"))
			take_toolkit(*text, a, r);
	}
	r->inside.read = true;
	return 0;
}

static int walk(const struct sys *sys, const char *path, struct arena *a, struct runfile *r,
		struct err *e)
{
	/* "/NAME" is any member of that name, wherever it is. */
	static const char *const want[] = { ".manifest", "supported-gpus/supported-gpus.json",
					    "/version.json", NULL };
	struct look_answer answer = { .a = a };
	struct look_job job = { .path = path, .want = want, .want_max = 16 << 20 };

	job.from = (unsigned long long)r->payload;
	job.len = (unsigned long long)r->payload_len;
	return sys_look(sys, &job, &answer, e) || take_payload(&answer, a, r, e) ? -1 : 0;
}

int look_inside(const struct sys *sys, const char *path, struct arena *a, struct runfile *ret,
		struct err *e)
{
	struct runfile r = { 0 };

	if (look_at_header(sys, path, a, &r, e) || walk(sys, path, a, &r, e))
		return -1;
	*ret = r;
	return 0;
}

int look(const struct sys *sys, const char *path, struct arena *a, struct runfile *ret,
	 struct err *e)
{
	struct runfile r = { 0 };

	if (look_at_header(sys, path, a, &r, e) || check_sums(sys, path, a, &r, e) ||
	    walk(sys, path, a, &r, e))
		return -1;
	*ret = r;
	return 0;
}
