/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of the libapt pipe share: how a package is written, how two sets differ. */
#include "sys/apt.h"

#include "base/mem.h"
#include "base/str.h"

static const char *const change_words[] = { "new",       "upgrade", "downgrade",
					    "reinstall", "remove",  NULL };

const char *apt_change_word(enum apt_change change)
{
	return change_words[change];
}

enum apt_change apt_change_named(const char *word)
{
	for (unsigned i = 0; change_words[i]; i++)
		if (str_eq(change_words[i], word))
			return (enum apt_change)i;
	return APT_NEW;
}

const struct rec_row apt_package_rows[] = {
	REC_ROW(struct apt_package, name, REC_STR, "package"),
	REC_ROW(struct apt_package, arch, REC_STR, "architecture"),
	{ .name = "change",
	  .type = REC_WORD,
	  .offset = offsetof(struct apt_package, change),
	  .words = change_words,
	  .help = "what happens to it" },
	REC_ROW(struct apt_package, version, REC_STR, "new version"),
	REC_ROW(struct apt_package, old_version, REC_STR, "installed version"),
	REC_ROW(struct apt_package, source, REC_STR, "source package"),
	REC_ROW(struct apt_package, origin, REC_STR, "label of the repository"),
	REC_ROW(struct apt_package, suite, REC_STR, "suite of the repository"),
	REC_ROW(struct apt_package, component, REC_STR, "component of the repository"),
	REC_ROW(struct apt_package, sha256, REC_STR, "hash of the .deb"),
	REC_ROW(struct apt_package, because, REC_STR, "the package that needs it"),
	REC_ROW(struct apt_package, transitional, REC_BOOL, "empty, on the way to another"),
	REC_ROW(struct apt_package, download, REC_INT, "bytes of the .deb"),
	REC_ROW(struct apt_package, disk, REC_INT, "bytes it adds on disk"),
	REC_END,
};

static int order(const struct apt_package *a, const struct apt_package *b)
{
	int c = str_cmp(a->name, b->name);

	return c ? c : str_cmp(a->arch, b->arch);
}

static const char *outcome(const struct apt_package *p)
{
	return p->version ? p->version : "removed";
}

void apt_answer_diff(const struct apt_answer *expected, const struct apt_answer *now,
		     struct arena *a, strs *ret)
{
	const struct apt_package *x = expected->packages.at, *y = now->packages.at;
	size_t i = 0, j = 0, n = expected->packages.n, m = now->packages.n;

	while (i < n || j < m) {
		const char *line = NULL;
		int c = i == n ? 1 : j == m ? -1 : order(&x[i], &y[j]);

		if (c < 0)
			line = arena_printf(a, "%s: %s in the plan, unchanged now", x[i].name,
					    outcome(&x[i]));
		else if (c > 0)
			line = arena_printf(a, "%s: not in the plan, %s now", y[j].name,
					    outcome(&y[j]));
		else if (!str_eq(x[i].version, y[j].version))
			line = arena_printf(a, "%s: %s in the plan, %s now", x[i].name,
					    outcome(&x[i]), outcome(&y[j]));
		if (line)
			list_add(a, ret, line);
		i += c <= 0;
		j += c >= 0;
	}
}
