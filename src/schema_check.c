/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a parsed profile against the schema table. */
#include "schema.h"

#include "base/str.h"
#include "base/ver.h"

#include <ctype.h>
#include <string.h>

struct check {
	struct profile *p;
	struct diags *diags;
	unsigned kind; /* bit of the profile's kind; all bits while it is not known */
};

static const char *escaped(struct check *c, const char *text)
{
	auto_buf struct buf b = BUF_TEXT;

	str_escape(&b, text, strlen(text));
	return arena_str(c->p->a, buf_str(&b));
}

static void add_words(struct buf *b, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		buf_addf(b, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static struct diag *bad_value(struct check *c, const struct value *v, const char *why)
{
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &v->at,
				  "'%s' is not allowed for %s", escaped(c, v->text), v->path);

	diag_why(c->diags, d, "%s", why);
	return d;
}

static void suggest_value(struct check *c, struct diag *d, const struct value *v, const char *word)
{
	const char *set = arena_printf(c->p->a, "%s=%s", v->path, word);

	diag_way(c->diags, d, set, "write %s: %s", v->key ? v->key : v->path, word);
}

static void check_word(struct check *c, const struct schema_row *row, const struct value *v)
{
	auto_buf struct buf why = BUF_TEXT;
	const char *best = NULL;
	unsigned best_distance = 99;
	struct diag *d;

	for (size_t i = 0; row->words[i]; i++) {
		unsigned distance = 0;

		if (str_eq(row->words[i], v->text))
			return;
		if (str_meant(v->text, row->words[i], &distance) && distance < best_distance) {
			best = row->words[i];
			best_distance = distance;
		}
	}
	buf_adds(&why, "it takes ");
	add_words(&why, row->words);
	d = bad_value(c, v, buf_str(&why));
	if (best)
		suggest_value(c, d, v, best);
	else
		for (size_t i = 0; i < 3 && row->words[i]; i++)
			suggest_value(c, d, v, row->words[i]);
}

static void check_bool(struct check *c, const struct value *v)
{
	static const char *const accepted[] = { "true", "false", "yes", "no", "on", "off", NULL };

	for (size_t i = 0; accepted[i]; i++)
		if (str_eq(accepted[i], v->text))
			return;
	suggest_value(c, bad_value(c, v, "it takes true or false"), v, "true");
}

static void check_branch(struct check *c, const struct value *v)
{
	size_t n = strspn(v->text, "0123456789");
	struct diag *d;

	if (n == 3 && !v->text[n])
		return;
	d = bad_value(c, v, "a driver branch is three digits");
	if (n == 3 && ver_valid(v->text)) {
		const char *branch = arena_strn(c->p->a, v->text, 3);

		suggest_value(c, d, v, arena_printf(c->p->a, "\"%s\"", branch));
		diag_way(c->diags, d, NULL, "or say driver.version: \"%s\"", v->text);
	} else {
		suggest_value(c, d, v, "\"535\"");
	}
}

static void check_version(struct check *c, const struct value *v)
{
	if (!ver_valid(v->text))
		suggest_value(c,
			      bad_value(c, v, "a version is digits and dots, in at most 5 parts"),
			      v, "\"535.309.01\"");
}

static bool good_host(const char *s, size_t n)
{
	if (!n || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(".-_[]:", s[i]))
			return false;
	return true;
}

static bool good_port(const char *s, size_t n)
{
	unsigned long port = 0;

	if (!n || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		port = port * 10 + (unsigned long)(s[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

/* NULL when it is a URL we use, else what is wrong with it. */
static const char *url_fault(const char *url)
{
	const char *host = strstr(url, "://");
	size_t n, host_n;
	const char *colon;

	if (strpbrk(url, " \t\"'<>\\^`{|}"))
		return "a URL has no spaces, quotes or brackets";
	if (str_starts(url, "file:///"))
		return NULL;
	if (!str_starts(url, "http://") && !str_starts(url, "https://"))
		return "it must start with https://, http:// or file:///";
	host += 3;
	n = strcspn(host, "/?#");
	if (memchr(host, '@', n))
		return "a user name or password does not belong into a profile; use apt's "
		       "auth.conf.d";
	colon = *host == '[' ? memchr(host, ']', n) : memchr(host, ':', n);
	if (colon && *colon == ']')
		colon = colon[1] == ':' ? colon + 1 : NULL;
	host_n = colon ? (size_t)(colon - host) : n;
	if (!good_host(host, host_n))
		return "the host name is missing or malformed";
	if (colon && !good_port(colon + 1, n - host_n - 1))
		return "the port is not between 1 and 65535";
	return NULL;
}

static void check_url(struct check *c, const struct value *v)
{
	const char *fault = url_fault(v->text);
	struct diag *d;

	if (!fault)
		return;
	if (strchr(v->text, '@')) {
		d = diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &v->at,
			     "the URL of %s is not allowed", v->path);
		diag_why(c->diags, d, "%s", fault);
		return;
	}
	bad_value(c, v, fault);
}

static void check_node(struct check *c, const struct schema_row *row, const struct value *v);

static void wrong_form(struct check *c, const struct value *v, const char *wanted)
{
	static const char *const is[] = { "nothing", "a single value", "a list", "a map" };
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_WRONG_TYPE, &v->at,
				  "%s must be %s, not %s", v->path, wanted, is[v->form]);

	if (v->form == VALUE_NULL)
		diag_way(c->diags, d, NULL, "give it a value, or leave the key out");
}

static void check_gpus(struct check *c, const struct value *v)
{
	if (v->form == VALUE_TEXT && str_eq(v->text, "auto"))
		return;
	if (v->form != VALUE_LIST) {
		struct diag *d = diag_add(c->diags, SEV_ERROR, GP_WRONG_TYPE, &v->at,
					  "gpus must be auto or a list");

		diag_way(c->diags, d, NULL,
			 "write gpus: [\"Tesla T4\"] or a PCI id like \"10de:1eb8\"");
		return;
	}
	list_each (&v->items, it)
		if (it->form != VALUE_TEXT)
			wrong_form(c, it, "a GPU's name or PCI id");
}

static void unknown_key(struct check *c, const struct value *v)
{
	unsigned best_distance = 99;
	const char *best = NULL;
	size_t head = strlen(v->path) - strlen(v->key);
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_UNKNOWN_KEY, &v->key_at,
				  "there is no key '%s'", escaped(c, v->path));

	for (const struct schema_row *row = schema_table; row->path; row++) {
		const char *leaf = strrchr(row->path, '.');
		unsigned distance = 0;
		bool sibling;

		leaf = leaf ? leaf + 1 : row->path;
		if (!(row->kinds & c->kind) || !str_meant(v->key, leaf, &distance))
			continue;
		/* A sibling is likelier than the same word elsewhere. */
		sibling = (size_t)(leaf - row->path) == head &&
			  strncmp(row->path, v->path, head) == 0;
		distance = distance * 2 + !sibling;
		if (distance < best_distance) {
			best = row->path;
			best_distance = distance;
		}
	}
	if (strchr(v->key, '.'))
		diag_way(c->diags, d, NULL,
			 "write what follows the dot on a line of its own, indented");
	else if (best)
		diag_way(c->diags, d, NULL, "did you mean %s?", best);
	diag_way(c->diags, d, NULL, "see all keys: gpuprov help profile");
}

static void check_map(struct check *c, const struct value *map)
{
	list_each (&map->items, v) {
		/* "driver.branch:" is one key with a dot in it, not a branch below driver. */
		bool dotted = strchr(v->key, '.') != NULL;
		const struct schema_row *row = dotted ? NULL : schema_find(v->path);

		if (!row)
			unknown_key(c, v);
		else if (!(row->kinds & c->kind))
			diag_add(c->diags, SEV_ERROR, GP_WRONG_KIND, &v->key_at,
				 "%s does not belong to kind %s", v->path, c->p->kind);
		else
			check_node(c, row, v);
	}
}

static void check_text(struct check *c, const struct schema_row *row, const struct value *v)
{
	switch (row->type) {
	case SCHEMA_WORD:
		check_word(c, row, v);
		break;
	case SCHEMA_BOOL:
		check_bool(c, v);
		break;
	case SCHEMA_BRANCH:
		check_branch(c, v);
		break;
	case SCHEMA_VERSION:
		check_version(c, v);
		break;
	case SCHEMA_URL:
		check_url(c, v);
		break;
	case SCHEMA_MAP:
	case SCHEMA_GPUS:
		break;
	}
}

static void check_node(struct check *c, const struct schema_row *row, const struct value *v)
{
	if (row->type == SCHEMA_GPUS)
		check_gpus(c, v);
	else if (row->type == SCHEMA_MAP && v->form != VALUE_MAP)
		wrong_form(c, v, "a map");
	else if (row->type == SCHEMA_MAP)
		check_map(c, v);
	else if (v->form != VALUE_TEXT)
		wrong_form(c, v, "a single value");
	else
		check_text(c, row, v);
}

static void check_required(struct check *c)
{
	for (const struct schema_row *row = schema_table; row->path; row++) {
		struct diag *d;
		const char *example;

		if (!row->required || profile_given(c->p, row->path))
			continue;
		if (value_find(&c->p->root, row->path))
			continue;
		d = diag_add(c->diags, SEV_ERROR, GP_MISSING_KEY, &c->p->root.at,
			     "the key '%s' is missing", row->path);
		example = arena_printf(c->p->a, "%s=%s", row->path, row->words[0]);
		diag_way(c->diags, d, example, "add %s: %s", row->path, row->words[0]);
	}
}

static void check_pairs(struct check *c)
{
	const struct value *branch = profile_given(c->p, "driver.branch");
	const struct value *version = profile_given(c->p, "driver.version");
	struct diag *d;

	if (!branch || !version || branch->form != VALUE_TEXT || version->form != VALUE_TEXT ||
	    ver_within(version->text, branch->text))
		return;
	d = diag_add(c->diags, SEV_ERROR, GP_CONTRADICTION, &version->at,
		     "driver.version %s is not of driver.branch %s", escaped(c, version->text),
		     escaped(c, branch->text));
	d->also = branch->at;
	d->also_note = "the branch asked for";
	diag_way(c->diags, d, NULL, "leave driver.branch out; the version implies it");
}

static void find_kind(struct check *c)
{
	const struct value *kind = value_find(&c->p->root, "kind");

	c->kind = ~0u;
	for (unsigned i = 0; kind && kind->text && schema_kinds[i]; i++) {
		if (str_eq(kind->text, schema_kinds[i])) {
			c->kind = 1u << i;
			c->p->kind = schema_kinds[i];
		}
	}
}

int schema_check(struct profile *p, struct diags *diags)
{
	struct check c = { .p = p, .diags = diags };
	size_t errors = diag_count(diags, SEV_ERROR);

	find_kind(&c);
	check_map(&c, &p->root);
	check_required(&c);
	check_pairs(&c);
	return diag_count(diags, SEV_ERROR) == errors ? 0 : -1;
}
