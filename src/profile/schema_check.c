/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a parsed profile against the schema table. */
#include "profile/schema_priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

const char *schema_escaped(struct check *c, const char *text)
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
	struct diag *d =
		diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &v->at, "'%s' is not allowed for %s",
			 schema_escaped(c, v->text), v->path);

	diag_why(c->diags, d, "%s", why);
	return d;
}

static void suggest_value(struct check *c, struct diag *d, const struct value *v, const char *word)
{
	const char *set = v->key ? arena_printf(c->p->a, "%s=%s", v->path, word) : NULL;

	diag_way(c->diags, d, set, "write %s%s%s", v->key ? v->key : "", v->key ? ": " : "", word);
}

static void bad_word(struct check *c, const struct schema_row *row, const struct value *v)
{
	auto_buf struct buf why = BUF_TEXT;
	const char *best = str_nearest(v->text, row->words);
	struct diag *d;

	buf_adds(&why, "it takes ");
	add_words(&why, row->words);
	d = bad_value(c, v, buf_str(&why));
	if (str_eq(row->path, "version"))
		d->code = GP_BAD_FORMAT_VERSION;
	if (best)
		suggest_value(c, d, v, best);
	else
		for (size_t i = 0; i < 3 && row->words[i]; i++)
			suggest_value(c, d, v, row->words[i]);
}

static void bad_branch(struct check *c, const struct value *v, const char *fault)
{
	struct diag *d = bad_value(c, v, fault);

	if (strspn(v->text, "0123456789") == 3 && ver_valid(v->text)) {
		const char *branch = arena_strn(c->p->a, v->text, 3);

		suggest_value(c, d, v, arena_printf(c->p->a, "\"%s\"", branch));
		diag_way(c->diags, d, NULL, "or say driver.version: \"%s\"", v->text);
	} else {
		suggest_value(c, d, v, "\"580\"");
	}
}

/* Never echoes what may be a password. */
static void bad_url(struct check *c, const struct value *v, const char *fault)
{
	struct diag *d;

	if (!strchr(v->text, '@')) {
		d = bad_value(c, v, fault);
		diag_way(c->diags, d, NULL, "write for example \"https://mirror.example/debian\"");
		return;
	}
	d = diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &v->at, "the URL of %s is not allowed",
		     v->path);
	diag_why(c->diags, d, "%s", fault);
	diag_way(c->diags, d, NULL, "take out what stands before the @");
}

/* A value that would do, for each type that has an obvious one. */
static const char *example(const struct schema_row *row)
{
	if (row->fallback)
		return row->fallback;
	switch (row->type) {
	case SCHEMA_BOOL:
	case SCHEMA_SWITCH:
		return "true";
	case SCHEMA_VERSION:
	case SCHEMA_VERSIONS:
		return str_starts(row->path, "driver") ? "\"580.126.20\"" :
		       str_starts(row->path, "cuda")   ? "\"12.8\"" :
							 "\"1.19.1\"";
	case SCHEMA_CHOICE:
		return "auto";
	case SCHEMA_COUNT:
		return "4";
	case SCHEMA_PATH:
		return "/path/to/it";
	case SCHEMA_NAME:
		return "nvidia";
	case SCHEMA_QUANTITY:
		return "512Mi";
	case SCHEMA_URL:
		return "\"https://mirror.example/debian\"";
	default:
		return NULL;
	}
}

/* What to do where no value can be given as an example. */
static const char *advice(enum schema_type type)
{
	switch (type) {
	case SCHEMA_SHA256:
		return "copy all of what 'sha256sum FILE' prints";
	case SCHEMA_MD5:
		return "copy all of what 'md5sum FILE' prints";
	case SCHEMA_KEY_ID:
		return "copy all of what 'gpg --show-keys FILE' prints";
	case SCHEMA_IMAGE:
		return "write it like registry.example/path/name:tag";
	case SCHEMA_FILE:
		return "name a file, from the folder of the profile";
	case SCHEMA_NAMES:
		return "write one name an item, without blanks";
	default:
		return "see what it takes: gpuprov help profile";
	}
}

static void check_text(struct check *c, const struct schema_row *row, const struct value *v)
{
	const char *fault = schema_fault(row, v->text);
	struct diag *d;

	if (!fault)
		return;
	if (row->type == SCHEMA_WORD || row->type == SCHEMA_WORDS) {
		bad_word(c, row, v);
	} else if (row->type == SCHEMA_BRANCH) {
		bad_branch(c, v, fault);
	} else if (row->type == SCHEMA_URL) {
		bad_url(c, v, fault);
	} else {
		d = bad_value(c, v, fault);
		if (example(row))
			suggest_value(c, d, v, example(row));
		else
			diag_way(c->diags, d, NULL, "%s", advice(row->type));
	}
}

static void wrong_form(struct check *c, const struct value *v, const char *wanted)
{
	static const char *const is[] = { "nothing", "a single value", "a list", "a map" };
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_WRONG_TYPE, &v->at,
				  "%s must be %s, not %s", v->path, wanted, is[v->form]);

	if (v->form == VALUE_NULL)
		diag_way(c->diags, d, NULL, "give it a value, or leave the key out");
	else if (strstr(wanted, "list"))
		diag_way(c->diags, d, NULL, "write it in brackets: [ONE, TWO]");
	else if (strstr(wanted, "map"))
		diag_way(c->diags, d, NULL, "write its keys below it, indented");
	else
		diag_way(c->diags, d, NULL, "write one value, without brackets");
}

static void empty_list(struct check *c, const struct value *v)
{
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_WRONG_TYPE, &v->at, "%s is an empty list",
				  v->path);

	diag_way(c->diags, d, NULL, "put something into it, or leave the key out");
}

static void check_gpus(struct check *c, const struct value *v)
{
	struct diag *d;

	if (v->form == VALUE_TEXT && str_eq(v->text, "auto"))
		return;
	if (v->form != VALUE_LIST || !v->items.n) {
		d = diag_add(c->diags, SEV_ERROR, GP_WRONG_TYPE, &v->at,
			     v->form == VALUE_LIST ? "gpus is an empty list" :
						     "gpus must be auto or a list");
		diag_way(c->diags, d, "gpus=auto",
			 "write gpus: auto for the GPUs that are in the host");
		diag_way(c->diags, d, NULL,
			 "write gpus: [\"Tesla T4\"] or a PCI id like \"10de:1eb8\"");
		return;
	}
	list_each (&v->items, it)
		if (it->form != VALUE_TEXT && !it->bad)
			wrong_form(c, it, "a GPU's name or PCI id");
}

static void unknown_key(struct check *c, const struct value *v)
{
	unsigned best_distance = 99;
	const char *best = NULL, *path = schema_path(c->p->a, v->path);
	size_t head = strlen(path) - strlen(v->key);
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_UNKNOWN_KEY, &v->key_at,
				  "there is no key '%s'", schema_escaped(c, v->path));

	for (const struct schema_row *row = schema_table; row->path; row++) {
		const char *leaf = strrchr(row->path, '.');
		unsigned distance = 0;
		bool sibling;

		leaf = leaf ? leaf + 1 : row->path;
		/* A sibling is likelier than the same word elsewhere. */
		sibling = (size_t)(leaf - row->path) == head && strncmp(row->path, path, head) == 0;
		if (!(row->kinds & c->kind) || (strchr(row->path, '[') && !sibling) ||
		    !str_meant(v->key, leaf, &distance))
			continue;
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

static void check_node(struct check *c, const struct schema_row *row, struct value *v);

static const char *kinds_of(struct check *c, const char *path)
{
	auto_buf struct buf b = BUF_TEXT;

	for (unsigned i = 0; schema_kinds[i]; i++)
		if (schema_find(path, 1u << i))
			buf_addf(&b, "%s%s", b.len ? " and " : "", schema_kinds[i]);
	return arena_str(c->p->a, buf_str(&b));
}

static void wrong_kind(struct check *c, const struct value *v, const char *path)
{
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_WRONG_KIND, &v->key_at,
				  "%s does not belong to kind %s", v->path, c->p->kind);

	diag_why(c->diags, d, "it is a key of kind %s", kinds_of(c, path));
	diag_way(c->diags, d, NULL, "leave %s out, or change kind", v->path);
}

static void check_map(struct check *c, struct value *map)
{
	list_each (&map->items, v) {
		/* "driver.branch:" is one key with a dot in it, not a branch below driver. */
		const char *path = strchr(v->key, '.') ? "" : schema_path(c->p->a, v->path);
		const struct schema_row *row = schema_find(path, c->kind);

		if (row)
			check_node(c, row, v);
		else if (schema_find(path, ~0u))
			wrong_kind(c, v, path);
		else
			unknown_key(c, v);
	}
}

static void twice(struct check *c, const struct value *list, const struct value *it,
		  const struct value *before)
{
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &it->at, "%s has '%s' twice",
				  list->path, schema_escaped(c, it->text));

	d->also = before->at;
	d->also_note = "first here";
	diag_way(c->diags, d, NULL, "keep one of them");
}

static void check_texts(struct check *c, const struct schema_row *row, struct value *list)
{
	if (!list->items.n)
		empty_list(c, list);
	list_each (&list->items, it) {
		if (it->bad)
			continue;
		if (it->form != VALUE_TEXT) {
			wrong_form(c, it, "a single value");
			continue;
		}
		check_text(c, row, it);
		list_each (&list->items, before) {
			if (before == it)
				break;
			if (!str_eq(before->text, it->text))
				continue;
			twice(c, list, it, before);
			break;
		}
	}
}

/* `dcgm-exporter: true` is short for `dcgm-exporter: {enabled: true}`. */
static void spell_out(struct check *c, struct value *v)
{
	struct value inner = *v;

	inner.key = "enabled";
	inner.path = arena_printf(c->p->a, "%s.enabled", v->path);
	v->form = VALUE_MAP;
	v->text = NULL;
	list_add(c->p->a, &v->items, inner);
}

static void check_list(struct check *c, struct value *v)
{
	if (v->form != VALUE_LIST) {
		wrong_form(c, v, schema_type_help(SCHEMA_LIST));
		return;
	}
	list_each (&v->items, it) {
		if (it->form == VALUE_MAP)
			check_map(c, it);
		else
			wrong_form(c, it, "a map");
	}
}

static void check_pair_values(struct check *c, struct value *v)
{
	if (v->form != VALUE_MAP) {
		wrong_form(c, v, schema_type_help(SCHEMA_PAIRS));
		return;
	}
	list_each (&v->items, it)
		if (it->form != VALUE_TEXT && !it->bad)
			wrong_form(c, it, "a single value");
}

static void check_node(struct check *c, const struct schema_row *row, struct value *v)
{
	if (v->bad)
		return;
	if (row->type == SCHEMA_PART && v->form == VALUE_TEXT)
		spell_out(c, v);
	switch (row->type) {
	case SCHEMA_FREE:
		return;
	case SCHEMA_GPUS:
		check_gpus(c, v);
		return;
	case SCHEMA_LIST:
		check_list(c, v);
		return;
	case SCHEMA_PAIRS:
		check_pair_values(c, v);
		return;
	case SCHEMA_MAP:
	case SCHEMA_PART:
		if (v->form == VALUE_MAP)
			check_map(c, v);
		else
			wrong_form(c, v, schema_type_help(row->type));
		return;
	case SCHEMA_WORDS:
	case SCHEMA_NAMES:
		if (v->form == VALUE_LIST)
			check_texts(c, row, v);
		else
			wrong_form(c, v, schema_type_help(row->type));
		return;
	default:
		break;
	}
	if (row->type == SCHEMA_VERSIONS && v->form == VALUE_LIST)
		check_texts(c, row, v);
	else if (v->form != VALUE_TEXT)
		wrong_form(c, v,
			   row->type == SCHEMA_VERSIONS ? schema_type_help(row->type) :
							  "a single value");
	else
		check_text(c, row, v);
}

static void check_required(struct check *c)
{
	for (const struct schema_row *row = schema_table; row->path; row++) {
		struct diag *d;
		const char *way;

		if (!row->required || value_find(&c->p->root, row->path))
			continue;
		d = diag_add(c->diags, SEV_ERROR, GP_MISSING_KEY, &c->p->root.at,
			     "the key '%s' is missing", row->path);
		way = arena_printf(c->p->a, "%s=%s", row->path, row->words[0]);
		diag_way(c->diags, d, way, "add %s: %s", row->path, row->words[0]);
	}
}

int schema_check(struct profile *p, struct diags *diags)
{
	const struct value *kind = value_find(&p->root, "kind");
	struct check c = { .p = p, .diags = diags };
	size_t errors = diag_count(diags, SEV_ERROR);

	c.kind = schema_kind_bit(kind ? kind->text : NULL);
	p->kind = !kind || c.kind == ~0u ? NULL : kind->text;
	check_map(&c, &p->root);
	check_required(&c);
	if (diag_count(diags, SEV_ERROR) == errors)
		schema_pairs(&c);
	return diag_count(diags, SEV_ERROR) == errors ? 0 : -1;
}
