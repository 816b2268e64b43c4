/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of .run files: both families, made by tests/lib/mkrun.py, and what is refused. */
#include "runfile/runfile.h"

#include "base/crc.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#include <unistd.h>

static char dir[] = "/tmp/gpuprov-runfile-XXXXXX";

/* Make a .run and read it; the tests end when that cannot be done. */
static struct buf made(const char *how)
{
	auto_free char *command = mem_printf("rm -f %s/f; tests/lib/mkrun.py %s", dir, how);
	auto_free char *path = mem_printf("%s/f", dir);
	struct buf b = BUF_TEXT;
	char chunk[4096];
	size_t n;
	FILE *f;

	if (system(command) != 0 || !(f = fopen(path, "rb"))) {
		printf("Bail out! cannot make: %s\n", how);
		_exit(1);
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return b;
}

static int parse(const struct buf *b, struct arena *a, struct runfile *ret, struct err *e)
{
	return runfile_parse(buf_str(b), b->len, b->len, a, ret, e);
}

static void driver(const char *options, const char *packing, bool decompressor)
{
	auto_arena struct arena a = { 0 };
	auto_free char *how = mem_printf("driver %s/f %s", dir, options);
	auto_buf struct buf b = made(how);
	auto_err e = { 0 };
	struct runfile r = { 0 };
	uint32_t crc;

	if (!ok(parse(&b, &a, &r, &e) == 0, "driver %s", options)) {
		tap_show("error", e.text);
		return;
	}
	is(r.product, "driver", "product");
	is(r.version, "999.10.01", "version");
	is(r.arch, "x86_64", "arch");
	is(r.compression, packing, "packing");
	is(r.script, "./nvidia-installer", "script");
	is(r.makeself, "1.6.0-nv2", "makeself");
	ok(r.family == RUNFILE_NVIDIA, "family");
	ok((r.decompressor > 0) == decompressor && (r.decompressor_len > 2000) == decompressor,
	   "decompressor");
	ok(r.payload + r.payload_len == (long long)b.len, "the payload goes to the end");
	/* The sums cover what is said. */
	crc = crc_cksum(crc_add(0, b.data + r.sums_from, (size_t)r.sums_len),
			(unsigned long long)r.sums_len);
	is(arena_printf(&a, "%u", crc), r.crc, "the inner cksum is right");
	ok(runfile_knows(&r, "--silent") && runfile_knows(&r, "--kernel-module-type=open") &&
		   runfile_knows(&r, "--no-rebuild-initramfs") && runfile_knows(&r, "--no-dkms"),
	   "options of its help are known");
	ok(!runfile_knows(&r, "--sil") && !runfile_knows(&r, "--silently") &&
		   !runfile_knows(&r, "--no-such"),
	   "others are not");
}

static void cuda(void)
{
	auto_arena struct arena a = { 0 };
	auto_free char *how = mem_printf("cuda %s/f --version 12.4.1", dir);
	auto_buf struct buf b = made(how);
	auto_err e = { 0 };
	struct runfile r = { 0 };
	uint32_t crc;

	if (!ok(parse(&b, &a, &r, &e) == 0, "upstream's makeself")) {
		tap_show("error", e.text);
		return;
	}
	is(r.product, "cuda", "product");
	is(r.script, "./cuda-installer", "script");
	ok(r.family == RUNFILE_MAKESELF && r.md5 && r.sha256, "family and sums");
	crc = crc_cksum(crc_add(0, b.data + r.sums_from, (size_t)r.sums_len),
			(unsigned long long)r.sums_len);
	is(arena_printf(&a, "%u", crc), r.crc, "the inner cksum covers the payload");
}

static void versions_in_names(void)
{
	auto_arena struct arena a = { 0 };

	is(runfile_cuda_version("x/cuda_12.2.0_535.54.03_linux.run", &a), "12.2.0", "CUDA's name");
	is(runfile_cuda_version("cuda_13.4.1_linux_sbsa.run", &a), "13.4.1", "since 13.4");
	is(runfile_cuda_version("cuda_.run", &a), NULL, "no version");
	is(runfile_cuda_version("NVIDIA-Linux-x86_64-580.95.05.run", &a), NULL, "a driver");
}

static void refused(const char *name, const char *text, size_t len, size_t size, enum code code)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct runfile r = { 0 };
	int rc = runfile_parse(text, len, size, &a, &r, &e);

	ok(rc == -1 && e.code == code && !r.compression, "%s: %s", name, e.text ? e.text : "taken");
}

#define NV                                                                                         \
	"#! /bin/sh\nCRCsum=1\nMD5=2\nskip=%d\nversion_string=1.2\n# Makeself "                    \
	"1.6.0-nv2\n\x1f\x8b\x08"

static void refusals(void)
{
	auto_free char *how = mem_printf("driver %s/f", dir);
	auto_buf struct buf b = made(how);
	static const struct {
		const char *name, *text;
		enum code code;
	} rows[] = {
		{ "empty", "", GP_NOT_A_RUNFILE },
		{ "no newline", "#!/bin/sh", GP_NOT_A_RUNFILE },
		{ "an ELF", "\177ELF\n", GP_NOT_A_RUNFILE },
		{ "another script", "#!/bin/sh\necho hello\n", GP_NOT_A_RUNFILE },
		{ "HTML", "<html>\n", GP_NOT_A_RUNFILE },
		{ "skip is no number", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=x\n", GP_NOT_A_RUNFILE },
		{ "skip is negative", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=-5\n", GP_NOT_A_RUNFILE },
		{ "skip is a command", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=`id`\n",
		  GP_NOT_A_RUNFILE },
		{ "skip overflows", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=18446744073709551616\n",
		  GP_NOT_A_RUNFILE },
		{ "skip is too large", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=99\n",
		  GP_RUNFILE_DAMAGED },
		{ "nothing behind the header", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=5\n",
		  GP_RUNFILE_DAMAGED },
		{ "what is there is no archive", "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=5\nhello\n",
		  GP_RUNFILE_DAMAGED },
		{ "decompressor outside",
		  "#!/bin/"
		  "sh\nCRCsum=1\nMD5=2\nskip=7\nskip_decompress=9\nsize_decompress=1\n\x1f\x8b\x08",
		  GP_RUNFILE_DAMAGED },
		{ "filesizes is a list",
		  "#!/bin/sh\n# Makeself 2.4.5\nfilesizes=\"1 2\"\nskip=\"3\"\n",
		  GP_NOT_A_RUNFILE },
		{ "something behind the payload",
		  "#!/bin/sh\n# Makeself 2.4.5\nfilesizes=\"3\"\nskip=\"4\"\n\x1f\x8b\x08more",
		  GP_RUNFILE_DAMAGED },
		{ "shorter than it says",
		  "#!/bin/sh\n# Makeself 2.4.5\nfilesizes=\"9\"\nskip=\"4\"\n\x1f\x8b\x08",
		  GP_RUNFILE_DAMAGED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refused(rows[i].name, rows[i].text, strlen(rows[i].text), strlen(rows[i].text),
			rows[i].code);
	refused("cut off in the header", buf_str(&b), 2000, 2000, GP_RUNFILE_DAMAGED);
}

static void lines_count_differently(void)
{
	auto_arena struct arena a = { 0 };
	auto_free char *nv = mem_printf(NV, 7);
	auto_free char *off = mem_printf(NV, 6);
	auto_err e = { 0 };
	struct runfile r = { 0 };

	ok(runfile_parse(nv, strlen(nv), strlen(nv), &a, &r, &e) == 0 &&
		   r.payload == (long long)strlen(nv) - 3,
	   "NVIDIA's skip is the line of the payload");
	refused("one line less", off, strlen(off), strlen(off), GP_RUNFILE_DAMAGED);
}

/* Whatever a label holds, it does not reach a terminal as it is. */
static void labels(void)
{
	static const char text[] = "#!/bin/sh\nCRCsum=1\nMD5=2\nskip=6\nlabel=\"\x1b[31m$(id)\"\n"
				   "\x1f\x8b\x08";
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct runfile r = { 0 };

	ok(runfile_parse(text, sizeof(text) - 1, sizeof(text) - 1, &a, &r, &e) == 0 && !r.label,
	   "a label that is not plain text is none");
}

static void crcs(void)
{
	auto_arena struct arena a = { 0 };
	char bytes[1000];

	memset(bytes, 'x', sizeof(bytes));
	/* By cksum(1). */
	is(arena_printf(&a, "%u", crc_cksum(0, 0)), "4294967295", "cksum of nothing");
	is(arena_printf(&a, "%u", crc_cksum(crc_add(0, "123456789", 9), 9)), "930766865",
	   "cksum of the check value's text");
	ok(crc_add(crc_add(0, bytes, 501), bytes + 501, 499) == crc_add(0, bytes, 1000),
	   "in pieces it is the same");
}

int main(void)
{
	char *file;
	if (!mkdtemp(dir)) {
		puts("Bail out! no scratch folder");
		return 1;
	}
	driver("", "gzip", false);
	driver("--pack xz --decompressor", "xz", true);
	driver("--pack zstd --decompressor", "zstd", true);
	driver("--pack none", "none", false);
	cuda();
	versions_in_names();
	refusals();
	lines_count_differently();
	labels();
	crcs();
	file = mem_printf("%s/f", dir);
	if (remove(file) || rmdir(dir))
		puts("# the scratch folder stays");
	mem_free(file);
	return done_testing();
}
