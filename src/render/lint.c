/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics for programs: JSON of our own, and SARIF 2.1.0 for code scanning. */
#include "render/render.h"

#include "base/str.h"
#include "why.h"

struct report {
	const char *schema;
	bool changed, reboot_required;
	LIST(struct diag) diagnostics;
};

static const struct rec_row report_rows[] = {
	REC_ROW(struct report, schema, REC_STR, "format"),
	REC_ROW(struct report, changed, REC_BOOL, "whether the host was changed"),
	REC_ROW(struct report, reboot_required, REC_BOOL, "whether it needs a reboot"),
	{ .name = "diagnostics",
	  .type = REC_LIST,
	  .offset = offsetof(struct report, diagnostics),
	  .rows = diag_rows,
	  .size = sizeof(struct diag) },
	REC_END,
};

void render_diags_json(const struct diags *d, struct buf *ret)
{
	struct report r = { .schema = "gpuprov.diagnostics/1",
			    .diagnostics = { d->list.at, d->list.n, d->list.cap } };
	struct jw j = { .out = ret };

	rec_write(&j, report_rows, &r);
	buf_addc(ret, '\n');
}

/* ---- SARIF ---- */

static const char *const levels[] = { "error", "warning", "note" };

static void put_text(struct jw *j, const char *key, const char *text)
{
	jw_key(j, key);
	jw_open(j, '{');
	jw_put_str(j, "text", text);
	jw_close(j, '}');
}

static void put_code(struct jw *j, const char *key, enum code code)
{
	auto_buf struct buf name = BUF_TEXT;

	buf_addf(&name, "GP%04u", (unsigned)code);
	jw_put_str(j, key, buf_str(&name));
}

/* A file name as a URI reference: what has a meaning of its own there is escaped. */
static void put_uri(struct jw *j, const char *file)
{
	auto_buf struct buf uri = BUF_TEXT;

	for (const char *c = file; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-' ||
			     *c == '/' || *c == '~';

		if (plain)
			buf_addc(&uri, *c);
		else
			buf_addf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
	}
	jw_put_str(j, "uri", buf_str(&uri));
}

static void put_region(struct jw *j, const struct span *at)
{
	jw_key(j, "region");
	jw_open(j, '{');
	jw_put_int(j, "startLine", at->line);
	jw_put_int(j, "startColumn", at->col);
	jw_put_int(j, "endColumn", (long long)at->col + at->width);
	jw_put_int(j, "byteOffset", (long long)at->off);
	jw_put_int(j, "byteLength", (long long)at->len);
	jw_close(j, '}');
}

/* `note` is what is there, for a place that is only related. */
static void put_location(struct jw *j, const struct span *at, const char *note)
{
	jw_open(j, '{');
	jw_key(j, "physicalLocation");
	jw_open(j, '{');
	jw_key(j, "artifactLocation");
	jw_open(j, '{');
	put_uri(j, at->file);
	jw_close(j, '}');
	if (at->line)
		put_region(j, at);
	jw_close(j, '}');
	if (note)
		put_text(j, "message", note);
	jw_close(j, '}');
}

static void put_locations(struct jw *j, const struct diag *d)
{
	jw_key(j, "locations");
	jw_open(j, '[');
	if (d->at.file)
		put_location(j, &d->at, NULL);
	jw_close(j, ']');
	if (!d->also.file)
		return;
	jw_key(j, "relatedLocations");
	jw_open(j, '[');
	put_location(j, &d->also, d->also_note);
	jw_close(j, ']');
}

static void put_result(struct jw *j, const struct diag *d, size_t rule)
{
	auto_buf struct buf text = BUF_TEXT;

	buf_addf(&text, "%s%s%s", d->what, d->why ? "; " : "", d->why ? d->why : "");
	list_each (&d->ways, way)
		buf_addf(&text, "; %s", way->text);
	jw_open(j, '{');
	put_code(j, "ruleId", d->code);
	jw_put_int(j, "ruleIndex", (long long)rule);
	jw_put_str(j, "level", levels[d->severity]);
	put_text(j, "message", buf_str(&text));
	put_locations(j, d);
	jw_close(j, '}');
}

/* The place of a diagnostic's code among the codes that occur, in order of appearance. */
static size_t rule_index(const struct diags *d, const struct diag *one)
{
	size_t n = 0;

	list_each (&d->list, other) {
		bool first = true;

		list_each (&d->list, before) {
			if (before == other)
				break;
			first &= before->code != other->code;
		}
		if (other->code == one->code)
			return n;
		n += first;
	}
	return n;
}

static void put_rule(struct jw *j, const struct diag *d)
{
	const char *title = code_title(d->code);
	auto_buf struct buf help = BUF_TEXT;
	struct piece why = why_text(d->code);

	buf_add(&help, why.at, why.len);
	jw_open(j, '{');
	put_code(j, "id", d->code);
	put_text(j, "shortDescription", title ? title : "a rule of the catalog");
	if (help.len)
		put_text(j, "help", buf_str(&help));
	jw_close(j, '}');
}

static void put_driver(struct jw *j, const struct diags *d)
{
	size_t next = 0;

	jw_key(j, "tool");
	jw_open(j, '{');
	jw_key(j, "driver");
	jw_open(j, '{');
	jw_put_str(j, "name", "gpuprov");
	jw_put_str(j, "semanticVersion", VERSION);
	jw_key(j, "rules");
	jw_open(j, '[');
	list_each (&d->list, one) {
		if (rule_index(d, one) != next)
			continue;
		put_rule(j, one);
		next++;
	}
	jw_close(j, ']');
	jw_close(j, '}');
	jw_close(j, '}');
}

void render_sarif(const struct diags *d, struct buf *ret)
{
	struct jw j = { .out = ret };

	jw_open(&j, '{');
	jw_put_str(&j, "version", "2.1.0");
	jw_key(&j, "runs");
	jw_open(&j, '[');
	jw_open(&j, '{');
	put_driver(&j, d);
	jw_put_str(&j, "columnKind", "unicodeCodePoints");
	jw_key(&j, "results");
	jw_open(&j, '[');
	list_each (&d->list, one)
		put_result(&j, one, rule_index(d, one));
	jw_close(&j, ']');
	jw_close(&j, '}');
	jw_close(&j, ']');
	jw_close(&j, '}');
	buf_addc(ret, '\n');
}
