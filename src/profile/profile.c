/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one file: libyaml's events, fenced. libyaml lets through duplicate keys, aliases to
 * their own parent, a second document and anchors by the thousand, and is quadratic on deep
 * nesting; every fence against that stands in this file. The schema is checked in
 * profile/schema_check.c.
 */
#include "profile/profile.h"

#include "base/str.h"
#include "profile/read.h"
#include "profile/schema.h"
#include "profile/text.h"

#include <stdarg.h>
#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	struct profile *p;
	struct arena *a;
	struct diags *diags;
	size_t events, keys, complaints;
	struct span last; /* where we were last, so that no line is counted from its start again */
	bool stopped;     /* an error after which the rest cannot be read */
};

/* libyaml counts from zero, in characters. */
static struct span span_of(struct reader *r, yaml_mark_t from, yaml_mark_t to)
{
	struct span s = {
		.file = r->p->text.file,
		.line = (unsigned)from.line + 1,
		.col = (unsigned)from.column + 1,
		.width = 1,
	};

	if (from.line == to.line && to.column > from.column)
		s.width = (unsigned)(to.column - from.column);
	text_locate(&r->p->text, &r->last, &s);
	r->last = s;
	return s;
}

static struct diag *complain(struct reader *r, enum code code, const struct span *at,
			     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static struct diag *complain(struct reader *r, enum code code, const struct span *at,
			     const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	/* More are not shown, so nobody gets memory for thousands of them. */
	if (++r->complaints == PROFILE_MAX_ERRORS)
		r->stopped = true;
	return diag_add(r->diags, SEV_ERROR, code, at, "%s", text);
}

static void advise(struct reader *r, struct diag *d, const char *way)
{
	diag_way(r->diags, d, NULL, "%s", way);
}

/* The byte that libyaml could not read on at. */
static char byte_at(const struct reader *r, const struct span *at)
{
	return at->off < r->p->text.len ? r->p->text.bytes[at->off] : '\0';
}

/* What cannot begin a word: a tab where blanks belong, or a character that YAML keeps for itself.
 */
static void complain_start(struct reader *r, const struct span *at)
{
	char c = byte_at(r, at);

	if (c == '\t')
		advise(r, complain(r, GP_PROFILE_SYNTAX, at, "a tab is used for indentation"),
		       "indent with blanks");
	else
		advise(r, complain(r, GP_PROFILE_SYNTAX, at, "a value cannot begin with '%c'", c),
		       "put quotes around the value");
}

/* What libyaml says, in the words of somebody who looks at the file. */
static void complain_syntax(struct reader *r)
{
	const char *problem = r->parser.problem ? r->parser.problem : "it cannot be parsed";
	const char *context = r->parser.context ? r->parser.context : "";
	yaml_mark_t mark = r->parser.problem_mark;
	struct diag *d;
	struct span at;

	/*
	 * An open quote is noticed at the end of the file; the reader wants to see where it opened.
	 */
	if (strstr(context, "quoted scalar") || strstr(context, "flow"))
		mark = r->parser.context_mark;
	at = span_of(r, mark, mark);
	r->stopped = true;
	if (strstr(problem, "cannot start any token")) {
		complain_start(r, &at);
	} else if (strstr(context, "quoted scalar")) {
		d = complain(r, GP_PROFILE_SYNTAX, &at, "this quote is never closed");
		diag_way(r->diags, d, NULL, "close it on the same line");
	} else if (strstr(context, "flow")) {
		d = complain(r, GP_PROFILE_SYNTAX, &at,
			     "this bracket is never closed, or a comma is missing inside it");
		diag_way(r->diags, d, NULL, "close the bracket, or write one entry a line");
	} else if (strstr(problem, "did not find expected key") ||
		   strstr(problem, "expected <block end>")) {
		d = complain(r, GP_PROFILE_SYNTAX, &at,
			     "this line fits no map: it is indented unlike its neighbours");
		diag_way(r->diags, d, NULL, "give all keys of one map the same indentation");
	} else if (strstr(problem, "mapping values are not allowed")) {
		d = complain(r, GP_PROFILE_SYNTAX, &at, "a ':' is not allowed here");
		diag_way(r->diags, d, NULL, "put quotes around a value that contains ': '");
	} else {
		d = complain(r, GP_PROFILE_SYNTAX, &at, "not valid YAML: %s", problem);
		advise(r, d, "write it as the examples in gpuprov-profile(5) are written");
	}
}

static bool next_event(struct reader *r, yaml_event_t *ev)
{
	if (r->stopped)
		return false;
	if (++r->events > PROFILE_MAX_EVENTS) {
		struct span at = span_of(r, r->parser.mark, r->parser.mark);

		advise(r,
		       complain(r, GP_PROFILE_MANY_KEYS, &at,
				"the profile has too many parts to be one"),
		       "check that this is the right file");
		r->stopped = true;
		return false;
	}
	if (!yaml_parser_parse(&r->parser, ev)) {
		complain_syntax(r);
		return false;
	}
	return true;
}

static void check_anchor_and_tag(struct reader *r, const struct span *at, const void *anchor,
				 const void *tag)
{
	struct diag *d;

	if (anchor) {
		d = complain(r, GP_PROFILE_ANCHOR, at, "anchors (&name) are not allowed");
		diag_way(r->diags, d, NULL,
			 "write the value out where it is needed, or use extends:");
	}
	if (tag) {
		d = complain(r, GP_PROFILE_TAG, at, "tags (!name) are not allowed");
		diag_way(r->diags, d, NULL, "leave the tag out; the schema knows each key's type");
	}
}

static bool check_scalar(struct reader *r, const struct span *at, const char *text, size_t len)
{
	auto_buf struct buf shown = BUF_TEXT;
	size_t i = 0;

	if (len > PROFILE_MAX_SCALAR) {
		advise(r,
		       complain(r, GP_PROFILE_LONG_SCALAR, at,
				"a value of %zu bytes; at most %d are allowed", len,
				PROFILE_MAX_SCALAR),
		       "shorten it, or look for a quote that is closed too late");
		return false;
	}
	while (i < len) {
		unsigned c = 0;
		int n = utf8_next(text + i, len - i, &c);

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0)) {
			advise(r,
			       complain(r, GP_PROFILE_CONTROL, at,
					"the value contains the control character U+%04X", c),
			       c == '\n' ? "write it on one line" : "take it out");
			return false;
		}
		if (utf8_is_invisible(c)) {
			struct diag *d =
				complain(r, GP_PROFILE_INVISIBLE, at,
					 "the value contains the invisible character U+%04X", c);

			str_escape(&shown, text, len);
			diag_why(r->diags, d, "it reads as '%s'", buf_str(&shown));
			diag_way(r->diags, d, NULL, "type the value again instead of pasting it");
			return false;
		}
		i += n > 0 ? (size_t)n : 1;
	}
	return true;
}

static void read_node(struct reader *r, const yaml_event_t *ev, const char *path, unsigned depth,
		      struct value *ret);

static void read_scalar(struct reader *r, const yaml_event_t *ev, struct value *ret)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	check_anchor_and_tag(r, &ret->at, ev->data.scalar.anchor, ev->data.scalar.tag);
	ret->bad = !check_scalar(r, &ret->at, text, len);
	ret->quoted = !plain;
	ret->text = arena_strn(r->a, text, len);
	ret->form = plain && (!len || str_eq(ret->text, "null") || str_eq(ret->text, "~")) ?
			    VALUE_NULL :
			    VALUE_TEXT;
}

/* A key: a plain word that is not there yet. Returns NULL after a complaint. */
static const char *read_key(struct reader *r, const yaml_event_t *ev, const struct value *map,
			    const struct span *at)
{
	const char *text;
	const struct value *before;
	struct diag *d;
	size_t len;

	if (ev->type != YAML_SCALAR_EVENT) {
		advise(r, complain(r, GP_PROFILE_BAD_KEY, at, "a key must be a plain word"),
		       "write KEY: VALUE");
		r->stopped = true;
		return NULL;
	}
	len = ev->data.scalar.length;
	if (++r->keys > PROFILE_MAX_KEYS) {
		advise(r,
		       complain(r, GP_PROFILE_MANY_KEYS, at, "more than %d keys", PROFILE_MAX_KEYS),
		       "check that this is the right file");
		r->stopped = true;
		return NULL;
	}
	/* Everything below a key carries its path, so a long one would be copied thousands of
	 * times. */
	if (strlen(map->path) + len > PROFILE_MAX_PATH) {
		advise(r,
		       complain(r, GP_PROFILE_LONG_SCALAR, at,
				"a key of %zu bytes; no key is that long", len),
		       "see all keys: gpuprov help profile");
		return NULL;
	}
	text = arena_strn(r->a, (const char *)ev->data.scalar.value, len);
	check_anchor_and_tag(r, at, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (!check_scalar(r, at, text, len))
		return NULL;
	if (str_eq(text, "<<")) {
		d = complain(r, GP_PROFILE_MERGE_KEY, at, "merge keys (<<) are not allowed");
		diag_way(r->diags, d, NULL, "use extends: to build on another file");
		return NULL;
	}
	before = value_find(map, text);
	if (before) {
		d = complain(r, GP_PROFILE_DUPLICATE_KEY, at, "the key '%s' is given twice", text);
		d->also = before->key_at;
		d->also_note = "first here";
		diag_way(r->diags, d, NULL, "keep one of them");
		return NULL;
	}
	return text;
}

static const char *join(struct arena *a, const char *path, const char *key)
{
	return *path ? arena_printf(a, "%s.%s", path, key) : key;
}

static void read_map(struct reader *r, const char *path, unsigned depth, struct value *ret)
{
	ret->form = VALUE_MAP;
	for (;;) {
		struct value child = { 0 };
		yaml_event_t key, ev;

		if (!next_event(r, &key))
			return;
		if (key.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&key);
			return;
		}
		child.key_at = span_of(r, key.start_mark, key.end_mark);
		child.key = read_key(r, &key, ret, &child.key_at);
		yaml_event_delete(&key);
		if (!next_event(r, &ev))
			return;
		read_node(r, &ev, child.key ? join(r->a, path, child.key) : path, depth, &child);
		yaml_event_delete(&ev);
		if (child.key)
			list_add(r->a, &ret->items, child);
	}
}

static void read_list(struct reader *r, const char *path, unsigned depth, struct value *ret)
{
	ret->form = VALUE_LIST;
	for (;;) {
		struct value child = { 0 };
		yaml_event_t ev;

		if (!next_event(r, &ev))
			return;
		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			return;
		}
		read_node(r, &ev, arena_printf(r->a, "%s[%zu]", path, ret->items.n), depth, &child);
		yaml_event_delete(&ev);
		list_add(r->a, &ret->items, child);
	}
}

static bool too_deep(struct reader *r, unsigned depth, const struct span *at)
{
	if (depth <= PROFILE_MAX_DEPTH)
		return false;
	advise(r,
	       complain(r, GP_PROFILE_TOO_DEEP, at, "nested more than %d levels deep",
			PROFILE_MAX_DEPTH),
	       "see how keys are nested: gpuprov help profile");
	r->stopped = true;
	return true;
}

static void read_node(struct reader *r, const yaml_event_t *ev, const char *path, unsigned depth,
		      struct value *ret)
{
	struct diag *d;

	ret->path = path;
	ret->at = span_of(r, ev->start_mark, ev->end_mark);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		read_scalar(r, ev, ret);
		break;
	case YAML_MAPPING_START_EVENT:
		check_anchor_and_tag(r, &ret->at, ev->data.mapping_start.anchor,
				     ev->data.mapping_start.tag);
		if (!too_deep(r, depth + 1, &ret->at))
			read_map(r, path, depth + 1, ret);
		break;
	case YAML_SEQUENCE_START_EVENT:
		check_anchor_and_tag(r, &ret->at, ev->data.sequence_start.anchor,
				     ev->data.sequence_start.tag);
		if (!too_deep(r, depth + 1, &ret->at))
			read_list(r, path, depth + 1, ret);
		break;
	case YAML_ALIAS_EVENT:
		d = complain(r, GP_PROFILE_ALIAS, &ret->at, "aliases (*name) are not allowed");
		diag_way(r->diags, d, NULL,
			 "write the value out where it is needed, or use extends:");
		ret->form = VALUE_NULL;
		ret->bad = true;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->stopped = true;
		break;
	}
}

static void read_document(struct reader *r)
{
	struct span top = { r->p->text.file, 1, 1, 1, 0, 0 };
	bool seen = false;

	for (;;) {
		yaml_event_t ev;
		yaml_event_type_t type;

		if (!next_event(r, &ev))
			return;
		type = ev.type;
		if (type == YAML_DOCUMENT_START_EVENT && seen) {
			struct span at = span_of(r, ev.start_mark, ev.end_mark);

			advise(r,
			       complain(r, GP_PROFILE_SECOND_DOCUMENT, &at,
					"a second document starts here; a profile is one"),
			       "put it into a file of its own");
			r->stopped = true;
		} else if (type == YAML_DOCUMENT_START_EVENT || type == YAML_STREAM_START_EVENT ||
			   type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT) {
			seen |= type == YAML_DOCUMENT_START_EVENT;
		} else {
			read_node(r, &ev, "", 0, &r->p->root);
		}
		yaml_event_delete(&ev);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (!seen) {
		struct diag *d = complain(r, GP_PROFILE_EMPTY, &top, "the profile is empty");

		diag_way(r->diags, d, NULL, "let one be written that fits this host: gpuprov init");
	} else if (r->p->root.form != VALUE_MAP) {
		advise(r,
		       complain(r, GP_PROFILE_NOT_A_MAP, &r->p->root.at,
				"a profile is a map of keys"),
		       "write keys and values, like kind: bare-metal");
	}
}

static int parse(struct reader *r)
{
	size_t errors = diag_count(r->diags, SEV_ERROR);

	if (!yaml_parser_initialize(&r->parser)) {
		complain(r, GP_INTERNAL, NULL, "libyaml could not start");
		return -1;
	}
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->p->text.bytes,
				     r->p->text.len);
	read_document(r);
	yaml_parser_delete(&r->parser);
	return diag_count(r->diags, SEV_ERROR) == errors ? 0 : -1;
}

int profile_read(const char *file, const char *bytes, size_t len, struct arena *a,
		 struct profile *ret, struct diags *diags)
{
	struct reader r = { .p = ret, .a = a, .diags = diags };
	int rc;

	*ret = (struct profile){ .text = { .file = file, .bytes = bytes, .len = len }, .a = a };
	rc = text_check(&ret->text, diags);
	if (!rc)
		rc = parse(&r);
	ret->cut_short = r.stopped;
	return rc;
}

const struct value *value_find(const struct value *map, const char *key)
{
	list_each (&map->items, v)
		if (str_eq(v->key, key))
			return v;
	return NULL;
}

const struct value *profile_given(const struct profile *p, const char *path)
{
	const struct value *v = &p->root;

	while (v && *path) {
		size_t n = strcspn(path, ".");
		const struct value *found = NULL;

		list_each (&v->items, it)
			if (it->key && strncmp(it->key, path, n) == 0 && !it->key[n])
				found = it;
		v = found;
		path += n + (path[n] == '.');
	}
	return v && v->form != VALUE_NULL ? v : NULL;
}

const char *profile_get(const struct profile *p, const char *path)
{
	const struct value *v = profile_given(p, path);

	const struct schema_row *row;

	if (v)
		return v->form == VALUE_TEXT ? v->text : NULL;
	row = schema_find(path, schema_kind_bit(p->kind));
	return row ? row->fallback : NULL;
}

bool profile_on(const struct profile *p, const char *path)
{
	const char *text = profile_get(p, path);

	return str_eq(text, "true") || str_eq(text, "yes") || str_eq(text, "on");
}

bool profile_is(const struct profile *p, const char *path, const char *word)
{
	return str_eq(profile_get(p, path), word);
}

struct span profile_at(const struct profile *p, const char *path)
{
	const struct value *v = profile_given(p, path);
	struct span whole = { p->text.file, 0, 0, 0, 0, 0 };
	const char *dot;

	if (v)
		return v->form == VALUE_MAP && v->key_at.line ? v->key_at : v->at;
	dot = strrchr(path, '.');
	if (!dot)
		return whole;
	return profile_at(p, arena_strn(p->a, path, (size_t)(dot - path)));
}
