/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: what all of it shares. Plans are in render/plan.c, diagnostics in render/diag.c,
 * verdicts in render/verdicts.c. */
#include "render/render.h"

#include "base/str.h"
#include "render/priv.h"

#include <string.h>

void colour_on(const struct style *style, const char *code, struct buf *ret)
{
	if (style->colour)
		buf_addf(ret, "\033[%sm", code);
}

void colour_off(const struct style *style, struct buf *ret)
{
	if (style->colour)
		buf_adds(ret, "\033[0m");
}

void add_coloured(const struct style *style, const char *code, const char *text, struct buf *ret)
{
	colour_on(style, code, ret);
	buf_adds(ret, text);
	colour_off(style, ret);
}

/* Where a word of n cells begins on a line of its own: further to the left when it is long. */
static unsigned begin_of(unsigned n, unsigned indent, unsigned width)
{
	if (indent + n <= width)
		return indent;
	return n < width ? width - n : 0;
}

void render_wrapped(const char *text, unsigned at, unsigned indent, const struct style *style,
		    struct buf *ret)
{
	struct piece rest = PIECE(text), word;
	bool first = true;

	while (str_word(&rest, &word)) {
		unsigned n = (unsigned)utf8_width(word.at, word.len);
		unsigned begin = begin_of(n, indent, style->width);

		if (style->width && at + !first + n > style->width && begin < at + !first) {
			while (ret->len && ret->data[ret->len - 1] == ' ')
				buf_cut(ret, ret->len - 1);
			buf_addc(ret, '\n');
			buf_pad(ret, ' ', begin);
			at = begin;
		} else if (!first) {
			buf_addc(ret, ' ');
			at++;
		}
		buf_add(ret, word.at, word.len);
		at += n;
		first = false;
	}
	buf_addc(ret, '\n');
}

/* Each character becomes as many question marks as it is wide, so that columns stay columns. */
void render_ascii(const struct style *style, size_t from, struct buf *ret)
{
	auto_buf struct buf old = BUF_TEXT;
	size_t i = 0;

	if (!style->ascii || ret->len == from)
		return;
	buf_add(&old, ret->data + from, ret->len - from);
	buf_cut(ret, from);
	while (i < old.len) {
		unsigned c = 0;
		int n = utf8_next(old.data + i, old.len - i, &c);

		if (n == 1)
			buf_addc(ret, old.data[i]);
		else
			buf_pad(ret, '?', n > 0 ? utf8_char_width(c) : 1);
		i += n > 0 ? (size_t)n : 1;
	}
}
