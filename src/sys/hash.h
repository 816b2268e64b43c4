/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, by libcrypto. */
#pragma once

#include <stddef.h>

enum { HASH_HEX = 65 };

/* Lower-case hex digest of the bytes, NUL-terminated. */
void hash_bytes(const void *bytes, size_t len, char ret[static HASH_HEX]);
