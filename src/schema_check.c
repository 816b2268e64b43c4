/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a parsed profile against the schema table. */
#include "schema.h"

#include "base/str.h"
#include "base/ver.h"

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
	const char *set = v->key ? arena_printf(c->p->a, "%s=%s", v->path, word) : NULL;

	diag_way(c->diags, d, set, "write %s%s%s", v->key ? v->key : "", v->key ? ": " : "", word);
}

static void bad_word(struct check *c, const struct schema_row *row, const struct value *v)
{
	auto_buf struct buf why = BUF_TEXT;
	const char *best = NULL;
	unsigned best_distance = 99;
	struct diag *d;

	for (size_t i = 0; row->words[i]; i++) {
		unsigned distance = 0;

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
		bad_value(c, v, fault);
		return;
	}
	d = diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &v->at, "the URL of %s is not allowed",
		     v->path);
	diag_why(c->diags, d, "%s", fault);
}

/* A value that would do, for each type that has an obvious one. */
static const char *example(const struct schema_row *row)
{
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
	default:
		return NULL;
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
	}
}

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
		if (!(row->kinds & c->kind) || strchr(row->path, '[') ||
		    !str_meant(v->key, leaf, &distance))
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

static void check_texts(struct check *c, const struct schema_row *row, struct value *list)
{
	if (!list->items.n)
		wrong_form(c, list, "a list with something in it");
	list_each (&list->items, it) {
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
			diag_add(c->diags, SEV_ERROR, GP_BAD_VALUE, &it->at, "%s has '%s' twice",
				 list->path, escaped(c, it->text))
				->also = before->at;
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
		if (it->form != VALUE_TEXT)
			wrong_form(c, it, "a single value");
}

static void check_node(struct check *c, const struct schema_row *row, struct value *v)
{
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

/* ---- settings that contradict each other ---- */

static const struct value *text_at(struct check *c, const char *path)
{
	const struct value *v = profile_given(c->p, path);

	return v && v->form == VALUE_TEXT ? v : NULL;
}

static struct diag *contradiction(struct check *c, const struct value *v, const struct value *also,
				  const char *note, const char *what)
{
	struct diag *d = diag_add(c->diags, SEV_ERROR, GP_CONTRADICTION, &v->at, "%s", what);

	if (also) {
		d->also = also->at;
		d->also_note = note;
	}
	return d;
}

static void branch_and_version(struct check *c)
{
	const struct value *branch = text_at(c, "driver.branch");
	const struct value *version = text_at(c, "driver.version");
	struct diag *d;

	if (!branch || !version || ver_within(version->text, branch->text))
		return;
	d = contradiction(c, version, branch, "the branch asked for",
			  arena_printf(c->p->a, "driver.version %s is not of driver.branch %s",
				       escaped(c, version->text), escaped(c, branch->text)));
	diag_way(c->diags, d, NULL, "leave driver.branch out; the version implies it");
}

/* A value below driver that means nothing when there are no kernel modules. */
static void modules_none(struct check *c)
{
	static const char *const need[] = { "driver.module-options", "driver.signing",
					    "driver.features" };
	const struct value *modules = text_at(c, "driver.modules");
	struct diag *d;

	if (!modules || !str_eq(modules->text, "none"))
		return;
	for (size_t i = 0; i < sizeof(need) / sizeof(*need); i++) {
		const struct value *v = profile_given(c->p, need[i]);

		if (!v)
			continue;
		d = contradiction(c, v, modules, "no kernel modules",
				  arena_printf(c->p->a, "%s needs kernel modules", need[i]));
		diag_way(c->diags, d, "driver.modules=auto", "write driver.modules: auto");
		diag_way(c->diags, d, NULL, "leave %s out", need[i]);
	}
}

/* One installer: by a URL or a path, not both; unverified only in so many words. */
static void installer(struct check *c, const struct value *at, const struct value *url,
		      const struct value *path)
{
	struct diag *d;

	if (!url || !path)
		return;
	d = contradiction(c, path, url, "and a URL here",
			  arena_printf(c->p->a, "%s has both a path and a URL", at->path));
	diag_way(c->diags, d, NULL, "keep one of them");
}

static void installers(struct check *c)
{
	const struct value *driver = profile_given(c->p, "driver.runfile");
	const struct value *cuda = profile_given(c->p, "cuda.runfile");
	const struct value *source = text_at(c, "driver.source");
	struct diag *d;

	if (driver)
		installer(c, driver, value_find(driver, "url"), value_find(driver, "path"));
	if (driver && source && !str_eq(source->text, "runfile") && !str_eq(source->text, "auto")) {
		d = contradiction(c, driver, source, "the source asked for",
				  arena_printf(c->p->a, "driver.runfile, but driver.source is %s",
					       escaped(c, source->text)));
		diag_way(c->diags, d, "driver.source=runfile", "write driver.source: runfile");
		diag_way(c->diags, d, NULL, "leave driver.runfile out");
	}
	if (cuda)
		list_each (&cuda->items, it)
			installer(c, it, value_find(it, "url"), value_find(it, "path"));
}

static void cuda_default(struct check *c)
{
	const struct value *wanted = text_at(c, "cuda.default");
	const struct value *versions = profile_given(c->p, "cuda.version");
	struct diag *d;

	if (!wanted)
		return;
	if (versions && versions->form == VALUE_TEXT && str_eq(versions->text, wanted->text))
		return;
	if (versions)
		list_each (&versions->items, it)
			if (str_eq(it->text, wanted->text))
				return;
	d = contradiction(c, wanted, versions, "the versions asked for",
			  arena_printf(c->p->a, "cuda.default %s is not one of cuda.version",
				       escaped(c, wanted->text)));
	diag_way(c->diags, d, NULL, "add \"%s\" to cuda.version", escaped(c, wanted->text));
}

static void sharing(struct check *c)
{
	const struct value *kind = text_at(c, "kubernetes.device-plugin.sharing.kind");
	const struct value *replicas =
		profile_given(c->p, "kubernetes.device-plugin.sharing.replicas");
	bool shares = kind && !str_eq(kind->text, "none");
	struct diag *d;

	if (shares && !replicas) {
		d = diag_add(c->diags, SEV_ERROR, GP_MISSING_KEY, &kind->at,
			     "%s needs kubernetes.device-plugin.sharing.replicas",
			     escaped(c, kind->text));
		diag_way(c->diags, d, "kubernetes.device-plugin.sharing.replicas=4",
			 "say how many pods share one GPU: replicas: 4");
	} else if (replicas && !shares) {
		d = contradiction(c, replicas, kind, "no sharing",
				  "replicas without a kind of sharing");
		diag_way(c->diags, d, "kubernetes.device-plugin.sharing.kind=time-slicing",
			 "write kind: time-slicing");
		diag_way(c->diags, d, "kubernetes.device-plugin.sharing.kind=mps",
			 "write kind: mps");
	}
}

/* A toolkit for containers without an engine that would use it. */
static void engine_of(struct check *c)
{
	static const char *const engines[] = { "docker", "containerd", "crio", "podman" };
	const struct value *engine = text_at(c, "engine");
	const char *wanted = engine ? engine->text : "docker";
	struct diag *d;

	if (c->kind != KIND_DOCKER)
		return;
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		const struct value *v = profile_given(c->p, engines[i]);

		if (!v || str_eq(engines[i], wanted))
			continue;
		d = contradiction(c, v, engine, "the engine asked for",
				  arena_printf(c->p->a, "settings of %s, but the engine is %s",
					       engines[i], escaped(c, wanted)));
		diag_way(c->diags, d, arena_printf(c->p->a, "engine=%s", engines[i]),
			 "write engine: %s", engines[i]);
		diag_way(c->diags, d, NULL, "leave %s out", engines[i]);
	}
}

static void check_pairs(struct check *c)
{
	branch_and_version(c);
	modules_none(c);
	installers(c);
	cuda_default(c);
	sharing(c);
	engine_of(c);
}

int schema_check(struct profile *p, struct diags *diags)
{
	const struct value *kind = value_find(&p->root, "kind");
	struct check c = { .p = p, .diags = diags };
	size_t errors = diag_count(diags, SEV_ERROR);

	c.kind = schema_kind_bit(kind ? kind->text : NULL);
	p->kind = c.kind == ~0u ? NULL : kind->text;
	check_map(&c, &p->root);
	check_required(&c);
	if (diag_count(diags, SEV_ERROR) == errors)
		check_pairs(&c);
	return diag_count(diags, SEV_ERROR) == errors ? 0 : -1;
}
