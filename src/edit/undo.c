/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undo, also after somebody else edited the file. Three ways, from the best to the one that always
 * keeps what is not ours: the bytes from before; our bytes taken out where they are; our values
 * taken out one by one. The third is checked by the engine like any edit and decides what the tree
 * must be; the second counts only when it gives the same tree.
 */
#include "edit/priv.h"

#include <string.h>

static struct edit_result result_of(struct edit *ed)
{
	struct edit_result r;

	edit_done(ed, &r);
	return r;
}

/* ---- the bytes from before ---- */

/* Turn the splices round, if the text has what they say it has. */
static int turn_round(struct edit *ed, const struct edit_record *r, splices *ret)
{
	long long moved = 0;

	list_each (&r->splices, s) {
		size_t in = strlen(s->inserted), out = strlen(s->removed);
		size_t at = (size_t)(s->at + moved), len = ed->now->len;

		if (s->at + moved < 0 || at > len || len - at < in ||
		    memcmp(ed->now->text + at, s->inserted, in) != 0) {
			edit_fail(ed, EDIT_INTERNAL, 0, "the record does not fit the file");
			return -1;
		}
		list_add(ed->a, ret, ((struct splice){ at, in, s->removed, out }));
		moved += (long long)in - (long long)out;
	}
	return 0;
}

static struct edit_result exact(struct arena *a, const struct edit_record *r, const char *text,
				size_t len)
{
	auto_edit struct edit *ed = edit_open(a, r->format, text, len);
	splices s = { 0 };

	if (!edit_refused(ed) && !turn_round(ed, r, &s))
		edit_splice(ed, &s);
	return result_of(ed);
}

/* ---- value by value ---- */

/* A value as it was spelled in the file, to be put back like that. */
static const struct tree *reread(struct edit *ed, const char *was)
{
	auto_buf struct buf b = BUF_TEXT;
	struct parsed *p;
	struct tree *v = NULL;

	buf_addf(&b, ed->format == EDIT_JSON ? "{\"v\":%s}" : "v = %s", was);
	p = edit_parse(ed->format, buf_str(&b), b.len);
	if (p->root)
		v = expect_copy(ed->a, tree_get(p->root, "v"));
	parse_release(p);
	if (!v)
		return NULL;
	v->origin = TREE_MADE;
	v->raw = PIECE(was);
	return v;
}

/* What we wrote, read back from its JSON. */
static const struct tree *written(struct edit *ed, const char *now)
{
	auto_buf struct buf b = BUF_TEXT;
	const struct tree *v = NULL;
	struct parsed *p;

	buf_addf(&b, "{\"v\":%s}", now);
	p = edit_parse(EDIT_JSON, buf_str(&b), b.len);
	if (p->root)
		v = expect_copy(ed->a, tree_get(p->root, "v"));
	parse_release(p);
	return v;
}

static const char *const *path_of(struct edit *ed, const struct edit_change *c, size_t n)
{
	const char **path = arena_alloc(ed->a, (n + 1) * sizeof(*path));

	for (size_t i = 0; i < n; i++)
		path[i] = c->path.at[i];
	return (const char *const *)path;
}

/* The tables that were made for a value go with it, as far as nothing else is in them. */
static void prune(struct edit *ed, const struct edit_change *c)
{
	for (long long i = 1; i <= c->made && i < (long long)c->path.n; i++) {
		const char *const *path = path_of(ed, c, c->path.n - (size_t)i);
		const struct tree *t = edit_at(ed, path);

		if (t && t->members.n)
			return;
		edit_remove(ed, path);
	}
}

static void by_hand(struct edit *ed, const struct edit_change *c, const struct tree *where,
		    const char *what)
{
	const char *const *path = path_of(ed, c, c->path.n);

	edit_refuse(ed, EDIT_CONFLICT, where, "'%s' %s", edit_path_text(ed->a, path, c->path.n),
		    what);
	if (c->was)
		edit_way(ed, "by hand: make it %s again", c->was);
	else
		edit_way(ed, "take it out by hand");
}

static void undo_set(struct edit *ed, const struct edit_change *c)
{
	const char *const *path = path_of(ed, c, c->path.n);
	const struct tree *now = c->now ? written(ed, c->now) : NULL, *was = NULL;
	const struct tree *found = edit_at(ed, path);

	if (!found)
		return; /* somebody took it out */
	if (!now || !tree_same(found, now)) {
		by_hand(ed, c, found, "was changed since gpuprov wrote it");
		return;
	}
	if (!c->was) {
		edit_remove(ed, path);
		prune(ed, c);
		return;
	}
	was = reread(ed, c->was);
	if (was)
		edit_set(ed, path, was, EDIT_REPLACE);
	else
		by_hand(ed, c, found, "cannot be put back");
}

static void undo_append(struct edit *ed, const struct edit_change *c)
{
	const char *const *path = path_of(ed, c, c->path.n);
	const struct tree *now = c->now ? written(ed, c->now) : NULL, *array = edit_at(ed, path);

	if (!array)
		return;
	if (!now) {
		by_hand(ed, c, array, "cannot be compared with what gpuprov wrote");
		return;
	}
	edit_drop(ed, path, now);
	array = edit_at(ed, path);
	if (!c->made || !array || array->members.n)
		return;
	edit_remove(ed, path);
	prune(ed, &(struct edit_change){ .path = c->path, .made = c->made - 1 });
}

/* A member we took out comes back, at the end of its table. Where an element was nobody knows. */
static void undo_taking(struct edit *ed, const struct edit_change *c)
{
	const struct tree *was = NULL;

	if (c->verb == EDIT_REMOVE && c->was)
		was = reread(ed, c->was);
	if (was)
		edit_set(ed, path_of(ed, c, c->path.n), was, EDIT_KEEP);
	else
		by_hand(ed, c, NULL, "was taken out, and the file was changed since");
}

static void undo_change(struct edit *ed, const struct edit_change *c)
{
	switch (c->verb) {
	case EDIT_SET:
		undo_set(ed, c);
		return;
	case EDIT_APPEND:
		undo_append(ed, c);
		return;
	case EDIT_REMOVE:
	case EDIT_DROP:
		undo_taking(ed, c);
		return;
	}
}

/* What a person needs to know who must do it by hand. */
static void tell(struct edit *ed, const struct edit_record *r)
{
	list_each (&r->changes, c) {
		const char *path = edit_path_text(ed->a, path_of(ed, c, c->path.n), c->path.n);

		edit_note(ed, EDIT_CONFLICT, NULL, "gpuprov had made '%s' %s; before it was %s",
			  path, c->now ? c->now : "vanish", c->was ? c->was : "not there");
	}
}

static void undo_values(struct edit *ed, const struct edit_record *r)
{
	if (!r->changes.n && r->splices.n)
		edit_refuse(ed, EDIT_CONFLICT, NULL, "the file was changed since");
	for (size_t i = r->changes.n; i-- > 0;)
		undo_change(ed, &r->changes.at[i]);
	if (edit_refused(ed))
		tell(ed, r);
}

/* ---- our bytes where they are ---- */

/* The only place where the bytes are, or false. */
static bool only_once(const struct parsed *p, const char *bytes, size_t *ret_at)
{
	size_t n = strlen(bytes);
	const char *found = n ? memmem(p->text, p->len, bytes, n) : NULL;

	if (!found)
		return false;
	*ret_at = (size_t)(found - p->text);
	return !memmem(found + 1, p->len - *ret_at - 1, bytes, n);
}

static bool find_splices(struct edit *ed, const struct edit_record *r, splices *ret)
{
	size_t done = 0, at;

	list_each (&r->splices, s) {
		if (!only_once(ed->now, s->inserted, &at) || at < done)
			return false;
		list_add(ed->a, ret,
			 ((struct splice){ at, strlen(s->inserted), s->removed,
					   strlen(s->removed) }));
		done = at + strlen(s->inserted);
	}
	return true;
}

/* The same tree as `want` has by our bytes alone? Then that is the better text. */
static bool by_bytes(struct arena *a, const struct edit_record *r, const char *text, size_t len,
		     struct edit *want, struct edit_result *ret)
{
	auto_edit struct edit *ed = edit_open(a, r->format, text, len);
	splices s = { 0 };

	if (edit_refused(ed) || !find_splices(ed, r, &s) || edit_splice(ed, &s) ||
	    !tree_exact(want->now->root, ed->now->root, r->format == EDIT_JSON))
		return false;
	ed->changes = want->changes;
	*ret = result_of(ed);
	return !ret->issues.n;
}

/* Is there nothing left but what we left behind? */
static bool only_ours(enum edit_format format, const char *text, size_t len)
{
	struct parsed *p = edit_parse(format, text, len);
	struct piece rest = { text, len }, line;
	bool nothing = p->root && !p->root->members.n;

	parse_release(p);
	while (format == EDIT_TOML && nothing && str_line(&rest, &line)) {
		line = str_trim(line);
		nothing = !line.len || piece_eq(line, EDIT_MARK_FILE);
	}
	return nothing;
}

static bool hash_is(edit_hash *hash, const char *text, size_t len, const char *wanted)
{
	char hex[65];

	hash(text, len, hex);
	return str_eq(hex, wanted);
}

void edit_undo(struct arena *a, const struct edit_record *r, const char *text, size_t len,
	       edit_hash *hash, struct edit_result *ret, bool *ret_gone)
{
	auto_edit struct edit *ed = NULL;
	struct edit_result bytes;

	*ret_gone = false;
	if (hash_is(hash, text, len, r->after)) {
		*ret = exact(a, r, text, len);
		*ret_gone = r->created && !ret->issues.n;
		return;
	}
	ed = edit_open(a, r->format, text, len);
	if (!edit_refused(ed))
		undo_values(ed, r);
	*ret = result_of(ed);
	if (!ret->issues.n && by_bytes(a, r, text, len, ed, &bytes))
		*ret = bytes;
	*ret_gone = r->created && ret->text && only_ours(r->format, ret->text, ret->len);
}
