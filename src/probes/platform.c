/* SPDX-License-Identifier: Apache-2.0 */
/* Where a system runs: on hardware or in a virtual machine, in a container, under WSL, in a cloud.
 */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define DMI "sys/class/dmi/id/"

/* What firmware says of itself; virt by the words of systemd-detect-virt(1). */
struct mark {
	const char *attribute, *head, *name;
};

static const struct mark machines[] = {
	{ "product_name", "KVM", "kvm" },
	{ "product_name", "OpenStack", "kvm" },
	{ "sys_vendor", "QEMU", "qemu" },
	{ "sys_vendor", "VMware", "vmware" },
	{ "board_vendor", "VMware", "vmware" },
	{ "sys_vendor", "innotek GmbH", "oracle" },
	{ "board_vendor", "Oracle Corporation", "oracle" },
	{ "product_name", "VirtualBox", "oracle" },
	{ "sys_vendor", "Xen", "xen" },
	{ "bios_vendor", "Xen", "xen" },
	{ "sys_vendor", "Bochs", "bochs" },
	{ "bios_vendor", "Bochs", "bochs" },
	{ "sys_vendor", "Parallels", "parallels" },
	{ "bios_vendor", "BHYVE", "bhyve" },
	{ "product_name", "Apple Virtualization", "apple" },
	{ "product_name", "Google Compute Engine", "google" },
	{ "sys_vendor", "Amazon EC2", "amazon" },
	{ "product_name", "Virtual Machine",
	  "microsoft" }, /* Hyper-V; the vendor makes laptops too */
};

/* As cloud-init's ds-identify tells them, by DMI. */
static const struct mark clouds[] = {
	{ "sys_vendor", "Amazon EC2", "aws" },
	{ "product_name", "Google Compute Engine", "gcp" },
	{ "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure" },
	{ "chassis_asset_tag", "OracleCloud.com", "oracle" },
	{ "chassis_asset_tag", "OpenTelekomCloud", "openstack" },
	{ "product_name", "OpenStack", "openstack" },
	{ "product_name", "Alibaba Cloud", "alibaba" },
	{ "sys_vendor", "DigitalOcean", "digitalocean" },
	{ "sys_vendor", "Hetzner", "hetzner" },
	{ "sys_vendor", "Scaleway", "scaleway" },
	{ "sys_vendor", "Vultr", "vultr" },
	{ "sys_vendor", "Akamai", "akamai" },
	{ "sys_vendor", "Linode", "akamai" },
	{ "sys_vendor", "UpCloud", "upcloud" },
};

static const char *by_firmware(const struct sys *sys, struct facts *f, const struct mark *marks,
			       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(f->a, DMI "%s", marks[i].attribute);
		const char *text = probe_line(sys, f, path);

		if (text && str_starts(text, marks[i].head))
			return marks[i].name;
	}
	return NULL;
}

/* The machine of a cloud without a hypervisor has its vendor's name too. */
static bool is_bare_metal(const struct sys *sys, struct facts *f)
{
	const char *product = probe_line(sys, f, DMI "product_name");

	return product && str_ends(product, ".metal");
}

static bool cpu_is_virtual(const struct sys *sys, struct facts *f)
{
	const char *text = probe_text(sys, f, "proc/cpuinfo");
	struct piece rest = PIECE(text ? text : ""), line, word;

	while (str_line(&rest, &line)) {
		if (!piece_starts(line, "flags"))
			continue;
		while (str_word(&line, &word))
			if (piece_eq(word, "hypervisor"))
				return true;
		return false;
	}
	return false;
}

static bool is_wsl(const struct sys *sys, struct facts *f)
{
	const char *release = probe_line(sys, f, "proc/sys/kernel/osrelease");

	return release && (strstr(release, "microsoft") || strstr(release, "Microsoft") ||
			   strstr(release, "WSL"));
}

static const char *learn_virt(const struct sys *sys, struct facts *f)
{
	const char *name = by_firmware(sys, f, machines, sizeof(machines) / sizeof(*machines));

	if (is_wsl(sys, f))
		return "wsl";
	if (name && !is_bare_metal(sys, f))
		return name;
	name = probe_line(sys, f, "sys/hypervisor/type");
	if (name)
		return name;
	return cpu_is_virtual(sys, f) ? "vm-other" : "none";
}

/* systemd of the container's own leaves the first; the others are of engines without it. */
static const char *learn_container(const struct sys *sys, struct facts *f)
{
	static const struct {
		const char *file, *name;
	} marks[] = {
		{ "run/host/container-manager", NULL },
		{ "run/systemd/container", NULL },
		{ "run/.containerenv", "podman" },
		{ ".dockerenv", "docker" },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (!probe_there(sys, marks[i].file))
			continue;
		if (marks[i].name)
			return marks[i].name;
		return probe_line(sys, f, marks[i].file);
	}
	return NULL;
}

static enum tri would_boot_systemd(const struct sys *sys)
{
	return probe_there(sys, "usr/lib/systemd/systemd") ||
			       probe_there(sys, "lib/systemd/systemd") ?
		       TRI_YES :
		       TRI_NO;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	struct fact_platform *p = &f->platform;

	(void)e;
	if (!sys->live) {
		p->systemd = would_boot_systemd(sys);
		fact_unknown(f, "platform.virt", "an image does not run anywhere");
		return 0;
	}
	p->virt = learn_virt(sys, f);
	p->container = learn_container(sys, f);
	/* WSL marks itself as a container for systemd; here it is told by its kernel. */
	if (str_eq(p->virt, "wsl"))
		p->container = NULL;
	p->cloud = by_firmware(sys, f, clouds, sizeof(clouds) / sizeof(*clouds));
	p->systemd = probe_there(sys, "run/systemd/system") ? TRI_YES : TRI_NO;
	fact_from(f, "platform", DMI ", proc/cpuinfo, proc/sys/kernel/osrelease, run/systemd");
	if (str_eq(p->virt, "wsl") && !f->gpus.n)
		fact_unknown(f, "gpus", "under WSL the GPU is Windows's: it is no PCI device here");
	return 0;
}

const struct probe probe_platform = { "platform", PROBE_NORMAL, run };
