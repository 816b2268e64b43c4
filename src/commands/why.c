/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov why: a code or a rule, explained at length. */
#include "base/str.h"
#include "commands/common.h"
#include "why.h"

#include <ctype.h>
#include <string.h>

/* "GP0203", "gp203", "203", "R21", "S01": a code; GP_NONE when it is none. */
static enum code code_named(const char *name)
{
	bool rule = toupper((unsigned char)name[0]) == 'R';
	bool symptom = toupper((unsigned char)name[0]) == 'S';
	unsigned long long number;

	if (rule || symptom)
		name++;
	else if (toupper((unsigned char)name[0]) == 'G' && toupper((unsigned char)name[1]) == 'P')
		name += 2;
	if (!str_to_u64(name, &number) || number > 9999)
		return GP_NONE;
	return (enum code)(rule ? GP_RULE + number : symptom ? GP_SYMPTOM + number : number);
}

/* The record of `kind` whose codes begin after `base`; its key is a letter and two digits. */
static const struct record *record_of(const struct catalog *c, enum code code, const char *kind,
				      enum code base, char letter)
{
	auto_buf struct buf name = BUF_TEXT;

	if (code <= base || code >= base + 100)
		return NULL;
	buf_addf(&name, "%c%02u", letter, (unsigned)code - base);
	return catalog_find(c, kind, buf_str(&name));
}

static const struct record *rule_of(const struct catalog *c, enum code code)
{
	return record_of(c, code, "rule", GP_RULE, 'R');
}

static const struct record *symptom_of(const struct catalog *c, enum code code)
{
	return record_of(c, code, "symptom", GP_SYMPTOM, 'S');
}

/* Paragraphs are wrapped; examples and lists stay as they are. */
static void add_text(struct piece text, const struct style *style, struct buf *ret)
{
	auto_buf struct buf paragraph = BUF_TEXT;
	struct piece line;

	while (str_line(&text, &line)) {
		bool verbatim = piece_starts(line, "    ") || piece_starts(line, "- ");

		if (paragraph.len && (verbatim || !line.len)) {
			render_wrapped(buf_str(&paragraph), 0, 0, style, ret);
			buf_clear(&paragraph);
		}
		if (verbatim || !line.len) {
			buf_add(ret, line.at, line.len);
			buf_addc(ret, '\n');
		} else {
			buf_add(&paragraph, line.at, line.len);
			buf_addc(&paragraph, ' ');
		}
	}
	if (paragraph.len)
		render_wrapped(buf_str(&paragraph), 0, 0, style, ret);
}

static void add_rule(const struct record *rule, const struct style *style, struct buf *ret)
{
	auto_buf struct buf from = BUF_TEXT;

	add_text(PIECE(record_get(rule, "text")), style, ret);
	buf_addf(&from, "Source: %s.", record_get(rule, "from"));
	buf_addc(ret, '\n');
	add_text(PIECE(buf_str(&from)), style, ret);
}

static void add_symptom(const struct catalog *c, const struct record *symptom,
			const struct style *style, struct buf *ret)
{
	const struct record *text = NULL;

	add_text(PIECE(record_get(symptom, "cause")), style, ret);
	buf_addc(ret, '\n');
	add_text(PIECE(record_get(symptom, "cure")), style, ret);
	while ((text = catalog_next(c, "symptom-text", text)))
		if (record_is(text, "of", symptom->key))
			buf_addf(ret, "\n    %s", record_get(text, "text"));
	buf_addc(ret, '\n');
	if (record_get(symptom, "from")) {
		auto_buf struct buf from = BUF_TEXT;

		buf_addf(&from, "Seen in: %s.", record_get(symptom, "from"));
		buf_addc(ret, '\n');
		add_text(PIECE(buf_str(&from)), style, ret);
	}
}

static void explain(const struct job *j, enum code code, const struct style *style, struct buf *ret)
{
	const struct record *rule = rule_of(&j->catalog, code);
	const struct record *symptom = symptom_of(&j->catalog, code);
	const char *title = symptom ? record_get(symptom, "title") : code_title(code);
	struct piece text = why_text(code);

	if (rule)
		buf_addf(ret, "GP%04u: rule %s of the catalog (%s)\n\n", (unsigned)code, rule->key,
			 record_get(rule, "severity"));
	else
		buf_addf(ret, "GP%04u: %s\n\n", (unsigned)code, title);
	if (rule)
		add_rule(rule, style, ret);
	if (symptom)
		add_symptom(&j->catalog, symptom, style, ret);
	if (rule && text.len)
		buf_addc(ret, '\n');
	add_text(text, style, ret);
	buf_addf(ret, "\nExit status: %d\n", (int)code_status(code));
}

static void list_all(const struct job *j, struct buf *ret)
{
	for (unsigned i = 0; i < code_count; i++)
		buf_addf(ret, "GP%04u  %s\n", (unsigned)code_table[i].code, code_table[i].title);
	for (const struct record *r = NULL; (r = catalog_next(&j->catalog, "rule", r));)
		buf_addf(ret, "GP11%s  rule %s of the catalog\n", r->key + 1, r->key);
	for (const struct record *r = NULL; (r = catalog_next(&j->catalog, "symptom", r));)
		buf_addf(ret, "GP52%s  %s\n", r->key + 1, record_get(r, "title"));
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct style style = terminal_style(o, stdout);
	const char *name = o->args.n ? o->args.at[0] : NULL;
	enum code code = name ? code_named(name) : GP_NONE;

	if (!style.width || style.width > 80)
		style.width = 80;
	if (job_open(&j, o, e))
		return -1;
	if (name && !code_title(code) && !rule_of(&j.catalog, code) &&
	    !symptom_of(&j.catalog, code))
		return err_set(e, GP_USAGE,
			       "there is no code '%s'; messages show it like GP0203, and 'gpuprov "
			       "why' lists all",
			       name);
	if (name)
		explain(&j, code, &style, &text);
	else
		list_all(&j, &text);
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_why = {
	.name = "why",
	.args = "[CODE]",
	.min = 0,
	.max = 1,
	.summary = "explain the code of a message, like GP0203",
	.about = "Explains at length what a code in a message means, how it comes about and what "
		 "to do, with an example. Rules of the catalog, like R21, are explained with their "
		 "source. Without a code, lists all.\n",
	.options = (const enum option[]){ OPT_CATALOG, OPT_COUNT },
	.run = run,
};
