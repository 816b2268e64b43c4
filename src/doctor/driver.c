/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: driver and kernel modules. */
#include "doctor/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

/* S01: who started before the upgrade goes on, whoever starts now fails. */
static void mismatch(struct diagnosing *d)
{
	const struct fact_driver *v = &d->facts->driver;
	struct finding *f;

	if (!v->loaded || !v->version || str_eq(v->loaded, v->version))
		return;
	f = found(d, "S01", "libraries of driver %s, but module %s is in the kernel", v->version,
		  v->loaded);
	saw(d, f, "driver.version", "libraries: %s", v->version);
	saw(d, f, "driver.loaded", "loaded module: %s", v->loaded);
	list_each (&d->facts->kernels, k)
		if (k->running && k->nvidia)
			saw(d, f, "kernels", "module on disk for the running kernel %s: %s",
			    k->release, k->nvidia);
	list_each (&d->facts->holders, h)
		saw(d, f, "holders", "in use by %s (process %lld%s%s)", h->name, h->pid,
		    h->unit ? ", " : "", h->unit ? h->unit : "");
}

static const struct fact_kernel *any_with_module(const struct diagnosing *d)
{
	list_each (&d->facts->kernels, k)
		if (k->nvidia)
			return k;
	return NULL;
}

/* What another kernel needs: the package with its ready module, or what DKMS builds with. */
static const char *package_for(struct diagnosing *d, const char *has, const char *lacks)
{
	list_each (&d->facts->packages, p)
		if (str_ends(p->name, has) && str_eq(p->status, "installed") &&
		    is_of_kind(d, "module", p->name))
			return arena_printf(d->a, "%.*s%s", (int)(strlen(p->name) - strlen(has)),
					    p->name, lacks);
	return arena_printf(d->a, "linux-headers-%s", lacks);
}

/* S02: some kernel has the module, the one that counts has not. */
static void kernel_without_module(struct diagnosing *d)
{
	const struct fact_kernel *has = any_with_module(d);

	if (!has || !owns_modules(d))
		return;
	list_each (&d->facts->kernels, k) {
		struct finding *f;

		if (k->nvidia || k->failed || !matters(k))
			continue;
		f = found(d, "S02", "no NVIDIA module for kernel %s, which %s", k->release,
			  k->running ? "runs" : "the next boot starts");
		saw(d, f, "kernels", "kernel %s has module %s", has->release, has->nvidia);
		saw(d, f, "kernels", "kernel %s has none, and %s", k->release,
		    k->headers ? "its headers are there" : "no headers");
		about(d, f, "package", package_for(d, has->release, k->release));
	}
}

/* S30: DKMS tried, and the compiler said no. What dpkg has not finished is another matter. */
static void build_failed(struct diagnosing *d)
{
	if (!owns_modules(d) || found_already(d, "S37"))
		return;
	list_each (&d->facts->kernels, k) {
		struct finding *f;

		if (!k->failed || k->nvidia || !matters(k))
			continue;
		f = found(d, "S30", "the NVIDIA module did not compile for kernel %s, which %s",
			  k->release, k->running ? "runs" : "the next boot starts");
		saw(d, f, "kernels", "/%s is of a build that failed", k->failed);
		if (d->facts->driver.version)
			saw(d, f, "driver.version", "driver %s", d->facts->driver.version);
		about(d, f, "log", k->failed);
	}
}

/* S03: libraries without any module. What dpkg has not finished is another matter. */
static void no_module(struct diagnosing *d)
{
	const struct facts *v = d->facts;
	struct finding *f;
	const struct fact_package *p = of_kind(d, "libraries");

	if (!v->live || !v->driver.version || v->driver.loaded || any_with_module(d) ||
	    !v->kernels.n || !v->gpus.n || !owns_modules(d) || found_already(d, "S37") ||
	    found_already(d, "S30"))
		return;
	f = found(d, "S03", "driver %s has no kernel module", v->driver.version);
	if (p)
		saw(d, f, "packages", "%s %s is installed", p->name, p->version);
	p = of_kind(d, "module");
	saw(d, f, "packages",
	    p ? "%s is installed and no kernel has its module" :
		"no package with a kernel module is installed%s",
	    p ? p->name : "");
	list_each (&v->kernels, k)
		saw(d, f, "kernels", "kernel %s has no NVIDIA module", k->release);
}

/* S41: what works now and will not after the next boot, or the other way round. */
static void module_of_another_version(struct diagnosing *d)
{
	const char *version = d->facts->driver.version;

	if (!version || !owns_modules(d))
		return;
	list_each (&d->facts->kernels, k) {
		struct finding *f;

		if (!matters(k) || !k->nvidia || str_eq(k->nvidia, version))
			continue;
		f = found(d, "S41", "kernel %s has module %s, the libraries are of %s", k->release,
			  k->nvidia, version);
		saw(d, f, "kernels", "module for %s: %s", k->release, k->nvidia);
		saw(d, f, "driver.version", "libraries: %s", version);
	}
}

static bool is_fingerprint(const char *key)
{
	return strlen(key) >= 40 && !key[strspn(key, "0123456789abcdefABCDEF:")];
}

/* Enrolled, or nobody can say: some keys are known by their fingerprint only. */
static bool may_be_enrolled(const struct fact_secure_boot *sb, const char *signer)
{
	list_each (&sb->keys, key)
		if (str_eq(*key, signer) || is_fingerprint(*key))
			return true;
	return false;
}

/* S09 */
static void secure_boot(struct diagnosing *d)
{
	const struct fact_secure_boot *sb = &d->facts->secure_boot;

	if (sb->enabled != TRI_YES || !owns_modules(d))
		return;
	list_each (&d->facts->kernels, k) {
		struct finding *f;

		if (!matters(k) || !k->nvidia ||
		    (k->signer &&
		     (str_eq(k->made_by, "package") || may_be_enrolled(sb, k->signer))))
			continue;
		/* It is in the kernel: so it was accepted. */
		if (k->running && d->facts->driver.loaded)
			continue;
		f = found(d, "S09", "Secure Boot will reject the module of kernel %s", k->release);
		saw(d, f, "secure_boot.enabled", "Secure Boot is on");
		if (k->signer)
			saw(d, f, "kernels", "signed by '%s', which is not enrolled", k->signer);
		else
			saw(d, f, "kernels", "the module is not signed");
		list_each (&sb->keys, key)
			saw(d, f, "secure_boot.keys", "enrolled: %s", *key);
	}
}

/* S39 */
static void stale_initramfs(struct diagnosing *d)
{
	if (!d->facts->driver.version)
		return;
	list_each (&d->facts->kernels, k) {
		struct finding *f;

		if (!matters(k) || !str_eq(k->initramfs, "stale"))
			continue;
		f = found(d, "S39", "the initramfs of kernel %s is older than /etc/modprobe.d",
			  k->release);
		saw(d, f, "kernels", "/boot/initrd.img-%s", k->release);
		about(d, f, "kernel", k->release);
	}
}

/* S10 */
static void runfile(struct diagnosing *d)
{
	const struct fact_driver *v = &d->facts->driver;
	const struct fact_package *p = of_kind(d, "libraries");
	struct finding *f;

	if (!v->marks.n || (str_eq(v->origin, "runfile") && !p))
		return;
	f = found(d, "S10",
		  p ? "a .run installation beside the packages of the driver" :
		      "leftovers of an earlier driver, and no driver");
	if (p)
		f->severity = SEV_ERROR;
	list_each (&v->marks, m) {
		saw(d, f, "driver.marks", "%s is there", *m);
		if (str_ends(*m, "/nvidia-uninstall"))
			about(d, f, "uninstaller", *m);
	}
	if (p)
		saw(d, f, "packages", "%s %s is installed", p->name, p->version);
}

look *const looks_driver[] = {
	mismatch,    kernel_without_module, build_failed, no_module, module_of_another_version,
	secure_boot, stale_initramfs,       runfile,      NULL
};
