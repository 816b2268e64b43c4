/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog, asked: which CUDA goes with which driver and which GPU. Pure: data in, text out. */
#pragma once

#include "base/buf.h"
#include "catalog.h"
#include "facts.h"

/* How a CUDA series runs on a driver branch. */
enum compat { COMPAT_NO, COMPAT_PACKAGE, COMPAT_MINOR, COMPAT_FULL };

/*
 * `branch` and `series` are records of these kinds. `gpu` NULL = any GPU. COMPAT_PACKAGE is given
 * for data-centre GPUs only (R06).
 */
enum compat compat_of(const struct catalog *c, const struct record *branch,
		      const struct record *series, const struct record *gpu, struct arena *a);

/* The newest branch and the CUDA series a host has now, to be marked; NULL = none. */
struct compat_mark {
	const char *branch, *series;
};

/* The matrix of living and recent branches by CUDA series: "text", "md", "html", "csv", "json". */
void compat_matrix(const struct catalog *c, const struct record *gpu,
		   const struct compat_mark *mark, const char *format, struct arena *a,
		   struct buf *ret);

/* One thing and all that is known to go with it; -1 and an error when nothing is known of it. */
int compat_cuda(const struct catalog *c, const char *version, struct arena *a, struct buf *ret,
		struct err *e);
int compat_driver(const struct catalog *c, const char *version, struct arena *a, struct buf *ret,
		  struct err *e);
int compat_gpu(const struct catalog *c, const char *name, struct arena *a, struct buf *ret,
	       struct err *e);
