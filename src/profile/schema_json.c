/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile language as a JSON Schema for editors, in keywords of draft-07. It never refuses what
 * gpuprov takes: a YAML program may see a number or a truth value where we see text.
 */
#include "profile/schema.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

/* One definition: the keys of some kinds, and whether null may stand for any of them. */
struct part {
	unsigned kinds;
	bool layer; /* a profile that extends another: null removes */
};

static void put_object(struct jw *j, const struct part *part, const char *prefix);

static void put_type(struct jw *j, const char *type)
{
	jw_put_str(j, "type", type);
}

static void put_types(struct jw *j, const char *const *types)
{
	jw_key(j, "type");
	jw_open(j, '[');
	for (; *types; types++)
		jw_str(j, *types);
	jw_close(j, ']');
}

/* { "type": "string", "pattern": ... } */
static void put_pattern(struct jw *j, const char *pattern)
{
	jw_open(j, '{');
	put_type(j, "string");
	jw_put_str(j, "pattern", pattern);
	jw_close(j, '}');
}

static void put_plain(struct jw *j, const char *type)
{
	jw_open(j, '{');
	put_type(j, type);
	jw_close(j, '}');
}

static void open_any(struct jw *j)
{
	jw_key(j, "anyOf");
	jw_open(j, '[');
}

static void put_scalar(struct jw *j)
{
	static const char *const types[] = { "string", "number", "boolean", NULL };

	put_types(j, types);
}

/* Text with a pattern, or what a YAML program makes of it when it looks like a number. */
static void put_text_or_number(struct jw *j, const char *pattern)
{
	open_any(j);
	put_pattern(j, pattern);
	put_plain(j, "number");
	jw_close(j, ']');
}

#define VERSION_PATTERN "^[0-9]{1,6}(\\.[0-9]{1,6}){0,4}$"

static void put_words(struct jw *j, const char *const *words)
{
	unsigned long long number;

	jw_key(j, "enum");
	jw_open(j, '[');
	for (; *words; words++) {
		jw_str(j, *words);
		if (str_to_u64(*words, &number))
			jw_int(j, (long long)number);
	}
	jw_close(j, ']');
}

static void put_bools(struct jw *j, bool with_auto)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off" };

	jw_key(j, "enum");
	jw_open(j, '[');
	jw_bool(j, true);
	jw_bool(j, false);
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		jw_str(j, words[i]);
	if (with_auto)
		jw_str(j, "auto");
	jw_close(j, ']');
}

static void open_items(struct jw *j)
{
	put_type(j, "array");
	jw_put_int(j, "minItems", 1);
	jw_key(j, "items");
	jw_open(j, '{');
}

static void put_versions(struct jw *j)
{
	open_any(j);
	put_pattern(j, VERSION_PATTERN);
	put_plain(j, "number");
	jw_open(j, '{');
	open_items(j);
	put_text_or_number(j, VERSION_PATTERN);
	jw_close(j, '}');
	jw_close(j, '}');
	jw_close(j, ']');
}

static void put_gpus(struct jw *j)
{
	open_any(j);
	jw_open(j, '{');
	jw_put_str(j, "const", "auto");
	jw_close(j, '}');
	jw_open(j, '{');
	open_items(j);
	put_scalar(j);
	jw_close(j, '}');
	jw_close(j, '}');
	jw_close(j, ']');
}

static void put_part(struct jw *j, const struct part *part, const struct schema_row *row)
{
	open_any(j);
	jw_open(j, '{');
	put_bools(j, false);
	jw_close(j, '}');
	jw_open(j, '{');
	put_object(j, part, row->path);
	jw_close(j, '}');
	jw_close(j, ']');
}

static void put_list(struct jw *j, const struct part *part, const struct schema_row *row)
{
	auto_buf struct buf prefix = BUF_TEXT;

	buf_addf(&prefix, "%s[]", row->path);
	put_type(j, "array");
	jw_key(j, "items");
	jw_open(j, '{');
	put_object(j, part, buf_str(&prefix));
	jw_close(j, '}');
}

/* The keywords that say which values a row takes, into an object that is open. */
static void put_values(struct jw *j, const struct part *part, const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_MAP:
		put_object(j, part, row->path);
		break;
	case SCHEMA_PART:
		put_part(j, part, row);
		break;
	case SCHEMA_LIST:
		put_list(j, part, row);
		break;
	case SCHEMA_WORD:
		put_words(j, row->words);
		break;
	case SCHEMA_WORDS:
		open_items(j);
		put_words(j, row->words);
		jw_close(j, '}');
		break;
	case SCHEMA_BOOL:
	case SCHEMA_SWITCH:
		put_bools(j, row->type == SCHEMA_SWITCH);
		break;
	case SCHEMA_BRANCH:
		put_text_or_number(j, "^[0-9]{3}$");
		break;
	case SCHEMA_VERSION:
		put_text_or_number(j, VERSION_PATTERN);
		break;
	case SCHEMA_VERSIONS:
		put_versions(j);
		break;
	case SCHEMA_CHOICE:
		put_text_or_number(j, "^(none|auto|[0-9]{1,6}(\\.[0-9]{1,6}){0,4})$");
		break;
	case SCHEMA_COUNT:
		put_text_or_number(j, "^[0-9]{1,7}$");
		break;
	case SCHEMA_GPUS:
		put_gpus(j);
		break;
	case SCHEMA_URL:
		put_type(j, "string");
		jw_put_str(j, "pattern", "^(https?://|file:///)");
		break;
	case SCHEMA_PATH:
		put_type(j, "string");
		jw_put_str(j, "pattern", "^/");
		break;
	case SCHEMA_SHA256:
		put_text_or_number(j, "^[0-9A-Fa-f]{64}$");
		break;
	case SCHEMA_MD5:
		put_text_or_number(j, "^[0-9A-Fa-f]{32}$");
		break;
	case SCHEMA_NAMES:
		open_items(j);
		put_scalar(j);
		jw_close(j, '}');
		break;
	case SCHEMA_PAIRS:
		put_type(j, "object");
		jw_key(j, "additionalProperties");
		jw_open(j, '{');
		put_scalar(j);
		jw_close(j, '}');
		break;
	case SCHEMA_FILE:
	case SCHEMA_KEY_ID:
	case SCHEMA_NAME:
	case SCHEMA_IMAGE:
	case SCHEMA_QUANTITY:
	case SCHEMA_TEXT:
		put_scalar(j);
		break;
	case SCHEMA_FREE:
		break;
	}
}

static void put_row(struct jw *j, const struct part *part, const struct schema_row *row)
{
	jw_open(j, '{');
	jw_put_str(j, "description", row->help);
	if (row->fallback)
		jw_put_str(j, "default", row->fallback);
	if (part->layer) {
		open_any(j);
		put_plain(j, "null");
		jw_open(j, '{');
	}
	put_values(j, part, row);
	if (part->layer) {
		jw_close(j, '}');
		jw_close(j, ']');
	}
	jw_close(j, '}');
}

/* The key when the row is a direct child of what is at `prefix`, else NULL. */
static const char *child_of(const struct schema_row *row, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *key = row->path + n + (n ? 1 : 0);

	if (strncmp(row->path, prefix, n) != 0 || (n && row->path[n] != '.'))
		return NULL;
	return strpbrk(key, ".[") ? NULL : key;
}

static void put_object(struct jw *j, const struct part *part, const char *prefix)
{
	put_type(j, "object");
	jw_put_bool(j, "additionalProperties", false);
	jw_key(j, "properties");
	jw_open(j, '{');
	for (const struct schema_row *row = schema_table; row->path; row++) {
		const char *key = child_of(row, prefix);

		/* A path can have several rows; the first that fits is the one. */
		if (!key || schema_find(row->path, part->kinds) != row)
			continue;
		jw_key(j, key);
		put_row(j, part, row);
	}
	jw_close(j, '}');
}

static void put_definition(struct jw *j, const char *name, const struct part *part)
{
	jw_key(j, name);
	jw_open(j, '{');
	put_object(j, part, "");
	jw_close(j, '}');
}

static void put_ref(struct jw *j, const char *name)
{
	auto_buf struct buf ref = BUF_TEXT;

	buf_addf(&ref, "#/definitions/%s", name);
	jw_put_str(j, "$ref", buf_str(&ref));
}

/* { "if": the kind is this, "then": its keys } */
static void put_if_kind(struct jw *j, const char *kind)
{
	jw_open(j, '{');
	jw_key(j, "if");
	jw_open(j, '{');
	jw_key(j, "properties");
	jw_open(j, '{');
	jw_key(j, "kind");
	jw_open(j, '{');
	jw_put_str(j, "const", kind);
	jw_close(j, '}');
	jw_close(j, '}');
	jw_close(j, '}');
	jw_key(j, "then");
	jw_open(j, '{');
	put_ref(j, kind);
	jw_close(j, '}');
	jw_close(j, '}');
}

/* A profile that stands alone: what every profile needs, and the keys of its kind. */
static void put_alone(struct jw *j)
{
	jw_open(j, '{');
	jw_key(j, "required");
	jw_open(j, '[');
	for (const struct schema_row *row = schema_table; row->path; row++)
		if (row->required)
			jw_str(j, row->path);
	jw_close(j, ']');
	jw_key(j, "properties");
	jw_open(j, '{');
	jw_key(j, "kind");
	jw_open(j, '{');
	put_words(j, schema_kinds);
	jw_close(j, '}');
	jw_close(j, '}');
	jw_key(j, "allOf");
	jw_open(j, '[');
	for (unsigned i = 0; schema_kinds[i]; i++)
		put_if_kind(j, schema_kinds[i]);
	jw_close(j, ']');
	jw_close(j, '}');
}

void schema_json(struct buf *ret)
{
	struct jw j = { .out = ret, .compact = true };

	jw_open(&j, '{');
	jw_put_str(&j, "$schema", "http://json-schema.org/draft-07/schema#");
	jw_put_str(&j, "title", "gpuprov profile, version 1");
	put_type(&j, "object");
	jw_key(&j, "if");
	jw_open(&j, '{');
	jw_key(&j, "required");
	jw_open(&j, '[');
	jw_str(&j, "extends");
	jw_close(&j, ']');
	jw_close(&j, '}');
	jw_key(&j, "then");
	jw_open(&j, '{');
	put_ref(&j, "layer");
	jw_close(&j, '}');
	jw_key(&j, "else");
	put_alone(&j);
	jw_key(&j, "definitions");
	jw_open(&j, '{');
	for (unsigned i = 0; schema_kinds[i]; i++)
		put_definition(&j, schema_kinds[i], &(struct part){ 1u << i, false });
	put_definition(&j, "layer", &(struct part){ ~0u, true });
	jw_close(&j, '}');
	jw_close(&j, '}');
	buf_addc(ret, '\n');
}
