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
	auto_buf struct buf text = BUF_INIT(256);
	auto_err ignored = { 0 }; /* a device that vanishes while we look is no GPU */
	const char *path = arena_printf(f->a, DEVICES "/%s/%s", address, name);
	struct piece p;

	if (sys_read(sys, path, &text, &ignored))
		return NULL;
	p = str_trim((struct piece){ buf_str(&text), text.len });
	if (piece_starts(p, "0x")) {
		p.at += 2;
		p.len -= 2;
	}
	return p.len ? arena_strn(f->a, p.at, p.len) : NULL;
}

static const char *bound_driver(const struct sys *sys, struct facts *f, const char *address)
{
	auto_buf struct buf link = BUF_INIT(4096);
	auto_err ignored = { 0 }; /* no link: no driver */
	const char *slash;

	if (sys_readlink(sys, arena_printf(f->a, DEVICES "/%s/driver", address), &link, &ignored))
		return NULL;
	slash = strrchr(buf_str(&link), '/');
	return arena_str(f->a, slash ? slash + 1 : buf_str(&link));
}

static void look_at(const struct sys *sys, struct facts *f, const char *address)
{
	const char *vendor = attribute(sys, f, address, "vendor");
	const char *class_id = attribute(sys, f, address, "class");
	const char *sub_vendor, *sub_device;
	struct fact_gpu *g;

	if (!str_eq(vendor, "10de") || !class_id)
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
	g->device = attribute(sys, f, address, "device");
	g->driver = bound_driver(sys, f, address);
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
