/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: findings, their words from the catalog, and what a message means. */
#include "doctor/doctor.h"

#include "base/str.h"
#include "doctor/priv.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

static const char *const severity_words[] = { "error", "warning", "note", NULL };

static const char *const fix_words[] = { "unknown", "by hand", "plan", "plan and boot", NULL };

const struct rec_row finding_rows[] = {
	{ .name = "severity",
	  .type = REC_WORD,
	  .offset = offsetof(struct finding, severity),
	  .words = severity_words,
	  .help = "error, warning or note" },
	REC_ROW(struct finding, code, REC_CODE, "what gpuprov why explains"),
	REC_ROW(struct finding, symptom, REC_STR, "symptom of the catalog"),
	REC_ROW(struct finding, name, REC_STR, "its name"),
	REC_ROW(struct finding, what, REC_STR, "what is wrong here"),
	REC_ROW(struct finding, evidence, REC_STRS, "what was read"),
	REC_ROW(struct finding, cause, REC_STR, "how it comes about"),
	REC_ROW(struct finding, cure, REC_STR, "what mends it"),
	REC_ROW(struct finding, commands, REC_STRS, "commands that mend it"),
	REC_ROW(struct finding, sets, REC_STRS, "changes of the profile that mend it"),
	{ .name = "fix",
	  .type = REC_WORD,
	  .offset = offsetof(struct finding, fix),
	  .words = fix_words,
	  .help = "plan, plan and boot: doctor --fix mends it; by hand: it does not" },
	REC_ROW(struct finding, by_hand, REC_STR, "why no plan mends it"),
	REC_END,
};

/* ---- findings ---- */

static enum severity severity_of(const struct record *r)
{
	for (int i = 0; severity_words[i]; i++)
		if (record_is(r, "severity", severity_words[i]))
			return (enum severity)i;
	return SEV_ERROR;
}

/* The words of a symptom. A catalog that is older than the program may lack it. */
static void fill(struct diagnosing *d, struct finding *f, const char *symptom)
{
	const struct record *r = catalog_find(d->catalog, "symptom", symptom);
	static const char *const commands[] = { "command", "command2" };
	unsigned long long number = 0;

	str_to_u64(symptom + 1 + (symptom[1] == '0'), &number);
	f->code = (enum code)(GP_SYMPTOM + number);
	f->symptom = symptom;
	f->name = r ? record_get(r, "name") : symptom;
	if (!r)
		return;
	f->severity = severity_of(r);
	f->cause = record_get(r, "cause");
	f->cure = record_get(r, "cure");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (record_get(r, commands[i]))
			list_add(d->a, &f->commands, record_get(r, commands[i]));
	if (record_get(r, "set"))
		list_add(d->a, &f->sets, record_get(r, "set"));
}

struct finding *found(struct diagnosing *d, const char *symptom, const char *fmt, ...)
{
	struct finding *f = list_push(d->a, d->ret);
	va_list ap;

	fill(d, f, symptom);
	va_start(ap, fmt);
	f->what = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
	return f;
}

void saw(struct diagnosing *d, struct finding *f, const char *fact, const char *fmt, ...)
{
	const char *text, *from = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
	list_each (&d->facts->notes, n)
		if (fact && str_eq(n->fact, fact) && n->from)
			from = n->from;
	list_add(d->a, &f->evidence, from ? arena_printf(d->a, "%s (%s)", text, from) : text);
}

void about(struct diagnosing *d, struct finding *f, const char *name, const char *value)
{
	list_add(d->a, &f->about, ((struct record_attr){ name, value }));
}

bool found_already(const struct diagnosing *d, const char *symptom)
{
	list_each (d->ret, f)
		if (str_eq(f->symptom, symptom))
			return true;
	return false;
}

/* ---- {name} ---- */

static const char *meaning(const struct finding *f, struct piece name)
{
	list_each (&f->about, one)
		if (piece_eq(name, one->name))
			return one->value;
	return NULL;
}

/*
 * Put in what {names} stand for. One that nothing is known about becomes a placeholder in capitals;
 * *ret_whole tells.
 */
static const char *put_in(struct diagnosing *d, const struct finding *f, const char *text,
			  bool *ret_whole)
{
	auto_buf struct buf b = BUF_TEXT;

	*ret_whole = true;
	while (text && *text) {
		size_t plain = strcspn(text, "{");
		const char *end = text[plain] ? strchr(text + plain, '}') : NULL;
		struct piece name = { text + plain + 1,
				      end ? (size_t)(end - text) - plain - 1 : 0 };
		const char *value = end ? meaning(f, name) : NULL;

		buf_add(&b, text, plain);
		if (!end) {
			buf_adds(&b, text + plain);
			break;
		}
		if (value)
			buf_adds(&b, value);
		for (size_t i = 0; !value && i < name.len; i++)
			buf_addc(&b, (char)toupper((unsigned char)name.at[i]));
		*ret_whole &= value != NULL;
		text = end + 1;
	}
	return text ? arena_str(d->a, buf_str(&b)) : NULL;
}

/* A command that names what this host does not have helps nobody: `strict` leaves it out. */
static void settle_list(struct diagnosing *d, const struct finding *f, strs *list, bool strict)
{
	strs kept = { 0 };

	list_each (list, text) {
		bool whole;
		const char *done = put_in(d, f, *text, &whole);

		if (whole || !strict)
			list_add(d->a, &kept, done);
	}
	*list = kept;
}

static void settle(struct diagnosing *d, bool strict)
{
	list_each (d->ret, f) {
		bool whole;

		if (f->cure)
			f->cure = put_in(d, f, f->cure, &whole);
		settle_list(d, f, &f->commands, strict);
		settle_list(d, f, &f->sets, strict);
	}
}

/* ---- the two questions ---- */

void doctor(const struct facts *f, const struct catalog *c, struct arena *a, findings *ret)
{
	static look *const *const tables[] = { looks_packages, looks_driver, looks_gpu, looks_cuda,
					       looks_containers };
	struct diagnosing d = { f, c, a, ret };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (look *const *one = tables[i]; *one; one++)
			(*one)(&d);
	settle(&d, true);
}

/* The parts of `pattern`, between "...", one after the other in the text; without case. */
static bool says(const char *text, const char *pattern, struct arena *a)
{
	while (*pattern) {
		const char *gap = strstr(pattern, "...");
		size_t n = gap ? (size_t)(gap - pattern) : strlen(pattern);
		const char *part = arena_strn(a, pattern, n);
		struct piece words = str_trim(PIECE(part));

		text = strcasestr(text, arena_strn(a, words.at, words.len));
		if (!text)
			return false;
		text += words.len;
		pattern += n + (gap ? 3 : 0);
	}
	return true;
}

void doctor_error(const char *text, const struct catalog *c, struct arena *a, findings *ret)
{
	static const struct facts none;
	struct diagnosing d = { &none, c, a, ret };
	const struct record *r = NULL;

	while ((r = catalog_next(c, "symptom-text", r))) {
		const char *symptom = record_get(r, "of");
		const struct record *what = catalog_find(c, "symptom", symptom);

		if (!what || found_already(&d, symptom) || !says(text, record_get(r, "text"), a))
			continue;
		saw(&d, found(&d, symptom, "%s", record_get(what, "title")), NULL, "'%s'",
		    record_get(r, "text"));
	}
	settle(&d, false);
}

/* ---- questions to the facts ---- */

bool is_of_kind(const struct diagnosing *d, const char *kind, const char *package)
{
	const struct record *r = catalog_find(d->catalog, "package-heads", kind);
	const char *at = r ? record_get(r, "heads") : NULL;

	for (; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(package, at, strcspn(at, ",")) == 0)
			return true;
	return false;
}

const struct fact_package *of_kind(const struct diagnosing *d, const char *kind)
{
	list_each (&d->facts->packages, p)
		if (str_eq(p->status, "installed") && is_of_kind(d, kind, p->name))
			return p;
	return NULL;
}

bool owns_modules(const struct diagnosing *d)
{
	const struct facts *f = d->facts;

	return !f->platform.container && !str_eq(f->platform.virt, "wsl") &&
	       !str_eq(f->driver.origin, "container");
}

bool is_loaded(const struct diagnosing *d, const char *module)
{
	list_each (&d->facts->modules, m)
		if (str_eq(*m, module))
			return true;
	return false;
}

bool matters(const struct fact_kernel *k)
{
	return k->running || k->next;
}

const struct record *gpu_of(const struct diagnosing *d, const struct fact_gpu *g)
{
	return g->device ? catalog_gpu(d->catalog, g->device) : NULL;
}

const struct record *arch_of(const struct diagnosing *d, const struct fact_gpu *g)
{
	const struct record *gpu = gpu_of(d, g);
	const char *arch = gpu ? record_get(gpu, "arch") : NULL;

	return arch ? catalog_find(d->catalog, "arch", arch) : NULL;
}
