/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in a file, and what has moved since it was made. */
#include "execute/saved.h"

#include "base/str.h"
#include "sys/hash.h"

#include <string.h>

static const struct rec_row target_rows[] = {
	REC_ROW(struct saved_target, path, REC_STR, "file"),
	REC_ROW(struct saved_target, sha256, REC_STR, "hash of its bytes"),
	REC_END,
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved, program, REC_STR, "version of gpuprov"),
	REC_ROW(struct saved, root, REC_STR, "root"),
	REC_ROW(struct saved, profile, REC_STR, "absolute path of the profile"),
	REC_ROW(struct saved, profile_hash, REC_STR, "SHA-256 of its bytes"),
	REC_ROW(struct saved, catalog_hash, REC_STR, "SHA-256 of the catalog"),
	REC_ROW(struct saved, made, REC_INT, "when, in seconds since the epoch"),
	REC_ROW(struct saved, newest, REC_INT, "newest run then, -1 = not known"),
	REC_ROW(struct saved, runs, REC_INT, "runs made since then"),
	{ .name = "facts",
	  .type = REC_OBJ,
	  .offset = offsetof(struct saved, facts),
	  .rows = facts_rows,
	  .help = "the host" },
	{ .name = "targets",
	  .type = REC_LIST,
	  .offset = offsetof(struct saved, targets),
	  .rows = target_rows,
	  .size = sizeof(struct saved_target),
	  .help = "files that the plan writes" },
	{ .name = "plan",
	  .type = REC_OBJ,
	  .offset = offsetof(struct saved, plan),
	  .rows = plan_rows,
	  .help = "the plan" },
	REC_END,
};

void saved_write(const struct saved *s, struct buf *ret)
{
	auto_buf struct buf json = BUF_TEXT;
	struct jw j = { .out = &json };
	char hash[HASH_HEX];

	rec_write(&j, saved_rows, s);
	buf_addc(&json, '\n');
	hash_bytes(buf_str(&json), json.len, hash);
	buf_addf(ret, SAVED_HEAD "%s\n", hash);
	buf_add(ret, buf_str(&json), json.len);
}

static int unusable(const char *what, const char *why, struct err *e)
{
	err_set(e, GP_BAD_PLAN, "%s: %s", what, why);
	err_way(e, "make the plan again: gpuprov plan PROFILE --out FILE");
	return -1;
}

int saved_read(const char *text, size_t len, const char *what, struct arena *a, struct saved *ret,
	       struct err *e)
{
	struct piece rest = { text, len }, line;
	auto_err problem = { 0 };
	char hash[HASH_HEX];

	*ret = (struct saved){ 0 };
	if (!str_line(&rest, &line) || !piece_starts(line, SAVED_HEAD))
		return unusable(what, "is not a saved plan", e);
	hash_bytes(rest.at, rest.len, hash);
	if (line.len != strlen(SAVED_HEAD) + HASH_HEX - 1 ||
	    memcmp(line.at + strlen(SAVED_HEAD), hash, HASH_HEX - 1) != 0)
		return unusable(what, "was changed after it was saved: its hash differs", e);
	ret->plan.a = ret->facts.a = ret->plan.diags.a = a;
	if (rec_read(rest.at, rest.len, what, saved_rows, ret, a, &problem))
		return unusable(what, problem.text, e);
	if (!str_eq(ret->plan.schema, PLAN_SCHEMA) || !str_eq(ret->facts.schema, FACTS_SCHEMA))
		return unusable(what, "another version of gpuprov saved it", e);
	return 0;
}

/* ---- what has moved ---- */

struct comparing {
	struct arena *a;
	strs *ret;
	const struct facts *then, *now;
};

/* What the first word of a path is called; anything else goes by its own name. */
static const struct {
	const char *path, *name;
} names[] = {
	{ "kernel", "running kernel" },
	{ "kernels", "kernel" },
	{ "gpus", "GPU" },
	{ "switches", "NVSwitch" },
	{ "packages", "package" },
	{ "sources", "apt source" },
	{ "files", "file" },
	{ "mounts", "file system" },
	{ "modules", "loaded module" },
	{ "os", "operating system" },
	{ "host", "host name" },
	{ "live", "kind of root" },
	{ "secure_boot", "Secure Boot" },
	{ "dpkg", "state of dpkg" },
};

/* "packages[libcuda1].version" is told as "package libcuda1, version". */
static const char *spoken(struct arena *a, const char *path)
{
	size_t head = strcspn(path, ".[");
	const char *name = arena_strn(a, path, head), *close, *rest = path + head;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(names[i].path, name)) {
			name = names[i].name;
			break;
		}
	if (*rest == '[') {
		close = strrchr(rest, ']');
		name = arena_printf(a, "%s %.*s", name, (int)(close - rest - 1), rest + 1);
		rest = close + 1;
	}
	return *rest == '.' ? arena_printf(a, "%s, %s", name, rest + 1) : name;
}

/* A whole object or file is too long to be told: what counts is that it is there or not. */
static const char *told(struct arena *a, const char *value)
{
	enum { LONG = 80 };

	if (!value)
		return "none";
	if (!*value)
		return "not there";
	if (*value == '{')
		return "there";
	return strlen(value) > LONG || strchr(value, '\n') ? arena_printf(a, "%.12s...", value) :
							     value;
}

static void move(struct comparing *c, const char *name, const char *then, const char *now)
{
	const char *left = told(c->a, then), *right = told(c->a, now);

	if (str_eq(left, right))
		list_add(c->a, c->ret, arena_printf(c->a, "%s: changed since the plan", name));
	else
		list_add(c->a, c->ret,
			 arena_printf(c->a, "%s: %s in the plan, %s now", name, left, right));
}

/* Whoever made the plan may have seen less than root does now: that is no move. */
static bool unknown(const struct facts *f, const char *path)
{
	list_each (&f->notes, n)
		if (n->unknown && (str_starts(path, n->fact) || str_starts(n->fact, path)))
			return true;
	return false;
}

/*
 * How much is free moves all the time; whether it is enough is asked below. How a fact was learnt
 * is none, and bytes are told by their hash.
 */
static bool counts(const struct comparing *c, const char *path)
{
	return !str_ends(path, ".free_bytes") && !str_starts(path, "notes") &&
	       !str_eq(path, "schema") && !str_ends(path, "].content") && !unknown(c->then, path) &&
	       !unknown(c->now, path);
}

static void on_fact(void *ctx, const char *path, const char *then, const char *now)
{
	struct comparing *c = ctx;

	if (counts(c, path))
		move(c, spoken(c->a, path), then, now);
}

static void compare_space(struct comparing *c, const struct saved *then, const struct saved *now)
{
	long long need = then->plan.totals.disk + then->plan.totals.download;

	list_each (&now->facts.mounts, m)
		list_each (&then->facts.mounts, was)
			if (str_eq(m->path, was->path) && m->free_bytes < need &&
			    was->free_bytes >= need)
				list_add(c->a, c->ret,
					 arena_printf(c->a,
						      "free space on %s: %lld bytes in the plan, "
						      "%lld now, and the plan needs %lld",
						      m->path, was->free_bytes, m->free_bytes,
						      need));
}

static void compare_str(struct comparing *c, const char *name, const char *then, const char *now)
{
	if (!str_eq(then, now))
		move(c, name, then, now);
}

void saved_moved(const struct saved *then, const struct saved *now, struct arena *a, strs *ret)
{
	struct comparing c = { a, ret, &then->facts, &now->facts };

	compare_str(&c, "gpuprov", then->program, now->program);
	compare_str(&c, "root", then->root, now->root);
	compare_str(&c, "catalog", then->catalog_hash, now->catalog_hash);
	/* A plan may be carried to where its profile is not. */
	if (now->profile_hash)
		compare_str(&c, "profile", then->profile_hash, now->profile_hash);
	if (now->runs)
		list_add(a, ret,
			 arena_printf(a, "other runs: %lld made since the plan", now->runs));
	if (now->made < then->made)
		list_add(a, ret,
			 arena_printf(a, "clock: it is now before the plan was made, by %lld s",
				      then->made - now->made));
	rec_diff(facts_rows, &then->facts, &now->facts, on_fact, &c);
	compare_space(&c, then, now);
	list_each (&then->targets, t)
		list_each (&now->targets, n)
			if (str_eq(t->path, n->path) && t->sha256 && n->sha256)
				compare_str(&c, arena_printf(a, "file to be written /%s", t->path),
					    t->sha256, n->sha256);
}

/* ---- package sets ---- */

static const struct plan_package *package_of(const struct plan_step *s,
					     const struct plan_package *like)
{
	list_each (&s->packages, k)
		if (str_eq(k->name, like->name) && str_eq(k->arch, like->arch))
			return k;
	return NULL;
}

static void step_differs(struct comparing *c, const struct plan_step *then,
			 const struct plan_step *now)
{
	list_each (&then->packages, k) {
		const struct plan_package *other = package_of(now, k);
		const char *name = arena_printf(c->a, "candidate of %s", k->name);

		if (!other)
			move(c, name, k->version, NULL);
		else
			compare_str(c, name, k->version, other->version);
	}
	list_each (&now->packages, k)
		if (!package_of(then, k))
			move(c, arena_printf(c->a, "candidate of %s", k->name), NULL, k->version);
}

void saved_sets_differ(const struct plan *then, const struct plan *now, struct arena *a, strs *ret)
{
	struct comparing c = { .a = a, .ret = ret };

	list_each (&then->steps, s) {
		const struct plan_step *other = plan_find(now, s->id);

		if (other)
			step_differs(&c, s, other);
	}
}
