/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text: sign, kind, what, where it was asked, why; then the sums. */
#include "render/priv.h"

#include "base/str.h"

#include <limits.h>
#include <string.h>

static const struct {
	const char *sign, *colour;
} ops[] = {
	[OP_REMOVE] = { "-", "31" }, [OP_REPLACE] = { "-/+", "33" }, [OP_ADD] = { "+", "32" },
	[OP_CHANGE] = { "~", "33" }, [OP_KEEP] = { "=", "2" },
};

enum { SIGN = 3, KIND = 10, LONGEST_WHAT = 52, NARROWEST_WHY = 30 };

static void add_sign(const struct plan_step *s, const struct style *style, struct buf *ret)
{
	buf_addc(ret, ' ');
	buf_pad(ret, ' ', SIGN - strlen(ops[s->op].sign));
	add_coloured(style, ops[s->op].colour, ops[s->op].sign, ret);
	buf_addf(ret, " %-*s ", KIND, s->kind);
}

void render_step_head(const struct plan_step *s, const struct style *style, struct buf *ret)
{
	add_sign(s, style, ret);
	buf_adds(ret, s->what);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "bare-metal.yaml:7", as short as it can be and still be found. */
static void add_place(const struct plan_reason *r, struct buf *ret)
{
	if (!r || !r->file)
		return;
	buf_adds(ret, base_name(r->file));
	if (r->line)
		buf_addf(ret, ":%lld", r->line);
}

static void add_why(const struct plan_reason *r, struct buf *ret)
{
	buf_adds(ret, r->text);
	if (r->rule)
		buf_addf(ret, " (%s)", r->rule);
}

struct columns {
	unsigned what, where;
	bool narrow; /* where and why get lines of their own */
};

enum { HEAD = 1 + SIGN + 1 + KIND + 1 };

static void widen(unsigned *column, const char *text, unsigned most)
{
	unsigned n = (unsigned)utf8_width(text, strlen(text));

	if (n > *column && n <= most)
		*column = n;
}

/* What the table must have room for: its columns, and the longest word of a reason. */
struct room {
	unsigned what, where, word;
};

static void measure_reason(const struct plan_reason *r, struct columns *c, struct room *room)
{
	auto_buf struct buf where = BUF_TEXT, why = BUF_TEXT;
	struct piece rest, word;

	add_place(r, &where);
	widen(&c->where, buf_str(&where), LONGEST_WHAT);
	widen(&room->where, buf_str(&where), UINT_MAX);
	add_why(r, &why);
	rest = PIECE(buf_str(&why));
	while (str_word(&rest, &word)) {
		unsigned n = (unsigned)utf8_width(word.at, word.len);

		room->word = n > room->word ? n : room->word;
	}
}

/* One layout for the whole plan: a table where all of it fits, else lines below each other. */
static void measure(const struct plan *p, const struct style *style, struct columns *c)
{
	struct room room = { .word = NARROWEST_WHY };

	list_each (&p->steps, s) {
		widen(&c->what, s->what, LONGEST_WHAT);
		widen(&room.what, s->what, UINT_MAX);
		list_each (&s->reasons, r)
			measure_reason(r, c, &room);
	}
	list_each (&p->omitted, o) {
		widen(&c->what, o->what, LONGEST_WHAT);
		widen(&room.what, o->what, UINT_MAX);
		measure_reason(&o->reason, c, &room);
	}
	if (!style->width)
		return;
	c->narrow = style->width < HEAD + room.what + 2 + room.where + 2 + room.word;
	c->what = room.what;
	c->where = room.where;
}

/* What, after sign and kind; on a narrow terminal that ends the line. */
static void add_what(const char *what, const struct columns *c, const struct style *style,
		     struct buf *ret)
{
	if (c->narrow)
		render_wrapped(what, HEAD, HEAD, style, ret);
	else
		buf_adds(ret, what);
}

/*
 * The two columns after `what`: where and why; on a narrow terminal they get a line of their own.
 */
static void add_reason(const struct plan_reason *r, const char *what, const struct columns *c,
		       const struct style *style, struct buf *ret)
{
	auto_buf struct buf where = BUF_TEXT, why = BUF_TEXT;
	unsigned n = (unsigned)utf8_width(what, strlen(what));
	unsigned at = HEAD + (n > c->what ? n : c->what) + 2;
	unsigned indent = at + c->where + 2;

	add_place(r, &where);
	if (c->narrow) {
		buf_pad(ret, ' ', HEAD);
		if (where.len)
			buf_addf(&why, "%s: ", buf_str(&where));
		add_why(r, &why);
		render_wrapped(buf_str(&why), HEAD, HEAD, style, ret);
		return;
	}
	add_why(r, &why);
	buf_pad(ret, ' ', at - HEAD - n);
	buf_addf(ret, "%-*s  ", (int)c->where, buf_str(&where));
	render_wrapped(buf_str(&why), indent, indent, style, ret);
}

/* ---- packages ---- */

struct package_columns {
	unsigned name, version, from;
	bool undo;   /* of a rollback */
	bool narrow; /* where it comes from gets a line of its own */
};

enum { PACKAGE_SIGN = 9, SIZE = 8, PACKAGE_MORE = 11 };

static void add_from(const struct plan_package *k, struct buf *ret)
{
	if (k->suite)
		buf_addf(ret, "%s/%s", k->suite, k->component ? k->component : "");
}

static void add_version(const struct plan_package *k, struct buf *ret)
{
	if (k->old_version && k->version)
		buf_addf(ret, "%s -> %s", k->old_version, k->version);
	else
		buf_adds(ret, k->version ? k->version : k->old_version);
}

static const char *package_sign(const struct plan_package *k)
{
	if (str_eq(k->change, "remove"))
		return "-";
	return str_eq(k->change, "new") ? "+" : "~";
}

static void add_because(const struct plan_package *k, const struct package_columns *c,
			struct buf *ret)
{
	if (k->because)
		buf_addf(ret, "needed by %s", k->because);
	else if (c->undo)
		buf_adds(ret, "put back");
	else
		buf_adds(ret, str_eq(k->change, "remove") ? "in the way" : "asked for");
}

static void add_package(const struct plan_package *k, const struct package_columns *c,
			const struct style *style, struct buf *ret)
{
	auto_buf struct buf from = BUF_TEXT, version = BUF_TEXT, size = BUF_TEXT, why = BUF_TEXT;
	auto_buf struct buf head = BUF_TEXT;

	add_from(k, &from);
	add_version(k, &version);
	str_size(&size, (unsigned long long)k->download);
	add_because(k, c, &why);
	buf_addf(ret, "       %s ", package_sign(k));
	if (!c->narrow) {
		buf_addf(ret, "%-*s  %-*s  %-*s  %*s  %s\n", (int)c->name, k->name, (int)c->version,
			 buf_str(&version), (int)c->from, buf_str(&from), SIZE, buf_str(&size),
			 buf_str(&why));
		return;
	}
	buf_addf(&head, "%s %s", k->name, buf_str(&version));
	render_wrapped(buf_str(&head), PACKAGE_SIGN, PACKAGE_MORE, style, ret);
	buf_pad(ret, ' ', PACKAGE_MORE);
	if (from.len)
		buf_adds(&from, ", ");
	buf_addf(&from, "%s, %s", buf_str(&size), buf_str(&why));
	render_wrapped(buf_str(&from), PACKAGE_MORE, PACKAGE_MORE, style, ret);
}

/* Does each of them fit into one line? */
static bool is_narrow(const struct plan_step *s, const struct package_columns *c,
		      const struct style *style)
{
	size_t head = PACKAGE_SIGN + c->name + 2 + c->version + 2 + c->from + 2 + SIZE + 2;

	list_each (&s->packages, k) {
		auto_buf struct buf why = BUF_TEXT;

		add_because(k, c, &why);
		if (style->width && style->width < head + why.len)
			return true;
	}
	return false;
}

static void add_packages(const struct plan_step *s, const struct style *style, struct buf *ret)
{
	struct package_columns c = { .undo = step_get(s, "undo-run") != NULL };

	list_each (&s->packages, k) {
		auto_buf struct buf from = BUF_TEXT, version = BUF_TEXT;

		add_from(k, &from);
		add_version(k, &version);
		widen(&c.name, k->name, 40);
		widen(&c.version, buf_str(&version), 48);
		widen(&c.from, buf_str(&from), 48);
	}
	c.narrow = is_narrow(s, &c, style);
	list_each (&s->packages, k)
		add_package(k, &c, style, ret);
}

/* ---- the whole ---- */

static void add_step(const struct plan_step *s, const struct columns *c, const struct style *style,
		     struct buf *ret)
{
	static const struct plan_reason there = { .text = "already there" };
	size_t shown = s->op == OP_KEEP ? 1 : s->reasons.n;

	add_sign(s, style, ret);
	add_what(s->what, c, style, ret);
	if (s->op == OP_KEEP)
		add_reason(&there, s->what, c, style, ret);
	else if (!s->reasons.n && !c->narrow)
		buf_addc(ret, '\n');
	for (size_t i = 0; i < shown && s->op != OP_KEEP; i++) {
		if (i && !c->narrow)
			buf_pad(ret, ' ', HEAD);
		add_reason(&s->reasons.at[i], i ? "" : s->what, c, style, ret);
	}
	if (s->risk && s->op != OP_KEEP) {
		buf_pad(ret, ' ', HEAD);
		buf_adds(ret, "! ");
		render_wrapped(s->risk, 18, 18, style, ret);
	}
	add_packages(s, style, ret);
}

static void add_totals(const struct plan *p, const struct style *style, struct buf *ret)
{
	const struct plan_totals *t = &p->totals;
	auto_buf struct buf sums = BUF_TEXT, download = BUF_TEXT, disk = BUF_TEXT;
	const char *comma = "";

	if (!plan_pending(p)) {
		buf_addf(ret, "Nothing to do: all of this is already there.\n");
		return;
	}
	if (t->remove)
		buf_addf(&sums, "%lld to remove", t->remove), comma = ", ";
	if (t->add)
		buf_addf(&sums, "%s%lld to add", comma, t->add), comma = ", ";
	if (t->change)
		buf_addf(&sums, "%s%lld to change", comma, t->change), comma = ", ";
	if (t->keep)
		buf_addf(&sums, "%s%lld kept", comma, t->keep);
	buf_adds(&sums, ".");
	if (t->packages) {
		str_size(&download, (unsigned long long)t->download);
		str_size(&disk, (unsigned long long)(t->disk < 0 ? -t->disk : t->disk));
		buf_addf(&sums, " %lld packages: %s to download, %s %s on disk.", t->packages,
			 buf_str(&download), buf_str(&disk), t->disk < 0 ? "less" : "more");
	}
	render_wrapped(buf_str(&sums), 0, 0, style, ret);
	buf_clear(&sums);
	buf_addf(&sums, "%s reboot is needed.%s", t->reboot ? "A" : "No",
		 style->acting ? "" : " Nothing has been changed.");
	render_wrapped(buf_str(&sums), 0, 0, style, ret);
}

void render_plan(const struct plan *p, const struct style *style, struct buf *ret)
{
	struct columns c = { 0 };
	size_t from = ret->len;

	render_wrapped(p->header.host, 0, 4, style, ret);
	buf_addc(ret, '\n');
	measure(p, style, &c);
	list_each (&p->steps, s)
		add_step(s, &c, style, ret);
	list_each (&p->omitted, o) {
		buf_pad(ret, ' ', SIGN);
		buf_addf(ret, ". %-*s ", KIND, "left out");
		add_what(o->what, &c, style, ret);
		add_reason(&o->reason, o->what, &c, style, ret);
	}
	if (p->steps.n)
		buf_addc(ret, '\n');
	if (!plan_refused(p))
		add_totals(p, style, ret);
	render_ascii(style, from, ret);
}

void render_tried(const struct plan *p, const struct style *style, struct buf *ret)
{
	if (!p->tried.n)
		return;
	buf_adds(ret, "\nDrivers looked at, the most suitable first:\n");
	for (size_t i = 0; i < p->tried.n; i++) {
		const struct plan_tried *t = &p->tried.at[i];

		buf_addf(ret, "%4zu. ", i + 1);
		render_wrapped(t->what, 6, 6, style, ret);
		buf_pad(ret, ' ', 6);
		render_wrapped(t->outcome, 6, 8, style, ret);
	}
}
