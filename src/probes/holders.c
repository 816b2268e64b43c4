/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that hold a GPU: what has a device of the NVIDIA driver open, or mapped. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define DEVICE "/dev/nvidia"

static bool is_process(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

/* By its open files; *ret_closed when we may not see them. */
static bool has_open(const struct sys *sys, struct facts *f, struct arena *a, const char *pid,
		     bool *ret_closed)
{
	const char *dir = arena_printf(a, "proc/%s/fd", pid);
	auto_err problem = { 0 };
	strs names = { 0 };

	(void)f;
	if (sys_list(sys, dir, a, &names, &problem)) {
		*ret_closed = true;
		return false;
	}
	list_each (&names, name) {
		auto_buf struct buf target = BUF_INIT(4096);
		auto_err ignored = { 0 }; /* closed while we looked */

		if (!sys_readlink(sys, arena_printf(a, "%s/%s", dir, *name), &target, &ignored) &&
		    str_starts(buf_str(&target), DEVICE))
			return true;
	}
	return false;
}

/* A mapping outlives the descriptor it was made from. */
static bool has_mapped(const struct sys *sys, struct arena *a, const char *pid)
{
	auto_buf struct buf maps = BUF_INIT(16 << 20);
	auto_err ignored = { 0 }; /* it ended, or is not ours to see: has_open() tells */

	return !sys_read(sys, arena_printf(a, "proc/%s/maps", pid), &maps, &ignored) &&
	       strstr(buf_str(&maps), " " DEVICE);
}

/* "0::/system.slice/docker.service": the innermost unit that is no slice and no scope. */
static const char *unit_of(const struct sys *sys, struct facts *f, const char *pid)
{
	const char *path = arena_printf(f->a, "proc/%s/cgroup", pid);
	const char *text = probe_text(sys, f, path);
	const char *end = text ? strstr(text, ".service") : NULL;
	const char *from = end;

	while (from && from > text && from[-1] != '/' && from[-1] != '\n')
		from--;
	return from ? arena_strn(f->a, from, (size_t)(end - from) + strlen(".service")) : NULL;
}

static void add(const struct sys *sys, struct facts *f, const char *pid)
{
	struct fact_holder *h = list_push(f->a, &f->holders);
	unsigned long long number = 0;

	if (str_to_u64(pid, &number))
		h->pid = (long long)number;
	h->name = probe_line(sys, f, arena_printf(f->a, "proc/%s/comm", pid));
	h->unit = unit_of(sys, f, pid);
}

static bool driver_is_loaded(const struct facts *f)
{
	list_each (&f->modules, name)
		if (str_eq(*name, "nvidia"))
			return true;
	return false;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	strs names = { 0 };
	unsigned hidden = 0;

	/* Without the module there is nothing to hold, and the walk costs. */
	if (!sys->live || !driver_is_loaded(f))
		return 0;
	if (sys_list(sys, "proc", f->a, &names, e))
		return err_ctx(e, "looking for programs that hold a GPU");
	list_each (&names, name) {
		auto_arena struct arena a = { 0 };
		bool closed = false;

		if (!is_process(*name))
			continue;
		if (has_open(sys, f, &a, *name, &closed) || has_mapped(sys, &a, *name))
			add(sys, f, *name);
		hidden += closed;
	}
	fact_from(f, "holders", "proc/*/fd, proc/*/maps");
	if (hidden)
		fact_unknown(f, "holders",
			     arena_printf(f->a,
					  "the open files of %u programs are not for us to see; "
					  "root sees them",
					  hidden));
	return 0;
}

const struct probe probe_holders = { "holders", PROBE_LAST, run };
