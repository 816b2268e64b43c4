/* SPDX-License-Identifier: Apache-2.0 */
/* What reading JSON and TOML have in common: encoding, places, complaints. */
#include "base/mem.h"
#include "edit/priv.h"

#include <string.h>

/* How long the byte-order mark is. */
static size_t bom(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

struct edit_place edit_place(const char *text, size_t len, size_t off)
{
	struct edit_place at = { .off = off, .line = 1 };
	size_t start = off >= bom(text, len) ? bom(text, len) : 0; /* editors do not count it */

	for (const char *p = text; (p = memchr(p, '\n', off - (size_t)(p - text))); p++) {
		at.line++;
		start = (size_t)(p - text) + 1;
	}
	at.col = (unsigned)utf8_count(text + start, off - start) + 1;
	at.col_bytes = (unsigned)(off - start) + 1;
	return at;
}

int parse_fail(struct parsed *p, enum edit_kind kind, size_t off, const char *fmt, ...)
{
	va_list ap;

	if (p->wrong.text)
		return -1;
	va_start(ap, fmt);
	p->wrong.text = arena_vprintf(&p->own, fmt, ap);
	va_end(ap);
	p->wrong.kind = kind;
	p->wrong.at = edit_place(p->text, p->len, off);
	return -1;
}

int parse_start(struct parsed *p)
{
	size_t bad;

	if (p->len > EDIT_MAX_BYTES)
		return parse_fail(p, EDIT_UNSUPPORTED, 0, "larger than 1 MiB");
	if (p->len >= 2 &&
	    (memcmp(p->text, "\xff\xfe", 2) == 0 || memcmp(p->text, "\xfe\xff", 2) == 0))
		return parse_fail(p, EDIT_ENCODING, 0, "the text is UTF-16; it must be UTF-8");
	if (!utf8_valid(p->text, p->len, &bad))
		return parse_fail(p, EDIT_ENCODING, bad, "this byte is not UTF-8");
	p->start = bom(p->text, p->len);
	return 0;
}

void parse_release(struct parsed *p)
{
	if (!p)
		return;
	arena_release(&p->own);
	mem_free(p);
}

struct piece edit_indent(const struct parsed *p, size_t off)
{
	size_t from = off, to;

	while (from && p->text[from - 1] != '\n')
		from--;
	if (from < p->start)
		from = p->start;
	for (to = from; to < off && (p->text[to] == ' ' || p->text[to] == '\t'); to++)
		;
	return (struct piece){ p->text + from, to - from };
}

const char *edit_path_text(struct arena *a, const char *const *path, size_t n)
{
	auto_buf struct buf b = BUF_TEXT;

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&b, '.');
		if (strpbrk(path[i], ". \""))
			buf_addf(&b, "\"%s\"", path[i]);
		else
			buf_adds(&b, path[i]);
	}
	return arena_str(a, buf_str(&b));
}
