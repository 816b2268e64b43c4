/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, MD5 and SHA-1 as lower-case hexadecimal. MD5 and SHA-1 only to compare with what others
 * publish. */
#pragma once

#include <stddef.h>

enum { HASH_HEX = 65 };

void hash_bytes(const void *bytes, size_t len, char ret[static HASH_HEX]);

/* In pieces. Every hash that is begun is ended, which frees it. */
enum hash_kind { HASH_SHA256, HASH_MD5, HASH_SHA1 };
struct hash;
struct hash *hash_begin(enum hash_kind kind);
void hash_add(struct hash *h, const void *bytes, size_t len);
void hash_end(struct hash *h, char ret[static HASH_HEX]);
