/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP keyrings: armour off, and the fingerprints of the keys (RFC 9580, sections 4 to 6). */
#include "sys/openpgp.h"

#include "base/base64.h"
#include "base/str.h"
#include "sys/hash.h"

#include <string.h>

enum {
	TAG_SECRET_KEY = 5,
	TAG_PUBLIC_KEY = 6,
	TAG_SECRET_SUBKEY = 7,
	BODY_MAX = 1 << 20,
};

struct packet {
	unsigned tag;
	const unsigned char *body;
	size_t len;
};

static int malformed(struct err *e)
{
	return err_set(e, GP_BAD_KEY, "this is no keyring of OpenPGP public keys");
}

static size_t big_endian(const unsigned char *at, unsigned n)
{
	size_t v = 0;

	while (n--)
		v = v << 8 | *at++;
	return v;
}

/* Length of a packet's length field, and what it says; 0 when it is cut off or not a fixed one. */
static unsigned new_length(const unsigned char *at, size_t left, size_t *ret)
{
	if (left >= 1 && at[0] < 192) {
		*ret = at[0];
		return 1;
	}
	if (left >= 2 && at[0] < 224) {
		*ret = (((size_t)at[0] - 192) << 8) + at[1] + 192;
		return 2;
	}
	if (left >= 5 && at[0] == 255) {
		*ret = big_endian(at + 1, 4);
		return 5;
	}
	return 0;
}

static unsigned old_length(unsigned type, const unsigned char *at, size_t left, size_t *ret)
{
	unsigned n = 1u << type;

	if (type > 2 || left < n)
		return 0;
	*ret = big_endian(at, n);
	return n;
}

/* Take the next packet off; false when what is left is none. */
static bool next_packet(const unsigned char **at, size_t *left, struct packet *ret)
{
	unsigned head, n;
	size_t len = 0;

	if (!*left || !((head = (*at)[0]) & 0x80))
		return false;
	n = head & 0x40 ? new_length(*at + 1, *left - 1, &len) :
			  old_length(head & 3, *at + 1, *left - 1, &len);
	if (!n || len > BODY_MAX || len > *left - 1 - n)
		return false;
	*ret = (struct packet){ head & 0x40 ? head & 0x3f : head >> 2 & 15, *at + 1 + n, len };
	*at += 1 + n + len;
	*left -= 1 + n + len;
	return true;
}

static bool is_armoured(const char *text, size_t len)
{
	static const char head[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

	return memmem(text, len, head, strlen(head)) != NULL;
}

/* One block: headers up to an empty line, base64, "=" and a checksum that proves nothing. */
static bool unarmour_block(struct piece *rest, struct buf *ret)
{
	struct piece line, body = { 0 };
	bool headers = true;

	while (str_line(rest, &line)) {
		line = str_trim(line);
		if (headers) {
			headers = line.len != 0;
			body.at = rest->at;
			continue;
		}
		if (!piece_starts(line, "=") && !piece_starts(line, "-----END"))
			continue;
		body.len = (size_t)(line.at - body.at);
		return base64_decode(body, ret);
	}
	return false;
}

static bool unarmour(const char *text, size_t len, struct buf *ret)
{
	struct piece rest = { text, len }, line;

	while (str_line(&rest, &line))
		if (piece_starts(line, "-----BEGIN PGP PUBLIC KEY BLOCK-----") &&
		    !unarmour_block(&rest, ret))
			return false;
	return ret->len > 0;
}

int openpgp_keyring(const void *bytes, size_t len, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	strs none = { 0 };

	if (!is_armoured(bytes, len))
		buf_add(ret, bytes, len);
	else if (!unarmour(bytes, len, ret))
		return malformed(e);
	return openpgp_fingerprints(ret, &a, &none, e);
}

/* Version 4: SHA-1 over 0x99, two bytes of length, and the key packet's body. */
static int fingerprint(const struct packet *p, struct arena *a, strs *ret, struct err *e)
{
	const unsigned char head[] = { 0x99, (unsigned char)(p->len >> 8), (unsigned char)p->len };
	char hex[HASH_HEX];
	struct hash *h;

	if (!p->len || p->body[0] != 4 || p->len > 0xffff)
		return err_set(e, GP_BAD_KEY,
			       "a key of OpenPGP version %u is not understood (only version 4)",
			       p->len ? p->body[0] : 0);
	h = hash_begin(HASH_SHA1);
	hash_add(h, head, sizeof(head));
	hash_add(h, p->body, p->len);
	hash_end(h, hex);
	for (char *c = hex; *c; c++)
		if (*c >= 'a')
			*c = (char)(*c - 'a' + 'A');
	list_add(a, ret, arena_str(a, hex));
	return 0;
}

int openpgp_fingerprints(const struct buf *keyring, struct arena *a, strs *ret, struct err *e)
{
	const unsigned char *at = (const unsigned char *)buf_str(keyring);
	size_t left = keyring->len;
	struct packet p;

	while (left) {
		if (!next_packet(&at, &left, &p))
			return malformed(e);
		if (p.tag == TAG_SECRET_KEY || p.tag == TAG_SECRET_SUBKEY)
			return err_set(e, GP_BAD_KEY, "this keyring holds a secret key");
		if (p.tag == TAG_PUBLIC_KEY && fingerprint(&p, a, ret, e))
			return -1;
	}
	return ret->n ? 0 : malformed(e);
}
