/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: growth, the limit, cutting, stealing. */
#include "base/buf.h"

#include "base/mem.h"
#include "tap.h"

static void test_building(void)
{
	auto_buf struct buf b = BUF_TEXT;

	is(buf_str(&b), "", "an empty buf reads as an empty string");
	buf_adds(&b, "ab");
	buf_addc(&b, 'c');
	buf_add(&b, "defgh", 2);
	buf_pad(&b, '-', 3);
	buf_addf(&b, "%d%%", 42);
	is(buf_str(&b), "abcde---42%", "pieces follow each other");
	ok(b.len == 11, "the length is known");
	buf_add(&b, "\0x", 2);
	ok(b.len == 13 && b.data[11] == '\0' && b.data[12] == 'x', "NUL is a byte like any other");
	buf_add(&b, NULL, 0);
	buf_pad(&b, ' ', 0);
	buf_adds(&b, "");
	ok(b.len == 13 && !buf_full(&b), "adding nothing adds nothing");
}

static void test_growth(void)
{
	auto_buf struct buf b = BUF_TEXT;
	size_t wrong = 0;

	for (int i = 0; i < 100000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		wrong += b.data[b.len] != '\0' || b.cap <= b.len;
	}
	for (size_t i = 0; i < b.len; i++)
		wrong += b.data[i] != (char)('a' + i % 26);
	ok(b.len == 100000 && !wrong, "growing byte by byte keeps all bytes and the NUL");
	ok(b.cap < 400000, "room grows in proportion");
}

/* For every limit and every size of piece: what fits is kept whole, what does not is dropped whole.
 */
static void test_limit(void)
{
	unsigned wrong = 0;

	for (size_t limit = 0; limit < 40; limit++) {
		for (size_t piece = 1; piece < 10; piece++) {
			auto_buf struct buf b = BUF_INIT(limit);
			size_t want = limit / piece * piece;

			for (int i = 0; i < 50; i++)
				buf_add(&b, "0123456789", piece);
			wrong += b.len != want || !buf_full(&b) || strlen(buf_str(&b)) != b.len;
		}
	}
	ok(!wrong, "a buf never holds more than its limit, and says that it is full");
}

static void test_full(void)
{
	auto_buf struct buf b = BUF_INIT(4);

	buf_adds(&b, "abcd");
	ok(!buf_full(&b), "exactly the limit is not too much");
	buf_addc(&b, 'e');
	ok(buf_full(&b), "one more is");
	is(buf_str(&b), "abcd", "and is dropped");
	ok(!buf_room(&b, 1) && !buf_room(&b, (size_t)-1), "there is no room to write into");
	buf_clear(&b);
	ok(!buf_full(&b) && b.len == 0 && b.limit == 4,
	   "clearing starts anew, with the same limit");
	is(buf_str(&b), "", "and empty");
	buf_pad(&b, 'x', 5);
	ok(buf_full(&b) && b.len == 0, "padding obeys the limit");
	buf_clear(&b);
	buf_addf(&b, "%s", "abcde");
	ok(buf_full(&b) && b.len == 0, "formatting obeys the limit");
}

static void test_room(void)
{
	auto_buf struct buf b = BUF_INIT(100);
	char *room = buf_room(&b, 10);

	memcpy(room, "0123456789", 10);
	buf_added(&b, 3);
	is(buf_str(&b), "012", "only what was added counts");
	room = buf_room(&b, 97);
	ok(room, "there is room up to the limit");
	memset(room, 'x', 97);
	buf_added(&b, 97);
	ok(b.len == 100 && b.data[100] == '\0', "and it can be filled");
	ok(!buf_room(&b, 1), "but not beyond");
}

static void test_cut_and_steal(void)
{
	auto_buf struct buf b = BUF_INIT(50);
	auto_buf struct buf taken = BUF_TEXT;
	auto_free char *text = NULL;
	auto_free char *empty = NULL;

	buf_cut(&b, 0);
	is(buf_str(&b), "", "cutting an empty buf");
	buf_adds(&b, "abcdef");
	buf_cut(&b, 2);
	is(buf_str(&b), "ab", "cutting shortens");
	taken = buf_steal(&b);
	is(buf_str(&taken), "ab", "stealing takes the contents");
	ok(!b.data && !b.len && b.limit == 50, "and leaves an empty buf with its limit");
	buf_adds(&b, "xyz");
	text = buf_steal_str(&b);
	is(text, "xyz", "stealing as a string");
	empty = buf_steal_str(&b);
	is(empty, "", "stealing nothing gives an empty string");
	buf_release(&b);
	buf_release(&b);
	ok(!b.data && b.limit == 50, "releasing twice is fine");
}

int main(void)
{
	test_building();
	test_growth();
	test_limit();
	test_full();
	test_room();
	test_cut_and_steal();
	return done_testing();
}
