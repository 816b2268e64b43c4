/* SPDX-License-Identifier: Apache-2.0 */
/* Unified diffs: the longest run of common lines, after equal heads and tails are set aside. */
#include "base/udiff.h"

#include "base/arena.h"
#include "base/str.h"

#include <string.h>

enum { CONTEXT = 3, MOST_CELLS = 1 << 20 };

typedef LIST(struct piece) lines;

enum mark { SAME, GONE, ADDED };
struct edit {
	enum mark mark;
	struct piece line;
};
typedef LIST(struct edit) edits;

struct job {
	struct arena *a;
	lines old, new;
	size_t head, tail; /* equal lines at the start and at the end */
	edits script;
};

/* Lines with their newline, so that one without it at the end differs. */
static void split(struct arena *a, const char *text, size_t len, lines *ret)
{
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) + 1 : len;

		list_add(a, ret, ((struct piece){ text, n }));
		text += n;
		len -= n;
	}
}

static bool same(struct piece a, struct piece b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static void set_aside(struct job *j)
{
	size_t most = j->old.n < j->new.n ? j->old.n : j->new.n;

	while (j->head < most && same(j->old.at[j->head], j->new.at[j->head]))
		j->head++;
	while (j->tail < most - j->head &&
	       same(j->old.at[j->old.n - 1 - j->tail], j->new.at[j->new.n - 1 - j->tail]))
		j->tail++;
}

static void say(struct job *j, enum mark mark, struct piece line)
{
	list_add(j->a, &j->script, ((struct edit){ mark, line }));
}

/* common[i][j]: how many lines the rest of the old text from i and of the new from j share. */
static const unsigned *count_common(struct job *j, const struct piece *old, size_t n,
				    const struct piece *new, size_t m)
{
	unsigned *common = arena_alloc(j->a, (n + 1) * (m + 1) * sizeof(*common));

	for (size_t x = n; x-- > 0;)
		for (size_t y = m; y-- > 0;) {
			unsigned right = common[x * (m + 1) + y + 1];
			unsigned down = common[(x + 1) * (m + 1) + y];

			common[x * (m + 1) + y] = same(old[x], new[y]) ?
							  common[(x + 1) * (m + 1) + y + 1] + 1 :
						  right > down ? right :
								 down;
		}
	return common;
}

static void middle(struct job *j)
{
	size_t n = j->old.n - j->head - j->tail, m = j->new.n - j->head - j->tail, x = 0, y = 0;
	const struct piece *old = n ? j->old.at + j->head : NULL;
	const struct piece *new = m ? j->new.at + j->head : NULL;
	/* Too large to look for what is common: all of it is replaced. */
	const unsigned *common =
		(n + 1) * (m + 1) <= MOST_CELLS ? count_common(j, old, n, new, m) : NULL;

	while (x < n || y < m) {
		if (common && x < n && y < m && same(old[x], new[y])) {
			say(j, SAME, old[x++]);
			y++;
		} else if (x < n &&
			   (y == m || !common ||
			    common[(x + 1) * (m + 1) + y] >= common[x * (m + 1) + y + 1])) {
			say(j, GONE, old[x++]);
		} else {
			say(j, ADDED, new[y++]);
		}
	}
}

/* ---- hunks ---- */

static void add_range(char sign, size_t from, size_t n, struct buf *ret)
{
	buf_addf(ret, " %c%zu", sign, n ? from + 1 : from);
	if (n != 1)
		buf_addf(ret, ",%zu", n);
}

static void add_line(const struct edit *one, struct buf *ret)
{
	buf_addc(ret, " -+"[one->mark]);
	buf_add(ret, one->line.at, one->line.len);
	if (one->line.at[one->line.len - 1] != '\n')
		buf_adds(ret, "\n\\ No newline at end of file\n");
}

/* Edits from..to are one hunk; x and y lines come before it. */
static void add_hunk(const struct job *j, size_t from, size_t to, size_t x, size_t y,
		     struct buf *ret)
{
	size_t n = 0, m = 0;

	for (size_t i = from; i < to; i++) {
		n += j->script.at[i].mark != ADDED;
		m += j->script.at[i].mark != GONE;
	}
	buf_adds(ret, "@@");
	add_range('-', x, n, ret);
	add_range('+', y, m, ret);
	buf_adds(ret, " @@\n");
	for (size_t i = from; i < to; i++)
		add_line(&j->script.at[i], ret);
}

/* The end of the hunk that starts at a change: so many equal lines in a row end it. */
static size_t hunk_end(const struct job *j, size_t at)
{
	size_t end = at, equal = 0;

	for (size_t i = at; i < j->script.n && equal <= 2 * CONTEXT; i++) {
		equal = j->script.at[i].mark == SAME ? equal + 1 : 0;
		if (!equal)
			end = i + 1;
	}
	return end + CONTEXT < j->script.n ? end + CONTEXT : j->script.n;
}

static void add_hunks(const struct job *j, struct buf *ret)
{
	size_t x = 0, y = 0;

	for (size_t i = 0; i < j->script.n; i++) {
		size_t before = i < CONTEXT ? i : CONTEXT, end;

		if (j->script.at[i].mark == SAME) {
			x++, y++;
			continue;
		}
		end = hunk_end(j, i);
		add_hunk(j, i - before, end, x - before, y - before, ret);
		for (; i < end; i++) {
			x += j->script.at[i].mark != ADDED;
			y += j->script.at[i].mark != GONE;
		}
		i--;
	}
}

void udiff(const char *old_name, const char *old, size_t old_len, const char *new_name,
	   const char *new, size_t new_len, struct buf *ret)
{
	auto_arena struct arena a = { 0 };
	struct job j = { .a = &a };

	if (!old == !new &&same((struct piece){ old ? old : "", old_len },
				(struct piece){ new ? new : "", new_len }))
		return;
	split(&a, old, old_len, &j.old);
	split(&a, new, new_len, &j.new);
	set_aside(&j);
	for (size_t i = 0; i < j.head; i++)
		say(&j, SAME, j.old.at[i]);
	middle(&j);
	for (size_t i = j.old.n - j.tail; i < j.old.n; i++)
		say(&j, SAME, j.old.at[i]);
	buf_addf(ret, "--- %s\n+++ %s\n", old ? old_name : "/dev/null",
		 new ? new_name : "/dev/null");
	add_hunks(&j, ret);
}
