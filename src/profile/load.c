/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile and the files it extends, as one tree: maps merge, lists and values replace, null
 * removes. Every value keeps the place in the file that said it.
 */
#include "profile/profile.h"

#include "base/str.h"
#include "profile/read.h"
#include "profile/schema.h"

#include <string.h>

enum { MOST_FILES = 8 };

struct loading {
	const struct profile_door *door;
	struct arena *a;
	struct diags *diags;
	LIST(const char *) files; /* from the one the user named to the one that is read now */
};

/* ---- merging ---- */

static struct value merged(struct arena *a, const struct value *base, const struct value *over);

/* A null takes away what is there, or what could be; a mistyped key stays, to be complained of. */
static bool removes(struct arena *a, const struct value *base, const struct value *over)
{
	return over->form == VALUE_NULL && (base || schema_find(schema_path(a, over->path), ~0u));
}

static struct value merged_map(struct arena *a, const struct value *base, const struct value *over)
{
	struct value ret = *over;

	memset(&ret.items, 0, sizeof(ret.items));
	if (base) {
		list_each (&base->items, old) {
			const struct value *new = value_find(over, old->key);

			if (!new)
				list_add(a, &ret.items, *old);
			else if (!removes(a, old, new))
				list_add(a, &ret.items, merged(a, old, new));
		}
	}
	list_each (&over->items, new)
		if (!(base && value_find(base, new->key)) && !removes(a, NULL, new))
			list_add(a, &ret.items, merged(a, NULL, new));
	return ret;
}

static struct value merged(struct arena *a, const struct value *base, const struct value *over)
{
	if (over->form != VALUE_MAP)
		return *over;
	return merged_map(a, base && base->form == VALUE_MAP ? base : NULL, over);
}

static struct value without(struct arena *a, const struct value *map, const char *key)
{
	struct value ret = *map;

	memset(&ret.items, 0, sizeof(ret.items));
	list_each (&map->items, v)
		if (!str_eq(v->key, key))
			list_add(a, &ret.items, *v);
	return ret;
}

/* ---- following ---- */

static struct diag *cannot(struct loading *l, const struct span *at, const char *what)
{
	return diag_add(l->diags, SEV_ERROR, GP_PROFILE_EXTENDS, at, "%s", what);
}

/* "base.yaml" said in "profiles/web.yaml" is "profiles/base.yaml". */
static const char *beside(struct arena *a, const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');

	while (str_starts(path, "./"))
		path += 2;
	if (*path == '/')
		return path;
	if (!slash) /* a file, and not standard input */
		return str_eq(path, "-") ? "./-" : path;
	return arena_printf(a, "%.*s/%s", (int)(slash - file), file, path);
}

static bool in_a_circle(struct loading *l, const char *path, const struct value *v)
{
	struct diag *d;

	list_each (&l->files, file) {
		if (!str_eq(*file, path))
			continue;
		d = cannot(l, &v->at, arena_printf(l->a, "'%s' extends itself", path));
		if (l->files.n > 1)
			diag_why(l->diags, d, "by way of '%s'", l->files.at[l->files.n - 1]);
		diag_way(l->diags, d, NULL, "take one extends: of the circle out");
		return true;
	}
	if (l->files.n < MOST_FILES)
		return false;
	d = cannot(l, &v->at,
		   arena_printf(l->a, "more than %d files extend each other", MOST_FILES));
	diag_way(l->diags, d, NULL, "write the settings of the first ones into one file");
	return true;
}

static int load(struct loading *l, const char *file, const char *bytes, size_t len,
		struct profile *ret);

static int load_base(struct loading *l, const char *path, const struct value *v,
		     struct profile *ret)
{
	auto_buf struct buf text = BUF_INIT(PROFILE_MAX_BYTES + 1);
	auto_err e = { 0 };
	struct diag *d;

	if (l->door->read(l->door->ctx, path, &text, &e)) {
		d = cannot(l, &v->at,
			   arena_printf(l->a, "the file that this one extends: %s", e.text));
		diag_way(l->diags, d, NULL, "the path is looked up from the folder of this file");
		return -1;
	}
	return load(l, path, arena_strn(l->a, buf_str(&text), text.len), text.len, ret);
}

/* The base of a profile, if it names one; then the two as one. */
static int extend(struct loading *l, struct profile *p)
{
	const struct value *v = value_find(&p->root, "extends");
	struct profile *base = arena_alloc(l->a, sizeof(*base));
	const char *path;
	int rc;

	/* What is not a path at all is the schema's to complain about. */
	if (!v || v->form != VALUE_TEXT || schema_fault(schema_find("extends", ~0u), v->text))
		return 0;
	path = beside(l->a, p->text.file, v->text);
	if (in_a_circle(l, path, v))
		return -1;
	rc = load_base(l, path, v, base);
	p->text.base = base->text.file ? &base->text : NULL;
	p->cut_short |= base->cut_short || !base->text.file;
	if (base->root.form == VALUE_MAP)
		p->root = merged_map(l->a, &base->root, &p->root);
	/* It has done its work; what is left says what the host shall be. */
	p->root = without(l->a, &p->root, "extends");
	return rc;
}

static int load(struct loading *l, const char *file, const char *bytes, size_t len,
		struct profile *ret)
{
	int rc;

	list_add(l->a, &l->files, file);
	rc = profile_read(file, bytes, len, l->a, ret, l->diags);
	if (!rc && l->door && extend(l, ret))
		rc = -1;
	l->files.n--;
	return rc;
}

int profile_load(const char *file, const char *bytes, size_t len, const struct profile_door *door,
		 struct arena *a, struct profile *ret, struct diags *diags)
{
	struct loading l = { .door = door, .a = a, .diags = diags };
	int rc = load(&l, file, bytes, len, ret);

	/* What was read is checked too: all errors in one run; unless most of it is missing. */
	if (ret->root.form == VALUE_MAP && !ret->cut_short && schema_check(ret, diags))
		rc = -1;
	diag_sort(diags);
	if (diags->list.n > PROFILE_MAX_ERRORS)
		diags->list.n = PROFILE_MAX_ERRORS;
	return rc;
}

int profile_parse(const char *file, const char *bytes, size_t len, struct arena *a,
		  struct profile *ret, struct diags *diags)
{
	return profile_load(file, bytes, len, /* door= */ NULL, a, ret, diags);
}

/* "a.b=c" as a profile of that one setting. */
static int read_setting(const char *set, struct arena *a, struct profile *ret, struct diags *diags)
{
	auto_buf struct buf text = BUF_TEXT;
	size_t depth = 0;
	const char *at = set;

	while (*at && *at != '=') {
		size_t n = strcspn(at, ".=");

		buf_addf(&text, "%s%*s%.*s:", depth ? "\n" : "", (int)depth, "", (int)n, at);
		depth++;
		at += n + (at[n] == '.');
	}
	buf_addf(&text, " %s\n", *at ? at + 1 : "null");
	return profile_read("-", arena_str(a, buf_str(&text)), text.len, a, ret, diags);
}

int profile_changed(const struct profile *p, const strs *sets, struct arena *a, struct profile *ret,
		    struct diags *diags)
{
	*ret = *p;
	ret->a = a;
	list_each (sets, set) {
		struct profile change;

		if (read_setting(*set, a, &change, diags))
			return -1;
		ret->root = merged_map(a, &ret->root, &change.root);
	}
	return schema_check(ret, diags);
}
