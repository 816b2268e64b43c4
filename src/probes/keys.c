/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that apt would trust: those that its sources name, and those that it trusts for all. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/openpgp.h"
#include "sys/sys.h"

#include <string.h>

enum { KEYRING_MAX = 4 << 20 };

/* A file that is no keyring has no keys; who needs one says so. */
static void learn(struct facts *f, const char *file, const void *bytes, size_t len)
{
	auto_buf struct buf keyring = BUF_INIT(KEYRING_MAX);
	auto_err unusable = { 0 };
	strs found = { 0 };

	if (openpgp_keyring(bytes, len, &keyring, &unusable) ||
	    openpgp_fingerprints(&keyring, f->a, &found, &unusable))
		return;
	list_each (&found, print)
		*list_push(f->a, &f->keys) =
			(struct fact_key){ .file = file, .fingerprint = *print };
}

static int learn_file(const struct sys *sys, struct facts *f, const char *path, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(KEYRING_MAX);
	struct sys_stat st;
	bool there;

	list_each (&f->keys, k)
		if (str_eq(k->file, path))
			return 0;
	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type == SYS_ABSENT || st.type == SYS_DIR)
		return 0;
	if (sys_read_if(sys, path, &b, &there, e))
		return -1;
	if (there)
		learn(f, path, buf_str(&b), b.len);
	return 0;
}

/* A key inside of a deb822 entry: lines that begin with a blank, and " ." for an empty one. */
static void learn_inline(struct facts *f, const struct fact_source *s)
{
	auto_buf struct buf text = BUF_INIT(KEYRING_MAX);
	struct piece rest = PIECE(s->signed_by), line;

	while (str_line(&rest, &line)) {
		line = str_trim(line);
		if (!piece_eq(line, "."))
			buf_add(&text, line.at, line.len);
		buf_addc(&text, '\n');
	}
	learn(f, s->file, buf_str(&text), text.len);
}

/* "/usr/share/keyrings/a.gpg,/etc/apt/keyrings/b.asc": paths; a fingerprint is no file. */
static int learn_named(const struct sys *sys, struct facts *f, const struct fact_source *s,
		       struct err *e)
{
	for (const char *at = s->signed_by; at && *at; at += strspn(at, ", \t\n")) {
		size_t n = strcspn(at, ", \t\n");

		if (*at == '/' && learn_file(sys, f, arena_strn(f->a, at + 1, n - 1), e))
			return -1;
		at += n;
	}
	return 0;
}

static int learn_trusted(const struct sys *sys, struct facts *f, struct err *e)
{
	strs names = { 0 };

	if (learn_file(sys, f, "etc/apt/trusted.gpg", e) ||
	    sys_list(sys, "etc/apt/trusted.gpg.d", f->a, &names, e))
		return -1;
	list_each (&names, name)
		if ((str_ends(*name, ".gpg") || str_ends(*name, ".asc")) &&
		    learn_file(sys, f, arena_printf(f->a, "etc/apt/trusted.gpg.d/%s", *name), e))
			return -1;
	return 0;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_err hidden = { 0 }; /* not ours to read: a plan needs no rights, it knows less then */
	int rc = 0;

	list_each (&f->sources, s) {
		if (rc || !s->signed_by)
			continue;
		if (strstr(s->signed_by, "-----BEGIN"))
			learn_inline(f, s);
		else
			rc = learn_named(sys, f, s, &hidden);
	}
	if (!rc)
		rc = learn_trusted(sys, f, &hidden);
	(void)e;
	if (rc)
		fact_unknown(f, "keys", arena_str(f->a, hidden.text));
	else
		fact_from(f, "keys", "Signed-By of the sources, etc/apt/trusted.gpg.d");
	return 0;
}

const struct probe probe_keys = { "keys", PROBE_LAST, run };
