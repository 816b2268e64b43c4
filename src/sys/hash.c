/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, MD5 and SHA-1. */
#include "sys/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>

static void to_hex(const unsigned char *digest, unsigned n, char ret[static HASH_HEX])
{
	for (unsigned i = 0; i < n; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	ret[2 * n] = '\0';
}

void hash_bytes(const void *bytes, size_t len, char ret[static HASH_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int ok = EVP_Digest(bytes, len, digest, &n, EVP_sha256(), NULL);

	assert(ok == 1 && n == 32);
	to_hex(digest, n, ret);
}

/* A hash is OpenSSL's own context under our name. */
static EVP_MD_CTX *of(struct hash *h)
{
	return (EVP_MD_CTX *)h;
}

static const EVP_MD *algorithm(enum hash_kind kind)
{
	switch (kind) {
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_MD5:
		return EVP_md5();
	case HASH_SHA1:
		return EVP_sha1();
	}
	return NULL;
}

struct hash *hash_begin(enum hash_kind kind)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = c && EVP_DigestInit_ex(c, algorithm(kind), NULL);

	assert(ok == 1);
	return (struct hash *)c;
}

void hash_add(struct hash *h, const void *bytes, size_t len)
{
	int ok = EVP_DigestUpdate(of(h), bytes, len);

	assert(ok == 1);
}

void hash_end(struct hash *h, char ret[static HASH_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int ok = EVP_DigestFinal_ex(of(h), digest, &n);

	assert(ok == 1 && 2 * n < HASH_HEX);
	to_hex(digest, n, ret);
	EVP_MD_CTX_free(of(h));
}
