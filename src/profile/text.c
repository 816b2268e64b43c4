/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a profile. */
#include "profile/text.h"

#include "base/str.h"

#include <string.h>

bool text_line(const struct profile_text *t, unsigned line, const char **ret, size_t *ret_len)
{
	size_t from, to;

	if (!line || line > t->lines.n)
		return false;
	from = t->lines.at[line - 1];
	to = line < t->lines.n ? t->lines.at[line] - 1 : t->len;
	if (to > from && t->bytes[to - 1] == '\n')
		to--;
	if (to > from && t->bytes[to - 1] == '\r')
		to--;
	*ret = t->bytes + from;
	*ret_len = to - from;
	return true;
}

static void find_lines(struct profile_text *t, struct arena *a)
{
	list_add(a, &t->lines, 0);
	for (size_t i = 0; i < t->len; i++)
		if (t->bytes[i] == '\n' && i + 1 < t->len)
			list_add(a, &t->lines, i + 1);
}

static size_t skip(const char *s, size_t n, unsigned chars)
{
	size_t i = 0;
	unsigned c;

	while (chars-- && i < n) {
		int bytes = utf8_next(s + i, n - i, &c);

		i += bytes > 0 ? (size_t)bytes : 1;
	}
	return i;
}

void text_locate(const struct profile_text *t, const struct span *before, struct span *s)
{
	const char *line;
	size_t len, from = 0;
	unsigned col = 1;

	if (!text_line(t, s->line, &line, &len)) {
		s->off = t->len;
		s->len = 0;
		return;
	}
	if (before && before->line == s->line && before->col <= s->col) {
		from = before->off - (size_t)(line - t->bytes);
		col = before->col;
	}
	from += skip(line + from, len - from, s->col - col);
	s->off = (size_t)(line - t->bytes) + from;
	s->len = skip(line + from, len - from, s->width);
}

struct span text_place(const struct profile_text *t, size_t off)
{
	struct span s = { .file = t->file, .line = 1, .col = 1, .width = 1, .off = off, .len = 1 };

	list_each (&t->lines, start) {
		if (*start > off)
			break;
		s.line = (unsigned)(start - t->lines.at) + 1;
	}
	if (t->lines.n) {
		size_t start = t->lines.at[s.line - 1];

		s.col = (unsigned)utf8_count(t->bytes + start, off - start) + 1;
	}
	return s;
}

static int bad(const struct profile_text *t, struct diags *diags, enum code code, size_t off,
	       const char *what, const char *way)
{
	struct span at = text_place(t, off);
	struct diag *d = diag_add(diags, SEV_ERROR, code, &at, "%s", what);

	if (way)
		diag_way(diags, d, NULL, "%s", way);
	return -1;
}

/* Refused by libyaml without saying where, or taken for the end of a line, which no editor does. */
static bool unprintable(unsigned c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029 || c == 0xfffe || c == 0xffff;
}

static int check_characters(const struct profile_text *t, struct diags *diags)
{
	size_t i = 0;

	while (i < t->len) {
		unsigned c = 0;
		int n = utf8_next(t->bytes + i, t->len - i, &c);
		bool crlf = c == '\r' && i + 1 < t->len && t->bytes[i + 1] == '\n';

		if (unprintable(c) && !crlf)
			return bad(t, diags, GP_PROFILE_CONTROL, i,
				   arena_printf(diags->a, "the control character U+%04X", c),
				   "take it out; a line ends with a line feed");
		i += (size_t)n;
	}
	return 0;
}

/* libyaml compares each %TAG with all before it: thousands of them would take it a second. */
static int check_directives(const struct profile_text *t, struct diags *diags)
{
	list_each (&t->lines, start)
		if (piece_starts((struct piece){ t->bytes + *start, t->len - *start }, "%TAG"))
			return bad(t, diags, GP_PROFILE_TAG, *start,
				   "tag directives (%TAG) are not allowed", "leave the line out");
	return 0;
}

int text_check(struct profile_text *t, struct diags *diags)
{
	const char *utf8 = "save it as UTF-8 without a byte-order mark";
	const char *nul = memchr(t->bytes, '\0', t->len);
	size_t at = 0;

	if (t->len > PROFILE_MAX_BYTES)
		return bad(t, diags, GP_PROFILE_TOO_LARGE, 0,
			   "larger than 256 KiB; this cannot be a profile",
			   "check that this is the right file");
	find_lines(t, diags->a);
	if (t->len >= 2 &&
	    (memcmp(t->bytes, "\xff\xfe", 2) == 0 || memcmp(t->bytes, "\xfe\xff", 2) == 0))
		return bad(t, diags, GP_PROFILE_ENCODING, 0, "the file is UTF-16", utf8);
	if (t->len >= 3 && memcmp(t->bytes, "\xef\xbb\xbf", 3) == 0)
		return bad(t, diags, GP_PROFILE_ENCODING, 0,
			   "the file starts with a byte-order mark", utf8);
	if (nul)
		return bad(t, diags, GP_PROFILE_CONTROL, (size_t)(nul - t->bytes),
			   "a NUL byte; this is not a text file", utf8);
	if (!utf8_valid(t->bytes, t->len, &at))
		return bad(t, diags, GP_PROFILE_ENCODING, at, "this byte is not UTF-8", utf8);
	return check_characters(t, diags) || check_directives(t, diags) ? -1 : 0;
}
