/* SPDX-License-Identifier: Apache-2.0 */
/* Strings. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_empty(const char *s)
{
	return !s || !*s;
}

bool str_starts(const char *s, const char *head)
{
	return strncmp(s, head, strlen(head)) == 0;
}

bool str_ends(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n >= t && memcmp(s + n - t, tail, t) == 0;
}

int str_cmp(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static bool to_number(const char *s, int base, unsigned long long *ret)
{
	char *end;
	unsigned long long v;

	if (!isxdigit((unsigned char)*s))
		return false;
	errno = 0;
	v = strtoull(s, &end, base);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

bool str_to_u64(const char *s, unsigned long long *ret)
{
	return isdigit((unsigned char)*s) && to_number(s, 10, ret);
}

bool str_to_hex(const char *s, unsigned long long *ret)
{
	return to_number(s, 16, ret); /* strtoull takes the 0x */
}

bool str_line(struct piece *rest, struct piece *ret)
{
	const char *end;

	if (!rest->len)
		return false;
	end = memchr(rest->at, '\n', rest->len);
	ret->at = rest->at;
	ret->len = end ? (size_t)(end - rest->at) : rest->len;
	rest->at += ret->len + (end ? 1 : 0);
	rest->len -= ret->len + (end ? 1 : 0);
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool str_word(struct piece *rest, struct piece *ret)
{
	while (rest->len && blank(*rest->at)) {
		rest->at++;
		rest->len--;
	}
	*ret = (struct piece){ rest->at, 0 };
	while (rest->len && !blank(*rest->at)) {
		rest->at++;
		rest->len--;
		ret->len++;
	}
	return ret->len > 0;
}

struct piece str_trim(struct piece p)
{
	while (p.len && blank(*p.at)) {
		p.at++;
		p.len--;
	}
	while (p.len && blank(p.at[p.len - 1]))
		p.len--;
	return p;
}

bool piece_eq(struct piece p, const char *s)
{
	return p.len == strlen(s) && memcmp(p.at, s, p.len) == 0;
}

bool piece_starts(struct piece p, const char *head)
{
	size_t n = strlen(head);

	return p.len >= n && memcmp(p.at, head, n) == 0;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

enum { LONGEST_WORD = 64 };

unsigned str_distance(const char *a, const char *b, unsigned most)
{
	unsigned rows[3][LONGEST_WORD + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST_WORD || m > LONGEST_WORD)
		return most + 1;
	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    older[j - 2] + 1 < now[j])
				now[j] = older[j - 2] + 1;
		}
	}
	return rows[n % 3][m] > most ? most + 1 : rows[n % 3][m];
}

bool str_meant(const char *typed, const char *candidate, unsigned *ret_distance)
{
	unsigned most = strlen(typed) <= 4 ? 1 : 2;
	unsigned d = str_distance(typed, candidate, most);

	if (d > most)
		return false;
	*ret_distance = d;
	return true;
}

const char *str_nearest(const char *typed, const char *const *words)
{
	const char *best = NULL;
	unsigned best_distance = 99;

	for (; *words; words++) {
		unsigned distance = 0;

		if (str_meant(typed, *words, &distance) && distance < best_distance) {
			best = *words;
			best_distance = distance;
		}
	}
	return best;
}

void str_escape(struct buf *b, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned c;
		int bytes = utf8_next(s + i, n - i, &c);

		if (bytes <= 0) {
			buf_addf(b, "\\x%02x", (unsigned char)s[i]);
			i++;
			continue;
		}
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			buf_addf(b, "\\x%02x", c);
		else if (utf8_is_invisible(c))
			buf_addf(b, "\\u%04x", c);
		else
			buf_add(b, s + i, (size_t)bytes);
		i += (size_t)bytes;
	}
}

static unsigned long long rounded(unsigned long long n, unsigned long long unit)
{
	return n / unit + (n % unit >= (unit + 1) / 2);
}

void str_size(struct buf *b, unsigned long long bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	unsigned long long unit = 1;
	unsigned u = 0;

	while (u < 4 && rounded(bytes, unit) >= 1000) {
		unit *= 1000;
		u++;
	}
	if (u && rounded(bytes, unit / 10) < 1000) {
		unsigned long long tenths = rounded(bytes, unit / 10);

		buf_addf(b, "%llu.%llu %s", tenths / 10, tenths % 10, units[u]);
	} else {
		buf_addf(b, "%llu %s", rounded(bytes, unit), units[u]);
	}
}
