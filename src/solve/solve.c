/* SPDX-License-Identifier: Apache-2.0 */
/* From profile, facts and catalog to a plan: the order of decisions. */
#include "solve/solve.h"

#include "base/str.h"
#include "base/ver.h"
#include "profile/schema.h"
#include "registry.h"
#include "runfile/runfile.h"
#include "solve/priv.h"

#include <stdarg.h>
#include <string.h>

/* While it is only asked whether a choice is refused, nobody reads why: nothing is written. */
__attribute__((format(printf, 5, 0))) static struct diag *say(struct solving *s,
							      enum severity severity,
							      enum code code, const char *path,
							      const char *fmt, va_list ap)
{
	struct span at;

	if (s->quiet) {
		s->refusals += severity == SEV_ERROR;
		return &s->unread;
	}
	at = path ? profile_at(s->profile, path) : (struct span){ 0 };
	return diag_add(&s->plan->diags, severity, code, at.line ? &at : NULL, "%s",
			arena_vprintf(s->a, fmt, ap));
}

struct diag *refuse(struct solving *s, enum code code, const char *path, const char *fmt, ...)
{
	va_list ap;
	struct diag *d;

	va_start(ap, fmt);
	d = say(s, SEV_ERROR, code, path, fmt, ap);
	va_end(ap);
	return d;
}

struct diag *warn(struct solving *s, enum code code, const char *path, const char *fmt, ...)
{
	va_list ap;
	struct diag *d;

	va_start(ap, fmt);
	d = say(s, SEV_WARNING, code, path, fmt, ap);
	va_end(ap);
	return d;
}

struct span *place(struct solving *s, const char *path)
{
	struct span *at = arena_alloc(s->a, sizeof(*at));

	*at = profile_at(s->profile, path);
	return at;
}

struct diag *by_rule(struct solving *s, enum severity severity, unsigned rule, const char *path,
		     const char *fmt, ...)
{
	va_list ap;
	struct diag *d;

	va_start(ap, fmt);
	d = say(s, severity, (enum code)(GP_RULE + rule), path, fmt, ap);
	va_end(ap);
	if (!s->quiet)
		d->rule = arena_printf(s->a, "R%02u", rule);
	return d;
}

void why(struct solving *s, struct diag *d, const char *fmt, ...)
{
	va_list ap;

	if (s->quiet)
		return;
	va_start(ap, fmt);
	d->why = arena_vprintf(s->a, fmt, ap);
	va_end(ap);
}

void way(struct solving *s, struct diag *d, const char *set, const char *fmt, ...)
{
	struct way *w;
	va_list ap;

	if (s->quiet)
		return;
	w = list_push(s->a, &d->ways);
	va_start(ap, fmt);
	w->text = arena_vprintf(s->a, fmt, ap);
	va_end(ap);
	if (set)
		list_add(s->a, &w->sets, set);
}

static bool is_overlooked(const struct solving *s, unsigned number)
{
	for (const unsigned *n = s->quiet ? s->overlook : NULL; n && *n; n++)
		if (*n == number)
			return true;
	return false;
}

void rules_run(struct solving *s, const struct rule *rules, const struct choice *c)
{
	for (; rules->check && !(s->quiet && s->refusals); rules++)
		if (!is_overlooked(s, rules->number))
			rules->check(s, c);
}

bool has_ended(const struct solving *s, const char *eol)
{
	return eol && strncmp(eol, s->catalog->date, strlen(eol)) < 0;
}

/* A branch without a date lives, unless a newer one has a date: then it ended before those were
 * kept. */
bool branch_lives(const struct solving *s, const struct record *branch)
{
	const char *eol = branch ? record_get(branch, "eol") : NULL;

	if (!branch || eol)
		return branch && !has_ended(s, eol);
	return !s->newest_dated || ver_cmp(s->newest_dated, branch->key) < 0;
}

/* Ubuntu has a second set of packages for servers; whoever has it keeps it. */
bool has_server_driver(const struct solving *s)
{
	list_each (&s->facts->packages, p)
		if (str_starts(p->name, "libnvidia-compute-") && str_ends(p->name, "-server") &&
		    str_eq(p->status, "installed"))
			return true;
	return false;
}

bool has_dkms_driver(const struct solving *s)
{
	list_each (&s->facts->kernels, k)
		if (k->running && k->nvidia && str_eq(k->made_by, "dkms"))
			return true;
	return false;
}

bool in_container(const struct solving *s)
{
	return s->facts->live && s->facts->platform.container;
}

bool known_arch(const struct solving *s)
{
	const char *arch = s->facts->os.arch;

	return !arch || str_eq(arch, "amd64") || str_eq(arch, "arm64");
}

bool on_data_center(const struct solving *s)
{
	list_each (&s->targets, t)
		if (t->gpu && record_is(t->gpu, "class", "datacenter"))
			return true;
	return false;
}

const char *origin_word(enum driver_origin origin)
{
	static const char *const words[] = { "distro", "nvidia", "runfile" };

	return words[origin];
}

const char *flavour_word(enum driver_flavour flavour)
{
	static const char *const words[] = { "none", "proprietary", "open" };

	return words[flavour];
}

const char *choice_name(struct solving *s, const struct choice *c)
{
	const struct fact_os *os = &s->facts->os;

	switch (c->origin) {
	case FROM_DISTRO:
		return arena_printf(s->a, "branch %s of %s %s", c->branch, os->id,
				    os->version ? os->version : os->codename);
	case FROM_NVIDIA:
		return arena_printf(s->a, "branch %s of NVIDIA's repository", c->branch);
	case FROM_RUNFILE:
		return arena_printf(s->a, "the .run installer of branch %s", c->branch);
	}
	return "";
}

const struct record *role_of(const struct solving *s, const char *world, const char *role,
			     const char *branch)
{
	const char *key = arena_printf(s->a, "%s/%s", world, role);
	const struct record *r = catalog_find(s->catalog, "role", key);

	for (; r; r = catalog_next(s->catalog, "role", r)) {
		const char *from = record_get(r, "from"), *to = record_get(r, "to");

		if (str_eq(r->key, key) && (!branch || ((!from || ver_cmp(branch, from) >= 0) &&
							(!to || ver_cmp(branch, to) <= 0))))
			return r;
	}
	return NULL;
}

static bool solve_distro(struct solving *s)
{
	const struct facts *f = s->facts;
	struct diag *d;

	s->distro = distro_find(f);
	s->release = catalog_find(
		s->catalog, "distro",
		arena_printf(s->a, "%s/%s", f->os.id, f->os.version ? f->os.version : "sid"));
	if (s->distro)
		return true;
	d = refuse(s, GP_UNSUPPORTED_DISTRO, /* path= */ NULL, "%s is not supported",
		   f->os.name ? f->os.name : f->os.id);
	why(s, d, "package names and repositories of '%s' are not known here", f->os.id);
	way(s, d, NULL, "use Debian 12 or 13, or Ubuntu 22.04, 24.04 or 26.04");
	return false;
}

/* A .run file that is named says which driver is wanted. */
static const char *version_of_runfile(const struct solving *s)
{
	const struct value *file = profile_given(s->profile, "driver.runfile");
	const struct value *name = file ? value_find(file, "path") : NULL;

	name = file && !name ? value_find(file, "url") : name;
	return name ? runfile_driver_version(name->text, s->a) : NULL;
}

/* The settings that ways out change, read once. */
static void read_asks(struct solving *s)
{
	const struct value *cuda = profile_given(s->profile, "cuda.version");

	s->purpose = profile_get(s->profile, "purpose");
	s->asks.source = profile_get(s->profile, "driver.source");
	s->asks.modules = profile_get(s->profile, "driver.modules");
	s->asks.build = profile_get(s->profile, "driver.build");
	s->asks.branch = profile_get(s->profile, "driver.branch");
	s->asks.version = profile_get(s->profile, "driver.version");
	if (!s->asks.version && !s->asks.branch)
		s->asks.version = version_of_runfile(s);
	s->cuda_install = profile_get(s->profile, "cuda.install");
	if (str_eq(s->cuda_install, "auto") || !s->cuda_install)
		s->cuda_install = str_eq(s->purpose, "develop")             ? "toolkit" :
				  cuda && !str_eq(s->purpose, "containers") ? "runtime" :
									      "none";
	if (!cuda || str_eq(s->cuda_install, "none"))
		return;
	if (cuda->form == VALUE_TEXT)
		list_add(s->a, &s->asks.cudas, cuda->text);
	list_each (&cuda->items, it)
		list_add(s->a, &s->asks.cudas, it->text);
}

/* What an earlier run of dpkg left is finished first: nothing can be installed before. */
static void solve_dpkg(struct solving *s)
{
	const struct fact_dpkg *dpkg = &s->facts->dpkg;
	struct plan_step *step;

	if (!dpkg->interrupted && !dpkg->unfinished.n)
		return;
	step = plan_add(s->plan, "dpkg", "repair", OP_CHANGE, "dpkg --configure -a%s",
			dpkg->unfinished.n ? ", then apt-get -f install" : "");
	step->risk = "what dpkg has finished stays finished";
	if (dpkg->interrupted)
		step_reason(s->plan, step, NULL, NULL, "an earlier run of dpkg was interrupted");
	list_each (&dpkg->unfinished, one)
		step_reason(s->plan, step, NULL, NULL, "%s", *one);
}

/* Was it given, and as something else than what it is without being given? */
static bool differs(const struct solving *s, const char *path)
{
	const struct value *v = profile_given(s->profile, path);
	const struct schema_row *row = schema_find(path, schema_kind_bit(s->profile->kind));

	return v && !(row && v->form == VALUE_TEXT && str_eq(v->text, row->fallback));
}

static void not_planned(struct solving *s, const char *path, const char *value)
{
	struct diag *d = refuse(s, GP_NOT_PLANNED, path, "%s%s%s is not planned yet", path,
				value ? ": " : "", value ? value : "");

	way(s, d, arena_printf(s->a, "%s=null", path), "leave %s out", path);
}

/* What the schema has and the solver does not know yet is refused, never passed over. */
static void solve_scope(struct solving *s)
{
	static const char *const later[] = {
		"apt.recommends",
	};
	static const struct {
		const char *path, *value;
	} values[] = { { "driver.in-use", "stop" } };

	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
		if (differs(s, later[i]))
			not_planned(s, later[i], NULL);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (profile_is(s->profile, values[i].path, values[i].value))
			not_planned(s, values[i].path, values[i].value);
}

/* How far the proof goes. */
static void solve_proof(struct solving *s)
{
	const char *python = profile_get(s->profile, "verify.pytorch");

	if (profile_on(s->profile, "verify.run"))
		plan_post(s->plan, "cuda.kernel", "cuda-run", "libcuda.so.1", NULL, NULL)->needs =
			"gpu";
	if (python)
		plan_post(s->plan, "pytorch", "pytorch", python, NULL, NULL)->needs = "gpu";
}

/* What speaks against the plan without a driver: all refusals at once. */
static void solve_without_driver(struct solving *s)
{
	struct wants unused = { 0 };

	solve_containers(s, &unused);
}

void solve_at(enum solve_depth depth, const struct profile *profile, const struct facts *facts,
	      const struct catalog *catalog, struct arena *a, struct plan *ret)
{
	struct solving s = { depth, profile, facts, catalog, .plan = ret, .a = a };
	auto_buf struct buf host = BUF_TEXT;

	plan_init(ret, a);
	facts_summary(facts, catalog, &host);
	ret->header.host = arena_str(a, buf_str(&host));
	ret->header.profile = profile->text.file;
	ret->header.kind = profile->kind;
	ret->header.catalog = catalog->date;
	if (differs(&s, "paths.cache"))
		ret->header.cache = profile_get(profile, "paths.cache");
	read_asks(&s);
	solve_scope(&s);
	solve_dpkg(&s);
	if (solve_distro(&s)) {
		if (solve_gpus(&s) && solve_driver(&s)) {
			solve_packages(&s);
			solve_kernel_side(&s);
			solve_proof(&s);
			solve_cluster(&s);
		} else {
			solve_without_driver(&s);
		}
	}
	if (depth == DEPTH_FULL)
		solve_room(&s);
	/* A refused plan has no steps: nobody shall run half of it. */
	if (plan_refused(ret))
		ret->steps.n = ret->posts.n = ret->omitted.n = 0;
	if (depth == DEPTH_FULL)
		check_ways(&s);
	plan_finish(ret);
	if (plan_refused(ret))
		ret->totals = (struct plan_totals){ 0 };
}

void solve(const struct profile *profile, const struct facts *facts, const struct catalog *catalog,
	   struct arena *a, struct plan *ret)
{
	solve_at(DEPTH_FULL, profile, facts, catalog, a, ret);
}
