/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the header of a .run file. */
#include "runfile/runfile.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static const char *const family_words[] = { "nvidia", "makeself", NULL };

static const struct rec_row payload_rows[] = {
	REC_ROW(struct runfile_payload, read, REC_BOOL, "it was walked to its end"),
	REC_ROW(struct runfile_payload, members, REC_INT, "files, links and folders"),
	REC_ROW(struct runfile_payload, unpacked, REC_INT, "bytes when unpacked"),
	REC_ROW(struct runfile_payload, open_modules, REC_BOOL, "has open kernel modules"),
	REC_ROW(struct runfile_payload, proprietary_modules, REC_BOOL,
		"has proprietary kernel modules"),
	REC_ROW(struct runfile_payload, modules, REC_STRS, "kernel modules of the manifest"),
	REC_ROW(struct runfile_payload, gpus, REC_STRS, "PCI ids of supported GPUs"),
	REC_ROW(struct runfile_payload, open_gpus, REC_STRS, "those that open modules drive"),
	REC_ROW(struct runfile_payload, toolkit, REC_STR, "version of the CUDA toolkit in it"),
	REC_END,
};

const struct rec_row runfile_rows[] = {
	{ .name = "family",
	  .type = REC_WORD,
	  .offset = offsetof(struct runfile, family),
	  .words = family_words,
	  .help = "which makeself wrote it" },
	REC_ROW(struct runfile, makeself, REC_STR, "version of makeself"),
	REC_ROW(struct runfile, label, REC_STR, "what it calls itself"),
	REC_ROW(struct runfile, product, REC_STR, "driver or cuda"),
	REC_ROW(struct runfile, version, REC_STR, "version of the product"),
	REC_ROW(struct runfile, script, REC_STR, "what it runs after unpacking"),
	REC_ROW(struct runfile, os, REC_STR, "operating system"),
	REC_ROW(struct runfile, arch, REC_STR, "machine"),
	REC_ROW(struct runfile, compression, REC_STR, "how the payload is packed"),
	REC_ROW(struct runfile, options, REC_STRS, "options of the installer"),
	REC_ROW(struct runfile, payload, REC_INT, "offset of the payload"),
	REC_ROW(struct runfile, payload_len, REC_INT, "its bytes"),
	REC_ROW(struct runfile, decompressor, REC_INT, "offset of the embedded decompressor"),
	REC_ROW(struct runfile, decompressor_len, REC_INT, "its bytes"),
	REC_ROW(struct runfile, strict, REC_BOOL, "options for the installer come after --"),
	REC_ROW(struct runfile, crc, REC_STR, "inner cksum"),
	REC_ROW(struct runfile, md5, REC_STR, "inner MD5"),
	REC_ROW(struct runfile, sha256, REC_STR, "inner SHA-256"),
	REC_ROW(struct runfile, sums_from, REC_INT, "where the inner sums begin"),
	REC_ROW(struct runfile, sums_len, REC_INT, "how many bytes they cover"),
	REC_ROW(struct runfile, size, REC_INT, "bytes of the file"),
	REC_ROW(struct runfile, file_sha256, REC_STR, "SHA-256 of the file"),
	{ .name = "inside",
	  .type = REC_OBJ,
	  .offset = offsetof(struct runfile, inside),
	  .rows = payload_rows,
	  .help = "what the payload holds" },
	REC_END,
};

struct parsing {
	struct piece head;
	unsigned long long size;
	struct arena *a;
	struct runfile *r;
	struct err *e;
};

static int no_runfile(struct parsing *p, const char *why)
{
	return err_set(p->e, GP_NOT_A_RUNFILE, "this is no .run file that gpuprov knows: %s", why);
}

static int damaged(struct parsing *p, const char *why)
{
	return err_set(p->e, GP_RUNFILE_DAMAGED, "the header contradicts the file: %s", why);
}

/* ---- NAME=value lines ---- */

enum { VARIABLE_LINES = 80, LONGEST_VALUE = 512 };

/* A value as the shell would take it, as long as nothing in it needs a shell. */
static bool plain_value(struct piece v, struct piece *ret)
{
	bool quoted = v.len >= 2 && *v.at == '"' && v.at[v.len - 1] == '"';

	if (quoted)
		v = (struct piece){ v.at + 1, v.len - 2 };
	if (v.len > LONGEST_VALUE)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.at[i];

		if (c < 0x20 || c > 0x7e || strchr("\"'`$\\;&|<>()", c))
			return false;
		if (c == ' ' && !quoted)
			return false;
	}
	*ret = v;
	return true;
}

/* The value of the first line NAME=value near the top; NULL when there is none that is plain. */
static const char *variable(const struct parsing *p, const char *name)
{
	struct piece rest = p->head, line, value;
	size_t n = strlen(name);

	for (int i = 0; i < VARIABLE_LINES && str_line(&rest, &line); i++)
		if (line.len > n && line.at[n] == '=' && memcmp(line.at, name, n) == 0)
			return plain_value((struct piece){ line.at + n + 1, line.len - n - 1 },
					   &value) &&
					       value.len ?
				       arena_strn(p->a, value.at, value.len) :
				       NULL;
	return NULL;
}

static bool number(const char *text, unsigned long long *ret)
{
	return text && str_to_u64(text, ret);
}

/* Bytes of the first `lines` lines; false when there are not so many in the header. */
static bool bytes_of_lines(struct piece head, unsigned long long lines, unsigned long long *ret)
{
	const char *at = head.at, *end = head.at + head.len;

	while (lines--) {
		at = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		if (!at)
			return false;
		at++;
	}
	*ret = (unsigned long long)(at - head.at);
	return true;
}

/* A sum of hexadecimal digits; all zeros is makeself's way to say that there is none. */
static const char *hex_sum(const struct parsing *p, const char *name, size_t digits)
{
	const char *text = variable(p, name);

	if (!text || strlen(text) != digits || strspn(text, "0123456789abcdef") != digits ||
	    strspn(text, "0") == digits)
		return NULL;
	return text;
}

static const char *decimal_sum(const struct parsing *p, const char *name)
{
	const char *text = variable(p, name);
	unsigned long long v = 0;

	return number(text, &v) && v <= 0xffffffffu && v ? text : NULL;
}

/* ---- what is in the header ---- */

static const struct {
	const char *name, *magic;
	size_t at, len;
} packings[] = {
	{ "gzip", "\x1f\x8b\x08", 0, 3 },
	{ "xz",
	  "\xfd"
	  "7zXZ\0",
	  0, 6 },
	{ "zstd", "\x28\xb5\x2f\xfd", 0, 4 },
	{ "bzip2", "BZh", 0, 3 },
	{ "none", "ustar", 257, 5 },
};

/* The payload must begin with something that can be unpacked: a wrong `skip` does not get far. */
static int take_payload(struct parsing *p, unsigned long long from, unsigned long long to)
{
	struct runfile *r = p->r;

	if (from >= to || to > p->size)
		return damaged(p, "there is no payload where it should be");
	if (from >= p->head.len)
		return damaged(p, "the payload begins too late");
	r->payload = (long long)from;
	r->payload_len = (long long)(to - from);
	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++)
		if (from + packings[i].at + packings[i].len <= p->head.len &&
		    from + packings[i].at + packings[i].len <= to &&
		    memcmp(p->head.at + from + packings[i].at, packings[i].magic,
			   packings[i].len) == 0) {
			r->compression = packings[i].name;
			return 0;
		}
	return damaged(p, "what stands there is not gzip, xz, zstd, bzip2 or tar");
}

/* "# Generated by Makeself 1.6.0-nv2", "# This script was generated using Makeself 2.4.5" */
static const char *makeself_version(const struct parsing *p)
{
	static const char word[] = "Makeself ";
	struct piece rest = p->head, line, version;

	for (int i = 0; i < VARIABLE_LINES && str_line(&rest, &line); i++) {
		const char *at = line.len && *line.at == '#' ?
					 memmem(line.at, line.len, word, sizeof(word) - 1) :
					 NULL;

		if (!at)
			continue;
		rest.at = at + sizeof(word) - 1;
		rest.len = (size_t)(line.at + line.len - rest.at);
		if (str_word(&rest, &version) && version.len < 32 && plain_value(version, &version))
			return arena_strn(p->a, version.at, version.len);
	}
	return NULL;
}

static void take_options_of(struct parsing *p, struct piece line)
{
	struct piece word;

	while (str_word(&line, &word)) {
		size_t n = 2;

		while (n < word.len &&
		       (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", word.at[n])))
			n++;
		if (word.len > 3 && word.at[0] == '-' && word.at[1] == '-')
			list_add(p->a, &p->r->options, arena_strn(p->a, word.at, n));
	}
}

/* NVIDIA's header carries the installer's help as lines `echo "  --name"`. */
static void take_options(struct parsing *p)
{
	struct piece rest = { p->head.at, (size_t)p->r->payload }, line;

	if (p->r->decompressor)
		rest.len = (size_t)p->r->decompressor;
	while (str_line(&rest, &line)) {
		struct piece text = str_trim(line);

		if (!piece_starts(text, "echo \""))
			continue;
		text = str_trim((struct piece){ text.at + 6, text.len - 6 });
		if (text.len && *text.at == '-') {
			if (text.at[text.len - 1] == '"')
				text.len--;
			take_options_of(p, text);
		}
	}
}

/* ---- the families ---- */

static int parse_nvidia(struct parsing *p)
{
	struct runfile *r = p->r;
	unsigned long long skip = 0, from = 0, at = 0, lines = 0, after = 0, sums = 0;
	const char *version = variable(p, "version_string");

	r->family = RUNFILE_NVIDIA;
	if (!number(variable(p, "skip"), &skip) || skip < 4)
		return no_runfile(p, "its header has no number 'skip'");
	if (!bytes_of_lines(p->head, skip - 1, &from))
		return damaged(p, "it has fewer lines than 'skip' says");
	if (number(variable(p, "skip_decompress"), &at) && at &&
	    number(variable(p, "size_decompress"), &lines) && lines) {
		if (at < 4 || at >= skip || lines > skip - at ||
		    !bytes_of_lines(p->head, at - 1, &at) ||
		    !bytes_of_lines((struct piece){ p->head.at + at, p->head.len - at }, lines,
				    &after))
			return damaged(p, "the embedded decompressor lies outside the header");
		r->decompressor = (long long)at;
		r->decompressor_len = (long long)after;
	}
	if (!bytes_of_lines(p->head, 3, &sums))
		return damaged(p, "it has fewer than four lines");
	r->sums_from = (long long)sums;
	r->sums_len = (long long)(p->size - sums);
	r->version = version && ver_valid(version) ? version : NULL;
	r->product = r->version ? "driver" : NULL;
	return take_payload(p, from, p->size);
}

/* Old ones have no `skip`; they say `head -n 402 "$0"` instead. */
static bool skip_of_script(const struct parsing *p, unsigned long long *ret)
{
	static const char call[] = "offset=`head -n ";
	const char *at = memmem(p->head.at, p->head.len, call, sizeof(call) - 1);
	struct piece rest, word;

	if (!at)
		return false;
	at += sizeof(call) - 1;
	rest = (struct piece){ at, (size_t)(p->head.at + p->head.len - at) };
	return str_word(&rest, &word) && word.len < 12 &&
	       str_to_u64(arena_strn(p->a, word.at, word.len), ret);
}

static int parse_makeself(struct parsing *p)
{
	struct runfile *r = p->r;
	unsigned long long skip = 0, from = 0, len = 0;
	const char *sizes = variable(p, "filesizes");

	r->family = RUNFILE_MAKESELF;
	if (!sizes || !number(sizes, &len) || !len)
		return no_runfile(p, "its header has no 'filesizes' with one number");
	if (!number(variable(p, "skip"), &skip) && !skip_of_script(p, &skip))
		return no_runfile(p, "its header does not say where the payload begins");
	if (!skip || !bytes_of_lines(p->head, skip, &from))
		return damaged(p, "it has fewer lines than 'skip' says");
	if (len > p->size || from > p->size - len)
		return damaged(p, "it is shorter than the header says");
	if (from + len != p->size)
		return damaged(p, "there is something behind the payload");
	r->sums_from = (long long)from;
	r->sums_len = (long long)len;
	if (take_payload(p, from, from + len))
		return -1;
	r->strict = memmem(p->head.at, from, "Unrecognized flag", strlen("Unrecognized flag"));
	if (r->label && strstr(r->label, "CUDA"))
		r->product = "cuda";
	return 0;
}

int runfile_parse(const char *head, size_t len, unsigned long long size, struct arena *a,
		  struct runfile *ret, struct err *e)
{
	struct runfile r = { 0 };
	struct parsing p = { { head, len }, size, a, &r, e };
	struct piece rest = p.head, first;
	bool nvidia;

	if (!str_line(&rest, &first) || first.len > 64 || !piece_starts(first, "#!") ||
	    !memmem(first.at, first.len, "/bin/sh", 7))
		return no_runfile(&p, "it does not begin as a shell script");
	nvidia = piece_starts(rest, "CRCsum=");
	r.makeself = makeself_version(&p);
	if (!nvidia && !r.makeself)
		return no_runfile(&p, "nothing says that makeself made it");
	r.label = variable(&p, "label");
	r.script = variable(&p, "script");
	r.os = variable(&p, "TARGET_OS");
	r.arch = variable(&p, "TARGET_ARCH");
	r.crc = decimal_sum(&p, "CRCsum");
	r.md5 = hex_sum(&p, "MD5", 32);
	r.sha256 = hex_sum(&p, "SHA", 64);
	r.size = (long long)size;
	if (nvidia ? parse_nvidia(&p) : parse_makeself(&p))
		return -1;
	if (nvidia)
		take_options(&p);
	*ret = r;
	return 0;
}

/* ---- questions ---- */

/* A switch is listed by its positive name only: --drm stands for --no-drm too. */
bool runfile_knows(const struct runfile *r, const char *option)
{
	size_t n = strcspn(option, "=");
	bool no = str_starts(option, "--no-");

	list_each (&r->options, it) {
		if (strlen(*it) == n && memcmp(*it, option, n) == 0)
			return true;
		if (no && strlen(*it) == n - 3 && str_starts(*it, "--") &&
		    memcmp(*it + 2, option + 5, n - 5) == 0)
			return true;
	}
	return false;
}

const char *runfile_cuda_version(const char *name, struct arena *a)
{
	const char *slash = strrchr(name, '/'), *version;

	name = slash ? slash + 1 : name;
	if (!str_starts(name, "cuda_") || !str_ends(name, ".run"))
		return NULL;
	version = arena_strn(a, name + 5, strcspn(name + 5, "_"));
	return ver_valid(version) ? version : NULL;
}

const char *runfile_driver_version(const char *name, struct arena *a)
{
	static const char head[] = "NVIDIA-Linux-";
	const char *at = strstr(name, head), *version;

	/* The machine may have a dash too; the version begins with a digit after one. */
	for (at = at ? strchr(at + sizeof(head) - 1, '-') : NULL; at; at = strchr(at + 1, '-')) {
		size_t n = strspn(at + 1, "0123456789.");

		while (n && at[n] == '.')
			n--; /* the dot of ".run" */
		version = arena_strn(a, at + 1, n);
		if (n && strchr(version, '.') && ver_valid(version))
			return version;
	}
	return NULL;
}

bool runfile_nvcc_says(const char *output, const char *version)
{
	static const char word[] = "release ";
	const char *at = strstr(output, word);
	size_t n;

	if (!at)
		return false;
	at += sizeof(word) - 1;
	n = strspn(at, "0123456789.");
	return n && strncmp(version, at, n) == 0 && (!version[n] || version[n] == '.');
}

static void show(struct buf *ret, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(ret, "%-14s ", name);
	str_escape(ret, value, strlen(value));
	buf_addc(ret, '\n');
}

static void show_payload(const struct runfile *r, struct buf *ret)
{
	const struct runfile_payload *in = &r->inside;

	if (!in->read)
		return;
	buf_addf(ret, "%-14s %lld members, ", "inside", in->members);
	str_size(ret, (unsigned long long)in->unpacked);
	buf_adds(ret, " unpacked\n");
	if (str_eq(r->product, "driver"))
		show(ret, "modules",
		     in->open_modules && in->proprietary_modules ? "open and proprietary" :
		     in->open_modules                            ? "open" :
		     in->proprietary_modules                     ? "proprietary" :
								   "none");
	if (in->gpus.n)
		buf_addf(ret, "%-14s %zu PCI ids, %zu of them by open modules\n", "supports",
			 in->gpus.n, in->open_gpus.n);
	show(ret, "toolkit", in->toolkit);
}

void runfile_show(const struct runfile *r, struct buf *ret)
{
	show(ret, "file", r->label ? r->label : "(no label)");
	show(ret, "product", r->product);
	show(ret, "version", r->version);
	show(ret, "machine", r->arch);
	show(ret, "made by", r->family == RUNFILE_NVIDIA ? "NVIDIA's makeself" : "makeself");
	show(ret, "runs", r->script);
	buf_addf(ret, "%-14s %s, ", "payload", r->compression);
	str_size(ret, (unsigned long long)r->payload_len);
	buf_addf(ret, " at byte %lld\n", r->payload);
	show_payload(r, ret);
	buf_addf(ret, "%-14s %lld\n", "size", r->size);
	show(ret, "sha256", r->file_sha256);
}
