/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages. */
#include "manpage.h"

#include "base/str.h"
#include "profile/schema.h"

#include <string.h>

/* Text of ours as scdoc takes it: nothing in it is a mark. */
static void add_plain(const char *text, struct buf *ret)
{
	for (; *text; text++) {
		if (strchr("*_\\#[]|<>~`", *text))
			buf_addc(ret, '\\');
		buf_addc(ret, *text);
	}
}

static void add_bold(const char *text, struct buf *ret)
{
	buf_addc(ret, '*');
	add_plain(text, ret);
	buf_addc(ret, '*');
}

/* The same words in underlined capitals that the help has. */
static void add_placeholder(const char *text, struct buf *ret)
{
	buf_addc(ret, '_');
	add_plain(text, ret);
	buf_addc(ret, '_');
}

static void add_option(const struct command *c, const struct option_row *row, struct buf *ret)
{
	auto_buf struct buf help = BUF_TEXT;

	option_help(c, row, &help);
	buf_adds(ret, "*--");
	add_plain(row->name, ret);
	buf_addc(ret, '*');
	if (row->arg) {
		buf_addc(ret, ' ');
		add_placeholder(row->arg, ret);
	}
	buf_adds(ret, "\n\t");
	add_plain(buf_str(&help), ret);
	buf_adds(ret, ".\n\n");
}

/* Paragraphs as they are; lines that begin with a blank are examples. */
static void add_about(const char *about, struct buf *ret)
{
	struct piece rest = PIECE(about), line;
	bool example = false;

	while (str_line(&rest, &line)) {
		bool now = line.len && *line.at == ' ';
		auto_buf struct buf copy = BUF_TEXT;

		if (now != example)
			buf_adds(ret, "```\n");
		example = now;
		buf_add(&copy, line.at, line.len);
		if (now)
			buf_adds(ret, buf_str(&copy));
		else
			add_plain(buf_str(&copy), ret);
		buf_addc(ret, '\n');
	}
	if (example)
		buf_adds(ret, "```\n");
}

static void command_page(const struct command *c, struct buf *ret)
{
	buf_addf(ret, "gpuprov-%s(1)\n\n# NAME\n\ngpuprov-%s - ", c->name, c->name);
	add_plain(c->summary, ret);
	buf_addf(ret, "\n\n# SYNOPSIS\n\n*gpuprov %s* [OPTION]...", c->name);
	if (*c->args) {
		buf_addc(ret, ' ');
		add_plain(c->args, ret);
	}
	buf_adds(ret, "\n\n# DESCRIPTION\n\n");
	add_about(c->about, ret);
	buf_adds(ret, "\n# OPTIONS\n\n");
	for (unsigned i = 0; i < OPT_COUNT; i++)
		if (command_takes(c, (enum option)i) && option_table[i].help)
			add_option(c, &option_table[i], ret);
}

static void program_page(struct buf *ret)
{
	buf_adds(ret, "gpuprov(1)\n\n# NAME\n\n"
		      "gpuprov - from a bare system to working NVIDIA GPUs, from one profile\n\n"
		      "# SYNOPSIS\n\n*gpuprov* _COMMAND_ [OPTION]... [ARGUMENT]...\n\n"
		      "# COMMANDS\n\n");
	for (const struct command *const *c = command_table; *c; c++) {
		buf_addf(ret, "*gpuprov-%s*(1)\n\t", (*c)->name);
		add_plain((*c)->summary, ret);
		buf_adds(ret, ".\n\n");
	}
}

void manpage_command(const struct command *c, struct buf *ret)
{
	if (c)
		command_page(c, ret);
	else
		program_page(ret);
}

/* ---- the profile language ---- */

static void add_kinds(const struct schema_row *row, struct buf *ret)
{
	bool all = true;

	for (unsigned i = 0; schema_kinds[i]; i++)
		all &= (row->kinds >> i) & 1;
	if (all)
		return;
	buf_adds(ret, " Kind:");
	for (unsigned i = 0; schema_kinds[i]; i++)
		if ((row->kinds >> i) & 1)
			buf_addf(ret, " %s", schema_kinds[i]);
	buf_addc(ret, '.');
}

static void add_row(const struct schema_row *row, struct buf *ret)
{
	add_bold(row->path, ret);
	buf_adds(ret, row->required ? " (required)\n\t" : "\n\t");
	add_plain(row->help, ret);
	buf_addc(ret, '.');
	if (row->words) {
		buf_adds(ret, " One of:");
		for (const char *const *w = row->words; *w; w++) {
			buf_addc(ret, ' ');
			add_plain(*w, ret);
		}
		buf_addc(ret, '.');
	} else if (row->type != SCHEMA_MAP) {
		buf_adds(ret, " Takes ");
		add_plain(schema_type_help(row->type), ret);
		buf_addc(ret, '.');
	}
	add_kinds(row, ret);
	if (row->fallback) {
		buf_adds(ret, " Default: ");
		add_plain(row->fallback, ret);
		buf_addc(ret, '.');
	}
	buf_adds(ret, "\n\n");
}

void manpage_profile(struct buf *ret)
{
	for (const struct schema_row *row = schema_table; row->path; row++)
		add_row(row, ret);
}
