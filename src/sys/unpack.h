/* SPDX-License-Identifier: Apache-2.0 */
/* One file that was compressed with xz, zstd or gzip, by libarchive. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* All of it into ret, whose limit holds. `shown` names it in messages. */
int unpack(int fd, const char *shown, struct buf *ret, struct err *e);
