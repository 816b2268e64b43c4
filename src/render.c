/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: what plans, diagnostics and verdicts share. Plans are in render_plan.c. */
#include "render.h"

#include "base/str.h"
#include "profile_text.h"
#include "render_priv.h"

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

void render_wrapped(const char *text, unsigned at, unsigned indent, const struct style *style,
		    struct buf *ret)
{
	struct piece rest = PIECE(text), word;
	bool first = true;

	while (str_word(&rest, &word)) {
		unsigned n = (unsigned)utf8_width(word.at, word.len);

		if (!first && style->width && at + 1 + n > style->width) {
			buf_addc(ret, '\n');
			buf_pad(ret, ' ', indent);
			at = indent;
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

/* ---- diagnostics ---- */

static const char *const severity_words[] = { "error", "warning", "note" };
static const char *const severity_colours[] = { "1;31", "1;33", "1;36" };

enum { TAB = 8 };

/* Where the user name and password of a URL end whose "://" is at `at`; `at` when it has none. */
static size_t userinfo_end(const char *line, size_t len, size_t at)
{
	size_t end = at;

	for (size_t i = at; i < len && !strchr(" \t\"'/?#,]}", line[i]); i++)
		if (line[i] == '@')
			end = i;
	return end;
}

/*
 * One source line; tabs become blanks up to the next stop, so that the caret stands where it
 * should. What may be a password becomes stars.
 */
static unsigned show_text(const char *line, size_t len, unsigned chars, struct buf *ret)
{
	unsigned cells = 0;
	size_t i = 0, secret = 0;

	while (i < len && chars--) {
		unsigned c = 0;
		int n = utf8_next(line + i, len - i, &c);
		size_t bytes = n > 0 ? (size_t)n : 1;

		if (i >= 3 && memcmp(line + i - 3, "://", 3) == 0)
			secret = userinfo_end(line, len, i);
		if (i < secret) {
			buf_addc(ret, '*');
			cells++;
		} else if (n > 0 && c == '\t') {
			unsigned pad = TAB - cells % TAB;

			buf_pad(ret, ' ', pad);
			cells += pad;
		} else {
			size_t before = ret->len;

			str_escape(ret, line + i, bytes);
			cells += (unsigned)utf8_width(ret->data + before, ret->len - before);
		}
		i += bytes;
	}
	return cells;
}

/*
 *     7 |   branch: "470x"
 *       |           ^^^^^^
 */
static void show_line(const struct profile_text *text, const struct span *at,
		      const struct style *style, const char *colour, struct buf *ret)
{
	auto_buf struct buf scratch = BUF_TEXT;
	const char *line;
	size_t len;
	unsigned before, upto;

	if (!text || !str_eq(text->file, at->file) || !text_line(text, at->line, &line, &len))
		return;
	buf_addf(ret, "%5u | ", at->line);
	show_text(line, len, ~0u, ret);
	buf_adds(ret, "\n      | ");
	before = show_text(line, len, at->col - 1, &scratch);
	buf_clear(&scratch);
	upto = show_text(line, len, at->col - 1 + at->width, &scratch);
	buf_pad(ret, ' ', before);
	colour_on(style, colour, ret);
	buf_pad(ret, '^', upto > before ? upto - before : 1);
	colour_off(style, ret);
	buf_addc(ret, '\n');
}

static void show_place(const struct span *at, struct buf *ret)
{
	str_escape(ret, at->file, strlen(at->file));
	if (at->line)
		buf_addf(ret, ":%u:%u", at->line, at->col);
	buf_adds(ret, ": ");
}

static void show_diag(const struct diag *d, const struct profile_text *text,
		      const struct style *style, struct buf *ret)
{
	const char *colour = severity_colours[d->severity];
	unsigned number = 1;

	if (d->at.file)
		show_place(&d->at, ret);
	colour_on(style, colour, ret);
	buf_addf(ret, "%s[GP%04u]", severity_words[d->severity], (unsigned)d->code);
	colour_off(style, ret);
	buf_addf(ret, ": %s%s%s\n", d->what, d->why ? "; " : "", d->why ? d->why : "");
	if (d->at.line)
		show_line(text, &d->at, style, colour, ret);
	if (d->also.line) {
		buf_addf(ret, "      = %s: ", d->also_note);
		buf_addf(ret, "line %u\n", d->also.line);
		show_line(text, &d->also, style, "1;36", ret);
	}
	list_each (&d->ways, way)
		buf_addf(ret, "   %u. %s\n", number++, way->text);
}

void render_diags(const struct diags *d, const struct profile_text *text, const struct style *style,
		  struct buf *ret)
{
	list_each (&d->list, one)
		show_diag(one, text, style, ret);
}

void render_err(const struct err *e, const struct style *style, struct buf *ret)
{
	if (e->at.file)
		show_place(&e->at, ret);
	else
		buf_adds(ret, "gpuprov: ");
	colour_on(style, severity_colours[0], ret);
	buf_addf(ret, "error[GP%04u]", (unsigned)e->code);
	colour_off(style, ret);
	buf_addf(ret, ": %s\n", e->text ? e->text : "failed");
	for (size_t i = 0; i < e->n_ways; i++)
		buf_addf(ret, "   %zu. %s\n", i + 1, e->ways[i]);
}

/* ---- verdicts ---- */

static const char *what_it_needs(const char *needs)
{
	return str_eq(needs, "gpu") ? "needs a GPU to prove" : "needs a boot to prove";
}

static void show_verdict(const struct verdict *v, unsigned wide, const struct style *style,
			 struct buf *ret)
{
	static const char *const words[] = { "PASS    ", "FAIL    ", "DEFERRED" };
	static const char *const colours[] = { "32", "1;31", "33" };
	unsigned indent = 13 + wide;

	buf_addc(ret, ' ');
	add_coloured(style, colours[v->result], words[v->result], ret);
	buf_addf(ret, "  %-*s  ", (int)wide, v->id);
	if (v->result == VERDICT_DEFERRED) {
		auto_buf struct buf text = BUF_TEXT;

		buf_addf(&text, "%s; %s", v->evidence, what_it_needs(v->needs));
		render_wrapped(buf_str(&text), indent, indent, style, ret);
	} else {
		render_wrapped(v->evidence, indent, indent, style, ret);
	}
}

void render_verdicts(const verdicts *v, const struct style *style, struct buf *ret)
{
	unsigned wide = 0, count[3] = { 0 };

	list_each (v, one) {
		unsigned n = (unsigned)strlen(one->id);

		wide = n > wide ? n : wide;
		count[one->result]++;
	}
	list_each (v, one)
		show_verdict(one, wide, style, ret);
	buf_addf(ret, "\n%u passed, %u failed", count[VERDICT_PASS], count[VERDICT_FAIL]);
	if (count[VERDICT_DEFERRED])
		buf_addf(ret, ", %u deferred", count[VERDICT_DEFERRED]);
	buf_adds(ret, ".\n");
}
