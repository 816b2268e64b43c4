/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: container toolkit, engines, CDI, Kubernetes. */
#include "doctor/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "edit/edit.h"
#include "engines/toolkit.h"

#include <string.h>

static const char *const parts[] = { "nvidia-container-toolkit", "nvidia-container-toolkit-base",
				     "libnvidia-container-tools", "libnvidia-container1" };
enum { PARTS = sizeof(parts) / sizeof(*parts) };

static const struct fact_package *installed(const struct diagnosing *d, const char *name)
{
	const struct fact_package *p = facts_package(d->facts, name);

	return p && str_eq(p->status, "installed") ? p : NULL;
}

static const struct fact_package *toolkit(const struct diagnosing *d)
{
	return installed(d, parts[0]);
}

/* S33 */
static void only_the_runtime(struct diagnosing *d)
{
	const struct fact_package *p = installed(d, "nvidia-container-runtime");

	if (p && !toolkit(d))
		saw(d, found(d, "S33", "nvidia-container-runtime without the container toolkit"),
		    "packages", "%s %s, and no nvidia-container-toolkit", p->name, p->version);
}

/* S34 */
static void toolkit_mixed(struct diagnosing *d)
{
	const struct fact_package *first = NULL, *other = NULL;
	struct finding *f;

	for (size_t i = 0; i < PARTS; i++) {
		const struct fact_package *p = installed(d, parts[i]);

		if (p && first && !str_eq(p->version, first->version))
			other = p;
		first = first ? first : p;
	}
	if (!other)
		return;
	f = found(d, "S34", "%s %s with %s %s", first->name, first->version, other->name,
		  other->version);
	for (size_t i = 0; i < PARTS; i++) {
		const struct fact_package *p = installed(d, parts[i]);

		if (p)
			saw(d, f, "packages", "%s %s", p->name, p->version);
	}
}

/* "1.17.8; GPU Operator 25.3.1" begins with the toolkit's version. */
static bool is_open_to(struct diagnosing *d, const struct record *cve, const char *version)
{
	const char *fixed = record_get(cve, "fixed");

	return fixed && ver_cmp(version, arena_strn(d->a, fixed, strcspn(fixed, "; "))) < 0;
}

/* S35 */
static void toolkit_unsafe(struct diagnosing *d)
{
	const struct fact_package *p = toolkit(d);
	const struct record *safe = catalog_find(d->catalog, "toolkit-minimum", "safe");
	const struct record *known, *cve = NULL;
	const char *version, *bad;
	struct finding *f;

	if (!p || !safe || !record_get(safe, "version"))
		return;
	version =
		arena_strn(d->a, ver_deb_upstream(p->version).at, ver_deb_upstream(p->version).len);
	known = catalog_find(d->catalog, "toolkit", version);
	bad = known ? record_get(known, "bad") : NULL;
	if (!bad && ver_cmp(version, record_get(safe, "version")) >= 0)
		return;
	f = found(d, "S35", "container toolkit %s is not safe", version);
	saw(d, f, "packages", "%s %s", p->name, p->version);
	if (bad)
		saw(d, f, NULL, "%s: %s", version, bad);
	while ((cve = catalog_next(d->catalog, "cve", cve)))
		if (is_open_to(d, cve, version))
			saw(d, f, NULL, "%s%s%s", cve->key, record_get(cve, "kind") ? ": " : "",
			    record_get(cve, "kind") ? record_get(cve, "kind") : "");
	about(d, f, "safe", record_get(safe, "version"));
}

/* ---- engines ---- */

/* The engine of the kubelet, by its socket. */
static bool serves_kubelet(const struct diagnosing *d, const struct fact_engine *e)
{
	const char *endpoint = d->facts->kubelet.endpoint;

	return d->facts->kubelet.version && endpoint && strstr(endpoint, e->name);
}

/* Docker uses containerd beneath: that one need not know. */
static bool is_asked_for_gpus(const struct diagnosing *d, const struct fact_engine *e)
{
	if (str_eq(e->name, "docker") || serves_kubelet(d, e))
		return true;
	return (str_eq(e->name, "containerd") || str_eq(e->name, "crio")) &&
	       !facts_engine(d->facts, "docker") && !d->facts->kubelet.version;
}

static struct finding *unknown_runtime(struct diagnosing *d, const struct fact_engine *e)
{
	struct finding *f;

	if (serves_kubelet(d, e))
		return found(d, "S23",
			     "%s, which the kubelet uses, does not know the runtime "
			     "nvidia",
			     e->name);
	if (!e->variant)
		return found(d, "S16", "%s does not know the runtime nvidia", e->name);
	f = found(d, "S44", "%s (%s) does not know the runtime nvidia, and reads another file",
		  e->name, e->variant);
	about(d, f, "config", e->config);
	return f;
}

/* S16, S23, S44 */
static void engines(struct diagnosing *d)
{
	const struct fact_package *t = toolkit(d);

	list_each (&d->facts->engines, e) {
		struct finding *f;

		if (!t || e->knows_nvidia != TRI_NO || !is_asked_for_gpus(d, e))
			continue;
		f = unknown_runtime(d, e);
		saw(d, f, "packages", "%s %s is installed", t->name, t->version);
		saw(d, f, "engines", "%s %s reads %s, and there is no runtime nvidia", e->name,
		    e->version ? e->version : "of unknown version",
		    e->config ? e->config : "no file that is known");
		if (e->running == TRI_YES && e->containers > 0)
			saw(d, f, "engines", "a restart disturbs %lld containers", e->containers);
		about(d, f, "engine", e->name);
	}
}

/* S18: they look for the runtime when they start, and write their configuration anew then. */
static void agents(struct diagnosing *d)
{
	const struct fact_package *t = toolkit(d);

	list_each (&d->facts->engines, e) {
		struct finding *f;

		if (!t || e->knows_nvidia != TRI_NO || e->running != TRI_YES ||
		    !(str_eq(e->name, "k3s") || str_eq(e->name, "rke2")))
			continue;
		f = found(d, "S18", "what %s generated has no runtime nvidia", e->name);
		saw(d, f, "packages", "%s %s is installed", t->name, t->version);
		saw(d, f, "engines", "%s %s runs with %s", e->name,
		    e->version ? e->version : "of unknown version",
		    e->config ? e->config : "no file that is known");
		about(d, f, "engine", e->name);
	}
}

/* S15: the next daemon-reload takes the GPUs from what runs. */
static void no_links(struct diagnosing *d)
{
	bool served = false;
	const char *seen = NULL;
	struct finding *f;

	list_each (&d->facts->engines, e)
		served |= e->running == TRI_YES && e->knows_nvidia == TRI_YES;
	list_each (&d->facts->notes, n)
		if (str_eq(n->fact, "dev_char") && n->from)
			seen = n->from;
	if (!seen || !served || !toolkit(d) || facts_file(d->facts, TOOLKIT_UDEV_RULE))
		return;
	f = found(d, "S15", "containers lose their GPUs when systemd reads its units anew");
	saw(d, f, NULL, "%s", seen);
	saw(d, f, NULL, "/" TOOLKIT_UDEV_RULE " is not there");
}

/* S45 */
static void no_toolkit(struct diagnosing *d)
{
	if (!d->facts->driver.version || toolkit(d) || !owns_modules(d) || !d->facts->gpus.n ||
	    installed(d, "nvidia-container-toolkit-base") ||
	    installed(d, "nvidia-container-runtime"))
		return;
	list_each (&d->facts->engines, e) {
		struct finding *f;

		if (e->running != TRI_YES || !is_asked_for_gpus(d, e))
			continue;
		f = found(d, "S45", "%s runs, and containers cannot have the GPUs", e->name);
		saw(d, f, "engines", "%s %s runs", e->name, e->version ? e->version : "");
		saw(d, f, "packages", "nvidia-container-toolkit is not installed");
		return;
	}
}

/* S49 */
static void engine_too_old(struct diagnosing *d)
{
	const char *kube = d->facts->kubelet.version, *wanted;

	if (!kube)
		return;
	list_each (&d->facts->engines, e) {
		struct finding *f;

		if (!str_eq(e->name, "containerd") || !e->version || !serves_kubelet(d, e) ||
		    catalog_containerd_fits(d->catalog, kube, e->version, d->a, &wanted))
			continue;
		f = found(d, "S49", "Kubernetes %s takes containerd %s or newer, %s is installed",
			  kube, wanted, e->version);
		saw(d, f, "kubelet", "kubelet %s", kube);
		saw(d, f, "engines", "containerd %s", e->version);
	}
}

/* S22 */
static void two_drivers(struct diagnosing *d)
{
	const struct fact_package *p = of_kind(d, "libraries");
	struct finding *f;

	if (!str_eq(d->facts->driver.origin, "container") || !p)
		return;
	f = found(d, "S22", "a driver container has loaded %s, and the host has a driver too",
		  d->facts->driver.loaded ? d->facts->driver.loaded : "its module");
	saw(d, f, "driver.origin", "the loaded driver is that of a container");
	saw(d, f, "packages", "%s %s is installed", p->name, p->version);
}

/* ---- files ---- */

/* The version in the first name of libcuda in a CDI spec. */
static const char *spec_version(struct diagnosing *d, const char *text)
{
	static const char key[] = "libcuda.so.";
	const char *at = text;

	while ((at = strstr(at, key))) {
		size_t n;

		at += strlen(key);
		n = strspn(at, "0123456789.");
		/* libcuda.so.1 is the name it is linked by. */
		if (memchr(at, '.', n))
			return arena_strn(d->a, at, n);
	}
	return NULL;
}

/* S20 */
static void stale_cdi(struct diagnosing *d)
{
	const char *driver = d->facts->driver.version;

	list_each (&d->facts->files, file) {
		const char *version;
		struct finding *f;

		if (!driver || !strstr(file->path, "cdi/") || !file->content)
			continue;
		version = spec_version(d, file->content);
		if (!version || str_eq(version, driver))
			continue;
		f = found(d, "S20", "the CDI spec is of driver %s, the host has %s", version,
			  driver);
		saw(d, f, NULL, "/%s names libcuda.so.%s", file->path, version);
		saw(d, f, "driver.version", "driver %s", driver);
		about(d, f, "spec", file->path);
	}
}

/* "version = 2" before the first table; without it containerd takes 1. */
static unsigned long long version_of(struct diagnosing *d, const char *text)
{
	struct piece rest = PIECE(text), line;
	unsigned long long number = 1;

	while (str_line(&rest, &line)) {
		const char *row, *value;

		line = str_trim(line);
		row = arena_strn(d->a, line.at, line.len);
		value = strchr(row, '=');
		if (*row == '[')
			break;
		if (!value || !str_starts(row, "version"))
			continue;
		value += 1 + strspn(value + 1, " \t");
		str_to_u64(arena_strn(d->a, value, strspn(value, "0123456789")), &number);
	}
	return number;
}

/* S17: a drop-in that is read, of a version that its reader does not take. */
static void containerd_version(struct diagnosing *d)
{
	static const char folder[] = "etc/containerd/conf.d/";
	const struct fact_file *root = facts_file(d->facts, "etc/containerd/config.toml");
	unsigned long long version;

	if (!root || !root->content || !strstr(root->content, "/conf.d/"))
		return;
	version = version_of(d, root->content);
	list_each (&d->facts->files, file) {
		struct finding *f;

		if (!str_starts(file->path, folder) || !file->content ||
		    version_of(d, file->content) <= version)
			continue;
		f = found(d, "S17", "/%s is of version %llu, the file that imports it of %llu",
			  file->path, version_of(d, file->content), version);
		saw(d, f, NULL, "/%s: version = %llu", root->path, version);
		saw(d, f, NULL, "/%s: version = %llu", file->path, version_of(d, file->content));
	}
}

/* S19 */
static void daemon_json(struct diagnosing *d)
{
	const struct fact_file *file = facts_file(d->facts, "etc/docker/daemon.json");
	auto_edit struct edit *ed = NULL;
	struct edit_result r = { 0 };
	struct finding *f;

	/* Docker takes an empty file for none. */
	if (!file || !file->content || !str_trim(PIECE(file->content)).len)
		return;
	ed = edit_open(d->a, EDIT_JSON, file->content, strlen(file->content));
	if (!edit_refused(ed))
		return;
	edit_done(ed, &r);
	if (!r.issues.n || r.issues.at[0].kind != EDIT_SYNTAX)
		return;
	f = found(d, "S19", "/%s is not JSON", file->path);
	saw(d, f, NULL, "line %u, column %u: %s", r.issues.at[0].at.line, r.issues.at[0].at.col,
	    r.issues.at[0].text);
}

look *const looks_containers[] = { only_the_runtime,
				   toolkit_mixed,
				   toolkit_unsafe,
				   engines,
				   agents,
				   no_links,
				   containerd_version,
				   no_toolkit,
				   engine_too_old,
				   two_drivers,
				   stale_cdi,
				   daemon_json,
				   NULL };
