/* SPDX-License-Identifier: Apache-2.0 */
/* Debian. */
#include "distros/distro.h"

#include "base/str.h"

#include <string.h>

/*
 * Kernel releases end in their flavour: 6.1.0-56-amd64, 6.1.0-56-cloud-amd64, 6.12.107+deb13-amd64.
 * The meta-package of the flavour brings headers for this kernel and for every later one.
 */
static const char *headers(struct arena *a, const struct fact_kernel *k)
{
	const char *at = strchr(k->release, '-');

	if (at && at[1] >= '0' && at[1] <= '9')
		at = strchr(at + 1, '-');
	return at ? arena_printf(a, "linux-headers%s", at) : NULL;
}

/* bookworm, bookworm-updates, bookworm-security; the symbolic names mean a release too. */
static bool of_debian(const struct facts *f, const struct fact_source *s)
{
	static const char *const symbolic[] = { "stable", "oldstable", "testing", "unstable",
						"sid" };
	static const char *const tails[] = { "", "-updates", "-security", "/updates" };
	bool main_there = false;

	list_each (&s->components, c)
		main_there |= str_eq(*c, "main");
	if (!main_there)
		return false;
	for (size_t t = 0; t < sizeof(tails) / sizeof(*tails); t++) {
		if (f->os.codename && str_starts(s->suite, f->os.codename) &&
		    str_eq(s->suite + strlen(f->os.codename), tails[t]))
			return true;
		for (size_t i = 0; i < sizeof(symbolic) / sizeof(*symbolic); i++)
			if (str_starts(s->suite, symbolic[i]) &&
			    str_eq(s->suite + strlen(symbolic[i]), tails[t]))
				return true;
	}
	return false;
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

static const char *enable(struct arena *a, const struct facts *f, const strs *components,
			  const char *mirror, bool *ret_missing)
{
	auto_buf struct buf text = BUF_TEXT;
	bool any = false, entry = false;

	buf_adds(&text, "# Written by gpuprov: the components that the NVIDIA driver needs.\n"
			"# Do not edit; 'gpuprov rollback' takes it away again.\n");
	list_each (&f->sources, s) {
		const char *missing;

		if (!of_debian(f, s))
			continue;
		any = true;
		missing = missing_components(a, f, s, components);
		if (!*missing)
			continue;
		entry = true;
		buf_addf(&text, "\nTypes: deb\nURIs: %s\nSuites: %s\nComponents: %s\n",
			 mirror ? mirror : s->uri, s->suite, missing);
		add_key(&text, s->signed_by);
	}
	*ret_missing = !any;
	return entry ? arena_str(a, buf_str(&text)) : NULL;
}

const struct distro distro_debian = {
	.id = "debian",
	.world = "debian",
	.headers = headers,
	.enable = enable,
};
