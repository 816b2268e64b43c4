/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the header of a .run file, read and never run. Two families of makeself write
 * them: NVIDIA's own for drivers (the payload starts at *line* `skip`, sums cover everything from
 * line 4 on) and upstream's for CUDA (the payload follows *after* `skip` lines, sums cover it
 * alone). Everything here is the file's own word: it is shown and compared, never trusted.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/rec.h"

#include <stdbool.h>

/* The header must lie within this much of the file; NVIDIA's are 40 to 160 KB. */
enum { RUNFILE_HEAD_MAX = 4 << 20 };

enum runfile_family { RUNFILE_NVIDIA, RUNFILE_MAKESELF };

/* What libarchive and the sums said about the payload; see runfile/look.h. */
struct runfile_payload {
	bool read;          /* it was walked to its end, and nothing in it was refused */
	long long members;  /* files, links and folders in it */
	long long unpacked; /* bytes */
	bool open_modules;  /* sources of the open kernel modules */
	bool proprietary_modules;
	strs modules;        /* kernel modules its manifest names */
	strs gpus;           /* PCI device ids of its supported-gpus.json, "1eb8" */
	strs open_gpus;      /* of them: those that open modules drive */
	const char *toolkit; /* version of the CUDA toolkit in it, by its version.json; or NULL */
};

struct runfile {
	enum runfile_family family;
	const char *makeself; /* "1.6.0-nv2", "2.4.5" */
	const char *label;
	const char *product; /* "driver", "cuda"; NULL when it is neither */
	const char *version; /* of the driver or the toolkit; NULL when the header has none */
	const char *script;  /* what it runs after unpacking */
	const char *os, *arch;
	const char *compression;        /* gzip, xz, zstd, bzip2, none */
	strs options;                   /* long options that its embedded help lists */
	long long payload, payload_len; /* offset and bytes */
	long long decompressor, decompressor_len;
	bool strict; /* its header refuses options it does not know, unless "--" comes first */
	const char *crc, *md5, *sha256; /* inner sums; NULL = the header has none */
	long long sums_from;            /* what they cover starts here, */
	long long sums_len;             /* and is so long */
	/* Filled by whoever read the whole file. */
	long long size;
	const char *file_sha256;
	struct runfile_payload inside;
};

extern const struct rec_row runfile_rows[];

/*
 * Parse the first `len` bytes of a file of `size` bytes. Strings are copied into the arena. `len`
 * is the whole file, or at least RUNFILE_HEAD_MAX.
 */
int runfile_parse(const char *head, size_t len, unsigned long long size, struct arena *a,
		  struct runfile *ret, struct err *e);

/* True when the embedded help lists the option ("--dkms", "--no-drm"); "--x=y" asks for --x. */
bool runfile_knows(const struct runfile *r, const char *option);

/*
 * The version in the name of a CUDA .run ("cuda_12.2.0_535.54.03_linux.run" gives 12.2.0), or NULL.
 */
const char *runfile_cuda_version(const char *name, struct arena *a);

/* The version in the name of a driver's .run ("NVIDIA-Linux-x86_64-580.95.05.run"), or NULL. */
const char *runfile_driver_version(const char *name, struct arena *a);

/*
 * Does `nvcc -V` speak of this toolkit? "Cuda compilation tools, release 12.2, V12.2.91" does of
 * 12.2.0: the second number is the compiler's own.
 */
bool runfile_nvcc_says(const char *output, const char *version);

/* Lines for people. */
void runfile_show(const struct runfile *r, struct buf *ret);
