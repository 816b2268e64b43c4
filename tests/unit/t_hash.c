/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, against the examples of FIPS 180-4. */
#include "sys/hash.h"

#include "base/mem.h"
#include "tap.h"

int main(void)
{
	static const char *const rows[][2] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	auto_free char *million = mem_alloc(1000000);
	char hex[HASH_HEX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		hash_bytes(rows[i][0], strlen(rows[i][0]), hex);
		is(hex, rows[i][1], rows[i][0]);
	}
	memset(million, 'a', 1000000);
	hash_bytes(million, 1000000, hex);
	is(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	   "a million bytes");
	hash_bytes("a\0b", 3, hex);
	ok(strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64, "64 digits in lower case");
	return done_testing();
}
