/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: alignment, zeroing, big pieces, strings, lists. */
#include "base/arena.h"

#include "tap.h"

#include <stdalign.h>
#include <stdint.h>

enum { PIECES = 3000 };

static bool all_are(const unsigned char *p, size_t n, unsigned char want)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != want)
			return false;
	return true;
}

/* Pieces of all sizes: aligned, zeroed, and none overlaps another. */
static void test_pieces(void)
{
	auto_arena struct arena a = { 0 };
	static unsigned char *at[PIECES];
	unsigned crooked = 0, dirty = 0, overlapping = 0;

	for (unsigned i = 0; i < PIECES; i++) {
		size_t n = i * 7 % 911;

		at[i] = arena_alloc(&a, n);
		crooked += (uintptr_t)at[i] % alignof(max_align_t) != 0;
		dirty += !all_are(at[i], n, 0);
		memset(at[i], (int)(i % 251 + 1), n);
	}
	for (unsigned i = 0; i < PIECES; i++)
		overlapping += !all_are(at[i], i * 7 % 911, (unsigned char)(i % 251 + 1));
	ok(!crooked, "every piece is aligned");
	ok(!dirty, "every piece is zeroed");
	ok(!overlapping, "no piece overlaps another");
	ok(a.total > 0, "what was taken is counted");
}

static void test_big(void)
{
	auto_arena struct arena a = { 0 };
	const char *small = arena_str(&a, "small");
	unsigned char *big = arena_alloc(&a, 1 << 20);
	const char *after = arena_str(&a, "after");

	ok(all_are(big, 1 << 20, 0), "a piece bigger than a chunk is zeroed");
	memset(big, 0xff, 1 << 20);
	is(small, "small", "what came before it is untouched");
	is(after, "after", "what came after it too");
	ok(a.total >= 1 << 20, "it is counted");
	arena_release(&a);
	ok(!a.last && !a.total, "releasing gives everything back");
	arena_release(&a);
	is(arena_str(&a, "x"), "x", "a released arena can be used again");
}

static void test_strings(void)
{
	auto_arena struct arena a = { 0 };
	char text[] = "abcdef";
	const char *whole = arena_str(&a, text), *part = arena_strn(&a, text, 3);

	text[0] = 'X';
	is(whole, "abcdef", "strings are copied");
	is(part, "abc", "a part ends where it should");
	is(arena_strn(&a, text, 0), "", "an empty part");
	is(arena_str(&a, NULL), NULL, "NULL stays NULL");
	is(arena_printf(&a, "%s/%d", "x", 5), "x/5", "formatting");
}

struct item {
	int number;
	const char *name;
};

static void test_lists(void)
{
	auto_arena struct arena a = { 0 };
	LIST(struct item) list = { 0 };
	strs words = { 0 };
	unsigned wrong = 0, seen = 0;

	list_each (&list, it)
		wrong++;
	ok(!wrong, "an empty list has no items");
	for (int i = 0; i < 1000; i++) {
		struct item *it = list_push(&a, &list);

		wrong += it->number || it->name;
		*it = (struct item){ i, "x" };
	}
	ok(!wrong, "new items are zeroed");
	ok(list.n == 1000 && list.cap >= list.n, "they are counted");
	list_each (&list, it)
		wrong += it->number != (int)seen++;
	ok(!wrong && seen == 1000, "and walked in order");
	list_add(&a, &words, "one");
	list_add(&a, &words, "two");
	is(words.at[1], "two", "values can be added in one go");
}

int main(void)
{
	test_pieces();
	test_big();
	test_strings();
	test_lists();
	return done_testing();
}
