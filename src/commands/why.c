/* SPDX-License-Identifier: Apache-2.0 */
/* gpuprov why: a code or a rule, explained at length. */
#include "base/str.h"
#include "commands/common.h"
#include "solve/solve.h"
#include "why.h"
#include "why_part.h"

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

	if (rule) {
		buf_addf(ret, "GP%04u: rule %s of the catalog (%s)\n\n", (unsigned)code, rule->key,
			 record_get(rule, "severity"));
	} else {
		render_wrapped(arena_printf(j->catalog.a, "GP%04u: %s", (unsigned)code, title), 0,
			       0, style, ret);
		buf_addc(ret, '\n');
	}
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
	for (const struct record *r = NULL; (r = catalog_next(&j->catalog, "part", r));)
		buf_addf(ret, "%s\n", r->key);
	for (const struct record *r = NULL; (r = catalog_next(&j->catalog, "symptom", r));)
		buf_addf(ret, "GP52%s  %s\n", r->key + 1, record_get(r, "title"));
}

/* ---- a part of the host ---- */

static void add_field(const char *name, const char *text, const struct style *style,
		      struct buf *ret)
{
	if (!text)
		return;
	buf_addf(ret, "\n%s\n    ", name);
	render_wrapped(text, 4, 4, style, ret);
}

/* Facts and the plan of a profile, where there are any: what the part is can be said without. */
static void about_here(struct job *j, const struct record *part, const struct style *style,
		       struct buf *ret)
{
	const struct fact_package *there;
	auto_err ignored = { 0 };
	auto_buf struct buf text = BUF_TEXT;

	if (job_facts(j, &ignored))
		return;
	there = part_installed(part, &j->facts);
	if (record_get(part, "packages"))
		add_field("This host has",
			  there ? arena_printf(&j->a, "%s %s", there->name, there->version) :
				  "none of it by package",
			  style, ret);
	if (j->o->args.n < 2)
		return;
	part_in_plan(part, &j->plan, &text);
	add_field("This profile", text.len ? buf_str(&text) : "does not speak of it", style, ret);
}

static int explain_part(struct job *j, const struct record *part, const struct style *style,
			struct buf *ret, struct err *e)
{
	if (j->o->args.n > 1) {
		if (job_profile(j, j->o->args.at[1], e))
			return -1;
		if (job_facts(j, e))
			return -1;
		solve(&j->profile, &j->facts, &j->catalog, &j->a, &j->plan);
	}
	buf_addf(ret, "%s\n\n", part->key);
	render_wrapped(record_get(part, "what"), 0, 0, style, ret);
	add_field("Who needs it", record_get(part, "who"), style, ret);
	add_field("What it needs", record_get(part, "needs"), style, ret);
	about_here(j, part, style, ret);
	return 0;
}

/* ---- KEY=VALUE ---- */

/* The keys people use as one word. */
static const char *key_for(struct job *j, const char *key, const char *value)
{
	if (str_eq(key, "driver"))
		return strchr(value, '.') ? "driver.version" : "driver.branch";
	if (str_eq(key, "cuda"))
		return "cuda.version";
	if (str_eq(key, "modules") || str_eq(key, "source"))
		return arena_printf(&j->a, "driver.%s", key);
	return key;
}

/* A profile with this one setting, which may say what it is based on. */
static const char *profile_with(struct job *j, const char *key, const char *value)
{
	auto_buf struct buf b = BUF_TEXT;
	unsigned depth = 0;

	if (j->o->args.n > 1)
		buf_addf(&b, "extends: \"%s\"\n", j->o->args.at[1]);
	else
		buf_adds(&b, "version: 1\nkind: bare-metal\n");
	for (const char *at = key; at; depth++) {
		size_t n = strcspn(at, ".");

		buf_pad(&b, ' ', 2 * (size_t)depth);
		buf_addf(&b, "%.*s:", (int)n, at);
		at = at[n] ? at + n + 1 : NULL;
		if (at)
			buf_addc(&b, '\n');
	}
	buf_addc(&b, ' ');
	jw_quote(&b, value);
	buf_addc(&b, '\n');
	return arena_str(&j->a, buf_str(&b));
}

static int explain_setting(struct job *j, const struct style *style, struct buf *ret, struct err *e)
{
	const char *arg = j->o->args.at[0], *eq = strchr(arg, '=');
	const char *key = key_for(j, arena_strn(&j->a, arg, (size_t)(eq - arg)), eq + 1);
	const char *text = profile_with(j, key, eq + 1);

	if (job_profile_text(j, "(command line)", text) || job_facts(j, e))
		return -1;
	solve(&j->profile, &j->facts, &j->catalog, &j->a, &j->plan);
	if (plan_refused(&j->plan)) {
		buf_addf(ret, "%s: %s does not fit this host (%s).\n\n", key, eq + 1,
			 j->plan.header.host);
		render_diags(&j->plan.diags, NULL, style, ret);
	} else {
		buf_addf(ret, "%s: %s fits this host.\n\n", key, eq + 1);
		render_plan(&j->plan, style, ret);
	}
	render_tried(&j->plan, style, ret);
	return 0;
}

static int not_known(const struct catalog *c, const char *name, struct err *e)
{
	const char *meant = part_meant(c, name);

	if (meant)
		return err_set(e, GP_USAGE,
			       "there is no code, rule or part '%s'; did you mean '%s'?", name,
			       meant);
	err_set(e, GP_USAGE, "there is no code, rule or part '%s'", name);
	err_way(e, "messages show codes like GP0203; 'gpuprov why' lists all");
	return -1;
}

static int run(const struct options *o, struct err *e)
{
	auto_job j = { 0 };
	auto_buf struct buf text = BUF_TEXT;
	struct style style = terminal_style(o, stdout);
	const char *name = o->args.n ? o->args.at[0] : NULL;
	enum code code = name ? code_named(name) : GP_NONE;
	const struct record *part;
	int rc = 0;

	if (!style.width || style.width > 80)
		style.width = 80;
	if (job_open(&j, o, e))
		return -1;
	part = name ? part_find(&j.catalog, name) : NULL;
	if (name && strchr(name, '=') && strchr(name, '=') != name)
		rc = explain_setting(&j, &style, &text, e);
	else if (part)
		rc = explain_part(&j, part, &style, &text, e);
	else if (name && !code_title(code) && !rule_of(&j.catalog, code) &&
		 !symptom_of(&j.catalog, code))
		rc = not_known(&j.catalog, name, e);
	else if (name)
		explain(&j, code, &style, &text);
	else
		list_all(&j, &text);
	if (rc)
		return e->code ? -1 : STATUS_PROFILE;
	return print(&text, e) ? -1 : STATUS_OK;
}

const struct command command_why = {
	.name = "why",
	.args = "[CODE|PART|KEY=VALUE] [PROFILE]",
	.min = 0,
	.max = 2,
	.summary = "explain a code, a part of the host, or a choice",
	.about = "Explains at length what a code in a message means (GP0203), what a rule of the "
		 "catalog says (R21), or what a part is, who needs it and whether this host has it "
		 "(driver, cuda-toolkit, cudnn, nvidia-container-toolkit, device-plugin).\n"
		 "\n"
		 "With KEY=VALUE, like driver=580.95.05 or cuda=12.8, tells whether that fits this "
		 "host, and if not, what speaks against it. PROFILE is what it is asked about. "
		 "Without an argument, lists all codes and parts.\n",
	.options = (const enum option[]){ OPT_ROOT, OPT_FACTS, OPT_CATALOG, OPT_COUNT },
	.run = run,
};
