/* SPDX-License-Identifier: Apache-2.0 */
/* What a host will be when a plan is carried out. */
#include "doctor/after.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

struct later {
	const struct plan *plan;
	struct facts *f;
	struct arena *a;
};

/* ---- lists of facts ---- */

static void drop_package(struct later *l, const char *name)
{
	size_t n = 0;

	list_each (&l->f->packages, p)
		if (!str_eq(p->name, name))
			l->f->packages.at[n++] = *p;
	l->f->packages.n = n;
}

static void put_package(struct later *l, const char *name, const char *version, const char *origin)
{
	struct fact_package *new;

	list_each (&l->f->packages, p) {
		if (!str_eq(p->name, name))
			continue;
		p->origin = str_eq(p->version, version) && !origin ? p->origin : origin;
		p->version = version;
		p->status = "installed";
		return;
	}
	new = list_push(l->a, &l->f->packages);
	*new = (struct fact_package){ .name = name,
				      .arch = l->f->os.arch,
				      .version = version,
				      .status = "installed",
				      .origin = origin };
}

static void drop_file(struct later *l, const char *path)
{
	size_t n = 0, k = 0;

	list_each (&l->f->files, file)
		if (!str_eq(file->path, path))
			l->f->files.at[n++] = *file;
	l->f->files.n = n;
	list_each (&l->f->driver.marks, mark)
		if (!str_eq(*mark + strspn(*mark, "/"), path))
			l->f->driver.marks.at[k++] = *mark;
	l->f->driver.marks.n = k;
}

static void put_file(struct later *l, const char *path, const char *content)
{
	drop_file(l, path);
	*list_push(l->a, &l->f->files) =
		(struct fact_file){ .path = path, .state = "file", .content = content };
}

/* ---- packages ---- */

/* The version that a want comes to: what is there if it fits, what apt offers, or the head. */
static const char *version_for(struct later *l, const char *name, const char *within)
{
	const struct fact_package *p = facts_package(l->f, name);
	const struct fact_candidate *c = facts_candidate(l->f, name);

	if (p && str_eq(p->status, "installed") && (!within || ver_deb_within(p->version, within)))
		return p->version;
	if (c && (!within || ver_deb_within(c->version, within)))
		return c->version;
	return within ? within : p ? p->version : "0";
}

static void after_packages(struct later *l, const struct plan_step *s)
{
	list_each (&s->packages, k)
		if (str_eq(k->change, "remove"))
			drop_package(l, k->name);
		else
			put_package(l, k->name, k->version, k->origin);
	list_each (&s->args, arg) {
		const char *blank = strchr(arg->value, ' ');
		const char *name =
			blank ? arena_strn(l->a, arg->value, (size_t)(blank - arg->value)) :
				arg->value;

		if (str_eq(arg->key, "away") || str_eq(arg->key, "remove"))
			drop_package(l, name);
		else if (str_eq(arg->key, "want") && !s->packages.n)
			put_package(l, name, version_for(l, name, blank ? blank + 1 : NULL), NULL);
	}
}

static void after_repair(struct later *l)
{
	bool built = false;

	l->f->dpkg.unfinished.n = 0;
	l->f->dpkg.interrupted = false;
	list_each (&l->f->packages, p) {
		if (str_eq(p->status, "config-files"))
			continue;
		built |= !str_eq(p->status, "installed") && strstr(p->name, "dkms");
		p->status = "installed";
	}
	/* What dpkg finishes is most often the building of the module. */
	list_each (&l->f->kernels, k)
		if (built && k->headers && !k->nvidia) {
			k->nvidia = l->f->driver.version;
			k->made_by = "dkms";
		}
}

/* ---- files ---- */

/* "URIs: http://..." of a deb822 file that we write. */
static const char *field(struct later *l, const char *text, const char *key)
{
	struct piece rest = PIECE(text), line;

	while (str_line(&rest, &line))
		if (piece_starts(line, key)) {
			struct piece value = { line.at + strlen(key), line.len - strlen(key) };

			value = str_trim(value);
			return arena_strn(l->a, value.at, value.len);
		}
	return NULL;
}

static void after_source(struct later *l, const char *path, const char *content)
{
	size_t n = 0;

	list_each (&l->f->sources, s)
		if (!str_eq(s->file, path))
			l->f->sources.at[n++] = *s;
	l->f->sources.n = n;
	if (content && field(l, content, "URIs:"))
		*list_push(l->a, &l->f->sources) =
			(struct fact_source){ .file = path,
					      .uri = field(l, content, "URIs:"),
					      .suite = field(l, content, "Suites:"),
					      .signed_by = field(l, content, "Signed-By:") };
}

static void after_keyring(struct later *l, const struct plan_step *s)
{
	const char *path = step_get(s, "path");
	size_t n = 0;

	list_each (&l->f->keys, k)
		if (!str_eq(k->file, path))
			l->f->keys.at[n++] = *k;
	l->f->keys.n = n;
	list_each (&s->args, arg)
		if (str_eq(arg->key, "fingerprint"))
			*list_push(l->a, &l->f->keys) =
				(struct fact_key){ .file = path, .fingerprint = arg->value };
}

static void after_file_away(struct later *l, const struct plan_step *s)
{
	drop_file(l, step_get(s, "path"));
	after_source(l, step_get(s, "path"), NULL);
}

static void after_file(struct later *l, const struct plan_step *s)
{
	const char *path = step_get(s, "path"), *content = step_get(s, "content");

	put_file(l, path, content);
	if (str_eq(path, PIN_FILE))
		*list_push(l->a, &l->f->pins) =
			(struct fact_pin){ .file = path, .package = "nvidia*", .pin = content };
	if (str_eq(s->kind, "repo"))
		after_source(l, path, content);
}

/* ---- the other kinds ---- */

static void after_engine(struct later *l, const struct plan_step *s)
{
	const char *name = strchr(s->id, ':') + 1;
	bool removed = str_eq(step_get(s, "remove"), "yes");

	list_each (&l->f->engines, e) {
		if (!str_eq(e->name, name))
			continue;
		e->knows_nvidia = removed ? TRI_NO : TRI_YES;
		if (str_eq(step_get(s, "default"), "yes"))
			e->default_nvidia = TRI_YES;
		if (str_eq(step_get(s, "cdi"), "yes"))
			e->cdi = TRI_YES;
	}
}

/* The service makes the specification of the driver that is there, in its own place. */
static void after_cdi(struct later *l)
{
	list_each (&l->f->files, file)
		if (strstr(file->path, "run/cdi/") && file->content && l->f->driver.version)
			file->content = arena_printf(l->a, "libcuda.so.%s\n", l->f->driver.version);
}

static void after_initramfs(struct later *l, const struct plan_step *s)
{
	list_each (&l->f->kernels, k)
		if (str_eq(k->release, step_get(s, "kernel")))
			k->initramfs = "fresh";
}

static void after_driver_away(struct later *l)
{
	l->f->driver = (struct fact_driver){ .loaded = l->f->driver.loaded,
					     .loaded_flavour = l->f->driver.loaded_flavour };
	list_each (&l->f->kernels, k)
		if (str_eq(k->made_by, "other"))
			k->nvidia = k->flavour = k->signer = k->made_by = NULL;
}

static void after_hold(struct later *l, const struct plan_step *s)
{
	list_each (&l->f->packages, p)
		list_each (&s->args, arg)
			if (str_eq(arg->key, "package"))
				p->held |= ver_deb_named(p->name, p->version, arg->value);
}

static void after_links(struct later *l)
{
	size_t n = 0;

	list_each (&l->f->notes, note)
		if (!str_eq(note->fact, "dev_char"))
			l->f->notes.at[n++] = *note;
	l->f->notes.n = n;
}

static void after_step(struct later *l, const struct plan_step *s)
{
	if (str_eq(s->kind, "packages"))
		after_packages(l, s);
	else if (str_eq(s->kind, "dpkg"))
		after_repair(l);
	else if (str_eq(s->kind, "file") || str_eq(s->kind, "repo") || str_eq(s->kind, "link"))
		after_file(l, s);
	else if (str_eq(s->kind, "keyring"))
		after_keyring(l, s);
	else if (str_eq(s->kind, "file-away"))
		after_file_away(l, s);
	else if (str_eq(s->kind, "engine") || str_eq(s->kind, "agent"))
		after_engine(l, s);
	else if (str_eq(s->kind, "cdi"))
		after_cdi(l);
	else if (str_eq(s->kind, "devchar"))
		after_links(l);
	else if (str_eq(s->kind, "initramfs"))
		after_initramfs(l, s);
	else if (str_eq(s->kind, "driver-away"))
		after_driver_away(l);
	else if (str_eq(s->kind, "hold"))
		after_hold(l, s);
}

/* ---- what must hold then ---- */

/* The exact version behind "580": of the package that decides, or of what is there. */
static const char *exactly(struct later *l, const struct plan_post *post, const char *now)
{
	const struct fact_package *p = post->of ? facts_package(l->f, post->of) : NULL;

	if (p && str_eq(p->status, "installed")) {
		struct piece v = ver_deb_upstream(p->version);

		return arena_strn(l->a, v.at, v.len);
	}
	return now && ver_within(now, post->wanted) ? now : post->wanted;
}

/* Which modules the packages of the plan bring, by their names; NULL = it does not say. */
static const char *flavour_of(const struct plan *p, bool *ret_prebuilt)
{
	const struct plan_step *s = plan_find(p, "packages:nvidia");
	bool open = false, any = false;

	*ret_prebuilt = false;
	if (s)
		list_each (&s->args, arg) {
			if (!str_eq(arg->key, "want") || !fact_of_driver(arg->value))
				continue;
			any = true;
			open |= strstr(arg->value, "open") != NULL;
			*ret_prebuilt |= str_starts(arg->value, "linux-modules-nvidia-");
		}
	return !any ? NULL : open ? "open" : "proprietary";
}

static void hold_module(struct later *l, const struct plan_post *post, const char *version)
{
	bool prebuilt;
	const char *flavour = flavour_of(l->plan, &prebuilt);

	list_each (&l->f->kernels, k) {
		if (!str_eq(k->release, post->subject))
			continue;
		if (str_eq(k->nvidia, version) && (!flavour || str_eq(k->flavour, flavour)))
			continue;
		k->nvidia = version;
		k->flavour = flavour ? flavour : k->flavour;
		k->made_by = prebuilt ? "package" : "dkms";
		/* The distribution signs what it builds; DKMS with its key, if it has one. */
		k->signer = prebuilt ? "the distribution" : l->f->secure_boot.own_key;
	}
}

static bool installs_driver(const struct plan *p)
{
	static const char *const ids[] = { "packages:nvidia", "driver-run:nvidia" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		const struct plan_step *s = plan_find(p, ids[i]);

		if (s && s->op != OP_KEEP)
			return true;
	}
	return false;
}

static void hold_posts(struct later *l)
{
	const char *version = l->f->driver.version;
	bool prebuilt;

	/* What is not touched will be as it is, whatever should be. */
	if (!installs_driver(l->plan))
		return;
	list_each (&l->plan->posts, post)
		if (str_eq(post->kind, "library") && post->wanted)
			version = exactly(l, post, l->f->driver.version);
	l->f->driver.version = version;
	list_each (&l->plan->posts, post)
		if (str_eq(post->kind, "module"))
			hold_module(l, post, version);
	if (flavour_of(l->plan, &prebuilt) && l->f->driver.flavour)
		l->f->driver.flavour = flavour_of(l->plan, &prebuilt);
	after_cdi(l);
}

/* ---- the boot ---- */

static bool kept_out(const struct later *l, const char *module)
{
	const char *line = arena_printf(l->a, "blacklist %s\n", module);

	list_each (&l->f->files, file)
		if (str_starts(file->path, "etc/modprobe.d/") && file->content &&
		    strstr(file->content, line))
			return true;
	return false;
}

static void bind_gpus(struct later *l)
{
	list_each (&l->f->gpus, g)
		if (!g->driver || (!str_starts(g->driver, "vfio") && kept_out(l, g->driver)))
			g->driver = "nvidia";
}

static void after_boot(struct later *l)
{
	const struct fact_kernel *next = NULL;
	strs modules = { 0 };

	list_each (&l->f->kernels, k) {
		k->running = k->next;
		next = k->next ? k : next;
	}
	if (!next)
		return;
	l->f->kernel = next->release;
	l->f->driver.loaded = next->nvidia;
	l->f->driver.loaded_flavour = next->flavour;
	list_each (&l->f->modules, m)
		if (!str_starts(*m, "nvidia") && !kept_out(l, *m))
			list_add(l->a, &modules, *m);
	if (next->nvidia) {
		list_add(l->a, &modules, "nvidia");
		list_each (&l->f->files, file)
			if (str_starts(file->path, "etc/modules-load.d/") && file->content &&
			    strstr(file->content, "nvidia-uvm"))
				list_add(l->a, &modules, "nvidia_uvm");
		bind_gpus(l);
	}
	l->f->modules = modules;
	l->f->holders.n = 0;
}

int facts_after(const struct facts *f, const struct plan *p, struct arena *a, struct facts *ret,
		struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 20);
	struct later l = { p, ret, a };

	/* A copy all through: what changes here is read by others. */
	facts_write(f, &text);
	if (facts_read(arena_strn(a, buf_str(&text), text.len), text.len, "facts", a, ret, e))
		return -1;
	list_each (&p->steps, s)
		if (s->op != OP_KEEP)
			after_step(&l, s);
	hold_posts(&l);
	if (p->totals.reboot && f->live)
		after_boot(&l);
	return 0;
}
