/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA GPUs and NVSwitches on the PCI bus, with or without a driver. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define DEVICES "sys/bus/pci/devices"

/* One attribute of a device: "0x10de\n" becomes "10de". NULL when it is not there. */
static const char *attribute(const struct sys *sys, struct facts *f, const char *address,
			     const char *name)
{
	const char *text = probe_line(sys, f, arena_printf(f->a, DEVICES "/%s/%s", address, name));

	return text && str_starts(text, "0x") ? text + 2 : text;
}

/*
 * MIG, by what the NVIDIA driver shows: a GPU has a directory of capabilities, and in it `mig` when
 * it is able to. There are instances in it only while MIG is on; without any, it may be on or off.
 */
static enum tri mig_mode(const struct sys *sys, struct facts *f, const char *address)
{
	const char *at = arena_printf(f->a, "proc/driver/nvidia/gpus/%s/information", address);
	const char *text = probe_text(sys, f, at);
	const char *minor = text ? strstr(text, "Device Minor:") : NULL;
	const char *dir;
	struct piece rest, word;
	strs names = { 0 };

	if (!minor)
		return TRI_UNKNOWN;
	rest = PIECE(minor + strlen("Device Minor:"));
	if (!str_word(&rest, &word))
		return TRI_UNKNOWN;
	dir = arena_printf(f->a, "proc/driver/nvidia/capabilities/gpu%.*s", (int)word.len, word.at);
	if (!probe_there(sys, dir))
		return TRI_UNKNOWN;
	dir = arena_printf(f->a, "%s/mig", dir);
	if (!probe_there(sys, dir))
		return TRI_NO;
	probe_list(sys, f, dir, &names);
	list_each (&names, name)
		if (str_starts(*name, "gi"))
			return TRI_YES;
	return TRI_UNKNOWN;
}

/*
 * The second line of `resource` is the memory window: begin, end, flags. All zero although the
 * registers in the first line have a place: the firmware had no room for it.
 */
static enum tri window(const struct sys *sys, struct facts *f, const char *address)
{
	static const char nothing[] = "0x0000000000000000 0x0000000000000000 ";
	const char *text = probe_text(sys, f, arena_printf(f->a, DEVICES "/%s/resource", address));
	const char *second = text ? strchr(text, '\n') : NULL;

	if (!second || str_starts(text, nothing))
		return TRI_UNKNOWN;
	return str_starts(second + 1, nothing) ? TRI_NO : TRI_YES;
}

static void look_at(const struct sys *sys, struct facts *f, const char *address)
{
	const char *vendor = attribute(sys, f, address, "vendor");
	const char *class_id = attribute(sys, f, address, "class");
	const char *device = attribute(sys, f, address, "device");
	const char *sub_vendor, *sub_device;
	struct fact_gpu *g;

	if (!str_eq(vendor, "10de") || !class_id || !device)
		return;
	/* 0300 VGA controller, 0302 3D controller, 0680 other bridge: an NVSwitch. */
	if (str_starts(class_id, "0300") || str_starts(class_id, "0302"))
		g = list_push(f->a, &f->gpus);
	else if (str_starts(class_id, "0680"))
		g = list_push(f->a, &f->switches);
	else
		return;
	g->address = address;
	g->vendor = vendor;
	g->class_id = class_id;
	g->device = device;
	g->driver =
		probe_last(probe_link(sys, f, arena_printf(f->a, DEVICES "/%s/driver", address)));
	g->mig = mig_mode(sys, f, address);
	g->window = window(sys, f, address);
	sub_vendor = attribute(sys, f, address, "subsystem_vendor");
	sub_device = attribute(sys, f, address, "subsystem_device");
	if (sub_vendor && sub_device)
		g->subsystem = arena_printf(f->a, "%s:%s", sub_vendor, sub_device);
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	struct sys_stat st;
	strs names = { 0 };

	if (sys_stat(sys, DEVICES, &st, e) || sys_list(sys, DEVICES, f->a, &names, e))
		return err_ctx(e, "looking for GPUs");
	if (st.type == SYS_ABSENT) {
		fact_unknown(f, "gpus",
			     sys->live ? "there is no " DEVICES " here" :
					 "an image has no PCI bus");
		return 0;
	}
	fact_from(f, "gpus", DEVICES);
	list_each (&names, name)
		look_at(sys, f, *name);
	return 0;
}

const struct probe probe_pci = { "pci", PROBE_NORMAL, run };
