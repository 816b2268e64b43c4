/* SPDX-License-Identifier: Apache-2.0 */
/* The CRC of POSIX cksum, eight bytes at a time. */
#include "base/crc.h"

#include <stdbool.h>

static uint32_t table[8][256]; /* table[k][b]: what byte b does, k bytes before the end */

static void fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t v = b << 24;

		for (int bit = 0; bit < 8; bit++)
			v = v & 0x80000000u ? v << 1 ^ 0x04c11db7u : v << 1;
		table[0][b] = v;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t b = 0; b < 256; b++) {
			uint32_t v = table[k - 1][b];

			table[k][b] = v << 8 ^ table[0][v >> 24];
		}
}

uint32_t crc_add(uint32_t crc, const void *bytes, size_t n)
{
	static bool filled;
	const unsigned char *p = bytes;

	if (!filled) {
		fill();
		filled = true;
	}
	for (; n >= 8; n -= 8, p += 8)
		crc = table[7][p[0] ^ crc >> 24] ^ table[6][p[1] ^ (crc >> 16 & 255)] ^
		      table[5][p[2] ^ (crc >> 8 & 255)] ^ table[4][p[3] ^ (crc & 255)] ^
		      table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	for (; n; n--, p++)
		crc = crc << 8 ^ table[0][*p ^ crc >> 24];
	return crc;
}

uint32_t crc_cksum(uint32_t crc, unsigned long long len)
{
	for (; len; len >>= 8) {
		unsigned char low = len & 255;

		crc = crc_add(crc, &low, 1);
	}
	return ~crc;
}
