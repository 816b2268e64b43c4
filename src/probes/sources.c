/* SPDX-License-Identifier: Apache-2.0 */
/* The apt sources of a host, one-line and deb822 style. */
#include "probes/probe.h"

#include "base/control.h"
#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

struct entry {
	const char *file;
	strs uris, suites, components;
	const char *signed_by;
	bool trusted, off, binary;
};

static void keep(struct facts *f, const struct entry *en)
{
	if (en->off || !en->binary)
		return;
	list_each (&en->uris, uri) {
		list_each (&en->suites, suite) {
			struct fact_source *s = list_push(f->a, &f->sources);

			s->file = en->file;
			s->uri = *uri;
			s->suite = *suite;
			s->components = en->components;
			s->signed_by = en->signed_by;
			s->trusted = en->trusted;
		}
	}
}

static void words(struct arena *a, struct piece rest, strs *ret)
{
	struct piece w;

	while (str_word(&rest, &w))
		list_add(a, ret, arena_strn(a, w.at, w.len));
}

static bool yes(struct piece v)
{
	return piece_eq(v, "yes") || piece_eq(v, "true") || piece_eq(v, "1") || piece_eq(v, "on");
}

static void option(struct facts *f, struct entry *en, struct piece w)
{
	const char *equals = memchr(w.at, '=', w.len);
	struct piece name, value;

	if (!equals)
		return;
	name = (struct piece){ w.at, (size_t)(equals - w.at) };
	value = (struct piece){ equals + 1, w.len - name.len - 1 };
	if (piece_eq(name, "signed-by"))
		en->signed_by = arena_strn(f->a, value.at, value.len);
	else if (piece_eq(name, "trusted"))
		en->trusted = yes(value);
}

/* deb [signed-by=/path trusted=yes] URI SUITE COMPONENT ... */
static void one_line(struct facts *f, const char *file, struct piece line)
{
	struct entry en = { .file = file };
	struct piece w, options = { 0 };
	const char *hash = memchr(line.at, '#', line.len);

	if (hash)
		line.len = (size_t)(hash - line.at);
	if (!str_word(&line, &w) || !piece_eq(w, "deb"))
		return;
	en.binary = true;
	line = str_trim(line);
	if (line.len && *line.at == '[') {
		const char *close = memchr(line.at, ']', line.len);

		if (!close)
			return;
		options = (struct piece){ line.at + 1, (size_t)(close - line.at - 1) };
		line.len -= (size_t)(close + 1 - line.at);
		line.at = close + 1;
	}
	while (str_word(&options, &w))
		option(f, &en, w);
	if (!str_word(&line, &w))
		return;
	list_add(f->a, &en.uris, fact_uri(f->a, w));
	if (!str_word(&line, &w))
		return;
	list_add(f->a, &en.suites, arena_strn(f->a, w.at, w.len));
	words(f->a, line, &en.components);
	keep(f, &en);
}

static void deb822(struct facts *f, const char *file, struct piece stanza)
{
	struct entry en = { .file = file };
	struct piece types = control_get(stanza, "Types"), uris = control_get(stanza, "URIs");
	struct piece enabled = control_get(stanza, "Enabled");
	struct piece key = control_get(stanza, "Signed-By");
	struct piece w;

	while (str_word(&types, &w))
		en.binary |= piece_eq(w, "deb");
	while (str_word(&uris, &w))
		list_add(f->a, &en.uris, fact_uri(f->a, w));
	words(f->a, control_get(stanza, "Suites"), &en.suites);
	words(f->a, control_get(stanza, "Components"), &en.components);
	en.off = enabled.len && !yes(enabled);
	en.trusted = yes(control_get(stanza, "Trusted"));
	en.signed_by = key.len ? arena_strn(f->a, key.at, key.len) : NULL;
	keep(f, &en);
}

static int read_file(const struct sys *sys, struct facts *f, const char *path, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct piece rest, part;
	bool there;

	if (sys_read_if(sys, path, &b, &there, e))
		return err_ctx(e, "reading apt's sources");
	rest = (struct piece){ buf_str(&b), b.len };
	if (str_ends(path, ".sources"))
		while (control_stanza(&rest, &part))
			deb822(f, path, part);
	else
		while (str_line(&rest, &part))
			one_line(f, path, part);
	return 0;
}

/* ---- whose they are ---- */

/* Where apt keeps the Release file of an entry: its address, made a file name. */
static void list_name(const struct fact_source *s, const char *file, struct buf *ret)
{
	static const char quoted[] = "\\|{}[]<>\"^~_=!@#$%&*";
	const char *host = strstr(s->uri, "://"), *colon = strchr(s->uri, ':');
	const char *at = host ? host + 3 : colon ? colon + 1 : s->uri;
	bool flat = str_ends(s->suite, "/");
	auto_buf struct buf address = BUF_TEXT;

	buf_adds(&address, at);
	if (!flat)
		buf_addf(&address, "dists/%s/", s->suite);
	else if (!str_eq(s->suite, "/"))
		buf_adds(&address, s->suite);
	buf_adds(&address, file);
	buf_adds(ret, "var/lib/apt/lists/");
	for (const char *c = buf_str(&address); *c; c++)
		if (*c == '/')
			buf_addc(ret, '_');
		else if (strchr(quoted, *c))
			buf_addf(ret, "%%%02x", (unsigned char)*c);
		else
			buf_addc(ret, *c);
}

/* What is read here was signed; it decides what an entry is taken for, not what is installed. */
static int read_origin(const struct sys *sys, struct facts *f, struct fact_source *s,
		       const char *file, struct err *e)
{
	auto_buf struct buf path = BUF_TEXT, text = BUF_INIT(16 << 20);
	struct piece rest, line;
	bool there;

	list_name(s, file, &path);
	if (s->origin)
		return 0;
	if (sys_read_if(sys, buf_str(&path), &text, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&text), text.len };
	while (!s->origin && str_line(&rest, &line) && !piece_starts(line, "SHA256:"))
		if (piece_starts(line, "Origin:")) {
			line = str_trim((struct piece){ line.at + strlen("Origin:"),
							line.len - strlen("Origin:") });
			s->origin = arena_strn(f->a, line.at, line.len);
		}
	return 0;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_err unreadable = { 0 }; /* then the address has to do */
	strs names = { 0 };

	if (read_file(sys, f, "etc/apt/sources.list", e) ||
	    sys_list(sys, "etc/apt/sources.list.d", f->a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *path = arena_printf(f->a, "etc/apt/sources.list.d/%s", *name);

		if (!str_ends(path, ".list") && !str_ends(path, ".sources"))
			continue;
		if (read_file(sys, f, path, e))
			return -1;
	}
	list_each (&f->sources, s)
		if (read_origin(sys, f, s, "InRelease", &unreadable) ||
		    read_origin(sys, f, s, "Release", &unreadable))
			break;
	fact_from(f, "sources", "etc/apt/sources.list, etc/apt/sources.list.d");
	return 0;
}

const struct probe probe_sources = { "sources", PROBE_NORMAL, run };
