/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as values. */
#include "base/diag.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>

static const char *const severity_words[] = { "error", "warning", "note", NULL };

static const struct rec_row way_rows[] = {
	REC_ROW(struct way, text, REC_STR, "what to do"),
	REC_ROW(struct way, sets, REC_STRS, "the same as changes of the profile"),
	REC_END,
};

static const struct rec_row span_rows[] = {
	REC_ROW(struct span, file, REC_STR, "file, as it was named"),
	REC_ROW(struct span, line, REC_UINT, "from 1; 0 = the file as a whole"),
	{ .name = "column", .type = REC_UINT, .offset = offsetof(struct span, col) },
	REC_ROW(struct span, width, REC_UINT, "characters covered"),
	{ .name = "offset", .type = REC_SIZE, .offset = offsetof(struct span, off) },
	{ .name = "length", .type = REC_SIZE, .offset = offsetof(struct span, len) },
	REC_END,
};

const struct rec_row diag_rows[] = {
	{ .name = "severity",
	  .type = REC_WORD,
	  .offset = offsetof(struct diag, severity),
	  .words = severity_words },
	REC_ROW(struct diag, code, REC_CODE, "gpuprov why explains it"),
	REC_ROW(struct diag, rule, REC_STR, "catalog rule"),
	{ .name = "at", .type = REC_OPT, .offset = offsetof(struct diag, at), .rows = span_rows },
	{ .name = "also",
	  .type = REC_OPT,
	  .offset = offsetof(struct diag, also),
	  .rows = span_rows },
	REC_ROW(struct diag, also_note, REC_STR, "what is at the second place"),
	REC_ROW(struct diag, what, REC_STR, "what is wrong"),
	REC_ROW(struct diag, why, REC_STR, "reason or evidence"),
	{ .name = "ways",
	  .type = REC_LIST,
	  .offset = offsetof(struct diag, ways),
	  .rows = way_rows,
	  .size = sizeof(struct way) },
	REC_END,
};

struct diag *diag_add(struct diags *d, enum severity severity, enum code code,
		      const struct span *at, const char *fmt, ...)
{
	struct diag *one = list_push(d->a, &d->list);
	va_list ap;

	one->severity = severity;
	one->code = code;
	if (at)
		one->at = *at;
	va_start(ap, fmt);
	one->what = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
	return one;
}

void diag_why(struct diags *d, struct diag *one, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	one->why = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
}

void diag_way(struct diags *d, struct diag *one, const char *set, const char *fmt, ...)
{
	struct way *w = list_push(d->a, &one->ways);
	va_list ap;

	va_start(ap, fmt);
	w->text = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
	if (set)
		list_add(d->a, &w->sets, arena_str(d->a, set));
}

void diag_from_err(struct diags *d, struct err *e)
{
	struct span at = e->at;
	struct diag *one;

	at.file = arena_str(d->a, at.file);
	one = diag_add(d, SEV_ERROR, e->code, &at, "%s", e->text ? e->text : "failed");
	for (size_t i = 0; i < e->n_ways; i++)
		diag_way(d, one, NULL, "%s", e->ways[i]);
	err_drop(e);
}

size_t diag_count(const struct diags *d, enum severity severity)
{
	size_t n = 0;

	list_each (&d->list, one)
		n += one->severity == severity;
	return n;
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	int c = str_cmp(x->at.file, y->at.file);

	if (!c)
		c = (x->at.line > y->at.line) - (x->at.line < y->at.line);
	if (!c)
		c = (x->at.col > y->at.col) - (x->at.col < y->at.col);
	return c ? c : (x > y) - (x < y);
}

/* Pointers are sorted, not the diagnostics: where they point is the order in which they came. */
void diag_sort(struct diags *d)
{
	size_t n = d->list.n;
	const struct diag **order = arena_alloc(d->a, n * sizeof(*order));
	struct diag *sorted = arena_alloc(d->a, n * sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		order[i] = &d->list.at[i];
	if (n)
		qsort(order, n, sizeof(*order), by_place);
	for (size_t i = 0; i < n; i++)
		sorted[i] = *order[i];
	d->list.at = sorted;
	d->list.cap = n;
}
