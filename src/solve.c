/* SPDX-License-Identifier: Apache-2.0 */
/* From profile, facts and catalog to a plan: the order of decisions. */
#include "solve.h"

#include "base/str.h"
#include "registry.h"
#include "schema.h"
#include "solve_priv.h"

#include <stdarg.h>

static struct diag *say(struct solving *s, enum severity severity, enum code code, const char *path,
			const char *text)
{
	struct span at = profile_at(s->profile, path);

	return diag_add(&s->plan->diags, severity, code, at.line ? &at : NULL, "%s", text);
}

struct diag *refuse(struct solving *s, enum code code, const char *path, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(s->a, fmt, ap);
	va_end(ap);
	return say(s, SEV_ERROR, code, path, text);
}

struct diag *warn(struct solving *s, enum code code, const char *path, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(s->a, fmt, ap);
	va_end(ap);
	return say(s, SEV_WARNING, code, path, text);
}

struct span *place(struct solving *s, const char *path)
{
	struct span *at = arena_alloc(s->a, sizeof(*at));

	*at = profile_at(s->profile, path);
	return at;
}

static bool solve_distro(struct solving *s)
{
	const struct facts *f = s->facts;
	struct diag *d;

	s->distro = distro_find(f);
	if (s->distro)
		return true;
	d = refuse(s, GP_UNSUPPORTED_DISTRO, "kind", "%s is not supported",
		   f->os.name ? f->os.name : f->os.id);
	diag_why(&s->plan->diags, d, "package names and repositories of '%s' are not known here",
		 f->os.id);
	diag_way(&s->plan->diags, d, NULL, "use Debian 12");
	return false;
}

static void solve_dpkg(struct solving *s)
{
	const struct fact_dpkg *dpkg = &s->facts->dpkg;
	struct diag *d;

	if (!dpkg->interrupted && !dpkg->unfinished.n)
		return;
	d = refuse(s, GP_DPKG_UNCLEAN, "kind", "dpkg has unfinished work on this host");
	if (dpkg->unfinished.n)
		diag_why(&s->plan->diags, d, "%s%s", dpkg->unfinished.at[0],
			 dpkg->unfinished.n > 1 ? ", and more" : "");
	else
		diag_why(&s->plan->diags, d, "an earlier run of dpkg was interrupted");
	diag_way(&s->plan->diags, d, NULL,
		 "finish it: dpkg --configure -a, then apt-get -f install");
}

/* What the schema has and the solver does not know yet is refused, never passed over. */
static void solve_scope(struct solving *s)
{
	static const char *const known[] = { "version", "kind",   "purpose",     "gpus", "driver",
					     "apt",     "reboot", "description", NULL };
	static const char *const inner[] = { "driver.branch",
					     "driver.version",
					     "driver.modules",
					     "driver.source",
					     "driver.nouveau",
					     "apt.mirror",
					     NULL };
	static const struct {
		const char *path, *value;
	} values[] = { { "purpose", "develop" },       { "purpose", "containers" },
		       { "driver.modules", "open" },   { "driver.source", "nvidia" },
		       { "driver.source", "runfile" }, { "reboot", "auto" } };

	if (!str_eq(s->profile->kind, "bare-metal"))
		refuse(s, GP_NOT_PLANNED, "kind", "kind %s is not planned yet", s->profile->kind);
	for (const struct schema_row *row = schema_table; row->path; row++) {
		bool there = false;

		for (size_t i = 0; known[i]; i++)
			there |= str_eq(known[i], row->path);
		for (size_t i = 0; inner[i]; i++)
			there |= str_eq(inner[i], row->path);
		if (!there && profile_given(s->profile, row->path))
			refuse(s, GP_NOT_PLANNED, row->path, "%s is not planned yet", row->path);
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (profile_is(s->profile, values[i].path, values[i].value))
			refuse(s, GP_NOT_PLANNED, values[i].path, "%s: %s is not planned yet",
			       values[i].path, values[i].value);
}

void solve(const struct profile *profile, const struct facts *facts, const struct catalog *catalog,
	   struct arena *a, struct plan *ret)
{
	struct solving s = { profile, facts, catalog, .plan = ret, .a = a };
	auto_buf struct buf host = BUF_TEXT;

	plan_init(ret, a);
	facts_summary(facts, catalog, &host);
	ret->header.host = arena_str(a, buf_str(&host));
	ret->header.profile = profile->text.file;
	ret->header.kind = profile->kind;
	ret->header.catalog = catalog->date;
	solve_scope(&s);
	solve_dpkg(&s);
	if (solve_distro(&s) && solve_gpus(&s) && solve_driver(&s)) {
		solve_packages(&s);
		solve_kernel_side(&s);
	}
	plan_finish(ret);
	/* A refused plan has no steps: nobody shall run half of it. */
	if (plan_refused(ret)) {
		ret->steps.n = ret->posts.n = ret->omitted.n = 0;
		ret->totals = (struct plan_totals){ 0 };
	}
}
