/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of the edit engine, for both fuzz targets. */
#include "edit_check.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPS = 6 };

struct checking {
	const struct fuzz_target *t;
	struct arena *a;
	const struct fuzz_op *ops[MOST_OPS];
	size_t n;
	const char *text;
	size_t len;
};

#define must(good, ...)                                                                            \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "does not hold: " __VA_ARGS__);                            \
			fprintf(stderr, "\n");                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Not SHA-256: fuzzing should not spend its time there. */
static void hash(const void *bytes, size_t len, char *ret)
{
	unsigned long long h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3;
	snprintf(ret, 65, "%016llx%zx", h, len);
}

static void apply(const struct checking *c, struct edit *ed, const struct fuzz_op *op)
{
	const struct tree *value = op->value ? op->value(c->a) : NULL;

	switch (op->verb) {
	case EDIT_SET:
		edit_set(ed, op->path, value, op->replace ? EDIT_REPLACE : EDIT_KEEP);
		return;
	case EDIT_APPEND:
		edit_append(ed, op->path, value);
		return;
	case EDIT_REMOVE:
		edit_remove(ed, op->path);
		return;
	case EDIT_DROP:
		edit_drop(ed, op->path, value);
		return;
	}
}

static struct edit_result run(const struct checking *c, const char *text, size_t len)
{
	auto_edit struct edit *ed = edit_open(c->a, c->t->format, text, len);
	struct edit_result r;

	for (size_t i = 0; i < c->n; i++)
		apply(c, ed, c->ops[i]);
	edit_done(ed, &r);
	return r;
}

static const struct tree *at(const struct tree *t, const char *const *path)
{
	for (; t && *path; path++)
		t = tree_get(t, *path);
	return t;
}

/* ---- the first tree plus the operations ---- */

struct place {
	const struct place *up;
	struct piece key;
};

/* Is the place one that an operation is about (0), above one (1), or neither (2)? */
static int relation(const struct checking *c, const struct place *p, size_t depth)
{
	int best = 2;

	for (size_t i = 0; i < c->n; i++) {
		const struct place *here = p;
		size_t n = 0, same = 0;

		while (c->ops[i]->path[n])
			n++;
		if (n < depth)
			continue;
		for (size_t k = depth; here && k-- > 0; here = here->up)
			same += piece_eq(here->key, c->ops[i]->path[k]);
		if (same == depth && (n > depth) < best)
			best = n > depth;
	}
	return best;
}

static void same_but(const struct checking *c, const struct tree *was, const struct tree *is,
		     const struct place *p, size_t depth);

/* Every member of one tree is in the other, unless an operation put it there or took it out. */
static void members_in(const struct checking *c, const struct tree *x, const struct tree *y,
		       const struct place *p, size_t depth, bool compare)
{
	for (size_t i = 0; i < x->members.n; i++) {
		const struct tree_member *m = &x->members.at[i];
		struct place here = { p, m->key };
		const struct tree_member *other = tree_find(y, m->key);
		int relates = relation(c, &here, depth + 1);

		if (relates == 0 || (!other && relates == 1) || tree_find(x, m->key) != m)
			continue;
		must(other, "'%.*s' is gone or new", (int)m->key.len, m->key.at);
		if (compare)
			same_but(c, m->value, other->value, &here, depth + 1);
	}
}

static void same_but(const struct checking *c, const struct tree *was, const struct tree *is,
		     const struct place *p, size_t depth)
{
	must(was->type == is->type, "a type changed");
	if (was->type < TREE_ARRAY) {
		must(piece_same(was->raw, is->raw), "a spelling changed");
		return;
	}
	if (was->type == TREE_TABLE) {
		members_in(c, was, is, p, depth, true);
		members_in(c, is, was, p, depth, false);
		return;
	}
	must(was->members.n == is->members.n, "an array changed");
	for (size_t i = 0; i < was->members.n; i++) {
		struct place here = { p, PIECE("") };

		same_but(c, was->members.at[i].value, is->members.at[i].value, &here, 1000);
	}
}

static bool contains(const struct tree *array, const struct tree *value)
{
	for (size_t i = 0; array && i < array->members.n; i++)
		if (tree_same(array->members.at[i].value, value))
			return true;
	return false;
}

/* The last operation on a path decides; earlier ones may have been taken back. */
static bool later(const struct checking *c, size_t i)
{
	for (size_t k = i + 1; k < c->n; k++)
		for (size_t n = 0; str_eq(c->ops[i]->path[n], c->ops[k]->path[n]); n++)
			if (!c->ops[i]->path[n + 1] || !c->ops[k]->path[n + 1])
				return true;
	return false;
}

static void check_effects(const struct checking *c, const struct tree *root)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct fuzz_op *op = c->ops[i];
		const struct tree *found = at(root, op->path);
		const struct tree *value = op->value ? op->value(c->a) : NULL;

		if (later(c, i))
			continue;
		if (op->verb == EDIT_SET)
			must(tree_same(found, value), "%c: not set", op->letter);
		else if (op->verb == EDIT_APPEND)
			must(contains(found, value), "%c: not appended", op->letter);
		else if (op->verb == EDIT_REMOVE)
			must(!found, "%c: still there", op->letter);
		else
			must(!contains(found, value), "%c: still in there", op->letter);
	}
}

static void check_tree(const struct checking *c, const struct edit_result *r)
{
	auto_edit struct edit *was = edit_open(c->a, c->t->format, c->text, c->len);
	auto_edit struct edit *is = edit_open(c->a, c->t->format, r->text, r->len);

	must(!edit_refused(is), "the result cannot be read");
	same_but(c, edit_root(was), edit_root(is), NULL, 0);
	check_effects(c, edit_root(is));
}

/* ---- again, and back ---- */

static bool only_adds(const struct checking *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->ops[i]->verb == EDIT_REMOVE || c->ops[i]->verb == EDIT_DROP || later(c, i))
			return false;
	return true;
}

static void check_again(const struct checking *c, const struct edit_result *r)
{
	struct edit_result second;

	if (!only_adds(c))
		return;
	second = run(c, r->text, r->len);
	must(second.text && !second.changed, "a second run changes something");
}

static struct edit_record reread(const struct checking *c, const struct edit_record *record)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };
	struct edit_record back = { 0 };
	auto_err e = { 0 };

	rec_write(&j, edit_record_rows, record);
	must(!rec_read(buf_str(&b), b.len, "record", edit_record_rows, &back, c->a, &e),
	     "the record cannot be read back: %s", e.text);
	return back;
}

static void check_undo(const struct checking *c, const struct edit_result *r)
{
	struct edit_record record = reread(c, &r->record);
	struct edit_result back;
	bool gone;

	edit_undo(c->a, &record, r->text, r->len, hash, &back, &gone);
	must(back.text && back.len == c->len && memcmp(back.text, c->text, c->len) == 0,
	     "undo does not give the bytes back");
	must(!gone, "undo would delete a file that was there");
}

/* Somebody adds a key of his own; then undo gives what he would have had without us, or refuses. */
static void check_undo_elsewhere(const struct checking *c, const struct edit_result *r)
{
	const struct fuzz_op user = { .verb = EDIT_SET, .path = c->t->user_path };
	const struct tree *seven = tree_int(c->a, 7);
	auto_edit struct edit *both = edit_open(c->a, c->t->format, r->text, r->len);
	auto_edit struct edit *his = edit_open(c->a, c->t->format, c->text, c->len);
	auto_edit struct edit *left = NULL;
	struct edit_result edited, back;
	bool gone;

	edit_set(both, user.path, seven, EDIT_REPLACE);
	edit_set(his, user.path, seven, EDIT_REPLACE);
	edit_done(both, &edited);
	if (edit_refused(both) || edit_refused(his))
		return;
	edit_undo(c->a, &r->record, edited.text, edited.len, hash, &back, &gone);
	if (!back.text) {
		must(back.issues.at[0].kind != EDIT_INTERNAL, "%s", back.issues.at[0].text);
		return;
	}
	left = edit_open(c->a, c->t->format, back.text, back.len);
	must(tree_same(edit_root(left), edit_root(his)),
	     "undo took or left something else; with his edit:\n%s\nundone:\n%s", edited.text,
	     back.text);
}

static void check_refusal(const struct edit_result *r)
{
	for (size_t i = 0; i < r->issues.n; i++) {
		const struct edit_issue *issue = &r->issues.at[i];

		must(issue->kind != EDIT_INTERNAL, "%s", issue->text);
		must(issue->text && *issue->text, "an issue without a text");
		must(issue->at.line >= 1 && issue->at.col >= 1, "a refusal without a place: %s",
		     issue->text);
	}
}

static size_t read_ops(struct checking *c, const uint8_t *data, size_t size)
{
	size_t i = 0;

	for (; i < size && data[i] != '\n'; i++)
		for (const struct fuzz_op *op = c->t->ops; op->letter && c->n < MOST_OPS; op++)
			if (op->letter == (char)data[i])
				c->ops[c->n++] = op;
	return i < size ? i + 1 : size;
}

void edit_check(const struct fuzz_target *t, const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct checking c = { .t = t, .a = &a };
	size_t from = read_ops(&c, data, size);
	struct edit_result r;

	c.text = (const char *)data + from;
	c.len = size - from;
	r = run(&c, c.text, c.len);
	if (r.issues.n) {
		must(!r.text, "refused, and a text");
		check_refusal(&r);
		return;
	}
	edit_seal(&a, &r, c.text, c.len, hash);
	check_tree(&c, &r);
	check_again(&c, &r);
	check_undo(&c, &r);
	check_undo_elsewhere(&c, &r);
}
