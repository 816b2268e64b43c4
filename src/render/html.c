/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as one page for a review: no script, nothing from outside, every text escaped. It is
 * readable on a phone, in the dark and on paper.
 */
#include "render/html.h"

#include "base/str.h"
#include "render/priv.h"

#include <string.h>

static const char style_sheet[] =
	":root{--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--box:#f6f8fa;--add:#116329;"
	"--change:#7d4e00;--remove:#a40e26;--keep:#57606a;--addbg:#dafbe1;--rembg:#ffebe9}"
	"@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;"
	"--line:#3d444d;--box:#161b22;--add:#56d364;--change:#e3b341;--remove:#ff7b72;"
	"--keep:#9198a1;--addbg:#12261e;--rembg:#301b1e}}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;padding:1rem;max-width:60rem;background:var(--bg);color:var(--fg);"
	"font:1rem/1.5 system-ui,sans-serif}"
	"h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;"
	"border-bottom:1px solid var(--line)}"
	"p,li,td,th,summary,dd{overflow-wrap:anywhere}.dim{color:var(--dim)}"
	"code,pre,.m{font-family:ui-monospace,monospace;font-size:.9rem}"
	"pre{background:var(--box);border:1px solid var(--line);padding:.5rem;margin:.4rem 0;"
	"white-space:pre-wrap;overflow-wrap:anywhere}"
	"pre b{font-weight:400;display:block}pre .p{background:var(--addbg);color:var(--add)}"
	"pre .n{background:var(--rembg);color:var(--remove)}"
	".d{border:1px solid var(--line);border-left:.4rem solid var(--keep);background:var(--box);"
	"padding:.5rem .7rem;margin:.6rem 0}.d.error{border-left-color:var(--remove)}"
	".d.warning{border-left-color:var(--change)}.d ol{margin:.3rem 0}"
	".s{border:1px solid var(--line);padding:.4rem .7rem;margin:.5rem 0;break-inside:avoid}"
	".s ul{margin:.3rem 0;padding-left:1.2rem}"
	".add{color:var(--add)}.change,.replace{color:var(--change)}.remove{color:var(--remove)}"
	".keep{color:var(--keep)}.w{overflow-x:auto}"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
	"padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line)}"
	"svg{width:100%;max-width:34rem;height:auto;display:block}"
	"svg rect{fill:var(--box);stroke:var(--line)}svg path{fill:none;stroke:var(--dim)}"
	"svg circle{fill:var(--dim)}svg text{fill:currentColor;font-family:ui-monospace,monospace;"
	"font-size:13px}"
	"@media(max-width:40rem){thead{display:none}tr{display:block;padding:.3rem 0;"
	"border-bottom:1px solid var(--line)}td{display:block;border:0;padding:0}}"
	"@media print{body{max-width:none;padding:0}details>pre{font-size:.7rem}.s,.d{"
	"break-inside:avoid}}";

static const char *const op_words[] = { "remove", "replace", "add", "change", "keep" };
static const char *const op_signs[] = { "-", "-/+", "+", "~", "=" };

/* Text of anybody's: what HTML means something by, and what nobody sees, is spelt out. */
void html_text(const char *text, size_t len, struct buf *ret)
{
	for (size_t i = 0; i < len;) {
		unsigned c = 0;
		int n = utf8_next(text + i, len - i, &c);
		size_t bytes = n > 0 ? (size_t)n : 1;

		if (c == '&' && n == 1)
			buf_adds(ret, "&amp;");
		else if (c == '<' && n == 1)
			buf_adds(ret, "&lt;");
		else if (c == '>' && n == 1)
			buf_adds(ret, "&gt;");
		else if (c == '"' && n == 1)
			buf_adds(ret, "&quot;");
		else if (c == '\'' && n == 1)
			buf_adds(ret, "&#39;");
		else if (n == 1 && (c == '\n' || c == '\t'))
			buf_addc(ret, (char)c);
		else
			str_escape(ret, text + i, bytes);
		i += bytes;
	}
}

static void add(const char *text, struct buf *ret)
{
	if (text)
		html_text(text, strlen(text), ret);
}

static void add_size(long long bytes, struct buf *ret)
{
	str_size(ret, (unsigned long long)(bytes < 0 ? -bytes : bytes));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "because; p.yaml:7 (R39)" */
static void add_reason(const struct plan_reason *r, struct buf *ret)
{
	add(r->text, ret);
	if (r->rule)
		buf_addf(ret, " <span class=dim>(%s)</span>", r->rule);
	if (!r->file)
		return;
	buf_adds(ret, " <span class=\"dim m\">");
	add(base_name(r->file), ret);
	if (r->line)
		buf_addf(ret, ":%lld", r->line);
	buf_adds(ret, "</span>");
}

/* ---- summary and diagnostics ---- */

static void add_totals(const struct plan *p, struct buf *ret)
{
	const struct plan_totals *t = &p->totals;

	if (plan_refused(p)) {
		buf_adds(ret, "<p><b>There is no plan.</b> Nothing has been changed.</p>\n");
		return;
	}
	if (!plan_pending(p)) {
		buf_adds(ret, "<p><b>Nothing to do:</b> all of this is already there.</p>\n");
		return;
	}
	buf_addf(ret, "<p><b>%lld to add, %lld to change, %lld to remove, %lld kept.</b>", t->add,
		 t->change, t->remove, t->keep);
	if (t->packages) {
		buf_addf(ret, " %lld packages: ", t->packages);
		add_size(t->download, ret);
		buf_adds(ret, " to download, ");
		add_size(t->disk, ret);
		buf_addf(ret, " %s on disk.", t->disk < 0 ? "less" : "more");
	}
	buf_addf(ret, " %s</p>\n", t->reboot ? "A reboot is needed." : "No reboot is needed.");
}

static void add_header(const struct plan *p, struct buf *ret)
{
	buf_adds(ret, "<h1>");
	add(p->header.host, ret);
	buf_adds(ret, "</h1>\n<p class=dim>Plan for <span class=m>");
	add(p->header.profile, ret);
	buf_adds(ret, "</span>, kind ");
	add(p->header.kind, ret);
	buf_adds(ret, ", catalog of ");
	add(p->header.catalog, ret);
	buf_adds(ret, ", gpuprov " VERSION "</p>\n");
	add_totals(p, ret);
}

static void add_diag(const struct diag *d, struct buf *ret)
{
	static const char *const words[] = { "error", "warning", "note" };

	buf_addf(ret, "<div class=\"d %s\"><b>%s GP%04u</b>", words[d->severity],
		 words[d->severity], (unsigned)d->code);
	if (d->at.file) {
		buf_adds(ret, " <span class=\"dim m\">");
		add(base_name(d->at.file), ret);
		if (d->at.line)
			buf_addf(ret, ":%u:%u", d->at.line, d->at.col);
		buf_adds(ret, "</span>");
	}
	buf_adds(ret, "<br>");
	add(d->what, ret);
	if (d->why) {
		buf_adds(ret, "; ");
		add(d->why, ret);
	}
	if (d->ways.n)
		buf_adds(ret, "<ol>");
	list_each (&d->ways, way) {
		buf_adds(ret, "<li>");
		add(way->text, ret);
	}
	buf_addf(ret, "%s</div>\n", d->ways.n ? "</ol>" : "");
}

static void add_diags(const struct plan *p, struct buf *ret)
{
	if (!p->diags.list.n)
		return;
	buf_addf(ret, "<h2>%s</h2>\n", plan_refused(p) ? "Why there is no plan" : "Worth knowing");
	list_each (&p->diags.list, d)
		add_diag(d, ret);
}

/* ---- steps ---- */

static void add_file(const struct plan_step *s, const struct facts *f, struct buf *ret)
{
	const char *path = step_get(s, "path"), *content = step_get(s, "content");
	const struct fact_file *old = path ? facts_file(f, path) : NULL;

	if (!content || s->op == OP_KEEP)
		return;
	buf_addf(ret, "<details%s><summary>%s</summary>\n<pre>",
		 strlen(content) < 2000 ? " open" : "", old ? "what changes" : "what it will hold");
	html_diff(old && old->content ? old->content : "", content, ret);
	buf_adds(ret, "</pre></details>");
}

static void add_step(const struct plan_step *s, const struct facts *f, struct buf *ret)
{
	buf_addf(ret, "<div class=s><span class=\"m %s\">%s</span> <b>", op_words[s->op],
		 op_signs[s->op]);
	add(s->kind, ret);
	buf_adds(ret, "</b> <span class=m>");
	add(s->what, ret);
	buf_adds(ret, "</span>\n<ul>");
	if (s->op == OP_KEEP)
		buf_adds(ret, "<li class=dim>already there");
	list_each (&s->reasons, r) {
		buf_adds(ret, "<li>");
		add_reason(r, ret);
	}
	if (s->risk) {
		buf_adds(ret, "<li class=change>");
		add(s->risk, ret);
	}
	buf_adds(ret, "</ul>\n");
	add_file(s, f, ret);
	buf_adds(ret, "</div>\n");
}

static void add_steps(const struct plan *p, const struct facts *f, struct buf *ret)
{
	if (!p->steps.n)
		return;
	buf_adds(ret, "<h2>Steps, and what each waits for</h2>\n");
	html_graph(p, ret);
	list_each (&p->steps, s)
		add_step(s, f, ret);
	if (p->omitted.n)
		buf_adds(ret, "<h2>Left out</h2>\n<ul>");
	list_each (&p->omitted, o) {
		buf_adds(ret, "<li><b>");
		add(o->what, ret);
		buf_adds(ret, "</b>: ");
		add_reason(&o->reason, ret);
	}
	if (p->omitted.n)
		buf_adds(ret, "</ul>\n");
}

/* ---- packages, proof, data ---- */

static void add_package(const struct plan_package *k, struct buf *ret)
{
	buf_adds(ret, "<tr><td class=m>");
	add(k->name, ret);
	buf_adds(ret, "<td>");
	add(k->change, ret);
	buf_adds(ret, "<td class=m>");
	if (k->old_version && k->version) {
		add(k->old_version, ret);
		buf_adds(ret, " &rarr; ");
	}
	add(k->version ? k->version : k->old_version, ret);
	buf_adds(ret, "<td>");
	add(k->origin, ret);
	if (k->suite) {
		buf_addc(ret, ' ');
		add(k->suite, ret);
	}
	if (k->suite && k->component) {
		buf_addc(ret, '/');
		add(k->component, ret);
	}
	buf_adds(ret, "<td>");
	add_size(k->download, ret);
	buf_adds(ret, "<td>");
	if (k->because) {
		buf_adds(ret, "needed by ");
		add(k->because, ret);
	} else {
		buf_adds(ret, str_eq(k->change, "remove") ? "in the way" : "asked for");
	}
	buf_addc(ret, '\n');
}

static void add_packages(const struct plan *p, struct buf *ret)
{
	bool any = false;

	list_each (&p->steps, s)
		any |= s->packages.n > 0;
	if (!any)
		return;
	buf_adds(ret, "<h2>Packages</h2>\n<div class=w><table><thead><tr><th>Package<th>Change"
		      "<th>Version<th>From<th>Download<th>Why</thead>\n");
	list_each (&p->steps, s)
		list_each (&s->packages, k)
			add_package(k, ret);
	buf_adds(ret, "</table></div>\n");
}

static void add_posts(const struct plan *p, struct buf *ret)
{
	if (!p->posts.n)
		return;
	buf_adds(ret, "<h2>What will be proved afterwards</h2>\n<ul>");
	list_each (&p->posts, post) {
		buf_adds(ret, "<li class=m>");
		add(post->id, ret);
		if (post->wanted) {
			buf_adds(ret, " = ");
			add(post->wanted, ret);
		}
		if (post->needs) {
			buf_adds(ret, " <span class=dim>needs ");
			add(post->needs, ret);
			buf_adds(ret, "</span>");
		}
	}
	buf_adds(ret, "</ul>\n");
}

void render_html(const struct plan *p, const struct facts *f, struct buf *ret)
{
	auto_buf struct buf json = BUF_TEXT;

	buf_adds(ret, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
		      "<meta http-equiv=Content-Security-Policy "
		      "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
		      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
		      "<meta name=color-scheme content=\"light dark\">\n"
		      "<link rel=icon href=\"data:,\">\n<title>gpuprov plan: ");
	add(p->header.host, ret);
	buf_addf(ret, "</title>\n<style>%s</style></head><body>\n", style_sheet);
	add_header(p, ret);
	add_diags(p, ret);
	add_steps(p, f, ret);
	add_packages(p, ret);
	add_posts(p, ret);
	plan_write(p, &json);
	buf_adds(ret,
		 "<h2>All of it, as data</h2>\n<details><summary>JSON</summary>\n<pre id=json>");
	html_text(buf_str(&json), json.len, ret);
	buf_adds(ret, "</pre></details>\n</body></html>\n");
}
