/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the GPUs themselves: seen, usable, and in the driver's hands. */
#include "verify/priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

/* The newest Xid of a GPU in the kernel's log, as far as a file holds it; NULL = none. */
static int last_xid(struct checking *c, const char *address, const char **ret, struct err *e)
{
	static const char *const logs[] = { "var/log/kern.log", "var/log/syslog" };
	/* 0000:3b:00.0 is PCI:0000:3b:00 there. */
	const char *key =
		arena_printf(c->a, "NVRM: Xid (PCI:%.*s", (int)strcspn(address, "."), address);

	*ret = NULL;
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs) && !*ret; i++) {
		auto_buf struct buf b = BUF_INIT(64 << 20);
		auto_err hidden = { 0 };
		struct piece rest, line;
		bool there;

		if (sys_read_if(c->sys, logs[i], &b, &there, &hidden)) {
			/* Logs are for administrators: what cannot be read is no evidence. */
			if (hidden.code == GP_NO_PERMISSION || hidden.code == GP_TOO_LARGE)
				continue;
			err_move(e, &hidden);
			return -1;
		}
		rest = (struct piece){ buf_str(&b), b.len };
		while (there && str_line(&rest, &line)) {
			const char *at = memmem(line.at, line.len, key, strlen(key));

			if (at)
				*ret = arena_strn(c->a, at, (size_t)(line.at + line.len - at));
		}
	}
	return 0;
}

/* Which GPU of the bus the driver does not have, and why as far as the log tells. */
static int name_missing(struct checking *c, const strs *seen, struct buf *ret, struct err *e)
{
	list_each (&c->facts->gpus, g) {
		const char *xid;
		bool there = !g->address;

		list_each (seen, name)
			there |= str_eq(*name, g->address);
		if (there)
			continue;
		if (last_xid(c, g->address, &xid, e))
			return -1;
		buf_addf(ret, "; missing: %s", g->address);
		if (xid)
			buf_addf(ret, " (%s)", xid);
		else if (g->driver && !str_eq(g->driver, "nvidia"))
			buf_addf(ret, " (bound to %s)", g->driver);
	}
	return 0;
}

static int check_gpus(struct checking *c, struct err *e)
{
	auto_buf struct buf missing = BUF_TEXT;
	strs names = { 0 };

	if (!c->facts->live)
		return defer(c, c->post->needs, "an image has no GPU");
	if (sys_list(c->sys, "proc/driver/nvidia/gpus", c->a, &names, e))
		return -1;
	if (!names.n)
		return defer(c, c->post->needs, "the driver is not loaded");
	if (name_missing(c, &names, &missing, e))
		return -1;
	return conclude(c, str_eq(arena_printf(c->a, "%zu", names.n), c->wanted) && !missing.len,
			"the driver sees %zu, %s expected%s", names.n, c->wanted,
			buf_str(&missing));
}

static bool driver_at_work(const struct checking *c)
{
	list_each (&c->facts->modules, m)
		if (str_eq(*m, "nvidia"))
			return true;
	return false;
}

/* /dev/nvidiactl, one /dev/nvidiaN a GPU, and uvm, without which cuInit() fails. */
static int check_nodes(struct checking *c, struct err *e)
{
	auto_buf struct buf lacking = BUF_TEXT;
	strs gpus = { 0 }, all = { 0 };

	if (!c->facts->live)
		return defer(c, "boot", "an image has no devices");
	if (!driver_at_work(c))
		return defer(c, "gpu", "the driver is not loaded");
	if (sys_list(c->sys, "proc/driver/nvidia/gpus", c->a, &gpus, e))
		return -1;
	list_add(c->a, &all, "nvidiactl");
	list_add(c->a, &all, "nvidia-uvm");
	for (size_t i = 0; i < gpus.n; i++)
		list_add(c->a, &all, arena_printf(c->a, "nvidia%zu", i));
	list_each (&all, name) {
		struct sys_stat st;

		if (sys_stat(c->sys, arena_printf(c->a, "dev/%s", *name), &st, e))
			return -1;
		if (st.type != SYS_OTHER)
			buf_addf(&lacking, "%s/dev/%s", lacking.len ? ", " : "", *name);
	}
	if (lacking.len)
		return conclude(c, false, "not there: %s", buf_str(&lacking));
	return conclude(c, true, "/dev/nvidiactl, /dev/nvidia-uvm and %zu of /dev/nvidiaN", gpus.n);
}

/* Without persistence the first program of the day pays for the start of the GPUs. */
static int check_persistence(struct checking *c, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(c->sys, "usr/bin/nvidia-persistenced", &st, e))
		return -1;
	if (st.type != SYS_FILE)
		return not_applicable(c, "nvidia-persistenced is not installed");
	if (!c->facts->live)
		return defer(c, "boot", "an image is not running");
	if (!driver_at_work(c))
		return defer(c, "gpu", "the driver is not loaded");
	if (sys_stat(c->sys, "run/nvidia-persistenced/socket", &st, e))
		return -1;
	return conclude(c, st.type == SYS_OTHER, "nvidia-persistenced %s",
			st.type == SYS_OTHER ? "runs" :
					       "does not run: /run/nvidia-persistenced/socket is "
					       "not there");
}

/* Fabric manager refuses every driver but its own, and CUDA then says 802. */
static int check_fabric(struct checking *c, struct err *e)
{
	const char *driver;
	const struct fact_package *fm = NULL;
	struct piece version;

	list_each (&c->facts->packages, p)
		if (str_starts(p->name, "nvidia-fabricmanager") && str_eq(p->status, "installed"))
			fm = p;
	if (!fm)
		return conclude(c, false, "fabric manager is not installed");
	if (library_version(c, "libcuda.so.1", &driver, e))
		return -1;
	if (!driver)
		return conclude(c, false, "fabric manager %s, and no driver beside it",
				fm->version);
	version = ver_deb_upstream(fm->version);
	return conclude(c, piece_eq(version, driver), "fabric manager %.*s, driver %s",
			(int)version.len, version.at, driver);
}

const struct check checks_gpu[] = {
	{ "gpus", check_gpus },     { "nodes", check_nodes }, { "persistence", check_persistence },
	{ "fabric", check_fabric }, { NULL, NULL },
};
