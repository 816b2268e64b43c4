/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing in memory: a .tar.zst, or gzip alone. The same input gives the same bytes: no times, no
 * owners.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

struct tar_member {
	const char *name; /* "config/etc/docker/daemon.json" */
	const char *data;
	size_t len;
};

int tarball_write(const struct tar_member *members, size_t n, struct buf *ret, struct err *e);

int gzip_write(const char *bytes, size_t n, struct buf *ret, struct err *e);
