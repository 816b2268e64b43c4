/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg has installed: the packages that matter here, and whether dpkg itself is at rest. */
#include "probes/probe.h"

#include "base/control.h"
#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define STATUS "var/lib/dpkg/status"

/* The families that any rule, runtime or doctor entry looks at. */
static const char *const families[] = {
	"nvidia",
	"libnvidia",
	"cuda",
	"libcuda",
	"libcudnn",
	"libnccl",
	"linux-image",
	"linux-headers",
	"linux-modules",
	"dkms",
	"gcc",
	"make",
	"kmod",
	"libc6-dev",
	"xserver-xorg-core",
	"firmware-nvidia",
	"initramfs-tools",
	"dracut",
	"docker",
	"containerd",
	"cri-o",
	"podman",
	"runc",
	"crun",
	"kubelet",
	"kubeadm",
	"datacenter-gpu-manager",
	"unattended-upgrades",
	"nvlsm",
	"libnvsdm",
	"mokutil",
};

static bool matters(struct piece name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (piece_starts(name, families[i]))
			return true;
	return false;
}

static const char *text(struct facts *f, struct piece p)
{
	return p.len ? arena_strn(f->a, p.at, p.len) : NULL;
}

/*
 * Who built a package, by the address of its maintainer: archives write their own into what they
 * build. Names as in the Origin of their Release files.
 */
static const char *origin(struct piece maintainer)
{
	static const struct {
		const char *domain, *name;
	} known[] = { { "nvidia.com>", "NVIDIA" },    { "ubuntu.com>", "Ubuntu" },
		      { "canonical.com>", "Ubuntu" }, { "debian.org>", "Debian" },
		      { "debian.net>", "Debian" },    { "docker.com>", "Docker" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t n = strlen(known[i].domain);

		if (maintainer.len > n &&
		    (maintainer.at[maintainer.len - n - 1] == '@' ||
		     maintainer.at[maintainer.len - n - 1] == '.') &&
		    memcmp(maintainer.at + maintainer.len - n, known[i].domain, n) == 0)
			return known[i].name;
	}
	return NULL;
}

/* "install ok half-configured": what is wanted, an error flag, what is. */
static void keep(struct facts *f, struct piece stanza)
{
	struct piece name = control_get(stanza, "Package");
	struct piece rest = control_get(stanza, "Status");
	struct piece want = { 0 }, flag = { 0 }, is = { 0 };
	struct fact_package *p;

	if (!str_word(&rest, &want) || !str_word(&rest, &flag) || !str_word(&rest, &is) ||
	    piece_eq(is, "not-installed"))
		return;
	if (piece_eq(name, "libc6") && piece_eq(is, "installed"))
		f->glibc = text(f, control_get(stanza, "Version"));
	if (piece_eq(name, "dpkg"))
		f->os.arch = text(f, control_get(stanza, "Architecture"));
	if ((!piece_eq(is, "installed") && !piece_eq(is, "config-files")) || !piece_eq(flag, "ok"))
		list_add(f->a, &f->dpkg.unfinished,
			 arena_printf(f->a, "%.*s %.*s", (int)name.len, name.at, (int)is.len,
				      is.at));
	if (!matters(name))
		return;
	p = list_push(f->a, &f->packages);
	p->name = text(f, name);
	p->arch = text(f, control_get(stanza, "Architecture"));
	p->version = text(f, control_get(stanza, "Version"));
	p->status = text(f, is);
	p->held = piece_eq(want, "hold");
	rest = control_get(stanza, "Source");
	p->source = str_word(&rest, &is) ? text(f, is) : p->name;
	p->origin = origin(control_get(stanza, "Maintainer"));
}

static int read_foreign(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(4096);
	struct piece rest, line;
	bool there;

	if (sys_read_if(sys, "var/lib/dpkg/arch", &b, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&b), b.len };
	while (str_line(&rest, &line))
		if (line.len && !piece_eq(line, f->os.arch ? f->os.arch : ""))
			list_add(f->a, &f->dpkg.foreign, text(f, line));
	return 0;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf status = BUF_INIT(64 << 20);
	struct piece rest, stanza;
	strs updates = { 0 };
	bool there;

	if (sys_read_if(sys, STATUS, &status, &there, e))
		return err_ctx(e, "reading dpkg's state");
	if (!there) {
		err_set(e, GP_NOT_A_HOST,
			"'%s' is not a Debian or Ubuntu system: it has no " STATUS, sys->root);
		err_way(e, "name the top of an unpacked system with --root DIR");
		return -1;
	}
	rest = (struct piece){ buf_str(&status), status.len };
	while (control_stanza(&rest, &stanza))
		keep(f, stanza);
	if (read_foreign(sys, f, e) || sys_list(sys, "var/lib/dpkg/updates", f->a, &updates, e))
		return err_ctx(e, "reading dpkg's state");
	/* dpkg writes numbered files there while it works; what is left was not finished. */
	list_each (&updates, name)
		f->dpkg.interrupted |= strspn(*name, "0123456789") == strlen(*name);
	fact_from(f, "packages", STATUS);
	if (f->os.arch)
		return 0;
	err_set(e, GP_NOT_A_HOST, "'%s' has no dpkg installed, so it is not a system yet",
		sys->root);
	err_way(e, "make a complete one: mmdebstrap bookworm DIR");
	return -1;
}

const struct probe probe_dpkg = { "dpkg", PROBE_NORMAL, run };
