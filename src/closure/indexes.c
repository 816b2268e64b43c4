/* SPDX-License-Identifier: Apache-2.0 */
/* Private package indexes. */
#include "closure/indexes.h"

#include "base/base64.h"
#include "base/str.h"
#include "sys/hash.h"
#include "sys/sys.h"

#include <string.h>
#include <strings.h>

enum { STALE_AFTER_S = 24 * 3600, LOCK_WAIT_S = 120 };

/* ---- the text of sources ---- */

/* "/usr/share/keyrings/x.gpg,/etc/..." with each absolute path moved beneath root. */
static void move_paths(struct piece value, const char *root, struct buf *ret)
{
	for (size_t i = 0; i < value.len; i++) {
		bool start = i == 0 || strchr(" \t,", value.at[i - 1]);

		if (start && value.at[i] == '/')
			buf_adds(ret, root);
		buf_addc(ret, value.at[i]);
	}
}

/* One word: "signed-by=/usr/share/keyrings/x.gpg]" or "file:///srv/repo" moves, anything else
 * stays. */
static void move_word(struct piece word, const char *root, struct buf *ret)
{
	static const char *const heads[] = { "signed-by=", "file:", "copy:", "mirror+file:" };

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		size_t n = strlen(heads[i]);

		if (*word.at == '[' &&
		    piece_starts((struct piece){ word.at + 1, word.len - 1 }, heads[i]))
			n++;
		else if (!piece_starts(word, heads[i]))
			continue;
		/* "file:///srv" and "file:/srv" are the same place. */
		while (n + 1 < word.len && word.at[n] == '/' && word.at[n + 1] == '/')
			n++;
		buf_add(ret, word.at, n);
		move_paths((struct piece){ word.at + n, word.len - n }, root, ret);
		return;
	}
	buf_add(ret, word.at, word.len);
}

static void move_words(struct piece line, const char *root, struct buf *ret)
{
	while (line.len) {
		struct piece word = { line.at, 0 };

		while (word.len < line.len && !strchr(" \t", line.at[word.len]))
			word.len++;
		if (word.len)
			move_word(word, root, ret);
		line.at += word.len, line.len -= word.len;
		if (!line.len)
			return;
		buf_addc(ret, *line.at);
		line.at++, line.len--;
	}
}

static bool names_field(struct piece line, const char *field)
{
	return line.len >= strlen(field) && strncasecmp(line.at, field, strlen(field)) == 0;
}

/* Of a deb822 file: paths of keys and places of repositories, in continuation lines too. */
static void move_in_field(struct piece line, bool *keys, const char *root, struct buf *ret)
{
	static const char field[] = "signed-by:";
	static const char block[] = "-----BEGIN";
	size_t n = 0;

	if (!line.len || !strchr(" \t", *line.at)) {
		*keys = names_field(line, field);
		n = *keys ? strlen(field) : 0;
	}
	/* From here on it is the key itself, in which a slash is a letter. */
	if (memmem(line.at, line.len, block, strlen(block)))
		*keys = false;
	buf_add(ret, line.at, n);
	line.at += n, line.len -= n;
	if (*keys)
		move_paths(line, root, ret);
	else
		move_words(line, root, ret);
}

void indexes_move_keys(const char *text, size_t len, bool deb822, const char *root, struct buf *ret)
{
	struct piece rest = { text, len }, line;
	bool keys = false;

	while (str_line(&rest, &line)) {
		if (deb822)
			move_in_field(line, &keys, root, ret);
		else
			move_words(line, root, ret);
		buf_addc(ret, '\n');
	}
}

/* ---- laying out the folder ---- */

struct layout {
	const struct sys *sys, *cache;
	struct arena *a;
	const char *key;
	const struct plan *plan; /* or NULL */
	struct buf seen;         /* everything the lists depend on, for the stamp */
	strs names;              /* files in the sources folder */
	strs preferences;        /* files in the preferences folder */
};

/* libapt throws its binary caches away when a source is newer than they are: a second, each time.
 */
static int put_if_other(const struct sys *cache, const char *path, const struct buf *text,
			struct err *e)
{
	auto_buf struct buf now = BUF_INIT(1 << 20);
	bool there;

	if (sys_read_if(cache, path, &now, &there, e))
		return -1;
	if (there && now.len == text->len && memcmp(buf_str(&now), buf_str(text), now.len) == 0)
		return 0;
	return sys_replace(cache, path, buf_str(text), text->len, NULL, e);
}

static const char *outer_root(const struct layout *l)
{
	return str_eq(l->sys->root, "/") ? "" : l->sys->root;
}

/* A keyring that the plan will write is not there yet: until then there is one here. */
static bool is_planned_key(const struct plan_step *s)
{
	return str_eq(s->kind, "keyring") && step_get(s, "base64") &&
	       (s->op == OP_ADD || s->op == OP_CHANGE);
}

static const char *key_place(const struct layout *l, const struct plan_step *s)
{
	return arena_printf(l->a, "%s/keys/%s", l->key, strrchr(step_get(s, "path"), '/') + 1);
}

static int put_keys(struct layout *l, struct err *e)
{
	if (!l->plan)
		return 0;
	list_each (&l->plan->steps, s) {
		auto_buf struct buf bytes = BUF_INIT(1 << 20);

		if (!is_planned_key(s))
			continue;
		buf_addf(&l->seen, "%s\n", step_get(s, "base64"));
		if (!base64_decode(PIECE(step_get(s, "base64")), &bytes))
			return err_set(e, GP_INTERNAL, "step '%s' has no usable content", s->id);
		if (put_if_other(l->cache, key_place(l, s), &bytes, e))
			return -1;
	}
	return 0;
}

static void swap_path(struct buf *text, const char *from, const char *to)
{
	auto_buf struct buf swapped = BUF_TEXT;
	const char *at = buf_str(text), *hit;
	size_t n = strlen(from);

	while ((hit = strstr(at, from))) {
		bool whole = !hit[n] || strchr(" \t\n],", hit[n]);

		buf_add(&swapped, at, (size_t)(hit - at));
		buf_adds(&swapped, whole ? to : from);
		at = hit + n;
	}
	buf_adds(&swapped, at);
	buf_clear(text);
	buf_add(text, buf_str(&swapped), swapped.len);
}

static void use_planned_keys(struct layout *l, struct buf *text)
{
	if (l->plan)
		list_each (&l->plan->steps, s)
			if (is_planned_key(s))
				swap_path(text,
					  arena_printf(l->a, "%s/%s", outer_root(l),
						       step_get(s, "path")),
					  arena_printf(l->a, "%s/%s", l->cache->root,
						       key_place(l, s)));
}

static int put_source(struct layout *l, const char *name, const char *text, size_t len,
		      struct err *e)
{
	auto_buf struct buf moved = BUF_TEXT;
	const char *path = arena_printf(l->a, "%s/sources.d/%s", l->key, name);

	indexes_move_keys(text, len, str_ends(name, ".sources"), outer_root(l), &moved);
	use_planned_keys(l, &moved);
	buf_addf(&l->seen, "%s %zu\n", name, moved.len);
	buf_add(&l->seen, buf_str(&moved), moved.len);
	list_add(l->a, &l->names, name);
	return put_if_other(l->cache, path, &moved, e);
}

static bool replaced_by_plan(const struct plan *plan, const char *path)
{
	if (plan)
		list_each (&plan->steps, s)
			if ((str_eq(s->kind, "repo") || str_eq(s->kind, "file")) &&
			    str_eq(step_get(s, "path"), path))
				return true;
	return false;
}

static int copy_source(struct layout *l, const struct plan *plan, const char *path,
		       const char *name, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	bool there;

	if (replaced_by_plan(plan, path))
		return 0;
	if (sys_read_if(l->sys, path, &text, &there, e))
		return -1;
	return there ? put_source(l, name, buf_str(&text), text.len, e) : 0;
}

static int copy_sources(struct layout *l, const struct plan *plan, struct err *e)
{
	strs names = { 0 };

	if (copy_source(l, plan, "etc/apt/sources.list", "0-sources.list", e) ||
	    sys_list(l->sys, "etc/apt/sources.list.d", l->a, &names, e))
		return -1;
	list_each (&names, name)
		if ((str_ends(*name, ".list") || str_ends(*name, ".sources")) &&
		    copy_source(l, plan, arena_printf(l->a, "etc/apt/sources.list.d/%s", *name),
				*name, e))
			return -1;
	return 0;
}

static int add_planned(struct layout *l, const struct plan *plan, bool *ret_added, struct err *e)
{
	if (plan)
		list_each (&plan->steps, s) {
			const char *path = step_get(s, "path"), *text = step_get(s, "content");

			if (!str_eq(s->kind, "repo") || s->op == OP_REMOVE)
				continue;
			*ret_added |= s->op != OP_KEEP;
			if (put_source(l, strrchr(path, '/') + 1, text, strlen(text), e))
				return -1;
		}
	return 0;
}

#define PREFERENCES "etc/apt/preferences.d"

static int put_preference(struct layout *l, const char *name, const struct buf *text, struct err *e)
{
	list_add(l->a, &l->preferences, name);
	return put_if_other(l->cache, arena_printf(l->a, "%s/preferences.d/%s", l->key, name), text,
			    e);
}

static int copy_preference(struct layout *l, const char *path, const char *name, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	bool there;

	if (replaced_by_plan(l->plan, path))
		return 0;
	if (sys_read_if(l->sys, path, &text, &there, e))
		return -1;
	return there ? put_preference(l, name, &text, e) : 0;
}

/* As they will be when the packages are installed: the root's, and those that the plan writes. */
static int put_preferences(struct layout *l, struct err *e)
{
	strs names = { 0 };

	if (copy_preference(l, "etc/apt/preferences", "0-preferences", e) ||
	    sys_list(l->sys, PREFERENCES, l->a, &names, e))
		return -1;
	list_each (&names, name)
		if (copy_preference(l, arena_printf(l->a, PREFERENCES "/%s", *name), *name, e))
			return -1;
	if (l->plan)
		list_each (&l->plan->steps, s) {
			const char *path = step_get(s, "path");
			auto_buf struct buf text = BUF_TEXT;

			if (!str_eq(s->kind, "file") || s->op == OP_REMOVE ||
			    !str_starts(path, PREFERENCES "/"))
				continue;
			buf_adds(&text, step_get(s, "content"));
			if (put_preference(l, strrchr(path, '/') + 1, &text, e))
				return -1;
		}
	return 0;
}

static int drop_others(struct layout *l, const char *folder, const strs *names, struct err *e)
{
	const char *dir = arena_printf(l->a, "%s/%s", l->key, folder);
	strs there = { 0 };

	if (sys_list(l->cache, dir, l->a, &there, e))
		return -1;
	list_each (&there, name) {
		bool ours = false;

		list_each (names, n)
			ours |= str_eq(*n, *name);
		if (!ours && sys_remove(l->cache, arena_printf(l->a, "%s/%s", dir, *name), e))
			return -1;
	}
	return 0;
}

/*
 * The root's lists are part of what the stamp stands for: after its own apt update we start anew.
 */
static int see_lists(struct layout *l, strs *ret, struct err *e)
{
	if (sys_list(l->sys, "var/lib/apt/lists", l->a, ret, e))
		return -1;
	list_each (ret, name) {
		struct sys_stat st;

		if (sys_stat(l->sys, arena_printf(l->a, "var/lib/apt/lists/%s", *name), &st, e))
			return -1;
		if (st.type == SYS_FILE)
			buf_addf(&l->seen, "%s %llu %lld\n", *name, st.size, st.mtime_ns);
	}
	return 0;
}

/* An update of the root was cut off, or is under way: what it has is of two states. */
static bool torn(struct layout *l)
{
	auto_err closed = { 0 }; /* who may not look there, may not know either */
	strs rest = { 0 };

	return sys_list(l->sys, "var/lib/apt/lists/partial", l->a, &rest, &closed) == 0 && rest.n;
}

static int link_lists(struct layout *l, const strs *lists, struct err *e)
{
	static const char *const stays[] = { "lock", "partial", "auxfiles" };
	strs kept = { 0 };

	for (size_t i = 0; i < sizeof(stays) / sizeof(*stays); i++)
		list_add(l->a, &kept, stays[i]);
	if (torn(l))
		return drop_others(l, "lists", &kept, e);
	list_each (lists, name) {
		const char *to = arena_printf(l->a, "%s/lists/%s", l->key, *name);
		const char *from =
			arena_printf(l->a, "%s/var/lib/apt/lists/%s", outer_root(l), *name);

		if (str_eq(*name, "lock") || str_eq(*name, "partial") || str_eq(*name, "auxfiles"))
			continue;
		if (sys_remove(l->cache, to, e) || sys_symlink(l->cache, from, to, e))
			return -1;
	}
	return 0;
}

static const char *stamp_path(const struct indexes *x, struct arena *a)
{
	return arena_printf(a, "%s/fetched", x->key);
}

/*
 * When the root's lists were fetched: their folder is written into each time, whatever came. That
 * is also what Ansible goes by.
 */
static int64_t fetched_by_root(const struct layout *l)
{
	auto_err unknown = { 0 };
	struct sys_stat st;

	if (sys_stat(l->sys, "var/lib/apt/lists", &st, &unknown) || st.type != SYS_DIR)
		return 0;
	return st.mtime_ns / 1000000000;
}

/* The stamp file: "HASH COMPLETE-SINCE FETCHED". */
static int read_stamp(struct layout *l, struct indexes *x, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(256);
	struct piece rest, hash, when, since;
	unsigned long long at = 0, fetched = 0;
	int64_t now = sys_now(l->cache);
	bool there;

	if (sys_read_if(l->cache, stamp_path(x, l->a), &b, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&b), b.len };
	if (there && str_word(&rest, &hash) && str_word(&rest, &when) && piece_eq(hash, x->stamp) &&
	    str_to_u64(arena_strn(l->a, when.at, when.len), &at))
		x->complete = now >= (int64_t)at && now - (int64_t)at < STALE_AFTER_S;
	x->since = fetched_by_root(l);
	if (x->complete && str_word(&rest, &since) &&
	    str_to_u64(arena_strn(l->a, since.at, since.len), &fetched))
		x->since = (int64_t)fetched;
	return 0;
}

static int make_folders(struct layout *l, struct err *e)
{
	static const char *const dirs[] = { "sources.d", "preferences.d", "keys", "lists/partial",
					    "caches" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (sys_mkdirs(l->cache, arena_printf(l->a, "%s/%s", l->key, dirs[i]), 0755, e))
			return -1;
	return 0;
}

static const char *folder(struct layout *l, const char *name)
{
	return arena_printf(l->a, "%s/%s/%s", l->cache->root, l->key, name);
}

static int lay_out(struct layout *l, const struct plan *plan, struct indexes *ret, struct err *e)
{
	char stamp[HASH_HEX];
	strs lists = { 0 };

	if (put_keys(l, e) || copy_sources(l, plan, e) || add_planned(l, plan, &ret->added, e) ||
	    drop_others(l, "sources.d", &l->names, e) || put_preferences(l, e) ||
	    drop_others(l, "preferences.d", &l->preferences, e) || see_lists(l, &lists, e))
		return -1;
	hash_bytes(buf_str(&l->seen), l->seen.len, stamp);
	ret->stamp = arena_str(l->a, stamp);
	if (read_stamp(l, ret, e))
		return -1;
	if (ret->complete)
		return 0;
	/* What the stamp stands for ends here: cut off before the next one, the lists are a
	 * mixture. */
	return sys_remove(l->cache, stamp_path(ret, l->a), e) || link_lists(l, &lists, e) ? -1 : 0;
}

int indexes_prepare(const struct sys *sys, const struct sys *cache, const struct plan *plan,
		    struct arena *a, struct indexes *ret, int *ret_lock, struct err *e)
{
	struct layout l = { .sys = sys, .cache = cache, .a = a, .plan = plan, .seen = BUF_TEXT };
	char hash[HASH_HEX];
	int rc;

	hash_bytes(sys->root, strlen(sys->root), hash);
	l.key = arena_printf(a, "apt/%.16s", hash);
	*ret = (struct indexes){ .key = l.key };
	ret->sources = folder(&l, "sources.d");
	ret->preferences = folder(&l, "preferences.d");
	ret->lists = folder(&l, "lists");
	ret->caches = folder(&l, "caches");
	if (make_folders(&l, e) ||
	    sys_lock(cache, arena_printf(a, "%s/lock", l.key), LOCK_WAIT_S, ret_lock, e))
		return err_ctx(e, "preparing private package indexes");
	rc = lay_out(&l, plan, ret, e);
	if (rc) {
		err_ctx(e, "preparing private package indexes");
		sys_unlock(cache, *ret_lock);
	}
	buf_release(&l.seen);
	return rc;
}

int indexes_fetched(const struct sys *cache, const struct indexes *x, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_TEXT;

	buf_addf(&b, "%s %lld %lld\n", x->stamp, (long long)sys_now(cache), (long long)x->since);
	return sys_replace(cache, stamp_path(x, &a), buf_str(&b), b.len, NULL, e);
}
