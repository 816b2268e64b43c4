/* SPDX-License-Identifier: Apache-2.0 */
/* The solver: what comes as a .run file, the driver or CUDA toolkits, and the downloads of both. */
#include "solve/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "runfile/runfile.h"

#include <string.h>

/* A .run file that the plan needs. */
struct need {
	const char *name;          /* for people: its file name */
	const char *key;           /* where the profile speaks of it: "driver.runfile" */
	const struct value *given; /* what the profile says of it; NULL = nothing */
	const struct record *run;  /* what the catalog knows; NULL = nothing */
	const char *host;          /* `run-host` record */
	const char *object, *sha256, *size, *md5;
	strs urls;
};

static const char *said(const struct need *n, const char *key)
{
	const struct value *v = n->given ? value_find(n->given, key) : NULL;

	return v ? v->text : NULL;
}

/* NVIDIA's name of the machine, which differs between drivers and toolkits. */
static const char *machine(const struct solving *s, bool cuda)
{
	if (!str_eq(s->facts->os.arch, "arm64"))
		return "x86_64";
	return cuda ? "sbsa" : "aarch64";
}

static const char *known(struct solving *s, const struct need *n, const char *what)
{
	bool cuda = str_eq(n->host, "cuda");

	return n->run ? record_get(n->run, arena_printf(s->a, "%s.%s", machine(s, cuda), what)) :
			NULL;
}

/* A path as a file: address; what an address cannot hold is written as %XX. */
static const char *file_url(struct solving *s, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789/._-~+";
	auto_buf struct buf b = BUF_TEXT;

	buf_adds(&b, "file://");
	for (const char *c = path; *c; c++)
		if (strchr(plain, *c))
			buf_addc(&b, *c);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*c);
	return arena_str(s->a, buf_str(&b));
}

static void add_known_urls(struct solving *s, struct need *n)
{
	const char *path = known(s, n, "path");
	const char *mirror = profile_get(s->profile, "downloads.mirror");
	const struct record *hosts = catalog_find(s->catalog, "run-host", n->host);
	const char *at = hosts ? record_get(hosts, "hosts") : "";

	if (path && mirror) {
		list_add(s->a, &n->urls,
			 arena_printf(s->a, "%s%s%s", mirror, str_ends(mirror, "/") ? "" : "/",
				      path));
		return;
	}
	while (path && *at) {
		size_t len = strcspn(at, ",");

		list_add(s->a, &n->urls, arena_printf(s->a, "https://%.*s/%s", (int)len, at, path));
		at += len + (at[len] == ',');
	}
}

static const char *last_part(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

/* R43: what is not pinned is not run, unless the user says so in so many words. */
static bool check_pin(struct solving *s, struct need *n)
{
	struct diag *d;

	if (n->sha256)
		return true;
	if (str_eq(said(n, "verify"), "none")) {
		d = by_rule(s, SEV_WARNING, 43, n->key, "%s is run without any check", n->name);
		why(s, d, "verify is none, so whoever controls its source controls this host");
		return true;
	}
	d = by_rule(s, SEV_ERROR, 43, n->key, "no SHA-256 is known for %s", n->name);
	why(s, d, "what is not pinned is not run");
	way(s, d, NULL, "give its hash: %s.sha256", n->key);
	way(s, d, NULL, "run it without any check: %s.verify: none", n->key);
	return false;
}

/* Where the file comes from and what it must be. False when the plan is refused. */
static bool locate(struct solving *s, struct need *n)
{
	const char *path = said(n, "path"), *url = said(n, "url");
	struct diag *d;

	if (path)
		list_add(s->a, &n->urls, file_url(s, path));
	else if (url)
		list_add(s->a, &n->urls, url);
	else
		add_known_urls(s, n);
	n->name = path                ? last_part(path) :
		  url                 ? last_part(arena_strn(s->a, url, strcspn(url, "?#"))) :
		  known(s, n, "path") ? last_part(known(s, n, "path")) :
					n->name;
	n->sha256 = said(n, "sha256") ? said(n, "sha256") : known(s, n, "sha256");
	n->size = said(n, "sha256") ? NULL : known(s, n, "size");
	n->md5 = said(n, "md5");
	if (!check_pin(s, n))
		return false;
	n->object = n->sha256 ? arena_printf(s->a, "objects/%s", n->sha256) :
				arena_printf(s->a, "unverified/%s", n->name);
	if (n->urls.n)
		return true;
	d = refuse(s, GP_NO_FILE, n->key, "no address is known for %s", n->name);
	way(s, d, NULL, "name it: %s.url, or %s.path for a file that is there already", n->key,
	    n->key);
	return false;
}

/* ---- the downloads, one step for all ---- */

#define FETCH "fetch:runfiles"

static void add_fetch(struct solving *s, const struct need *n)
{
	const char *proxy = profile_get(s->profile, "downloads.proxy");
	const struct plan_step *there = plan_find(s->plan, FETCH);
	struct plan_step *step = NULL;
	auto_buf struct buf size = BUF_TEXT;
	unsigned long long bytes = 0;

	list_each (&s->plan->steps, it)
		if (it == there)
			step = it;
	if (!step) {
		step = plan_add(s->plan, "fetch", "runfiles", OP_ADD, "installers, into the cache");
		if (proxy)
			step_arg(s->plan, step, "proxy", proxy);
		if (profile_given(s->profile, "downloads.parallel"))
			step_arg(s->plan, step, "parallel",
				 profile_get(s->profile, "downloads.parallel"));
	}
	if (n->size && str_to_u64(n->size, &bytes)) {
		buf_adds(&size, ", ");
		str_size(&size, bytes);
	}
	step_arg(s->plan, step, "file",
		 arena_printf(s->a, "%s %s %s %s %s", n->object, n->sha256 ? n->sha256 : "-",
			      n->size ? n->size : "-", n->md5 ? n->md5 : "-", n->name));
	list_each (&n->urls, url)
		step_arg(s->plan, step, "url", arena_printf(s->a, "%s %s", n->object, *url));
	step_reason(s->plan, step, "R43", place(s, n->key), "%s%s, %s", n->name, buf_str(&size),
		    n->sha256 ? "checked by its SHA-256" : "NOT CHECKED: verify is none");
}

/* What both kinds of installers need to find their file. */
static void add_object(struct solving *s, struct plan_step *step, const struct need *n)
{
	step_arg(s->plan, step, "object", n->object);
	if (n->sha256)
		step_arg(s->plan, step, "sha256", n->sha256);
	else
		step->risk = "its bytes are NOT CHECKED: verify is none";
	step_needs(s->plan, step, FETCH);
	step_needs(s->plan, step, "packages:nvidia");
}

/* ---- the driver ---- */

static bool boots(const struct fact_kernel *k)
{
	return k->image || k->running;
}

/* A run was cut off in it: whatever is there is cleared away first. */
static bool was_cut_off(const struct solving *s, const char *key)
{
	return facts_file(s->facts, arena_printf(s->a, FACT_INSTALLING "/%s", key)) != NULL;
}

static bool driver_is_there(const struct solving *s, const char *version)
{
	const struct fact_driver *d = &s->facts->driver;

	if (!str_eq(d->origin, "runfile") || !str_eq(d->version, version) ||
	    was_cut_off(s, "driver"))
		return false;
	list_each (&s->facts->kernels, k)
		if (s->modules && boots(k) && !str_eq(k->nvidia, version))
			return false;
	return !s->modules || !d->flavour || str_eq(d->flavour, flavour_word(s->choice.flavour));
}

static bool headless(const struct solving *s)
{
	return profile_is(s->profile, "driver.headless", "auto") ?
		       !str_eq(s->purpose, "desktop") :
		       profile_on(s->profile, "driver.headless");
}

static void add_signing_args(struct solving *s, struct plan_step *step)
{
	if (s->signing != SIGN_OWN_KEY)
		return;
	step_arg(s->plan, step, "arg",
		 arena_printf(s->a, "--module-signing-secret-key=%s",
			      profile_get(s->profile, "driver.signing.key")));
	step_arg(s->plan, step, "arg",
		 arena_printf(s->a, "--module-signing-public-key=%s",
			      profile_get(s->profile, "driver.signing.certificate")));
	/* Without it the hash cannot be guessed and signing fails. */
	step_arg(s->plan, step, "arg", "--module-signing-hash=sha256");
	step_reason(s->plan, step, "R40", place(s, "driver.signing"),
		    "the modules are signed with your key");
}

static void add_driver_args(struct solving *s, struct plan_step *step)
{
	bool busy = s->facts->live && s->facts->modules.n;

	step_arg(s->plan, step, "arg", "--silent");
	if (headless(s)) {
		step_arg(s->plan, step, "arg-if-known", "--no-x-check");
		step_arg(s->plan, step, "arg-if-known", "--no-opengl-files");
		step_arg(s->plan, step, "arg-if-known", "--no-drm");
		step_reason(s->plan, step, NULL, place(s, "purpose"),
			    "no X server here: without OpenGL files and DRM");
	}
	/* nouveau and the initramfs are steps of our own, which can be undone. */
	step_arg(s->plan, step, "arg-if-known", "--no-nouveau-check");
	step_arg(s->plan, step, "arg-if-known", "--no-disable-nouveau");
	step_arg(s->plan, step, "arg-if-known", "--no-rebuild-initramfs");
	/* What packages leave that tells installers to stay away; they are gone by then. */
	if (plan_find(s->plan, SWITCH_PACKAGES)) {
		step_arg(s->plan, step, "arg-if-known", "--no-check-for-alternate-installs");
		step_arg(s->plan, step, "arg-if-known", "--no-distro-scripts");
	}
	if (!s->modules)
		return;
	step_arg(s->plan, step, "arg-if-known",
		 profile_is(s->profile, "driver.build", "dkms") ? "--dkms" : "--no-dkms");
	if (!s->facts->live || busy) {
		step_arg(s->plan, step, "arg-if-known", "--skip-module-load");
		step_arg(s->plan, step, "arg-if-known", "--allow-installation-with-running-driver");
	}
	if (busy) {
		s->plan->totals.reboot = true;
		step_reason(s->plan, step, "R44", NULL,
			    "another module is loaded: this one is for the next boot");
	}
	add_signing_args(s, step);
}

static void add_driver(struct solving *s, const struct need *n, const char *version)
{
	const char *before =
		str_eq(s->facts->driver.origin, "runfile") ? s->facts->driver.version : NULL;
	bool there = driver_is_there(s, version);
	struct plan_step *step;

	if (!there)
		add_fetch(s, n);
	step = plan_add(s->plan, "driver-run", "nvidia",
			there  ? OP_KEEP :
			before ? OP_REPLACE :
				 OP_ADD,
			"NVIDIA driver %s by %s", version, n->name);
	add_object(s, step, n);
	step_arg(s->plan, step, "version", version);
	step_arg(s->plan, step, "module", flavour_word(s->choice.flavour));
	list_each (&s->facts->kernels, k)
		if (s->modules && boots(k))
			step_arg(s->plan, step, "kernel", k->release);
	list_each (&s->targets, t)
		if (t->fact->device)
			step_arg(s->plan, step, "gpu", t->fact->device);
	step_needs(s->plan, step, "file:nouveau");
	step_needs(s->plan, step, "file:nova-core");
	step_needs(s->plan, step, SWITCH_PACKAGES);
	step_reason(s->plan, step, NULL, place(s, "driver.source"), "driver.source is runfile");
	if (before && !there && !step->risk)
		step->risk = arena_printf(s->a, "undo does not put driver %s back", before);
	add_driver_args(s, step);
}

/* What compiling the module takes; the installer asks for kmod in any case. */
static void want_tools(struct solving *s, struct wants *w)
{
	static const char *const tools[] = { "gcc", "make", "libc6-dev" };

	want_package(s, w, "kmod", NULL, NULL, place(s, "driver.source"),
		     "the installer needs modprobe");
	for (size_t i = 0; s->modules && i < sizeof(tools) / sizeof(*tools); i++)
		want_package(s, w, tools[i], NULL, "R38", place(s, "driver.modules"),
			     "the kernel module is compiled here");
	list_each (&s->facts->kernels, k) {
		strs names = { 0 };

		if (s->modules && boots(k))
			want_compiler(s, w, k);
		if (s->modules && boots(k) && !k->headers)
			s->distro->headers(s->a, s->facts, k, &names);
		list_each (&names, name)
			want_package(s, w, *name, NULL, "R38", place(s, "driver.modules"),
				     "headers for every kernel that will boot");
	}
}

static const char *named_version(struct solving *s, const struct need *n)
{
	const char *name = said(n, "path") ? said(n, "path") : said(n, "url");

	return s->choice.version ? s->choice.version :
	       name              ? runfile_driver_version(name, s->a) :
				   NULL;
}

bool solve_driver_runfile(struct solving *s, struct wants *w)
{
	struct need n = { .key = "driver.runfile",
			  .host = "driver",
			  .given = profile_given(s->profile, "driver.runfile") };
	const char *version = named_version(s, &n);
	struct diag *d;

	if (!version) {
		d = refuse(s, GP_RUNFILE_UNFIT, "driver.runfile",
			   "it is not known which driver this .run file brings");
		way(s, d, NULL, "say it: driver.version");
		return false;
	}
	n.run = catalog_find(s->catalog, "run", version);
	n.name = arena_printf(s->a, "driver %s", version);
	if (!locate(s, &n))
		return false;
	want_tools(s, w);
	s->within = version;
	add_driver(s, &n, version);
	plan_post(s->plan, "driver.record", "driver-record", "nvidia", version, NULL);
	plan_post(s->plan, "driver.libcuda", "library", "libcuda.so.1", version, NULL);
	plan_post(s->plan, "driver.nvidia-smi", "program", "usr/bin/nvidia-smi", version, NULL);
	return true;
}

/* ---- CUDA ---- */

/* What the profile says of the toolkit of this version. */
static const struct value *given_toolkit(const struct solving *s, const char *asked)
{
	const struct value *list = profile_given(s->profile, "cuda.runfile");

	if (list)
		list_each (&list->items, it) {
			const struct value *v = value_find(it, "version");

			if (v && (ver_within(v->text, asked) || ver_within(asked, v->text)))
				return it;
		}
	return NULL;
}

/* The newest toolkit of the catalog within a version, of which there is a .run. */
static const struct record *known_toolkit(struct solving *s, const char *asked)
{
	const char *path = arena_printf(s->a, "%s.path", machine(s, true));
	const char *hash = arena_printf(s->a, "%s.sha256", machine(s, true));
	const struct record *r = NULL, *newest = NULL;

	/* One that is pinned is better than one that is newer and is not. */
	while ((r = catalog_next(s->catalog, "cuda", r))) {
		if (!ver_within(r->key, asked) || !record_get(r, path))
			continue;
		if (record_get(r, hash))
			return r;
		newest = newest ? newest : r;
	}
	return newest;
}

static void why_toolkit_alone(struct solving *s, struct plan_step *step, const struct need *n)
{
	const char *bundled = n->run ? record_get(n->run, "bundled_driver") : NULL;

	if (bundled)
		step_reason(s->plan, step, "R08", place(s, "cuda"),
			    "the toolkit alone: the driver %s inside is one for development",
			    bundled);
	else
		step_reason(s->plan, step, n->run ? "R09" : NULL, place(s, "cuda"),
			    "the toolkit alone");
}

/* Somebody else's toolkit where this one goes is not written over. */
static bool check_place(struct solving *s, const char *path, const char *version, bool *ret_there)
{
	struct diag *d;

	*ret_there = false;
	if (was_cut_off(s, last_part(path)))
		return true;
	list_each (&s->facts->cudas, c) {
		if (!str_eq(c->path, path))
			continue;
		*ret_there = str_eq(c->origin, "runfile") && c->toolkit &&
			     (ver_within(c->version, version) || ver_within(version, c->version));
		if (*ret_there)
			return true;
		d = by_rule(s, SEV_ERROR, 31, "cuda", "CUDA %s is in the way at %s",
			    c->version ? c->version : "(unknown version)", path);
		if (str_eq(c->origin, "runfile")) {
			way(s, d, NULL, "uninstall it: %s/bin/cuda-uninstaller --silent", path);
			way(s, d, NULL, "keep it: ask for that version in the profile");
		} else {
			way(s, d, NULL, "remove its packages: apt-get purge 'cuda-toolkit-*'");
			way(s, d, "cuda.source=nvidia", "stay with packages: cuda.source: nvidia");
		}
		return false;
	}
	return true;
}

static bool add_toolkit(struct solving *s, const char *asked)
{
	struct need n = { .key = "cuda.runfile", .host = "cuda" };
	const char *series, *path, *version;
	struct plan_step *step;
	const struct value *v;
	bool there;

	n.given = given_toolkit(s, asked);
	n.run = known_toolkit(s, asked);
	v = n.given ? value_find(n.given, "version") : NULL;
	version = v ? v->text : n.run ? n.run->key : asked;
	n.name = arena_printf(s->a, "CUDA %s", version);
	series = ver_head(version, 2, s->a);
	path = arena_printf(s->a, "%s/cuda-%s", profile_get(s->profile, "paths.cuda"), series);
	if (!check_place(s, path, version, &there) || (!there && !locate(s, &n)))
		return false;
	if (!there)
		add_fetch(s, &n);
	step = plan_add(s->plan, "cuda-run", series, there ? OP_KEEP : OP_ADD, "CUDA %s in %s",
			version, path);
	if (there)
		n.object = "-";
	add_object(s, step, &n);
	if (there)
		step->risk = NULL;
	step_arg(s->plan, step, "version", version);
	step_arg(s->plan, step, "path", path + 1);
	step_arg(s->plan, step, "arg", "--silent");
	step_arg(s->plan, step, "arg", "--toolkit");
	why_toolkit_alone(s, step, &n);
	plan_post(s->plan, arena_printf(s->a, "cuda.%s", series), "nvcc-run", path + 1, version,
		  NULL);
	return true;
}

void solve_cuda_runfile(struct solving *s)
{
	bool good = true;

	list_each (&s->asks.cudas, cuda)
		good &= add_toolkit(s, *cuda);
	if (good)
		solve_cuda_default(s);
}
