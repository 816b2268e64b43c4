/* SPDX-License-Identifier: Apache-2.0 */
/* What is compatible with what: parsing and asking the catalog. */
#include "catalog.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/ver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* catalog/ *.cat in one piece, each file after a line "file NAME"; see the Makefile. */
__asm__(".section .rodata\n"
	".global catalog_text\n"
	".global catalog_text_end\n"
	"catalog_text:\n"
	".incbin \"" CATALOG_TEXT "\"\n"
	"catalog_text_end:\n"
	".byte 0\n"
	".previous\n");
extern const char catalog_text[], catalog_text_end[];

const char *catalog_builtin(size_t *ret_len)
{
	*ret_len = (size_t)(catalog_text_end - catalog_text);
	return catalog_text;
}

struct loading {
	struct catalog *c;
	const char *name; /* of the whole text, for messages */
	const char *file; /* the part we are in */
	const char *source;
	unsigned line;
	struct record_attr attrs[64]; /* of the line being read */
	size_t n;
	struct err *e;
};

static int malformed(const struct loading *l, const char *why)
{
	return err_set(l->e, GP_BAD_CATALOG, "catalog %s, %s:%u: %s", l->name,
		       l->file ? l->file : "top", l->line, why);
}

/*
 * Take one token off *at, ending it with a NUL in place: a word, or a "quoted" text. `end` says
 * where it stopped. NULL when it is malformed.
 */
static char *token(char **at, const char *stop)
{
	char *start = *at, *end;

	if (*start == '"') {
		start++;
		end = strchr(start, '"');
		if (!end || (end[1] && end[1] != ' '))
			return NULL;
		*at = end + 1;
	} else {
		end = start + strcspn(start, stop);
		if (end == start || memchr(start, '"', (size_t)(end - start)))
			return NULL;
		*at = end;
	}
	if (**at == ' ') {
		**at = '\0';
		++*at;
	}
	*end = '\0';
	return start;
}

static int read_attr(struct loading *l, char **at)
{
	char *equals = strchr(*at, '=');
	char *name = *at;
	struct record_attr *attr = &l->attrs[l->n];

	if (l->n == sizeof(l->attrs) / sizeof(*l->attrs))
		return malformed(l, "too many values");
	if (!equals || memchr(name, ' ', (size_t)(equals - name)) || equals == name)
		return malformed(l, "expected NAME=VALUE");
	*equals = '\0';
	*at = equals + 1;
	attr->name = name;
	attr->value = token(at, " ");
	if (!attr->value)
		return malformed(l, "a value is empty or its quotes are not closed");
	l->n++;
	return 0;
}

static int read_header(struct loading *l, const char *format)
{
	unsigned long long v = 0;

	if (!str_to_u64(format, &v))
		return malformed(l, "expected: catalog FORMAT date=DATE");
	if (v != CATALOG_FORMAT)
		return err_set(l->e, GP_BAD_CATALOG,
			       "catalog %s has format %llu, this program reads format %d", l->name,
			       v, CATALOG_FORMAT);
	if (l->n != 1 || !str_eq(l->attrs[0].name, "date"))
		return malformed(l, "expected: catalog FORMAT date=DATE");
	l->c->date = l->attrs[0].value;
	return 0;
}

/* What the rest of the program takes for granted: a record of this kind has this attribute. */
static const struct {
	const char *kind, *name;
} required[] = {
	{ "gpu", "name" },
	{ "archive-driver", "branches" },
	{ "archive-driver", "world" },
	{ "archive-cuda", "series" },
	{ "role", "packages" },
	{ "role", "what" },
	{ "symptom", "name" },
	{ "symptom", "severity" },
	{ "symptom", "title" },
	{ "symptom", "cause" },
	{ "symptom", "cure" },
	{ "symptom-text", "of" },
	{ "symptom-text", "text" },
	{ "package-heads", "heads" },
	{ "repository-part", "part" },
};

static int check_required(const struct loading *l, const struct record *r)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++)
		if (str_eq(required[i].kind, r->kind) && !record_get(r, required[i].name))
			return malformed(l, arena_printf(l->c->a, "%s %s has no %s", r->kind,
							 r->key, required[i].name));
	return 0;
}

static int keep_record(struct loading *l, const char *kind, const char *key)
{
	struct record *r;
	struct record_attr *attrs;

	if (!l->c->date)
		return malformed(l, "the first record must be: catalog FORMAT date=DATE");
	if (!l->source)
		return malformed(l, "no source is given for this record");
	attrs = arena_alloc(l->c->a, l->n * sizeof(*attrs));
	if (l->n)
		memcpy(attrs, l->attrs, l->n * sizeof(*attrs));
	r = list_push(l->c->a, &l->c->records);
	*r = (struct record){ kind, key, l->source, l->file, l->line, attrs, l->n, NULL };
	return check_required(l, r);
}

static int read_line(struct loading *l, char *at)
{
	char *kind, *key;

	if (!*at || *at == '#')
		return 0;
	kind = token(&at, " ");
	key = kind && *at ? token(&at, " ") : NULL;
	if (!key)
		return malformed(l, "expected KIND KEY");
	if (str_eq(kind, "file")) {
		l->file = key;
		l->line = 0;
		l->source = NULL;
		return 0;
	}
	if (str_eq(kind, "group"))
		l->source = NULL;
	else if (str_eq(kind, "source"))
		l->source = key;
	for (l->n = 0; *at;)
		if (read_attr(l, &at))
			return -1;
	if (str_eq(kind, "catalog"))
		return read_header(l, key);
	if (str_eq(kind, "group") || str_eq(kind, "source"))
		return l->n ? malformed(l, "expected only a name") : 0;
	return keep_record(l, kind, key);
}

static size_t hash_of(const char *kind, const char *key)
{
	size_t h = 5381;

	while (*kind)
		h = h * 33 + (unsigned char)*kind++;
	for (h = h * 33; key && *key; key++)
		h = h * 33 + (unsigned char)*key;
	return h;
}

/* Where this kind and key is, or where it would be. */
static const struct record **slot_of(const struct catalog *c, const char *kind, const char *key)
{
	size_t at = hash_of(kind, key);

	for (;; at++) {
		const struct record **slot = &c->slots[at & c->slot_mask];

		if (!*slot || (str_eq((*slot)->key, key) && str_eq((*slot)->kind, kind)))
			return slot;
	}
}

static const struct record **kind_slot(const struct catalog *c, const char *kind)
{
	size_t at = hash_of(kind, NULL);

	for (;; at++) {
		const struct record **slot = &c->kinds[at & c->kind_mask];

		if (!*slot || str_eq((*slot)->kind, kind))
			return slot;
	}
}

/* Of the same kind and key the first wins; a kind is walked in the order of the text. */
static void make_index(struct catalog *c)
{
	size_t room = 64;

	while (room < c->records.n * 2)
		room *= 2;
	c->slots = arena_alloc(c->a, room * sizeof(struct record *));
	c->kinds = arena_alloc(c->a, room * sizeof(struct record *));
	c->slot_mask = c->kind_mask = room - 1;
	for (size_t i = c->records.n; i-- > 0;) {
		struct record *r = &c->records.at[i];
		const struct record **kind = kind_slot(c, r->kind);

		*slot_of(c, r->kind, r->key) = r;
		r->same = *kind;
		*kind = r;
	}
}

int catalog_load(const char *text, size_t len, const char *name, struct arena *a,
		 struct catalog *ret, struct err *e)
{
	/* Values point into one copy that is cut up in place: no allocation a value. */
	char *copy = arena_alloc(a, len + 1);
	struct loading l = { .c = ret, .name = name, .e = e };

	memcpy(copy, text, len);
	*ret = (struct catalog){ .a = a };
	if (memchr(copy, '\0', len))
		return err_set(e, GP_BAD_CATALOG, "catalog %s: a NUL byte; it is not text", name);
	for (char *at = copy; *at;) {
		char *end = strchr(at, '\n');
		char *next = end ? end + 1 : at + strlen(at);

		if (end)
			*end = '\0';
		l.line++;
		if (read_line(&l, at))
			return -1;
		at = next;
	}
	if (!ret->date)
		return err_set(e, GP_BAD_CATALOG, "catalog %s is empty", name);
	make_index(ret);
	return 0;
}

const struct record *catalog_next(const struct catalog *c, const char *kind,
				  const struct record *after)
{
	return after ? after->same : *kind_slot(c, kind);
}

const struct record *catalog_find(const struct catalog *c, const char *kind, const char *key)
{
	return *slot_of(c, kind, key);
}

const char *record_get(const struct record *r, const char *name)
{
	/* Most names differ in the first letter, and the solver asks a thousand times a host. */
	for (size_t i = 0; i < r->n; i++)
		if (*r->attrs[i].name == *name && str_eq(r->attrs[i].name, name))
			return r->attrs[i].value;
	return NULL;
}

bool record_is(const struct record *r, const char *name, const char *value)
{
	return str_eq(record_get(r, name), value);
}

bool record_has(const struct record *r, const char *name, const char *word)
{
	const char *at = word ? record_get(r, name) : NULL;
	size_t n = word ? strlen(word) : 0;

	while (at) {
		if (strncmp(at, word, n) == 0 && (!at[n] || at[n] == ','))
			return true;
		at = strchr(at, ',');
		if (at)
			at++;
	}
	return false;
}

const struct record *catalog_gpu(const struct catalog *c, const char *device)
{
	return catalog_find(c, "gpu", device);
}

static const char *bare_name(const char *name)
{
	return strncasecmp(name, "NVIDIA ", 7) == 0 ? name + 7 : name;
}

/* "T4" of "Tesla T4": the last words of a name. */
static bool ends_with_words(const char *name, const char *words)
{
	size_t n = strlen(name), w = strlen(words);

	return w && n > w && name[n - w - 1] == ' ' && strcasecmp(name + n - w, words) == 0;
}

const struct record *catalog_gpu_named(const struct catalog *c, const char *name)
{
	const struct record *r = NULL, *ending = NULL;
	const char *typed = bare_name(name);
	bool several = false;

	while ((r = catalog_next(c, "gpu", r))) {
		const char *known = record_get(r, "name");

		assert(known); /* check_required() */
		if (strcasecmp(bare_name(known), typed) == 0)
			return r;
		if (!ends_with_words(bare_name(known), typed))
			continue;
		several |= ending && strcasecmp(record_get(ending, "name"), known) != 0;
		ending = r;
	}
	return several ? NULL : ending;
}

const char *catalog_gpu_name(const struct catalog *c, const char *device)
{
	const struct record *r = catalog_gpu(c, device);

	return r ? record_get(r, "name") : arena_printf(c->a, "GPU 10de:%s", device);
}

const char *catalog_last_branch(const struct record *gpu, const struct record *arch)
{
	const char *legacy = gpu ? record_get(gpu, "legacy") : NULL;

	return legacy ? legacy : arch ? record_get(arch, "last_branch") : NULL;
}

const char *catalog_first_branch(const struct record *gpu, const struct record *arch)
{
	const char *chip = gpu ? record_get(gpu, "chip") : NULL;

	/* Some chips came later than the first of their generation. */
	if (chip && arch && record_has(arch, "late_chips", chip))
		return record_get(arch, "late_first_branch");
	return arch ? record_get(arch, "first_branch") : NULL;
}

const char *catalog_min_driver(const struct catalog *c, const char *cuda, struct arena *a,
			       bool *ret_own)
{
	const struct record *r = catalog_find(c, "cuda-no-minor", ver_head(cuda, 2, a));

	*ret_own = r != NULL;
	if (r)
		return record_get(r, "min_driver");
	r = catalog_find(c, "cuda-major", ver_head(cuda, 1, a));
	return r ? record_get(r, "min_driver_exact") : NULL;
}

bool catalog_containerd_fits(const struct catalog *c, const char *kubernetes, const char *version,
			     struct arena *a, const char **ret_wanted)
{
	const struct record *r = catalog_find(c, "containerd-for-k8s", ver_head(kubernetes, 2, a));
	const char *at = r ? record_get(r, "min") : NULL;

	*ret_wanted = at;
	if (!at)
		return true;
	for (const char *p = at; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
		const char *min = arena_strn(a, p, strcspn(p, ","));

		/* The first is of the newest series: newer ones fit. */
		if ((p == at || str_eq(ver_head(min, 2, a), ver_head(version, 2, a))) &&
		    ver_cmp(version, min) >= 0)
			return true;
	}
	return false;
}
