/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as text: what is wrong, what was seen, why it is so, what mends it. */
#include "render/render.h"

#include "base/str.h"
#include "render/priv.h"

#include <string.h>

static const struct {
	const char *word, *colour;
} looks[] = {
	[SEV_ERROR] = { "error", "1;31" },
	[SEV_WARNING] = { "warning", "1;33" },
	[SEV_NOTE] = { "note", "1;36" },
};

enum { INDENT = 11 };

/* "  cause:  text", wrapped; the label stands once. */
static void add_line(const char *label, const char *text, const struct style *style,
		     struct buf *ret)
{
	buf_addf(ret, "  %-*s", INDENT - 2, label);
	render_wrapped(text, INDENT, INDENT, style, ret);
}

/* Who mends it: a plan, or somebody. A note has nothing to mend. */
static void add_fix(const struct finding *f, const struct style *style, struct buf *ret)
{
	static const char *const words[] = {
		[FIX_PLAN] = "by a plan: sudo gpuprov doctor --fix",
		[FIX_PLAN_AND_BOOT] = "by a plan, and a boot: sudo gpuprov doctor --fix",
	};
	auto_buf struct buf text = BUF_TEXT;

	if (f->fix == FIX_PLAN || f->fix == FIX_PLAN_AND_BOOT)
		buf_adds(&text, words[f->fix]);
	else if (f->by_hand)
		buf_addf(&text, "by hand: %s", f->by_hand);
	if (text.len)
		add_line("fix:", buf_str(&text), style, ret);
}

static void add_finding(const struct finding *f, const struct style *style, struct buf *ret)
{
	auto_buf struct buf head = BUF_TEXT;

	buf_addf(&head, "%s[GP%04u]", looks[f->severity].word, (unsigned)f->code);
	add_coloured(style, looks[f->severity].colour, buf_str(&head), ret);
	buf_adds(ret, ": ");
	render_wrapped(f->what, (unsigned)head.len + 2, INDENT, style, ret);
	list_each (&f->evidence, line)
		add_line(line == f->evidence.at ? "seen:" : "", *line, style, ret);
	if (f->cause)
		add_line("cause:", f->cause, style, ret);
	if (f->cure)
		add_line("cure:", f->cure, style, ret);
	add_fix(f, style, ret);
	/* Commands and settings are to be copied: never wrapped. */
	list_each (&f->sets, set)
		buf_addf(ret, "  %-*s%s\n", INDENT - 2, "profile:", *set);
	list_each (&f->commands, command)
		buf_addf(ret, "  %-*s%s\n", INDENT - 2, command == f->commands.at ? "run:" : "",
			 *command);
	buf_addc(ret, '\n');
}

static unsigned count(const findings *all, enum severity severity)
{
	unsigned n = 0;

	list_each (all, f)
		n += f->severity == severity;
	return n;
}

void render_findings(const findings *all, const struct style *style, struct buf *ret)
{
	size_t from = ret->len;
	bool first = true;

	for (enum severity s = SEV_ERROR; s <= SEV_NOTE; s++)
		list_each (all, f)
			if (f->severity == s)
				add_finding(f, style, ret);
	for (enum severity s = SEV_ERROR; s <= SEV_NOTE; s++) {
		unsigned n = count(all, s);

		if (!n)
			continue;
		buf_addf(ret, "%s%u %s%s", first ? "" : ", ", n, looks[s].word, n == 1 ? "" : "s");
		first = false;
	}
	if (!first)
		buf_adds(ret, ".\n");
	render_ascii(style, from, ret);
}
