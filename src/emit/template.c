/* SPDX-License-Identifier: Apache-2.0 */
/* Text with holes. */
#include "emit/template.h"

#include "emit/quote.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* Made by the Makefile: all of templates/, each after a line "file NAME". */
__asm__(".section .rodata\n"
	".global templates_begin, templates_end\n"
	"templates_begin:\n"
	".incbin \"" TEMPLATES_TEXT "\"\n"
	"templates_end:\n"
	".byte 0\n"
	".previous\n");
extern const char templates_begin[], templates_end[];

enum { MOST_NESTED = 8 };
#define FILE_LINE "file "

static void hole_add(struct holes *h, enum hole_form form, const char *name, const char *text)
{
	list_add(h->a, &h->list, ((struct hole){ form, name, text }));
}

void hole_text(struct holes *h, const char *name, const char *text)
{
	hole_add(h, HOLE_TEXT, name, text);
}

void hole_plain(struct holes *h, const char *name, const char *text)
{
	for (const char *p = text; p && *p; p++)
		assert(isalnum((unsigned char)*p));
	hole_add(h, HOLE_PLAIN, name, text);
}

void hole_block(struct holes *h, const char *name, const char *lines)
{
	hole_add(h, HOLE_BLOCK, name, lines);
}

void hole_flag(struct holes *h, const char *name, bool on)
{
	hole_add(h, HOLE_FLAG, name, on ? "" : NULL);
}

struct filling {
	const char *name;
	unsigned line;
	enum template_language language;
	const struct holes *holes;
	struct buf *out;
	struct err *e;
	bool on[MOST_NESTED + 1], had_else[MOST_NESTED + 1]; /* of each `% if` we are in */
	unsigned depth;
};

static int wrong(struct filling *f, const char *what, struct piece which)
{
	struct span at = { .file = f->name, .line = f->line, .col = 1, .width = 1 };

	err_set(f->e, GP_BAD_TEMPLATE, "%s '%.*s'", what, (int)which.len, which.at);
	err_at(f->e, &at);
	return -1;
}

static const struct hole *find(const struct filling *f, struct piece name)
{
	list_each (&f->holes->list, h)
		if (piece_eq(name, h->name))
			return h;
	return NULL;
}

/* Are we in a part that is written? */
static bool writing(const struct filling *f)
{
	for (unsigned i = 1; i <= f->depth; i++)
		if (!f->on[i])
			return false;
	return true;
}

static int begin_if(struct filling *f, struct piece rest)
{
	struct piece word = { 0 };
	bool not, on;
	const struct hole *hole;

	str_word(&rest, &word);
	not = piece_eq(word, "not");
	if (not )
		str_word(&rest, &word);
	hole = find(f, word);
	if (!hole)
		return wrong(f, "nobody knows", word);
	if (f->depth == MOST_NESTED)
		return wrong(f, "nested too deeply:", word);
	on = (hole->text != NULL) != not ;
	f->on[++f->depth] = on;
	f->had_else[f->depth] = false;
	return 0;
}

/* A line that begins with % and is none of the text. */
static int directive(struct filling *f, struct piece line)
{
	struct piece rest = { line.at + 1, line.len - 1 }, word = { 0 };

	if (piece_starts(line, "%#"))
		return 0;
	str_word(&rest, &word);
	if (piece_eq(word, "if"))
		return begin_if(f, rest);
	if (!f->depth || (piece_eq(word, "else") && f->had_else[f->depth]))
		return wrong(f, "there is no open 'if' for", word);
	if (piece_eq(word, "else")) {
		f->had_else[f->depth] = true;
		f->on[f->depth] = !f->on[f->depth];
		return 0;
	}
	if (!piece_eq(word, "end"))
		return wrong(f, "there is no directive", word);
	f->depth--;
	return 0;
}

static void write_block(struct filling *f, const char *block, size_t indent)
{
	struct piece rest = PIECE(block), line;

	while (str_line(&rest, &line)) {
		if (line.len)
			buf_pad(f->out, ' ', indent);
		buf_add(f->out, line.at, line.len);
		buf_addc(f->out, '\n');
	}
}

static void write_text(struct filling *f, const struct hole *hole)
{
	const char *text = hole->text;

	if (hole->form == HOLE_PLAIN) {
		buf_adds(f->out, text);
		return;
	}
	switch (f->language) {
	case TEMPLATE_YAML:
		quote_yaml(f->out, text);
		return;
	case TEMPLATE_SHELL:
		quote_shell(f->out, text);
		return;
	}
}

/* One line of text, hole after hole. */
static int text_line(struct filling *f, struct piece line)
{
	size_t indent = strspn(line.at, " \t"), at = 0;

	while (at < line.len) {
		const char *open = memmem(line.at + at, line.len - at, "{{", 2);
		size_t begin = open ? (size_t)(open - line.at) : line.len;
		const char *close = open ? memmem(open, line.len - begin, "}}", 2) : NULL;
		struct piece name;
		const struct hole *hole;

		if (!open) {
			buf_add(f->out, line.at + at, line.len - at);
			break;
		}
		if (!close)
			return wrong(f, "no }} after", (struct piece){ open, line.len - begin });
		name = (struct piece){ open + 2, (size_t)(close - open) - 2 };
		hole = find(f, name);
		if (!hole || hole->form == HOLE_FLAG)
			return wrong(f, "nobody knows", name);
		if (!hole->text)
			return wrong(f, "there is no value for", name);
		if (hole->form == HOLE_BLOCK) {
			if (begin != indent || close + 2 != line.at + line.len)
				return wrong(f, "not alone on its line:", name);
			write_block(f, hole->text, indent);
			return 0;
		}
		buf_add(f->out, line.at + at, begin - at);
		write_text(f, hole);
		at = (size_t)(close - line.at) + 2;
	}
	buf_addc(f->out, '\n');
	return 0;
}

int template_fill(const char *name, struct piece text, enum template_language language,
		  const struct holes *holes, struct buf *ret, struct err *e)
{
	struct filling f = { name, .language = language, .holes = holes, .out = ret, .e = e };
	struct piece line;

	while (str_line(&text, &line)) {
		f.line++;
		if (piece_starts(line, "%")) {
			if (directive(&f, line))
				return -1;
		} else if (writing(&f) && text_line(&f, line)) {
			return -1;
		}
	}
	if (f.depth)
		return wrong(&f, "an 'if' is open at the end of", PIECE(name));
	return 0;
}

bool template_builtin(const char *name, struct piece *ret)
{
	struct piece rest = { templates_begin, (size_t)(templates_end - templates_begin) }, line;
	bool in = false;

	*ret = (struct piece){ 0 };
	while (str_line(&rest, &line)) {
		if (piece_starts(line, FILE_LINE)) {
			if (in)
				break;
			line.at += strlen(FILE_LINE);
			line.len -= strlen(FILE_LINE);
			in = piece_eq(line, name);
			ret->at = rest.at;
		} else if (in) {
			ret->len = (size_t)(line.at + line.len - ret->at);
		}
	}
	return in;
}

const char *template_next(struct arena *a, const char *after)
{
	struct piece rest = { templates_begin, (size_t)(templates_end - templates_begin) }, line;
	bool passed = !after;

	while (str_line(&rest, &line)) {
		if (!piece_starts(line, FILE_LINE))
			continue;
		line.at += strlen(FILE_LINE);
		line.len -= strlen(FILE_LINE);
		if (passed)
			return arena_strn(a, line.at, line.len);
		passed = piece_eq(line, after);
	}
	return NULL;
}
