/* SPDX-License-Identifier: Apache-2.0 */
/* What several distributions share: which entries are their own, and enabling components. */
#include "distros/distro.h"

#include "base/str.h"

#include <string.h>

static bool in(const char *const *list, struct piece p)
{
	for (; *list; list++)
		if (piece_eq(p, *list))
			return true;
	return false;
}

/* bookworm, bookworm-updates, bookworm-security; the symbolic names mean a release too. */
static bool suite_fits(const struct archive *ar, const struct facts *f, const char *suite)
{
	static const char *const tails[] = { "", "-updates", "-security", "/updates" };

	for (size_t t = 0; t < sizeof(tails) / sizeof(*tails); t++) {
		size_t n = strlen(suite), tail = strlen(tails[t]);
		struct piece head = { suite, n - (n > tail ? tail : 0) };

		if (!str_ends(suite, tails[t]))
			continue;
		if (piece_eq(head, f->os.codename ? f->os.codename : "") || in(ar->symbolic, head))
			return true;
	}
	return false;
}

/* The last part of the path: "debian" of http://deb.example.org/debian/. */
static struct piece last_part(const char *uri)
{
	size_t end = strlen(uri);
	size_t at;

	while (end && uri[end - 1] == '/')
		end--;
	for (at = end; at && uri[at - 1] != '/';)
		at--;
	return (struct piece){ uri + at, end - at };
}

enum whose { THEIRS, PERHAPS, OURS };

/*
 * Others have a suite of the same name with a component main, too. What the Release file says
 * decides; before it was fetched, the address.
 */
static enum whose whose(const struct archive *ar, const struct facts *f,
			const struct fact_source *s)
{
	bool main_there = false;

	list_each (&s->components, c)
		main_there |= str_eq(*c, "main");
	if (!main_there || !suite_fits(ar, f, s->suite))
		return THEIRS;
	if (s->origin)
		return str_eq(s->origin, ar->origin) ? OURS : THEIRS;
	return in(ar->paths, last_part(s->uri)) ? OURS : PERHAPS;
}

static bool has_component(const struct facts *f, const struct fact_source *base, const char *name)
{
	list_each (&f->sources, s)
		if (str_eq(s->uri, base->uri) && str_eq(s->suite, base->suite))
			list_each (&s->components, c)
				if (str_eq(*c, name))
					return true;
	return false;
}

static const char *missing_components(struct arena *a, const struct facts *f,
				      const struct fact_source *base, const strs *wanted)
{
	const char *text = "";

	list_each (wanted, c)
		if (!has_component(f, base, *c))
			text = arena_printf(a, "%s%s%s", text, *text ? " " : "", *c);
	return text;
}

/* The same repository must carry the same key everywhere, or apt refuses both entries. */
static void add_key(struct buf *b, const char *signed_by)
{
	if (!signed_by)
		return;
	if (strchr(signed_by, '\n'))
		buf_addf(b, "Signed-By:\n %s\n", signed_by);
	else
		buf_addf(b, "Signed-By: %s\n", signed_by);
}

static bool is_security(const char *suite)
{
	return str_ends(suite, "-security") || str_ends(suite, "/updates");
}

static const char *address(const struct fact_source *s, const struct mirrors *mirrors)
{
	const char *mirror = is_security(s->suite) ? mirrors->security : mirrors->archive;

	return mirror ? mirror : s->uri;
}

const char *distro_enable(const struct archive *ar, struct arena *a, const struct facts *f,
			  const strs *components, const struct mirrors *mirrors, bool *ret_missing)
{
	auto_buf struct buf text = BUF_TEXT;
	enum whose least = PERHAPS;
	bool any = false, entry = false;

	list_each (&f->sources, s)
		if (whose(ar, f, s) == OURS)
			least = OURS;
	buf_adds(&text, "# Written by gpuprov: the components that the NVIDIA driver needs.\n"
			"# Do not edit; 'gpuprov rollback' takes it away again.\n");
	list_each (&f->sources, s) {
		const char *missing;

		if (whose(ar, f, s) < least)
			continue;
		any = true;
		missing = missing_components(a, f, s, components);
		if (!*missing)
			continue;
		entry = true;
		buf_addf(&text, "\nTypes: deb\nURIs: %s\nSuites: %s\nComponents: %s\n",
			 address(s, mirrors), s->suite, missing);
		add_key(&text, s->signed_by);
	}
	*ret_missing = !any;
	return entry ? arena_str(a, buf_str(&text)) : NULL;
}
