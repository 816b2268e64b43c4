/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: NVIDIA's own repositories, their keys, and entries that the host has of them. */
#include "solve/priv.h"

#include "base/str.h"

#include <string.h>

/* One of NVIDIA's repositories, as the plan wants it. */
struct vendor {
	const char *which, *what, *path; /* name, words, the profile's key that asks for it */
	const struct record *record;
	const char *uri;     /* with a mirror applied */
	const char *mirror;  /* NULL = NVIDIA's own server */
	strs prints;         /* fingerprints that may sign it */
	strs key_uris;       /* where the key can be had */
	const char *keyring; /* path of its keyring, absolute */
};

static const struct {
	const char *which, *what, *mirror_key;
} vendors[] = {
	{ "nvidia-cuda", "NVIDIA's CUDA repository", "apt.nvidia-mirror" },
	{ "nvidia-container-toolkit", "the container toolkit's repository",
	  "apt.container-toolkit-mirror" },
};

/* ---- addresses ---- */

static const char *word_for(const struct solving *s, const struct vendor *v, struct piece word)
{
	const char *arch = s->facts->os.arch;

	if (piece_eq(word, "distro"))
		return s->release ? record_get(s->release, "nvidia_repo") : NULL;
	if (piece_eq(word, "channel"))
		return profile_get(s->profile, "container-toolkit.channel");
	if (!piece_eq(word, "arch") || !arch)
		return NULL;
	/* Where the repository has names of its own for architectures, it has no others. */
	if (record_get(v->record, "arch.amd64"))
		return record_get(v->record, arena_printf(s->a, "arch.%s", arch));
	return arch;
}

/* "https://host/a/{distro}/{arch}/"; with a base, that stands for all before the first word. */
static const char *address(const struct solving *s, const struct vendor *v, const char *base)
{
	const char *at = record_get(v->record, "url");
	auto_buf struct buf b = BUF_TEXT;

	if (base) {
		at += strcspn(at, "{");
		buf_addf(&b, "%s%s", base, str_ends(base, "/") ? "" : "/");
	}
	for (; *at; at++) {
		size_t n = strcspn(at, "}");
		const char *word = "";

		if (*at != '{') {
			buf_addc(&b, *at);
			continue;
		}
		word = word_for(s, v, (struct piece){ at + 1, n - 1 });
		if (!word)
			return NULL;
		buf_adds(&b, word);
		at += n;
	}
	return arena_str(s->a, buf_str(&b));
}

/* What two spellings of one address have in common: no scheme of http, architecture written out. */
static const char *essence(const struct solving *s, const char *uri)
{
	static const char variable[] = "$(ARCH)";
	const char *at = str_starts(uri, "http") && strstr(uri, "://") ? strstr(uri, "://") : uri;
	auto_buf struct buf b = BUF_TEXT;

	while (*at) {
		if (str_starts(at, variable)) {
			buf_adds(&b, s->facts->os.arch ? s->facts->os.arch : "");
			at += sizeof(variable) - 1;
		} else if (at[0] != '/' || at[1] != '/') {
			buf_addc(&b, *at++);
		} else {
			at++;
		}
	}
	while (b.len && b.data[b.len - 1] == '/')
		buf_cut(&b, b.len - 1);
	return arena_str(s->a, buf_str(&b));
}

static bool same_place(const struct solving *s, const char *a, const char *b)
{
	return str_eq(essence(s, a), essence(s, b));
}

/* ---- keys ---- */

static bool listed(const strs *list, const char *word)
{
	list_each (list, one)
		if (str_eq(*one, word))
			return true;
	return false;
}

static const char *any_of(const struct solving *s, const strs *prints)
{
	const char *text = "";

	list_each (prints, one)
		text = arena_printf(s->a, "%s%s%s", text, *text ? " or " : "", *one);
	return text;
}

/* Those of this distribution; where none is known for it, each that is not retired. */
static void known_keys(struct solving *s, struct vendor *v)
{
	const char *distro = s->release ? record_get(s->release, "nvidia_repo") : NULL;
	const char *toolkit_key = record_get(v->record, "key_url");

	for (int everywhere = 0; everywhere < 2 && !v->prints.n; everywhere++) {
		const struct record *r = NULL;

		while ((r = catalog_next(s->catalog, "key", r))) {
			const char *file = record_get(r, "file");

			if (!record_is(r, "repository", v->which) || record_is(r, "retired", "yes"))
				continue;
			if (record_get(r, "used_by") && !everywhere &&
			    !(distro && record_has(r, "used_by", distro)))
				continue;
			list_add(s->a, &v->prints, r->key);
			if (file)
				list_add(s->a, &v->key_uris,
					 arena_printf(s->a, "%s%s", v->uri, file));
		}
	}
	if (!toolkit_key)
		return;
	if (v->mirror)
		toolkit_key =
			arena_printf(s->a, "%s%s%s", v->mirror, str_ends(v->mirror, "/") ? "" : "/",
				     strrchr(toolkit_key, '/') + 1);
	list_add(s->a, &v->key_uris, toolkit_key);
}

/* A mirror may sign with a key of its own; then the profile says which, and has it. */
static bool find_keys(struct solving *s, struct vendor *v)
{
	const char *print = profile_get(s->profile, "apt.key-fingerprint");
	const char *file = profile_get(s->profile, "apt.keyring");
	struct diag *d;

	v->keyring = record_get(v->record, "keyring");
	if (!v->mirror || (!print && !file)) {
		known_keys(s, v);
		return true;
	}
	v->keyring = arena_printf(s->a, "/usr/share/keyrings/gpuprov-%s.gpg", v->which);
	if (print && file) {
		list_add(s->a, &v->prints, print);
		return true;
	}
	d = refuse(s, GP_BAD_KEY, file ? "apt.keyring" : "apt.key-fingerprint",
		   "apt.keyring and apt.key-fingerprint belong together");
	why(s, d, "a key is trusted for its fingerprint, not for the place it was found");
	way(s, d, NULL, "set both, or leave both out for a mirror that is signed by NVIDIA");
	return false;
}

/* ---- what the host has ---- */

/* Is every key in this file one that may sign? With *ret_wrong one that may not; NULL: no key. */
static bool file_is_right(const struct solving *s, const struct vendor *v, const char *file,
			  const char **ret_wrong)
{
	bool any = false;

	*ret_wrong = NULL;
	list_each (&s->facts->keys, k) {
		if (!str_eq(k->file, file))
			continue;
		if (listed(&v->prints, k->fingerprint))
			any = true;
		else
			*ret_wrong = k->fingerprint;
	}
	return any && !*ret_wrong;
}

/* Any of the keys that apt trusts for everything will do. */
static bool trusted_for_all(const struct solving *s, const struct vendor *v)
{
	list_each (&s->facts->keys, k)
		if (str_starts(k->file, "etc/apt/trusted.gpg") &&
		    listed(&v->prints, k->fingerprint))
			return true;
	return false;
}

/* What is wrong with an entry of this repository, in words; NULL when nothing is. */
static const char *fault_of(const struct solving *s, const struct vendor *v,
			    const struct fact_source *it)
{
	const char *key = it->signed_by, *wrong;

	if (it->trusted)
		return "it says trusted=yes, so apt checks no signature at all";
	if (facts_unknown(s->facts, "keys"))
		return NULL;
	if (!key)
		return trusted_for_all(s, v) ? NULL :
					       "it names no key, and none that apt trusts signs it";
	if (*key != '/' && !strchr(key, '\n'))
		return listed(&v->prints, key) ? NULL : arena_printf(s->a, "it names key %s", key);
	if (file_is_right(s, v, *key == '/' ? key + 1 : it->file, &wrong))
		return NULL;
	if (!wrong)
		return arena_printf(s->a, "there is no key in '%s'", *key == '/' ? key : it->file);
	return arena_printf(s->a, "'%s' has key %s", *key == '/' ? key : it->file, wrong);
}

static bool alone_in_file(const struct solving *s, const struct vendor *v, const char *file)
{
	list_each (&s->facts->sources, it)
		if (str_eq(it->file, file) && !same_place(s, it->uri, v->uri))
			return false;
	return true;
}

static void refuse_entry(struct solving *s, const struct vendor *v, const struct fact_source *it,
			 const char *fault, bool alone)
{
	struct diag *d = by_rule(s, SEV_ERROR, 42, v->path, "the entry of %s in '/%s' is wrong",
				 v->what, it->file);

	why(s, d, "%s; expected is %s", fault, any_of(s, &v->prints));
	if (alone)
		way(s, d, "apt.existing-sources=replace",
		    "let gpuprov replace it: apt.existing-sources: replace");
	way(s, d, NULL, "correct it, or take it out: /%s", it->file);
}

enum found { FOUND_NONE, FOUND_RIGHT, FOUND_REFUSED, FOUND_REPLACE };

/*
 * Entries of the same repository, in whatever file and style. `ret_file` is set to a file that may
 * be overwritten.
 */
static enum found find_entry(struct solving *s, const struct vendor *v, const char *own,
			     const char **ret_file)
{
	bool replace = profile_is(s->profile, "apt.existing-sources", "replace");
	enum found found = FOUND_NONE;

	list_each (&s->facts->sources, it) {
		const char *fault;
		bool alone;

		if (str_eq(it->file, own) || !same_place(s, it->uri, v->uri))
			continue;
		fault = fault_of(s, v, it);
		alone = alone_in_file(s, v, it->file);
		if (!fault) {
			found = found == FOUND_NONE ? FOUND_RIGHT : found;
		} else if (replace && alone) {
			*ret_file = it->file;
			found = found == FOUND_REFUSED ? found : FOUND_REPLACE;
		} else {
			refuse_entry(s, v, it, fault, alone);
			found = FOUND_REFUSED;
		}
	}
	return found;
}

/* ---- steps ---- */

static const char *key_step(struct solving *s, const struct vendor *v)
{
	const char *path = v->keyring + 1, *wrong;
	bool there = file_is_right(s, v, path, &wrong);
	const char *file = v->mirror ? profile_get(s->profile, "apt.keyring") : NULL;
	enum plan_op op = there ? OP_KEEP : wrong ? OP_CHANGE : OP_ADD;
	struct plan_step *step;
	struct diag *d;

	if (wrong && !profile_is(s->profile, "apt.existing-sources", "replace")) {
		d = by_rule(s, SEV_ERROR, 42, v->path, "'%s' has the wrong key", v->keyring);
		why(s, d, "it has %s; expected for %s is %s", wrong, v->what,
		    any_of(s, &v->prints));
		way(s, d, "apt.existing-sources=replace",
		    "let gpuprov replace it: apt.existing-sources: replace");
		return NULL;
	}
	step = plan_add(s->plan, "keyring", v->which, op, "%s", v->keyring);
	step_arg(s->plan, step, "path", path);
	list_each (&v->prints, print)
		step_arg(s->plan, step, "fingerprint", *print);
	list_each (&v->key_uris, uri)
		step_arg(s->plan, step, "from", *uri);
	if (file)
		step_arg(s->plan, step, "file", file);
	step_apt(s, step);
	step_reason(s->plan, step, "R42", place(s, v->path), "signs %s: %s", v->what,
		    any_of(s, &v->prints));
	return step->id;
}

static const char *entry_text(struct solving *s, const struct vendor *v, const char *file)
{
	const char *suite = record_get(v->record, "suite");

	if (str_ends(file, ".list"))
		return arena_printf(s->a,
				    "# Written by gpuprov: %s.\n"
				    "# 'gpuprov rollback' puts back what was here.\n"
				    "deb [signed-by=%s] %s %s\n",
				    v->what, v->keyring, v->uri, suite);
	return arena_printf(s->a,
			    "# Written by gpuprov: %s.\n"
			    "# Do not edit; 'gpuprov rollback' takes it away again.\n\n"
			    "Types: deb\nURIs: %s\nSuites: %s\nSigned-By: %s\n",
			    v->what, v->uri, suite, v->keyring);
}

static const char *entry_step(struct solving *s, const struct vendor *v, const char *file,
			      enum plan_op op)
{
	const char *key = key_step(s, v);
	const struct fact_file *ours = facts_file(s->facts, file);
	const char *text = entry_text(s, v, file);
	struct plan_step *step;

	if (!key)
		return NULL;
	if (ours)
		op = str_eq(ours->content, text) ? OP_KEEP : OP_CHANGE;
	step = plan_add(s->plan, "repo", v->which, op, "/%s", file);
	step_arg(s->plan, step, "path", file);
	step_arg(s->plan, step, "content", text);
	step_needs(s->plan, step, key);
	step_reason(s->plan, step, NULL, place(s, v->path), "%s%s", v->what,
		    v->mirror ? ", from its mirror" : "");
	return step->id;
}

static bool find_vendor(struct solving *s, const char *which, const char *path, struct vendor *ret)
{
	struct diag *d;

	*ret = (struct vendor){ .which = which, .path = path };
	for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++)
		if (str_eq(vendors[i].which, which)) {
			ret->what = vendors[i].what;
			ret->mirror = profile_get(s->profile, vendors[i].mirror_key);
		}
	ret->record = catalog_find(s->catalog, "repository", which);
	ret->uri = ret->record ? address(s, ret, ret->mirror) : NULL;
	if (ret->uri)
		return find_keys(s, ret);
	d = refuse(s, GP_SOURCE_LACKS_BRANCH, path, "%s has nothing for %s on %s",
		   ret->what ? ret->what : which, s->facts->os.name,
		   s->facts->os.arch ? s->facts->os.arch : "this architecture");
	way(s, d, "driver.source=distro", "take the distribution's driver: driver.source: distro");
	return false;
}

const char *vendor_repo(struct solving *s, const char *which, const char *path)
{
	const char *own = arena_printf(s->a, "etc/apt/sources.list.d/gpuprov-%s.sources", which);
	const char *file = own;
	struct vendor v;

	if (!find_vendor(s, which, path, &v))
		return NULL;
	switch (find_entry(s, &v, own, &file)) {
	case FOUND_NONE:
		return entry_step(s, &v, own, OP_ADD);
	case FOUND_REPLACE:
		return entry_step(s, &v, file, OP_CHANGE);
	case FOUND_RIGHT:
	case FOUND_REFUSED:
		break;
	}
	return NULL;
}
