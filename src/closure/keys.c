/* SPDX-License-Identifier: Apache-2.0 */
/* Getting the keys of repositories, and comparing them. */
#include "closure/keys.h"

#include "base/base64.h"
#include "base/str.h"
#include "sys/apt.h"
#include "sys/openpgp.h"
#include "sys/sys.h"

enum { KEYRING_MAX = 1 << 20 };

struct getting {
	struct plan *plan;
	struct plan_step *step;
	const struct sys *sys, *cache;
	const struct closure_options *options;
	struct arena *a;
};

static bool allowed(const struct plan_step *s, const char *fingerprint)
{
	list_each (&s->args, arg)
		if (str_eq(arg->key, "fingerprint") && str_eq(arg->value, fingerprint))
			return true;
	return false;
}

static const char *all_allowed(struct getting *g)
{
	const char *text = "";

	list_each (&g->step->args, arg)
		if (str_eq(arg->key, "fingerprint"))
			text = arena_printf(g->a, "%s%s%s", text, *text ? " or " : "", arg->value);
	return text;
}

/* apt trusts every key of the file, so each must be one that is expected. */
static int compare(struct getting *g, const struct buf *keyring, const char *from, struct err *e)
{
	strs found = { 0 };

	if (openpgp_fingerprints(keyring, g->a, &found, e))
		return err_ctx(e, "reading the key from '%s'", from);
	list_each (&found, print) {
		if (allowed(g->step, *print))
			continue;
		err_set(e, GP_BAD_KEY, "'%s' has key %s, and %s is expected; it is not trusted",
			from, *print, all_allowed(g));
		err_way(e,
			"ask whoever runs that server which key is right, not the server itself");
		err_way(e, "a mirror with a key of its own: set apt.keyring and "
			   "apt.key-fingerprint");
		return -1;
	}
	return 0;
}

/* Bytes as they came, armoured or not: compared, and made part of the plan. */
static int take(struct getting *g, const struct buf *bytes, const char *from, struct buf *keyring,
		struct err *e)
{
	if (openpgp_keyring(buf_str(bytes), bytes->len, keyring, e))
		return err_ctx(e, "reading the key from '%s'", from);
	if (compare(g, keyring, from, e))
		return -1;
	step_arg(g->plan, g->step, "base64",
		 base64_encode(g->plan->a, keyring->data, keyring->len));
	return 0;
}

/* Of the last plan. Its name is its first fingerprint; what it holds is compared all the same. */
static int from_cache(struct getting *g, const char *path, bool *ret_there, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(KEYRING_MAX), keyring = BUF_INIT(KEYRING_MAX);

	if (sys_read_if(g->cache, path, &b, ret_there, e))
		return -1;
	return *ret_there ? take(g, &b, path, &keyring, e) : 0;
}

/* A repository on disk lies beneath the root, as apt on that system will see it. */
static const char *on_disk(const char *uri)
{
	static const char head[] = "file:";

	if (!str_starts(uri, head))
		return NULL;
	uri += sizeof(head) - 1;
	while (*uri == '/')
		uri++;
	return uri;
}

static int fetch(struct getting *g, const char *uri, struct buf *ret, struct err *e)
{
	static const char name[] = "keys/fetched";
	struct apt_answer answer = { .a = g->a };
	const struct apt_job job = {
		.verb = APT_FETCH,
		.root = g->sys->root,
		.proxy = step_get(g->step, "proxy"),
		.fetch_uri = uri,
		.fetch_to = arena_printf(g->a, "%s/%s", g->cache->root, name),
	};
	int rc;

	if (on_disk(uri))
		return sys_read(g->sys, on_disk(uri), ret, e);
	if (sys_remove(g->cache, name, e) ||
	    sys_apt(g->sys, &job, g->options->listener, &answer, e))
		return -1;
	rc = sys_read(g->cache, name, ret, e);
	return sys_remove(g->cache, name, e) || rc ? -1 : 0;
}

/* Each address in turn: not every directory has the newer key yet, or the older one still. */
static int from_server(struct getting *g, struct buf *keyring, struct err *e)
{
	auto_err first = { 0 };

	list_each (&g->step->args, arg) {
		auto_buf struct buf b = BUF_INIT(KEYRING_MAX);
		auto_err problem = { 0 };

		if (!str_eq(arg->key, "from"))
			continue;
		if (fetch(g, arg->value, &b, &problem) == 0)
			return take(g, &b, arg->value, keyring, e);
		if (!first.code)
			err_move(&first, &problem);
	}
	if (!first.code)
		return err_set(e, GP_INTERNAL, "it is not known where the key can be had");
	err_move(e, &first);
	return -1;
}

static int from_profile(struct getting *g, const char *path, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(KEYRING_MAX), keyring = BUF_INIT(KEYRING_MAX);

	return g->options->read(g->options->ctx, path, &b, e) || take(g, &b, path, &keyring, e) ?
		       -1 :
		       0;
}

static int get(struct getting *g, struct err *e)
{
	const char *file = step_get(g->step, "file");
	const char *kept = arena_printf(g->a, "keys/%s", step_get(g->step, "fingerprint"));
	auto_buf struct buf keyring = BUF_INIT(KEYRING_MAX);
	bool there = false;

	if (file)
		return from_profile(g, file, e);
	if (sys_mkdirs(g->cache, "keys", 0755, e))
		return -1;
	if (!g->options->refresh && from_cache(g, kept, &there, e))
		return -1;
	if (there)
		return 0;
	if (g->options->offline) {
		err_set(e, GP_NO_NETWORK, "the key is not in the cache, and --offline was given");
		err_way(e, "plan once without --offline");
		err_way(e, "name a file that has it: apt.keyring, with apt.key-fingerprint");
		return -1;
	}
	return from_server(g, &keyring, e) ||
			       sys_replace(g->cache, kept, keyring.data, keyring.len, NULL, e) ?
		       -1 :
		       0;
}

int keys_get(struct plan *plan, const struct sys *sys, const struct sys *cache,
	     const struct closure_options *options, struct err *e)
{
	auto_arena struct arena a = { 0 };

	list_each (&plan->steps, s) {
		struct getting g = { plan, s, sys, cache, options, &a };

		if (!str_eq(s->kind, "keyring") || s->op == OP_KEEP || step_get(s, "base64"))
			continue;
		if (get(&g, e))
			return err_ctx(e, "getting the key of %s", s->id);
	}
	return 0;
}
