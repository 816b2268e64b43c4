/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: decode, validate, measure. Declared in str.h. */
#include "base/str.h"

#include <string.h>

static int continuation(const char *s, size_t n, size_t want, unsigned *c)
{
	if (n < want)
		return -1;
	for (size_t i = 1; i < want; i++) {
		unsigned char byte = (unsigned char)s[i];

		if ((byte & 0xc0) != 0x80)
			return -1;
		*c = *c << 6 | (byte & 0x3f);
	}
	return (int)want;
}

int utf8_next(const char *s, size_t n, unsigned *ret_char)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first;
	unsigned c;
	int bytes;

	if (!n)
		return 0;
	first = (unsigned char)*s;
	if (first < 0x80) {
		*ret_char = first;
		return 1;
	}
	if ((first & 0xe0) == 0xc0)
		c = first & 0x1f, bytes = continuation(s, n, 2, &c);
	else if ((first & 0xf0) == 0xe0)
		c = first & 0x0f, bytes = continuation(s, n, 3, &c);
	else if ((first & 0xf8) == 0xf0)
		c = first & 0x07, bytes = continuation(s, n, 4, &c);
	else
		return -1;
	if (bytes < 0 || c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*ret_char = c;
	return bytes;
}

/* Most text is ASCII: so many bytes of it are at the start, in steps of eight. */
static size_t ascii_head(const char *s, size_t n)
{
	size_t i = 0;
	unsigned long long eight;

	for (; n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, s + i, sizeof(eight));
		if (eight & 0x8080808080808080)
			break;
	}
	return i;
}

bool utf8_valid(const char *s, size_t n, size_t *ret_bad_at)
{
	size_t i = ascii_head(s, n);

	while (i < n) {
		unsigned c;
		int bytes = utf8_next(s + i, n - i, &c);

		if (bytes <= 0) {
			*ret_bad_at = i;
			return false;
		}
		i += (size_t)bytes;
	}
	return true;
}

size_t utf8_count(const char *s, size_t n)
{
	size_t i = 0, count = 0;

	while (i < n) {
		unsigned c;
		int bytes = utf8_next(s + i, n - i, &c);

		i += bytes > 0 ? (size_t)bytes : 1;
		count++;
	}
	return count;
}

struct range {
	unsigned first, last;
};

static bool in(const struct range *table, size_t n, unsigned c)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c > table[mid].last)
			lo = mid + 1;
		else if (c < table[mid].first)
			hi = mid;
		else
			return true;
	}
	return false;
}

/*
 * Own tables, because wcwidth() depends on the locale and a plan must not. Combining marks and
 * other zero-width ranges, then wide ranges, after Unicode 15 (EastAsianWidth W and F; Mn, Me, Cf).
 */
static const struct range zero[] = {
	{ 0x0300, 0x036f },   { 0x0483, 0x0489 },   { 0x0591, 0x05bd },   { 0x05bf, 0x05bf },
	{ 0x05c1, 0x05c2 },   { 0x05c4, 0x05c5 },   { 0x0610, 0x061a },   { 0x061c, 0x061c },
	{ 0x064b, 0x065f },   { 0x0670, 0x0670 },   { 0x06d6, 0x06dc },   { 0x06df, 0x06e4 },
	{ 0x06e7, 0x06e8 },   { 0x06ea, 0x06ed },   { 0x0711, 0x0711 },   { 0x0730, 0x074a },
	{ 0x0900, 0x0902 },   { 0x093a, 0x093a },   { 0x093c, 0x093c },   { 0x0941, 0x0948 },
	{ 0x094d, 0x094d },   { 0x0951, 0x0957 },   { 0x0e31, 0x0e31 },   { 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e },   { 0x1ab0, 0x1ace },   { 0x1dc0, 0x1dff },   { 0x200b, 0x200f },
	{ 0x202a, 0x202e },   { 0x2060, 0x2064 },   { 0x2066, 0x206f },   { 0x20d0, 0x20f0 },
	{ 0x302a, 0x302d },   { 0x3099, 0x309a },   { 0xfe00, 0xfe0f },   { 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },   { 0xfff9, 0xfffb },   { 0x1f3fb, 0x1f3ff }, { 0xe0001, 0xe0001 },
	{ 0xe0020, 0xe007f }, { 0xe0100, 0xe01ef },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },   { 0x23e9, 0x23ec },
	{ 0x23f0, 0x23f0 },   { 0x23f3, 0x23f3 },   { 0x25fd, 0x25fe },   { 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },   { 0x267f, 0x267f },   { 0x2693, 0x2693 },   { 0x26a1, 0x26a1 },
	{ 0x26aa, 0x26ab },   { 0x26bd, 0x26be },   { 0x26c4, 0x26c5 },   { 0x26ce, 0x26ce },
	{ 0x26d4, 0x26d4 },   { 0x26ea, 0x26ea },   { 0x26f2, 0x26f3 },   { 0x26f5, 0x26f5 },
	{ 0x26fa, 0x26fa },   { 0x26fd, 0x26fd },   { 0x2705, 0x2705 },   { 0x270a, 0x270b },
	{ 0x2728, 0x2728 },   { 0x274c, 0x274c },   { 0x274e, 0x274e },   { 0x2753, 0x2755 },
	{ 0x2757, 0x2757 },   { 0x2795, 0x2797 },   { 0x27b0, 0x27b0 },   { 0x27bf, 0x27bf },
	{ 0x2b1b, 0x2b1c },   { 0x2b50, 0x2b50 },   { 0x2b55, 0x2b55 },   { 0x2e80, 0x3029 },
	{ 0x302e, 0x303e },   { 0x3041, 0x3098 },   { 0x309b, 0x33ff },   { 0x3400, 0x4dbf },
	{ 0x4e00, 0xa4cf },   { 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
	{ 0xfe10, 0xfe19 },   { 0xfe30, 0xfe6b },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18cd5 }, { 0x1aff0, 0x1b2fb }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f335 },
	{ 0x1f337, 0x1f37c }, { 0x1f37e, 0x1f393 }, { 0x1f3a0, 0x1f3ca }, { 0x1f3cf, 0x1f3d3 },
	{ 0x1f3e0, 0x1f3f0 }, { 0x1f3f4, 0x1f3f4 }, { 0x1f3f8, 0x1f3fa }, { 0x1f400, 0x1f43e },
	{ 0x1f440, 0x1f440 }, { 0x1f442, 0x1f4fc }, { 0x1f4ff, 0x1f53d }, { 0x1f54b, 0x1f54e },
	{ 0x1f550, 0x1f567 }, { 0x1f57a, 0x1f57a }, { 0x1f595, 0x1f596 }, { 0x1f5a4, 0x1f5a4 },
	{ 0x1f5fb, 0x1f64f }, { 0x1f680, 0x1f6c5 }, { 0x1f6cc, 0x1f6cc }, { 0x1f6d0, 0x1f6d2 },
	{ 0x1f6d5, 0x1f6d7 }, { 0x1f6dc, 0x1f6df }, { 0x1f6eb, 0x1f6ec }, { 0x1f6f4, 0x1f6fc },
	{ 0x1f7e0, 0x1f7eb }, { 0x1f7f0, 0x1f7f0 }, { 0x1f90c, 0x1f93a }, { 0x1f93c, 0x1f945 },
	{ 0x1f947, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};

unsigned utf8_char_width(unsigned c)
{
	if (in(zero, sizeof(zero) / sizeof(*zero), c))
		return 0;
	return in(wide, sizeof(wide) / sizeof(*wide), c) ? 2 : 1;
}

size_t utf8_width(const char *s, size_t n)
{
	size_t i = 0, width = 0;

	while (i < n) {
		unsigned c;
		int bytes = utf8_next(s + i, n - i, &c);

		width += bytes > 0 ? utf8_char_width(c) : 1;
		i += bytes > 0 ? (size_t)bytes : 1;
	}
	return width;
}

bool utf8_is_invisible(unsigned c)
{
	static const struct range table[] = {
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c },   { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f },   { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f }, { 0xe0100, 0xe01ef },
	};

	return in(table, sizeof(table) / sizeof(*table), c);
}
