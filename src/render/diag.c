/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics and errors as text: the place, the words, the line with a caret, numbered ways out.
 */
#include "render/priv.h"

#include "base/str.h"
#include "profile/text.h"

#include <string.h>

static const char *const severity_words[] = { "error", "warning", "note" };
static const char *const severity_colours[] = { "1;31", "1;33", "1;36" };

/* At most so many cells of a line are shown; GUTTER is what stands before it, and the dots. */
enum { TAB = 8, MOST_CELLS = 160, INDENT = 4, GUTTER = 8 + 2 * 3 };

static unsigned most_cells(const struct style *style)
{
	if (!style->width || style->width >= MOST_CELLS + GUTTER)
		return MOST_CELLS;
	return style->width > 2 * GUTTER ? style->width - GUTTER : GUTTER;
}

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
 * A source line from one byte to another; tabs become blanks up to the next stop, so that the caret
 * stands where it should. What may be a password becomes stars.
 */
static unsigned show_text(struct piece line, size_t from, size_t to, unsigned most, struct buf *ret)
{
	unsigned cells = 0;
	size_t i = from, secret = 0;

	while (i < to && i < line.len && cells < most) {
		unsigned c = 0;
		int n = utf8_next(line.at + i, line.len - i, &c);
		size_t bytes = n > 0 ? (size_t)n : 1;

		if (i >= 3 && memcmp(line.at + i - 3, "://", 3) == 0)
			secret = userinfo_end(line.at, line.len, i);
		if (i < secret) {
			buf_addc(ret, '*');
			cells++;
		} else if (n > 0 && c == '\t') {
			unsigned pad = TAB - cells % TAB;

			buf_pad(ret, ' ', pad);
			cells += pad;
		} else {
			size_t before = ret->len;

			str_escape(ret, line.at + i, bytes);
			cells += (unsigned)utf8_width(ret->data + before, ret->len - before);
		}
		i += bytes;
	}
	return cells;
}

/*
 * Words that may hold what a user, a file or a program said: nothing of it reaches the terminal as
 * more than text. Lines stay lines.
 */
static void add_words(const char *text, struct buf *ret)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		str_escape(ret, text, n);
		if (text[n])
			buf_addc(ret, '\n');
	}
}

/* A long line is shown from the word on that stands a little before the place. */
static size_t window(struct piece line, size_t place, unsigned most)
{
	size_t from = place > most ? place - most / 8 * 3 : 0;

	while (from && !strchr(" \t,[{\"'", line.at[from - 1]))
		from--;
	return from;
}

static const struct profile_text *text_of(const struct profile_text *text, const char *file)
{
	while (text && !str_eq(text->file, file))
		text = text->base;
	return text;
}

/*
 *     7 |   branch: "470x"
 *       |           ^^^^^^
 */
static void show_line(const struct profile_text *texts, const struct span *at,
		      const struct style *style, const char *colour, struct buf *ret)
{
	const struct profile_text *text = text_of(texts, at->file);
	auto_buf struct buf scratch = BUF_TEXT;
	struct piece line;
	size_t place, from;
	unsigned most = most_cells(style), before, upto, lead;

	if (!text || !text_line(text, at->line, &line.at, &line.len))
		return;
	place = at->off - (size_t)(line.at - text->bytes);
	if (place > line.len)
		place = line.len;
	from = window(line, place, most);
	lead = from ? 3 : 0;
	buf_addf(ret, "%5u | %s", at->line, from ? "..." : "");
	if (show_text(line, from, line.len, most, ret) >= most)
		buf_adds(ret, "...");
	buf_adds(ret, "\n      | ");
	before = show_text(line, from, place, most, &scratch);
	buf_clear(&scratch);
	upto = show_text(line, from, place + at->len, most, &scratch);
	buf_pad(ret, ' ', before + lead);
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
}

/* The second place, which disagrees. */
static void show_also(const struct diag *d, const struct profile_text *text,
		      const struct style *style, struct buf *ret)
{
	buf_addf(ret, "      = %s: ", d->also_note ? d->also_note : "first here");
	if (str_eq(d->also.file, d->at.file))
		buf_addf(ret, "line %u", d->also.line);
	else
		show_place(&d->also, ret);
	buf_addc(ret, '\n');
	show_line(text, &d->also, style, "1;36", ret);
}

static void show_way(size_t number, const char *text, const struct style *style, struct buf *ret)
{
	auto_buf struct buf words = BUF_TEXT;

	add_words(text, &words);
	buf_addf(ret, "   %zu. ", number);
	render_wrapped(buf_str(&words), 6, 6, style, ret);
}

/*
 * What is wrong with a profile is said on one line, with the first thing to do; the others are
 * numbered below, from 2 on. Why there is no plan has ways that are sentences of their own.
 */
static bool on_one_line(const struct diag *d)
{
	return d->code < GP_USAGE && d->ways.n;
}

static void show_diag(const struct diag *d, const struct profile_text *text,
		      const struct style *style, struct buf *ret)
{
	const char *colour = severity_colours[d->severity];
	auto_buf struct buf words = BUF_TEXT;
	size_t from = ret->len;
	unsigned at;

	if (d->at.file) {
		show_place(&d->at, ret);
		buf_adds(ret, ": ");
	}
	at = (unsigned)utf8_width(ret->data + from, ret->len - from);
	colour_on(style, colour, ret);
	buf_addf(ret, "%s[GP%04u]", severity_words[d->severity], (unsigned)d->code);
	colour_off(style, ret);
	buf_adds(ret, ": ");
	add_words(d->what, &words);
	if (d->why)
		buf_adds(&words, "; ");
	add_words(d->why ? d->why : "", &words);
	if (on_one_line(d)) {
		buf_addf(&words, "; %s", d->ways.n > 1 ? "(1) " : "");
		add_words(d->ways.at[0].text, &words);
	}
	at += (unsigned)strlen(severity_words[d->severity]) + 10;
	render_wrapped(buf_str(&words), at, INDENT, style, ret);
	if (d->at.line)
		show_line(text, &d->at, style, colour, ret);
	if (d->also.line)
		show_also(d, text, style, ret);
	for (size_t i = on_one_line(d); i < d->ways.n; i++)
		show_way(i + 1, d->ways.at[i].text, style, ret);
}

void render_diags(const struct diags *d, const struct profile_text *text, const struct style *style,
		  struct buf *ret)
{
	size_t from = ret->len;

	list_each (&d->list, one)
		show_diag(one, text, style, ret);
	render_ascii(style, from, ret);
}

void render_err(const struct err *e, const struct style *style, struct buf *ret)
{
	size_t from = ret->len;

	if (e->at.file)
		show_place(&e->at, ret);
	else
		buf_adds(ret, "gpuprov");
	buf_adds(ret, ": ");
	colour_on(style, severity_colours[0], ret);
	buf_addf(ret, "error[GP%04u]", (unsigned)e->code);
	colour_off(style, ret);
	buf_adds(ret, ": ");
	add_words(e->text ? e->text : "failed", ret);
	buf_addc(ret, '\n');
	for (size_t i = 0; i < e->n_ways; i++)
		show_way(i + 1, e->ways[i], style, ret);
	render_ascii(style, from, ret);
}
