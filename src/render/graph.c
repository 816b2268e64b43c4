/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a plan as a drawing, what a file changes line by line, and Graphviz. */
#include "render/html.h"

#include "base/arena.h"
#include "base/str.h"

#include <string.h>

static const char *const op_words[] = { "remove", "replace", "add", "change", "keep" };
static const char *const op_signs[] = { "-", "-/+", "+", "~", "=" };

/* ---- the drawing: a row a step, lines on the left from what is needed down to who needs it ----
 */

enum { ROW = 44, BOX = 32, LANE = 12, BOX_WIDTH = 352, CHARS = 40 };

struct edge {
	size_t from, to;
	unsigned lane;
};

typedef LIST(struct edge) edges;

static size_t index_of(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->steps.n; i++)
		if (str_eq(p->steps.at[i].id, id))
			return i;
	return p->steps.n;
}

/* Lines that run beside each other get lanes of their own; short ones are nearer to the boxes. */
static unsigned free_lane(const edges *all, const struct edge *e)
{
	for (unsigned lane = 0;; lane++) {
		bool taken = false;

		list_each (all, other)
			taken |= other->lane == lane && other->from < e->to && e->from < other->to;
		if (!taken)
			return lane;
	}
}

static unsigned find_edges(const struct plan *p, struct arena *a, edges *ret)
{
	unsigned lanes = 0;

	for (size_t length = 1; length < p->steps.n; length++)
		for (size_t to = length; to < p->steps.n; to++)
			list_each (&p->steps.at[to].needs, id) {
				struct edge e = { .from = index_of(p, *id), .to = to };

				/* What is needed and not in the plan was there already. */
				if (e.from + length != to)
					continue;
				e.lane = free_lane(ret, &e);
				lanes = e.lane + 1 > lanes ? e.lane + 1 : lanes;
				list_add(a, ret, e);
			}
	return lanes;
}

/* At most CHARS characters of "+ packages NVIDIA driver 580". */
static void add_label(const struct plan_step *s, struct buf *ret)
{
	auto_buf struct buf text = BUF_TEXT;
	size_t at = 0, cells = 0;

	buf_addf(&text, "%s %s %s", op_signs[s->op], s->kind, s->what);
	while (at < text.len) {
		unsigned c = 0;
		int n = utf8_next(text.data + at, text.len - at, &c);
		unsigned width = n > 0 ? utf8_char_width(c) : 1;

		if (cells + width > CHARS)
			break;
		cells += width;
		at += n > 0 ? (size_t)n : 1;
	}
	html_text(text.data, at, ret);
	if (at < text.len)
		buf_adds(ret, "\xe2\x80\xa6");
}

static void add_box(const struct plan_step *s, size_t row, unsigned left, struct buf *ret)
{
	unsigned y = (unsigned)row * ROW + (ROW - BOX) / 2;

	buf_addf(ret, "<g class=%s><title>", op_words[s->op]);
	html_text(s->what, strlen(s->what), ret);
	buf_addf(ret, "</title><rect x=%u y=%u width=%u height=%u rx=4 /><text x=%u y=%u>", left, y,
		 (unsigned)BOX_WIDTH, (unsigned)BOX, left + 10, y + 21);
	add_label(s, ret);
	buf_adds(ret, "</text></g>\n");
}

/* Out of the lower half of one box, into the upper half of the other. */
static void add_edge(const struct edge *e, unsigned left, struct buf *ret)
{
	unsigned from = (unsigned)e->from * ROW + ROW / 2 + 8;
	unsigned to = (unsigned)e->to * ROW + ROW / 2 - 8;
	unsigned x = left - 8 - e->lane * LANE;

	buf_addf(ret, "<path d=\"M%u %uH%uV%uH%u\" /><circle cx=%u cy=%u r=2.5 />\n", left, from, x,
		 to, left, left - 1, to);
}

void html_graph(const struct plan *p, struct buf *ret)
{
	auto_arena struct arena a = { 0 };
	edges all = { 0 };
	unsigned left = 12 + find_edges(p, &a, &all) * LANE;

	buf_addf(ret,
		 "<svg viewBox=\"0 0 %u %u\" role=img aria-label=\"steps and what they need\">\n",
		 left + BOX_WIDTH + 2, (unsigned)p->steps.n * ROW);
	list_each (&all, e)
		add_edge(e, left, ret);
	for (size_t i = 0; i < p->steps.n; i++)
		add_box(&p->steps.at[i], i, left, ret);
	buf_adds(ret, "</svg>\n");
}

/* ---- what changes in a file ---- */

typedef LIST(struct piece) pieces;

enum { MOST_LINES = 600 };

static pieces lines_of(const char *text, struct arena *a)
{
	struct piece rest = PIECE(text), line;
	pieces ret = { 0 };

	while (str_line(&rest, &line))
		list_add(a, &ret, line);
	return ret;
}

static void add_line(char sign, struct piece line, struct buf *ret)
{
	buf_addf(ret, "<b%s>%c ", sign == '+' ? " class=p" : sign == '-' ? " class=n" : "", sign);
	html_text(line.at, line.len, ret);
	buf_adds(ret, "</b>");
}

static bool same(struct piece x, struct piece y)
{
	return x.len == y.len && memcmp(x.at, y.at, x.len) == 0;
}

/* The longest common lines from each pair of places on: `common[i * (new + 1) + j]`. */
static unsigned *common_lines(const pieces *old, const pieces *new, struct arena *a)
{
	size_t wide = new->n + 1;
	unsigned *common = arena_alloc(a, (old->n + 1) * wide * sizeof(*common));

	for (size_t i = old->n; i-- > 0;)
		for (size_t j = new->n; j-- > 0;) {
			unsigned skip_old = common[(i + 1) * wide + j];
			unsigned skip_new = common[i * wide + j + 1];

			if (same(old->at[i], new->at[j]))
				common[i * wide + j] = common[(i + 1) * wide + j + 1] + 1;
			else
				common[i * wide + j] = skip_old > skip_new ? skip_old : skip_new;
		}
	return common;
}

void html_diff(const char *old_text, const char *text, struct buf *ret)
{
	auto_arena struct arena a = { 0 };
	pieces old = lines_of(old_text, &a), new = lines_of(text, &a);
	size_t i = 0, j = 0, wide = new.n + 1;
	const unsigned *common = NULL;

	/* Of what is longer than any file of ours, all is shown as old and new. */
	if (old.n <= MOST_LINES && new.n <= MOST_LINES)
		common = common_lines(&old, &new, &a);
	while (i < old.n || j < new.n) {
		if (common && i < old.n && j < new.n &&same(old.at[i], new.at[j])) {
			add_line(' ', new.at[j], ret);
			i++;
			j++;
		} else if (i < old.n && (j == new.n || !common ||
					 common[(i + 1) * wide + j] >= common[i * wide + j + 1])) {
			add_line('-', old.at[i++], ret);
		} else {
			add_line('+', new.at[j++], ret);
		}
	}
}

/* ---- Graphviz ---- */

static void dot_text(const char *text, struct buf *ret)
{
	auto_buf struct buf shown = BUF_TEXT;

	str_escape(&shown, text, strlen(text));
	for (const char *c = buf_str(&shown); *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_addc(ret, '\\');
		buf_addc(ret, *c);
	}
}

static void dot_step(const struct plan_step *s, struct buf *ret)
{
	static const char *const colours[] = { "#a40e26", "#7d4e00", "#116329", "#7d4e00",
					       "#57606a" };

	buf_adds(ret, "\t\"");
	dot_text(s->id, ret);
	buf_addf(ret, "\" [label=\"%s %s\\n", op_signs[s->op], s->kind);
	dot_text(s->what, ret);
	buf_addf(ret, "\", color=\"%s\"];\n", colours[s->op]);
}

void render_dot(const struct plan *p, struct buf *ret)
{
	buf_adds(ret, "digraph plan {\n\tlabel=\"");
	dot_text(p->header.host, ret);
	buf_adds(ret, "\";\n\tnode [shape=box, fontname=\"monospace\"];\n");
	list_each (&p->steps, s)
		dot_step(s, ret);
	list_each (&p->steps, s) {
		list_each (&s->needs, id) {
			if (!plan_find(p, *id))
				continue;
			buf_adds(ret, "\t\"");
			dot_text(*id, ret);
			buf_adds(ret, "\" -> \"");
			dot_text(s->id, ret);
			buf_adds(ret, "\";\n");
		}
	}
	buf_adds(ret, "}\n");
}
