/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: collecting, counting, sorting, from errors, as JSON. */
#include "base/diag.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static void test_add(void)
{
	auto_arena struct arena a = { 0 };
	struct diags ds = { .a = &a };
	struct span at = { .file = "p.yaml", .line = 7, .col = 3, .width = 2 };
	struct diag *d = diag_add(&ds, SEV_ERROR, GP_BAD_VALUE, &at, "%s is %d", "x", 5);

	diag_why(&ds, d, "because of %s", "y");
	diag_way(&ds, d, "driver.branch=535", "say %d", 535);
	diag_way(&ds, d, NULL, "or not");
	is(d->what, "x is 5", "what");
	is(d->why, "because of y", "why");
	ok(d->ways.n == 2 && d->ways.at[0].sets.n == 1 && d->ways.at[1].sets.n == 0, "ways out");
	is(d->ways.at[0].text, "say 535", "as a sentence");
	is(d->ways.at[0].sets.at[0], "driver.branch=535", "and as a change of the profile");
	ok(d->at.line == 7 && d->code == GP_BAD_VALUE, "place and code");
	d = diag_add(&ds, SEV_WARNING, GP_RULE + 26, NULL, "w");
	ok(d->at.line == 0 && !d->at.file && !d->why && !d->ways.n, "a place is not needed");
	diag_add(&ds, SEV_NOTE, GP_NONE, NULL, "n");
	diag_add(&ds, SEV_ERROR, GP_IO, NULL, "e");
	ok(diag_count(&ds, SEV_ERROR) == 2 && diag_count(&ds, SEV_WARNING) == 1 &&
		   diag_count(&ds, SEV_NOTE) == 1,
	   "counted by severity");
}

static void test_from_err(void)
{
	auto_arena struct arena a = { 0 };
	struct diags ds = { .a = &a };
	auto_err e = { 0 };
	struct span at = { .file = "f.json", .line = 2, .col = 4, .width = 1 };
	const struct diag *d;

	err_set(&e, GP_BAD_FACTS, "bad");
	err_at(&e, &at);
	err_way(&e, "mend it");
	diag_from_err(&ds, &e);
	d = &ds.list.at[0];
	ok(!e.text && !e.n_ways && !e.at.file, "the error is emptied");
	is(d->what, "bad", "its text is kept");
	is(d->at.file, "f.json", "its file too");
	ok(d->at.line == 2 && d->code == GP_BAD_FACTS && d->severity == SEV_ERROR, "place, code");
	is(d->ways.at[0].text, "mend it", "ways out");
	diag_from_err(&ds, &e);
	is(ds.list.at[1].what, "failed", "an error that says nothing still says that");
}

static const struct diag *place(struct diags *ds, const char *file, unsigned line, unsigned col)
{
	struct span at = { .file = file, .line = line, .col = col, .width = 1 };

	return diag_add(ds, SEV_ERROR, GP_IO, &at, "%s:%u:%u", file ? file : "-", line, col);
}

static void test_sort(void)
{
	static const char *const want[] = { "-:0:0",  "a:1:9",  "a:2:1", "a:2:2",
					    "a:2:10", "a:10:1", "b:1:1", "b:1:1" };
	auto_arena struct arena a = { 0 };
	struct diags ds = { .a = &a };
	unsigned wrong = 0;

	diag_sort(&ds);
	ok(!ds.list.n, "sorting nothing");
	place(&ds, "b", 1, 1);
	place(&ds, "a", 10, 1);
	place(&ds, "a", 2, 10);
	place(&ds, "b", 1, 1);
	place(&ds, "a", 2, 2);
	place(&ds, NULL, 0, 0);
	place(&ds, "a", 1, 9);
	place(&ds, "a", 2, 1);
	diag_sort(&ds);
	for (size_t i = 0; i < ds.list.n; i++)
		wrong += !str_eq(ds.list.at[i].what, want[i]);
	ok(!wrong && ds.list.n == 8, "by file, line, column; as numbers");
}

/* Many at few places: within one place the order in which they were added stays. */
static void test_sort_is_stable(void)
{
	auto_arena struct arena a = { 0 };
	struct diags ds = { .a = &a };
	unsigned wrong = 0;

	for (unsigned i = 0; i < 3000; i++) {
		struct span at = { .file = "p", .line = 1 + i * 7 % 5, .col = 1, .width = 1 };

		diag_add(&ds, i % 3 ? SEV_ERROR : SEV_WARNING, GP_IO, &at, "%u", (i * 7919) % 3001)
			->also.line = i;
	}
	diag_sort(&ds);
	for (size_t i = 1; i < ds.list.n; i++) {
		const struct diag *x = &ds.list.at[i - 1], *y = &ds.list.at[i];

		wrong += x->at.line > y->at.line;
		wrong += x->at.line == y->at.line && x->also.line >= y->also.line;
	}
	ok(!wrong && ds.list.n == 3000, "then in the order added");
	list_add(&a, &ds.list, (struct diag){ .what = "later" });
	is(ds.list.at[3000].what, "later", "a sorted list can grow");
}

static void test_json(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_TEXT;
	struct diags ds = { .a = &a };
	struct jw j = { .out = &b, .compact = true };
	struct diag *d = diag_add(&ds, SEV_WARNING, GP_RULE + 26, NULL, "w");

	d->rule = "R26";
	diag_why(&ds, d, "y");
	diag_way(&ds, d, "k=v", "t");
	rec_write(&j, diag_rows, d);
	is(buf_str(&b),
	   "{\"severity\":\"warning\",\"code\":\"GP1126\",\"rule\":\"R26\",\"what\":\"w\",\"why\":"
	   "\"y\","
	   "\"ways\":[{\"text\":\"t\",\"sets\":[\"k=v\"]}]}",
	   "as JSON");
}

int main(void)
{
	test_add();
	test_from_err();
	test_sort();
	test_sort_is_stable();
	test_json();
	return done_testing();
}
