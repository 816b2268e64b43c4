/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: base64 (RFC 4648), for what is not text and goes where only text can. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

const char *base64_encode(struct arena *a, const void *bytes, size_t len);

/* Blanks and line ends do not count. False on anything else that is not base64. */
bool base64_decode(struct piece text, struct buf *ret);
