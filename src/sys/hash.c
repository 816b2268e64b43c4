/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256. */
#include "sys/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>

void hash_bytes(const void *bytes, size_t len, char ret[static HASH_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int ok = EVP_Digest(bytes, len, digest, &n, EVP_sha256(), NULL);

	assert(ok == 1 && n == 32);
	for (unsigned i = 0; i < n; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	ret[2 * n] = '\0';
}
