/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody who helps from afar needs of a host: facts, logs, configurations, our journal.
 * Secrets are taken out, no link is followed, sizes are capped; a manifest says what is in it and
 * what was left out, and why.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rec.h"

struct sys;

struct bundle_file {
	const char *name;   /* in the bundle */
	const char *from;   /* on the host */
	const char *sha256; /* of what is in the bundle */
	long long bytes;
	long long redacted; /* how many secrets were taken out */
	bool cut;           /* only its end is there */
};

struct bundle_lack {
	const char *from;
	const char *why;
};

struct bundle {
	const char *schema;
	const char *program; /* version of gpuprov */
	const char *host;
	long long bytes; /* of all files */
	LIST(struct bundle_file) files;
	LIST(struct bundle_lack) left_out;
};

extern const struct rec_row bundle_rows[];

/*
 * Collect, pack into `ret` (a .tar.zst). `facts` and `findings` are JSON that was gathered already.
 * The manifest is both in the bundle and in *ret_manifest.
 */
int bundle_make(const struct sys *sys, const char *facts, const char *findings, struct arena *a,
		struct bundle *ret_manifest, struct buf *ret, struct err *e);
