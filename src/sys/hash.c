/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256, MD5 and SHA-1, by the plain functions of libcrypto's archive, linked in: a few
 * kilobytes. The shared library takes 0.7 ms to load, and what OpenSSL 3 has in place of the plain
 * functions looks for providers at the first hash, which takes longer than all else in a small
 * command. Libnettle is small too, and 5 to 10 % slower where the processor has instructions for
 * SHA.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/hash.h"

#include "base/mem.h"

#include <assert.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

static void to_hex(const unsigned char *digest, unsigned n, char ret[static HASH_HEX])
{
	for (unsigned i = 0; i < n; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	ret[2 * n] = '\0';
}

struct hash {
	enum hash_kind kind;
	union {
		SHA256_CTX sha256;
		MD5_CTX md5;
		SHA_CTX sha1;
	} of;
};

static void begin(struct hash *h)
{
	int ok = 0;

	switch (h->kind) {
	case HASH_SHA256:
		ok = SHA256_Init(&h->of.sha256);
		break;
	case HASH_MD5:
		ok = MD5_Init(&h->of.md5);
		break;
	case HASH_SHA1:
		ok = SHA1_Init(&h->of.sha1);
		break;
	}
	assert(ok == 1);
}

struct hash *hash_begin(enum hash_kind kind)
{
	struct hash *h = mem_alloc(sizeof(*h));

	h->kind = kind;
	begin(h);
	return h;
}

void hash_add(struct hash *h, const void *bytes, size_t len)
{
	int ok = 0;

	switch (h->kind) {
	case HASH_SHA256:
		ok = SHA256_Update(&h->of.sha256, bytes, len);
		break;
	case HASH_MD5:
		ok = MD5_Update(&h->of.md5, bytes, len);
		break;
	case HASH_SHA1:
		ok = SHA1_Update(&h->of.sha1, bytes, len);
		break;
	}
	assert(ok == 1);
}

static unsigned final(struct hash *h, unsigned char *digest)
{
	int ok = 0;
	unsigned n = 0;

	switch (h->kind) {
	case HASH_SHA256:
		ok = SHA256_Final(digest, &h->of.sha256);
		n = SHA256_DIGEST_LENGTH;
		break;
	case HASH_MD5:
		ok = MD5_Final(digest, &h->of.md5);
		n = MD5_DIGEST_LENGTH;
		break;
	case HASH_SHA1:
		ok = SHA1_Final(digest, &h->of.sha1);
		n = SHA_DIGEST_LENGTH;
		break;
	}
	assert(ok == 1 && 2 * n < HASH_HEX);
	return n;
}

void hash_end(struct hash *h, char ret[static HASH_HEX])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	to_hex(digest, final(h, digest), ret);
	mem_free(h);
}

void hash_bytes(const void *bytes, size_t len, char ret[static HASH_HEX])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct hash h = { .kind = HASH_SHA256 };

	begin(&h);
	hash_add(&h, bytes, len);
	to_hex(digest, final(&h, digest), ret);
}
