/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: building, ordering, JSON. */
#include "plan.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>

static const char *const op_words[] = { "remove", "replace", "add", "change", "keep", NULL };

static const struct rec_row reason_rows[] = {
	REC_ROW(struct plan_reason, rule, REC_STR, "catalog rule"),
	REC_ROW(struct plan_reason, text, REC_STR, "why"),
	REC_ROW(struct plan_reason, file, REC_STR, "profile that asked for it"),
	REC_ROW(struct plan_reason, line, REC_INT, "its line"),
	REC_ROW(struct plan_reason, col, REC_INT, "its column"),
	REC_END,
};

static const struct rec_row arg_rows[] = {
	REC_ROW(struct plan_arg, key, REC_STR, "argument"),
	REC_ROW(struct plan_arg, value, REC_STR, "its value"),
	REC_END,
};

static const struct rec_row package_rows[] = {
	REC_ROW(struct plan_package, name, REC_STR, "package"),
	REC_ROW(struct plan_package, arch, REC_STR, "architecture"),
	REC_ROW(struct plan_package, change, REC_STR, "new, upgrade, downgrade, reinstall, remove"),
	REC_ROW(struct plan_package, version, REC_STR, "new version"),
	REC_ROW(struct plan_package, old_version, REC_STR, "installed version"),
	REC_ROW(struct plan_package, origin, REC_STR, "label of the repository"),
	REC_ROW(struct plan_package, suite, REC_STR, "suite"),
	REC_ROW(struct plan_package, component, REC_STR, "component"),
	REC_ROW(struct plan_package, sha256, REC_STR, "hash of the .deb"),
	REC_ROW(struct plan_package, because, REC_STR, "the package that needs it"),
	REC_ROW(struct plan_package, download, REC_INT, "bytes to download"),
	REC_ROW(struct plan_package, disk, REC_INT, "bytes added on disk"),
	REC_END,
};

#define WORD(T, m, w, h)                                                                           \
	{                                                                                          \
		.name = #m, .type = REC_WORD, .offset = offsetof(T, m), .words = (w), .help = (h)  \
	}
#define ROWS(T, m, r, I, h)                                                                        \
	{                                                                                          \
		.name = #m, .type = REC_LIST, .offset = offsetof(T, m), .rows = (r),               \
		.size = sizeof(I), .help = (h)                                                     \
	}
#define OBJ(T, m, r, h)                                                                            \
	{                                                                                          \
		.name = #m, .type = REC_OBJ, .offset = offsetof(T, m), .rows = (r), .help = (h)    \
	}

static const struct rec_row step_rows[] = {
	REC_ROW(struct plan_step, id, REC_STR, "unique name"),
	REC_ROW(struct plan_step, kind, REC_STR, "step kind"),
	WORD(struct plan_step, op, op_words, "what happens"),
	REC_ROW(struct plan_step, what, REC_STR, "to what"),
	REC_ROW(struct plan_step, risk, REC_STR, "what cannot be undone, or disturbs"),
	REC_ROW(struct plan_step, when, REC_STR, "boot: only after the next boot"),
	ROWS(struct plan_step, args, arg_rows, struct plan_arg, "arguments"),
	REC_ROW(struct plan_step, needs, REC_STRS, "steps that come before"),
	ROWS(struct plan_step, reasons, reason_rows, struct plan_reason, "why"),
	ROWS(struct plan_step, packages, package_rows, struct plan_package, "exact package set"),
	REC_END,
};

static const struct rec_row omission_rows[] = {
	REC_ROW(struct plan_omission, what, REC_STR, "what is left out"),
	OBJ(struct plan_omission, reason, reason_rows, "why"),
	REC_END,
};

static const struct rec_row post_rows[] = {
	REC_ROW(struct plan_post, id, REC_STR, "unique name"),
	REC_ROW(struct plan_post, kind, REC_STR, "kind of check"),
	REC_ROW(struct plan_post, subject, REC_STR, "what is checked"),
	REC_ROW(struct plan_post, wanted, REC_STR, "what it must be"),
	REC_ROW(struct plan_post, of, REC_STR, "package whose version decides"),
	REC_ROW(struct plan_post, needs, REC_STR, "what it takes to be provable"),
	REC_END,
};

static const struct rec_row totals_rows[] = {
	REC_ROW(struct plan_totals, add, REC_INT, "steps that add"),
	REC_ROW(struct plan_totals, change, REC_INT, "steps that change"),
	REC_ROW(struct plan_totals, remove, REC_INT, "steps that remove"),
	REC_ROW(struct plan_totals, keep, REC_INT, "steps already done"),
	REC_ROW(struct plan_totals, packages, REC_INT, "packages touched"),
	REC_ROW(struct plan_totals, download, REC_INT, "bytes to download"),
	REC_ROW(struct plan_totals, disk, REC_INT, "bytes added on disk"),
	REC_ROW(struct plan_totals, reboot, REC_BOOL, "a reboot is needed"),
	REC_END,
};

static const struct rec_row header_rows[] = {
	REC_ROW(struct plan_header, profile, REC_STR, "profile"),
	REC_ROW(struct plan_header, profile_hash, REC_STR, "SHA-256 of its bytes"),
	REC_ROW(struct plan_header, kind, REC_STR, "kind of host"),
	REC_ROW(struct plan_header, catalog, REC_STR, "date of the catalog's facts"),
	REC_ROW(struct plan_header, host, REC_STR, "the host in one line"),
	REC_ROW(struct plan_header, undoes, REC_STR, "a rollback: the oldest run it puts back"),
	REC_ROW(struct plan_header, reboot, REC_STR, "auto: reboot and go on"),
	REC_ROW(struct plan_header, on_failure, REC_STR, "rollback: put everything back"),
	REC_ROW(struct plan_header, report, REC_STR, "file for the outcome"),
	REC_ROW(struct plan_header, cache, REC_STR, "folder for downloads"),
	REC_END,
};

static const struct rec_row tried_rows[] = {
	REC_ROW(struct plan_tried, what, REC_STR, "a driver"),
	REC_ROW(struct plan_tried, outcome, REC_STR, "taken, or what speaks against it"),
	REC_END,
};

const struct rec_row plan_rows[] = {
	REC_ROW(struct plan, schema, REC_STR, "format of this file"),
	OBJ(struct plan, header, header_rows, "what the plan was made from"),
	ROWS(struct plan, steps, step_rows, struct plan_step, "steps in order"),
	ROWS(struct plan, omitted, omission_rows, struct plan_omission, "left out on purpose"),
	ROWS(struct plan, tried, tried_rows, struct plan_tried, "drivers looked at, best first"),
	ROWS(struct plan, posts, post_rows, struct plan_post, "what must hold afterwards"),
	{ .name = "diagnostics",
	  .type = REC_LIST,
	  .offset = offsetof(struct plan, diags.list),
	  .rows = diag_rows,
	  .size = sizeof(struct diag) },
	OBJ(struct plan, totals, totals_rows, "sums"),
	REC_ROW(struct plan, changed, REC_BOOL, "there is something to do"),
	REC_ROW(struct plan, reboot_required, REC_BOOL, "a reboot is needed"),
	REC_END,
};

void plan_init(struct plan *p, struct arena *a)
{
	*p = (struct plan){ .schema = PLAN_SCHEMA, .a = a, .diags = { .a = a } };
}

struct plan_step *plan_add(struct plan *p, const char *kind, const char *name, enum plan_op op,
			   const char *what, ...)
{
	struct plan_step *s = list_push(p->a, &p->steps);
	va_list ap;

	s->kind = kind;
	s->id = arena_printf(p->a, "%s:%s", kind, name);
	s->op = op;
	va_start(ap, what);
	s->what = arena_vprintf(p->a, what, ap);
	va_end(ap);
	return s;
}

void step_arg(struct plan *p, struct plan_step *s, const char *key, const char *value)
{
	struct plan_arg *arg = list_push(p->a, &s->args);

	arg->key = key;
	arg->value = value;
}

void step_needs(struct plan *p, struct plan_step *s, const char *id)
{
	list_add(p->a, &s->needs, id);
}

static void set_place(struct plan_reason *r, const char *rule, const struct span *at)
{
	r->rule = rule;
	if (!at)
		return;
	r->file = at->file;
	r->line = at->line;
	r->col = at->col;
}

void step_reason(struct plan *p, struct plan_step *s, const char *rule, const struct span *at,
		 const char *fmt, ...)
{
	struct plan_reason *r = list_push(p->a, &s->reasons);
	va_list ap;

	set_place(r, rule, at);
	va_start(ap, fmt);
	r->text = arena_vprintf(p->a, fmt, ap);
	va_end(ap);
}

void plan_omit(struct plan *p, const char *what, const char *rule, const struct span *at,
	       const char *fmt, ...)
{
	struct plan_omission *o = list_push(p->a, &p->omitted);
	va_list ap;

	o->what = what;
	set_place(&o->reason, rule, at);
	va_start(ap, fmt);
	o->reason.text = arena_vprintf(p->a, fmt, ap);
	va_end(ap);
}

void plan_room(struct plan *p, const char *path, long long bytes, bool guessed, const char *what,
	       ...)
{
	struct plan_room *r = list_push(p->a, &p->room);
	va_list ap;

	va_start(ap, what);
	*r = (struct plan_room){ path, arena_vprintf(p->a, what, ap), bytes, guessed };
	va_end(ap);
}

struct plan_post *plan_post(struct plan *p, const char *id, const char *kind, const char *subject,
			    const char *wanted, const char *of)
{
	struct plan_post *post = list_push(p->a, &p->posts);

	*post = (struct plan_post){ id, kind, subject, wanted, of, NULL };
	return post;
}

static int by_id(const void *a, const void *b)
{
	const struct plan_step *x = a, *y = b;

	return str_cmp(x->id, y->id);
}

static bool ready(const struct plan *p, const struct plan_step *s, size_t placed)
{
	list_each (&s->needs, id) {
		bool there = false, known = false;

		for (size_t i = 0; i < p->steps.n; i++) {
			bool same = str_eq(p->steps.at[i].id, *id);

			known |= same;
			there |= same && i < placed;
		}
		if (known && !there)
			return false;
	}
	return true;
}

/* Of the steps that could come next, removals first, then by id: the same order everywhere. */
static void sort_steps(struct plan *p)
{
	struct plan_step *at = p->steps.at;

	if (p->steps.n)
		qsort(at, p->steps.n, sizeof(*at), by_id);
	for (size_t placed = 0; placed < p->steps.n; placed++) {
		size_t next = p->steps.n;
		struct plan_step moved;

		for (size_t i = placed; i < p->steps.n; i++)
			if (ready(p, &at[i], placed) &&
			    (next == p->steps.n ||
			     (at[i].op == OP_REMOVE && at[next].op != OP_REMOVE)))
				next = i;
		if (next == p->steps.n) /* a cycle would be a bug of the solver */
			abort();
		moved = at[next];
		for (size_t i = next; i > placed; i--)
			at[i] = at[i - 1];
		at[placed] = moved;
	}
}

static int post_by_id(const void *a, const void *b)
{
	const struct plan_post *x = a, *y = b;

	return str_cmp(x->id, y->id);
}

static void count(struct plan *p)
{
	bool reboot = p->totals.reboot;

	p->totals = (struct plan_totals){ .reboot = reboot };
	list_each (&p->steps, s) {
		p->totals.add += s->op == OP_ADD;
		p->totals.change += s->op == OP_CHANGE || s->op == OP_REPLACE;
		p->totals.remove += s->op == OP_REMOVE;
		p->totals.keep += s->op == OP_KEEP;
		list_each (&s->packages, k) {
			p->totals.packages++;
			p->totals.download += k->download;
			p->totals.disk += k->disk;
		}
	}
}

void plan_finish(struct plan *p)
{
	sort_steps(p);
	if (p->posts.n)
		qsort(p->posts.at, p->posts.n, sizeof(*p->posts.at), post_by_id);
	count(p);
}

const char *step_get(const struct plan_step *s, const char *key)
{
	list_each (&s->args, arg)
		if (str_eq(arg->key, key))
			return arg->value;
	return NULL;
}

const struct plan_step *plan_find(const struct plan *p, const char *id)
{
	list_each (&p->steps, s)
		if (str_eq(s->id, id))
			return s;
	return NULL;
}

bool plan_refused(const struct plan *p)
{
	return diag_count(&p->diags, SEV_ERROR) > 0;
}

bool plan_pending(const struct plan *p)
{
	list_each (&p->steps, s)
		if (s->op != OP_KEEP)
			return true;
	return false;
}

void plan_write(const struct plan *p, struct buf *ret)
{
	struct jw j = { .out = ret };
	struct plan told = *p;

	told.changed = plan_pending(p);
	told.reboot_required = p->totals.reboot;
	rec_write(&j, plan_rows, &told);
	buf_addc(ret, '\n');
}

int plan_read(const char *text, size_t len, const char *what, struct arena *a, struct plan *ret,
	      struct err *e)
{
	plan_init(ret, a);
	ret->schema = NULL; /* it must say so itself */
	if (rec_read(text, len, what, plan_rows, ret, a, e))
		return -1;
	if (str_eq(ret->schema, PLAN_SCHEMA))
		return 0;
	return err_set(e, GP_BAD_FACTS, "%s: schema is '%s', this program reads %s", what,
		       ret->schema ? ret->schema : "missing", PLAN_SCHEMA);
}
