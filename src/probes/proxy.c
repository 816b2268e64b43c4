/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy that apt would use, by its configuration; a password in it stays there. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>
#include <strings.h>

/*
 * apt.conf(5): "Acquire::http::Proxy "x";", and the same nested: Acquire { http { Proxy "x"; }; };
 * names without case, comments of three kinds.
 */
struct reading {
	struct piece rest;
	strs scope; /* what braces are open */
	strs words; /* of the statement so far */
	struct arena *a;
};

static void skip_comment(struct reading *r)
{
	const char *end;

	if (piece_starts(r->rest, "/*")) {
		end = memmem(r->rest.at + 2, r->rest.len - 2, "*/", 2);
		end = end ? end + 2 : r->rest.at + r->rest.len;
	} else {
		end = memchr(r->rest.at, '\n', r->rest.len);
		end = end ? end : r->rest.at + r->rest.len;
	}
	r->rest.len -= (size_t)(end - r->rest.at);
	r->rest.at = end;
}

static void take(struct reading *r, size_t skip, const char *stop)
{
	size_t n = 0;

	r->rest.at += skip;
	r->rest.len -= skip;
	while (n < r->rest.len && !strchr(stop, r->rest.at[n]))
		n++;
	list_add(r->a, &r->words, arena_strn(r->a, r->rest.at, n));
	n += skip && n < r->rest.len; /* the closing quote */
	r->rest.at += n;
	r->rest.len -= n;
}

static const char *full_name(const struct reading *r)
{
	const char *name = "";

	list_each (&r->scope, it)
		name = arena_printf(r->a, "%s%s::", name, *it);
	return arena_printf(r->a, "%s%s", name, r->words.n ? r->words.at[0] : "");
}

/* One proxy is kept: that for https where both are named, because NVIDIA's repositories need it. */
static void statement(struct reading *r, struct facts *f, const char **ret_http,
		      const char **ret_https)
{
	const char *name = full_name(r);

	if (r->words.n == 2 && strcasecmp(name, "Acquire::http::Proxy") == 0)
		*ret_http = fact_uri(f->a, PIECE(r->words.at[1]));
	if (r->words.n == 2 && strcasecmp(name, "Acquire::https::Proxy") == 0)
		*ret_https = fact_uri(f->a, PIECE(r->words.at[1]));
	r->words.n = 0;
}

static void read_file(const struct sys *sys, struct facts *f, const char *path,
		      const char **ret_http, const char **ret_https)
{
	const char *text = probe_text(sys, f, path);
	struct reading r = { .rest = PIECE(text ? text : ""), .a = f->a };

	while (r.rest.len) {
		char c = *r.rest.at;

		if (c == '#' || piece_starts(r.rest, "//") || piece_starts(r.rest, "/*")) {
			skip_comment(&r);
			continue;
		}
		if (c == '"') {
			take(&r, 1, "\"\n");
			continue;
		}
		if (!strchr(" \t\r\n;{}", c)) {
			take(&r, 0, " \t\r\n;{}\"");
			continue;
		}
		if (c == '{') {
			list_add(f->a, &r.scope, r.words.n ? r.words.at[r.words.n - 1] : "");
			r.words.n = 0;
		} else if (c == '}' && r.scope.n) {
			r.scope.n--;
		} else if (c == ';') {
			statement(&r, f, ret_http, ret_https);
		}
		r.rest.at++;
		r.rest.len--;
	}
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	const char *http = NULL, *https = NULL;
	strs names = { 0 };

	if (sys_list(sys, "etc/apt/apt.conf.d", f->a, &names, e))
		return err_ctx(e, "reading apt's configuration");
	list_each (&names, name)
		read_file(sys, f, arena_printf(f->a, "etc/apt/apt.conf.d/%s", *name), &http,
			  &https);
	read_file(sys, f, "etc/apt/apt.conf", &http, &https);
	f->proxy = https ? https : http;
	if (f->proxy)
		fact_from(f, "proxy", "etc/apt/apt.conf.d, etc/apt/apt.conf");
	return 0;
}

const struct probe probe_proxy = { "proxy", PROBE_NORMAL, run };
