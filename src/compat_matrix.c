/* SPDX-License-Identifier: Apache-2.0 */
/* Driver branches by CUDA series as a table: text, Markdown, CSV, HTML, JSON. */
#include "compat.h"

#include "base/json.h"
#include "base/str.h"
#include "base/ver.h"

struct table {
	const struct catalog *c;
	const struct record *gpu;
	const struct compat_mark *mark;
	struct arena *a;
	struct buf *out;
	LIST(const struct record *) branches, series; /* newest first */
};

static const char *const words[] = { "no", "compat", "minor", "full" };

/* Branches that live, and those that can still be met: from 450 on, which is where CUDA 11 began.
 */
static void gather(struct table *t)
{
	const struct record *r = NULL;

	while ((r = catalog_next(t->c, "branch", r)))
		if (ver_cmp(r->key, "450") >= 0)
			list_add(t->a, &t->branches, r);
	for (size_t i = 0; i < t->branches.n / 2; i++) {
		const struct record *other = t->branches.at[t->branches.n - 1 - i];

		t->branches.at[t->branches.n - 1 - i] = t->branches.at[i];
		t->branches.at[i] = other;
	}
	while ((r = catalog_next(t->c, "cuda-series", r)))
		if (ver_cmp(r->key, "11.0") >= 0)
			list_add(t->a, &t->series, r);
}

static enum compat cell(const struct table *t, const struct record *branch,
			const struct record *series)
{
	return compat_of(t->c, branch, series, t->gpu, t->a);
}

static bool marked(const struct table *t, const struct record *branch, const struct record *series)
{
	return str_eq(t->mark->branch, branch->key) &&
	       (!t->mark->series || str_eq(t->mark->series, series->key));
}

/* Blocks of columns that fit 80: the first is the branch. */
static void as_text(struct table *t)
{
	static const char *const signs[] = { ".", "c", "m", "F" };
	const size_t block = 12;

	for (size_t from = 0; from < t->series.n; from += block) {
		size_t to = from + block < t->series.n ? from + block : t->series.n;

		buf_addf(t->out, "%sdriver", from ? "\n" : "");
		for (size_t i = from; i < to; i++)
			buf_addf(t->out, " %5s", t->series.at[i]->key);
		buf_addc(t->out, '\n');
		list_each (&t->branches, b) {
			buf_addf(t->out, "%-6s", (*b)->key);
			for (size_t i = from; i < to; i++)
				buf_addf(t->out, " %4s%s", signs[cell(t, *b, t->series.at[i])],
					 marked(t, *b, t->series.at[i]) ? "*" : " ");
			while (t->out->len && t->out->data[t->out->len - 1] == ' ')
				buf_cut(t->out, t->out->len - 1);
			buf_addc(t->out, '\n');
		}
	}
	buf_adds(
		t->out,
		"\nF full   m minor-version compatibility   c with a cuda-compat package   . no\n");
	if (t->mark->branch)
		buf_adds(t->out, "* this host\n");
}

static void as_lines(struct table *t, const char *open, const char *sep, const char *close)
{
	buf_addf(t->out, "%sdriver", open);
	list_each (&t->series, s)
		buf_addf(t->out, "%sCUDA %s", sep, (*s)->key);
	buf_addf(t->out, "%s\n", close);
	if (*open) {
		buf_adds(t->out, "|---");
		list_each (&t->series, s)
			buf_adds(t->out, "|---");
		buf_adds(t->out, "|\n");
	}
	list_each (&t->branches, b) {
		buf_addf(t->out, "%s%s", open, (*b)->key);
		list_each (&t->series, s)
			buf_addf(t->out, "%s%s%s", sep, words[cell(t, *b, *s)],
				 marked(t, *b, *s) ? " *" : "");
		buf_addf(t->out, "%s\n", close);
	}
}

static void as_json(struct table *t)
{
	struct jw j = { .out = t->out };

	jw_open(&j, '{');
	jw_put_str(&j, "schema", "gpuprov.compat/1");
	jw_put_str(&j, "catalog", t->c->date);
	if (t->gpu)
		jw_put_str(&j, "gpu", record_get(t->gpu, "name"));
	jw_key(&j, "branches");
	jw_open(&j, '[');
	list_each (&t->branches, b) {
		jw_open(&j, '{');
		jw_put_str(&j, "branch", (*b)->key);
		jw_key(&j, "cuda");
		jw_open(&j, '{');
		list_each (&t->series, s)
			jw_put_str(&j, (*s)->key, words[cell(t, *b, *s)]);
		jw_close(&j, '}');
		jw_close(&j, '}');
	}
	jw_close(&j, ']');
	jw_close(&j, '}');
	buf_addc(t->out, '\n');
}

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>CUDA and driver compatibility</title>\n<style>\n"
	":root{color-scheme:light dark}\n"
	"body{font:15px/1.4 system-ui,sans-serif;margin:1rem}\n"
	".scroll{overflow-x:auto}\n"
	"table{border-collapse:collapse}\n"
	"th,td{padding:.25rem .5rem;border:1px solid #8886;text-align:center}\n"
	"tbody th{position:sticky;left:0;background:Canvas}\n"
	".full{background:#2e7d3233}.minor{background:#f9a82533}.compat{background:#1565c033}\n"
	".no{color:light-dark(#666,#aaa)}\n"
	".here{outline:3px solid currentColor;outline-offset:-3px;font-weight:bold}\n"
	"</style>\n</head>\n<body>\n<h1>CUDA and driver compatibility</h1>\n";

static void as_html(struct table *t)
{
	buf_adds(t->out, page_head);
	buf_addf(t->out,
		 "<p>%s. Catalog of %s.</p>\n<div "
		 "class=\"scroll\"><table>\n<thead><tr><th>driver</th>",
		 t->gpu ? record_get(t->gpu, "name") : "Any GPU", t->c->date);
	list_each (&t->series, s)
		buf_addf(t->out, "<th>%s</th>", (*s)->key);
	buf_adds(t->out, "</tr></thead>\n<tbody>\n");
	list_each (&t->branches, b) {
		buf_addf(t->out, "<tr><th>%s</th>", (*b)->key);
		list_each (&t->series, s) {
			const char *word = words[cell(t, *b, *s)];

			buf_addf(t->out, "<td class=\"%s%s\">%s</td>", word,
				 marked(t, *b, *s) ? " here" : "", word);
		}
		buf_adds(t->out, "</tr>\n");
	}
	buf_addf(t->out,
		 "</tbody>\n</table></div>\n<p>full: the driver's own level. minor: minor-version "
		 "compatibility. compat: with a cuda-compat package, data-centre GPUs "
		 "only.%s</p>\n</body>\n</html>\n",
		 t->mark->branch ? " Framed: this host." : "");
}

void compat_matrix(const struct catalog *c, const struct record *gpu,
		   const struct compat_mark *mark, const char *format, struct arena *a,
		   struct buf *ret)
{
	struct table t = { .c = c, .gpu = gpu, .mark = mark, .a = a, .out = ret };

	gather(&t);
	if (str_eq(format, "md"))
		as_lines(&t, "| ", " | ", " |");
	else if (str_eq(format, "csv"))
		as_lines(&t, "", ",", "");
	else if (str_eq(format, "html"))
		as_html(&t);
	else if (str_eq(format, "json"))
		as_json(&t);
	else
		as_text(&t);
}
