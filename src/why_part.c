/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a GPU host are. */
#include "why_part.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

/* The next word of a comma-separated list; false at its end. */
static bool next_word(const char **at, struct piece *ret)
{
	if (!*at || !**at)
		return false;
	*ret = (struct piece){ *at, strcspn(*at, ",") };
	*at += ret->len + ((*at)[ret->len] == ',');
	return true;
}

const char *part_meant(const struct catalog *c, const char *name)
{
	const struct record *r = NULL;
	const char *best = NULL;
	unsigned best_distance = 99;

	while ((r = catalog_next(c, "part", r))) {
		unsigned distance = 0;

		if (!str_meant(name, r->key, &distance) || distance >= best_distance)
			continue;
		best = r->key;
		best_distance = distance;
	}
	return best;
}

const struct record *part_find(const struct catalog *c, const char *name)
{
	const struct record *r = NULL;

	while ((r = catalog_next(c, "part", r))) {
		const char *aka = record_get(r, "aka");
		struct piece word;

		if (strcasecmp(r->key, name) == 0)
			return r;
		while (next_word(&aka, &word))
			if (strlen(name) == word.len && strncasecmp(word.at, name, word.len) == 0)
				return r;
	}
	return NULL;
}

/* "libnvidia-compute*" stands for all that begin so. */
static bool matches(const struct record *part, const char *package)
{
	const char *patterns = record_get(part, "packages");
	struct piece word;

	while (next_word(&patterns, &word)) {
		bool head = word.at[word.len - 1] == '*';

		if (head ? strncmp(package, word.at, word.len - 1) == 0 : piece_eq(word, package))
			return true;
	}
	return false;
}

const struct fact_package *part_installed(const struct record *part, const struct facts *f)
{
	list_each (&f->packages, p)
		if (str_eq(p->status, "installed") && matches(part, p->name))
			return p;
	return NULL;
}

static void add_reason(const struct plan_reason *r, struct buf *ret)
{
	buf_adds(ret, r->text);
	if (r->rule)
		buf_addf(ret, " (%s)", r->rule);
	if (r->file && r->line)
		buf_addf(ret, " [%s:%lld]", r->file, r->line);
	buf_addc(ret, '\n');
}

void part_in_plan(const struct record *part, const struct plan *p, struct buf *ret)
{
	const char *alias = record_get(part, "aka");
	struct piece word;

	list_each (&p->steps, s) {
		list_each (&s->reasons, r) {
			/* "libcuda1: the CUDA driver library": what is before the colon. */
			size_t n = strcspn(r->text, ":");
			char package[128] = "";

			if (n >= sizeof(package))
				continue;
			memcpy(package, r->text, n);
			if (matches(part, package))
				add_reason(r, ret);
		}
	}
	list_each (&p->omitted, o) {
		bool same = strcasecmp(o->what, part->key) == 0;

		alias = record_get(part, "aka");
		while (next_word(&alias, &word))
			same |= strlen(o->what) == word.len &&
				strncasecmp(o->what, word.at, word.len) == 0;
		/* "CUDA toolkit" is the part cuda-toolkit. */
		for (size_t i = 0; !same && strlen(o->what) == strlen(part->key) && part->key[i];
		     i++)
			if (part->key[i] != o->what[i] && o->what[i] != ' ' &&
			    strncasecmp(&part->key[i], &o->what[i], 1) != 0)
				break;
			else if (!part->key[i + 1])
				same = true;
		if (same) {
			buf_adds(ret, "left out: ");
			add_reason(&o->reason, ret);
		}
	}
}
