/* SPDX-License-Identifier: Apache-2.0 */
/* Keyrings: armour off, fingerprints, and what is refused. */
#include "sys/openpgp.h"

#include "base/base64.h"
#include "tap.h"

#define BODY                                                                                       \
	"mDMEawM4KRYJKwYBBAHaRw8BAQdAjVu02SJ7mtGQXT+3xqClvyyOEd7JVvurJGuB\n"                       \
	"z1PwvB+0GXRveSA8dG95QGV4YW1wbGUuaW52YWxpZD6IkAQTFggAOBYhBItA0BqJ\n"                       \
	"tdvGc1wNAAaJ8o/6MMpZBQJrAzgpAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheA\n"                       \
	"AAoJEAaJ8o/6MMpZpzkBAJxrjJLL9NVn1ess5R6ku6vmiLTrHI0gjJ6dKn4mtd1r\n"                       \
	"APwM/HZE+2++x+HUsOVbgulYJayGiKUM0e6VsN71lcrAAQ==\n"
#define BLOCK                                                                                      \
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: made by gpg\n\n" BODY                      \
	"=/NvC\n-----END PGP PUBLIC KEY BLOCK-----\n"
#define PRINT "8B40D01A89B5DBC6735C0D000689F28FFA30CA59"

static const char *prints(const void *bytes, size_t len, struct arena *a)
{
	auto_buf struct buf keyring = BUF_TEXT;
	auto_err e = { 0 };
	strs found = { 0 };
	const char *text = "";

	if (openpgp_keyring(bytes, len, &keyring, &e) ||
	    openpgp_fingerprints(&keyring, a, &found, &e))
		return arena_str(a, e.text);
	list_each (&found, one)
		text = arena_printf(a, "%s%s%s", text, *text ? " " : "", *one);
	return text;
}

static void test_base64(struct arena *a)
{
	static const char *const rows[][2] = {
		{ "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }
	};
	static const char *const bad[] = { "Z", "Zg=", "Zm9=v", "Zm9v*", "Zg===" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_buf struct buf b = BUF_TEXT;

		is(base64_encode(a, rows[i][0], strlen(rows[i][0])), rows[i][1], rows[i][0]);
		ok(base64_decode(PIECE(rows[i][1]), &b), "%s is base64", rows[i][1]);
		is(buf_str(&b), rows[i][0], rows[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auto_buf struct buf b = BUF_TEXT;

		ok(!base64_decode(PIECE(bad[i]), &b), "'%s' is none", bad[i]);
	}
}

/* Every shorter text, and every changed byte of the head, is an error or other keys, never a crash.
 */
static void test_damage(const struct buf *whole, struct arena *a)
{
	auto_buf struct buf b = BUF_TEXT;
	unsigned same = 0;

	for (size_t n = 0; n < 53; n++)
		same += strcmp(prints(whole->data, n, a), PRINT) == 0;
	ok(same == 0, "a key that is cut off is none");
	same = 0;
	for (size_t i = 0; i < 53; i++) {
		buf_clear(&b);
		buf_add(&b, whole->data, whole->len);
		b.data[i] = (char)(b.data[i] ^ 1);
		same += strcmp(prints(b.data, b.len, a), PRINT) == 0;
	}
	ok(same == 0, "a key of which a bit is changed is another");
}

int main(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf binary = BUF_TEXT, two = BUF_TEXT, secret = BUF_TEXT;

	test_base64(&a);
	ok(base64_decode(PIECE(BODY), &binary), "the key's bytes");
	is(prints(binary.data, binary.len, &a), PRINT, "binary");
	is(prints(BLOCK, strlen(BLOCK), &a), PRINT, "armoured");
	is(prints("words\n" BLOCK "words\n" BLOCK, strlen(BLOCK BLOCK) + 12, &a), PRINT " " PRINT,
	   "two blocks");
	buf_add(&two, binary.data, binary.len);
	buf_add(&two, binary.data, binary.len);
	is(prints(two.data, two.len, &a), PRINT " " PRINT, "two keys");
	buf_add(&secret, binary.data, binary.len);
	secret.data[0] = (char)(0x80 | 5 << 2);
	is(prints(secret.data, secret.len, &a), "this keyring holds a secret key", "a secret key");
	secret.data[0] = binary.data[0];
	secret.data[2] = 3;
	is(prints(secret.data, secret.len, &a),
	   "a key of OpenPGP version 3 is not understood (only version 4)", "version 3");
	is(prints("<html>404</html>", 16, &a), "this is no keyring of OpenPGP public keys",
	   "a page");
	is(prints("", 0, &a), "this is no keyring of OpenPGP public keys", "nothing");
	test_damage(&binary, &a);
	return done_testing();
}
