/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: the GPUs, who holds them, and the switches between them. */
#include "doctor/priv.h"

#include "base/str.h"
#include "base/ver.h"

#include <string.h>

static const char *name_of(const struct diagnosing *d, const struct fact_gpu *g)
{
	return g->device ? catalog_gpu_name(d->catalog, g->device) : "GPU";
}

static const char *address_of(const struct fact_gpu *g)
{
	return g->address ? g->address : "an unknown place";
}

/* The last branch for a GPU; NULL = none yet. */
static const char *last_branch(const struct diagnosing *d, const struct fact_gpu *g)
{
	return catalog_last_branch(gpu_of(d, g), arch_of(d, g));
}

static bool is_dropped(const struct diagnosing *d, const struct fact_gpu *g)
{
	const char *version = d->facts->driver.version, *last = last_branch(d, g);
	auto_buf struct buf branch = BUF_TEXT;

	if (!version || !last)
		return false;
	buf_add(&branch, version, strcspn(version, "."));
	return ver_cmp(buf_str(&branch), last) > 0;
}

/* S05 */
static void dropped(struct diagnosing *d)
{
	list_each (&d->facts->gpus, g) {
		struct finding *f;

		if (!is_dropped(d, g))
			continue;
		f = found(d, "S05", "driver %s does not support the %s at %s",
			  d->facts->driver.version, name_of(d, g), address_of(g));
		saw(d, f, "driver.version", "driver %s", d->facts->driver.version);
		saw(d, f, "gpus", "10de:%s, whose last branch is %s", g->device, last_branch(d, g));
		about(d, f, "branch", last_branch(d, g));
	}
}

/* The modules this GPU cannot work with: "open", "proprietary", or NULL. */
static const char *unfit(const struct diagnosing *d, const struct fact_gpu *g)
{
	const struct record *gpu = gpu_of(d, g), *arch = arch_of(d, g);

	if ((gpu && record_is(gpu, "open", "no")) || (arch && record_is(arch, "open", "never")))
		return "open";
	if ((gpu && record_is(gpu, "open_required", "yes")) ||
	    (arch && record_is(arch, "open", "required")))
		return "proprietary";
	return NULL;
}

/* S06 */
static void wrong_modules(struct diagnosing *d)
{
	const char *flavour = d->facts->driver.flavour;

	list_each (&d->facts->gpus, g) {
		const char *bad = unfit(d, g);
		struct finding *f;

		if (!flavour || !str_eq(flavour, bad) || is_dropped(d, g))
			continue;
		f = found(d, "S06", "%s modules do not drive the %s at %s", flavour, name_of(d, g),
			  address_of(g));
		saw(d, f, "driver.flavour", "%s kernel modules", flavour);
		saw(d, f, "gpus", "10de:%s, %s", g->device,
		    str_eq(bad, "open") ? "which has no GSP" : "which needs the open modules");
		about(d, f, "modules", str_eq(bad, "open") ? "proprietary" : "open");
	}
}

/* S07, S08: with an NVIDIA driver installed it is a fault, without one it is how things are. */
static void held_by(struct diagnosing *d, const char *symptom, const char *module)
{
	list_each (&d->facts->gpus, g) {
		struct finding *f;

		if (!str_eq(g->driver, module))
			continue;
		f = found(d, symptom, "%s holds the %s at %s", module, name_of(d, g),
			  address_of(g));
		saw(d, f, "gpus", "%s is bound to %s", address_of(g), module);
		if (is_loaded(d, module))
			saw(d, f, "modules", "%s is loaded", module);
		if (d->facts->driver.version) {
			saw(d, f, "driver.version", "NVIDIA driver %s is installed",
			    d->facts->driver.version);
			continue;
		}
		f->severity = SEV_NOTE;
		saw(d, f, "driver.version", "no NVIDIA driver is installed");
	}
}

static void nouveau(struct diagnosing *d)
{
	held_by(d, "S07", "nouveau");
}

static void nova(struct diagnosing *d)
{
	held_by(d, "S08", "nova_core");
}

/* S48, S40 */
static void not_bound(struct diagnosing *d)
{
	if (!d->facts->live || !d->facts->driver.loaded)
		return;
	list_each (&d->facts->gpus, g) {
		struct finding *f;

		if (str_eq(g->driver, "nvidia") || str_eq(g->driver, "nouveau") ||
		    str_eq(g->driver, "nova_core") || is_dropped(d, g))
			continue;
		if (g->driver && str_starts(g->driver, "vfio")) {
			f = found(d, "S48", "the %s at %s is set aside for a virtual machine",
				  name_of(d, g), address_of(g));
			saw(d, f, "gpus", "%s is bound to %s", address_of(g), g->driver);
			continue;
		}
		f = found(d, "S40", "driver %s is loaded and does not have the %s at %s",
			  d->facts->driver.loaded, name_of(d, g), address_of(g));
		saw(d, f, "driver.loaded", "module %s is loaded", d->facts->driver.loaded);
		saw(d, f, "gpus", "%s is bound to %s", address_of(g),
		    g->driver ? g->driver : "nothing");
	}
}

/* S28 */
static void no_window(struct diagnosing *d)
{
	list_each (&d->facts->gpus, g)
		if (g->window == TRI_NO)
			saw(d,
			    found(d, "S28", "the %s at %s has no memory window", name_of(d, g),
				  address_of(g)),
			    "gpus", "its BAR1 is 0 at 0x0");
}

/* S29 */
static void no_uvm(struct diagnosing *d)
{
	struct finding *f;

	if (!d->facts->live || !d->facts->gpus.n || !d->facts->driver.loaded ||
	    !is_loaded(d, "nvidia") || is_loaded(d, "nvidia_uvm"))
		return;
	f = found(d, "S29", "nvidia_uvm is not loaded: no /dev/nvidia-uvm for containers");
	saw(d, f, "modules", "nvidia is loaded, nvidia_uvm is not");
}

/* ---- NVSwitch ---- */

/* Told by the bridges, or by GPUs whose switches are no PCI bridges. */
static bool has_switches(const struct diagnosing *d)
{
	const struct record *r = NULL;

	if (d->facts->switches.n)
		return true;
	while ((r = catalog_next(d->catalog, "nvswitch", r)))
		list_each (&d->facts->gpus, g)
			if (g->device && record_has(r, "gpus", g->device))
				return true;
	return false;
}

/* S21 */
static void fabric_mismatch(struct diagnosing *d)
{
	const struct fact_package *fm = of_kind(d, "fabric");
	const char *version = d->facts->driver.version;
	struct finding *f;

	if (!fm || !version || piece_eq(ver_deb_upstream(fm->version), version))
		return;
	f = found(d, "S21", "fabric manager %.*s does not take driver %s",
		  (int)ver_deb_upstream(fm->version).len, ver_deb_upstream(fm->version).at,
		  version);
	saw(d, f, "packages", "%s %s", fm->name, fm->version);
	saw(d, f, "driver.version", "driver %s", version);
	saw(d, f, "switches", "%zu NVSwitches", d->facts->switches.n);
	about(d, f, "package", fm->name);
	about(d, f, "version", version);
}

/* S42, S43 */
static void fabric_presence(struct diagnosing *d)
{
	const struct fact_package *fm = of_kind(d, "fabric");
	bool switches = has_switches(d);
	struct finding *f;

	if (!d->facts->driver.version || !d->facts->gpus.n || !owns_modules(d) ||
	    switches == (fm != NULL))
		return;
	if (switches) {
		f = found(d, "S42", "a machine with NVSwitches has no fabric manager");
		saw(d, f, "switches", "%zu NVSwitches on the bus, %zu GPUs", d->facts->switches.n,
		    d->facts->gpus.n);
		saw(d, f, "packages", "no fabric manager is installed");
	} else {
		f = found(d, "S43", "fabric manager is installed and there is no NVSwitch");
		saw(d, f, "packages", "%s %s", fm->name, fm->version);
		saw(d, f, "switches", "no NVSwitch on the bus");
		about(d, f, "package", fm->name);
	}
}

look *const looks_gpu[] = { dropped, wrong_modules,   nouveau,         nova, not_bound, no_window,
			    no_uvm,  fabric_mismatch, fabric_presence, NULL };
