/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on their way up: text, context, codes, places, ways out, ownership. */
#include "base/err.h"

#include "base/mem.h"
#include "tap.h"

#include <errno.h>

static int fails(struct err *e)
{
	return err_set(e, GP_NO_FILE, "'%s' is not there", "a");
}

static int fails_above(struct err *e)
{
	if (fails(e))
		return err_ctx(e, "reading %d files", 2);
	return 0;
}

static void test_text(void)
{
	auto_err e = { 0 };

	ok(fails_above(&e) == -1, "the macros have the value -1");
	is(e.text, "reading 2 files: 'a' is not there", "context goes in front");
	ok(e.code == GP_NO_FILE, "context leaves the code alone");
	err_ctx(&e, "top");
	is(e.text, "top: reading 2 files: 'a' is not there", "context adds up");
	err_set(&e, GP_IO, "100%% new");
	is(e.text, "100% new", "setting replaces");
	ok(e.code == GP_IO, "the code is replaced too");
	err_set(&e, GP_IO, "again: %s", e.text);
	is(e.text, "again: 100% new", "an error's own text may be an argument");
}

static void test_ctx_on_nothing(void)
{
	auto_err e = { 0 };

	err_ctx(&e, "doing it");
	is(e.text, "doing it: failed", "context on an empty error");
}

static void test_errno(void)
{
	static const struct {
		int errnum;
		enum code code;
		const char *text;
	} rows[] = {
		{ EACCES, GP_NO_PERMISSION, "x: Permission denied" },
		{ EPERM, GP_NO_PERMISSION, "x: Operation not permitted" },
		{ ENOSPC, GP_NO_SPACE, "x: No space left on device" },
		{ EDQUOT, GP_NO_SPACE, "x: Disk quota exceeded" },
		{ EROFS, GP_READ_ONLY, "x: Read-only file system" },
		{ ENOENT, GP_NO_FILE, "x: No such file or directory" },
		{ ENOTDIR, GP_NO_FILE, "x: Not a directory" },
		{ EIO, GP_IO, "x: Input/output error" },
		{ EBUSY, GP_IO, "x: Device or resource busy" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_err e = { 0 };
		int rc = err_errno(&e, rows[i].errnum, "%c", 'x');

		ok(rc == -1 && e.code == rows[i].code, "errno %d has its code", rows[i].errnum);
		is(e.text, rows[i].text, "and its words");
	}
}

static void test_ways(void)
{
	auto_err e = { 0 };

	err_set(&e, GP_IO, "x");
	for (int i = 1; i <= ERR_WAYS + 3; i++)
		err_way(&e, "way %d", i);
	ok(e.n_ways == ERR_WAYS, "at most %d ways out are kept", ERR_WAYS);
	is(e.ways[0], "way 1", "the first ones");
	is(e.ways[ERR_WAYS - 1], "way 6", "up to the sixth");
	err_ctx(&e, "above");
	ok(e.n_ways == ERR_WAYS, "context keeps the ways out");
	err_set(&e, GP_IO, "y");
	ok(e.n_ways == 0, "a new error has none");
}

static void test_place(void)
{
	auto_err e = { 0 };
	char file[] = "bare.yaml";
	const struct span at = { .file = file, .line = 7, .col = 11, .width = 3, .off = 90 };
	const struct span nowhere = { .file = NULL };

	err_set(&e, GP_BAD_VALUE, "x");
	err_at(&e, &at);
	file[0] = 'X';
	is(e.at.file, "bare.yaml", "the file name is copied");
	ok(e.at.line == 7 && e.at.col == 11 && e.at.width == 3 && e.at.off == 90, "the place too");
	err_at(&e, &e.at);
	is(e.at.file, "bare.yaml", "pointing an error at its own place");
	err_at(&e, &nowhere);
	ok(!e.at.file && !e.at.line, "a place can be taken away");
}

static void test_move_and_drop(void)
{
	auto_err from = { 0 };
	auto_err to = { 0 };

	err_set(&to, GP_IO, "old");
	err_way(&to, "old way");
	err_set(&from, GP_LOCKED, "new");
	err_way(&from, "new way");
	err_move(&to, &from);
	ok(!from.text && !from.n_ways && from.code == GP_NONE, "the source is empty");
	is(to.text, "new", "the text moved");
	ok(to.code == GP_LOCKED && to.n_ways == 1, "code and ways moved");
	is(to.ways[0], "new way", "the way moved");
	err_drop(&to);
	ok(!to.text && !to.n_ways && to.code == GP_NONE, "dropping empties");
	err_drop(&to);
	ok(!to.text, "dropping twice is fine");
}

int main(void)
{
	test_text();
	test_ctx_on_nothing();
	test_errno();
	test_ways();
	test_place();
	test_move_and_drop();
	return done_testing();
}
