/* SPDX-License-Identifier: Apache-2.0 */
/* Base64. */
#include "base/base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *base64_encode(struct arena *a, const void *bytes, size_t len)
{
	auto_buf struct buf b = BUF_TEXT;
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16;

		if (n > 1)
			v |= (unsigned)p[i + 1] << 8;
		if (n > 2)
			v |= p[i + 2];
		buf_addc(&b, letters[v >> 18]);
		buf_addc(&b, letters[v >> 12 & 63]);
		buf_addc(&b, n > 1 ? letters[v >> 6 & 63] : '=');
		buf_addc(&b, n > 2 ? letters[v & 63] : '=');
	}
	return arena_str(a, buf_str(&b));
}

bool base64_decode(struct piece text, struct buf *ret)
{
	unsigned v = 0, n = 0, padding = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		const char *at = c ? strchr(letters, c) : NULL;

		if (c && strchr(" \t\r\n", c))
			continue;
		if (c == '=' && ++padding <= 2)
			continue;
		if (!at || padding)
			return false;
		v = v << 6 | (unsigned)(at - letters);
		if (++n % 4 == 0) {
			const char three[] = { (char)(v >> 16), (char)(v >> 8), (char)v };

			buf_add(ret, three, 3);
			v = 0;
		}
	}
	if (n % 4 == 1 || (padding && (n + padding) % 4))
		return false;
	if (n % 4 > 1)
		buf_addc(ret, (char)(n % 4 == 3 ? v >> 10 : v >> 4));
	if (n % 4 == 3)
		buf_addc(ret, (char)(v >> 2));
	return true;
}
