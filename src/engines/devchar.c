/* SPDX-License-Identifier: Apache-2.0 */
/* Links /dev/char/MAJOR:MINOR of the GPUs' devices: which there should be, and which are not. */
#include "engines/devchar.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

/* The kernel's numbers: 195 is NVIDIA's own, that of nvidia-uvm is given when it is loaded. */
enum { NVIDIA_MAJOR = 195, CTL_MINOR = 255, MODESET_MINOR = 254 };

/* "511 nvidia-uvm" among the character devices of /proc/devices; 0 = not loaded. */
static int uvm_major(const struct sys *sys, unsigned long long *ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 10);
	struct piece rest, line;
	bool there;

	*ret = 0;
	if (sys_read_if(sys, "proc/devices", &text, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&text), text.len };
	while (there && str_line(&rest, &line)) {
		struct piece number, name;
		auto_arena struct arena a = { 0 };

		if (str_word(&line, &number) && str_word(&line, &name) &&
		    piece_eq(name, "nvidia-uvm") &&
		    !str_to_u64(arena_strn(&a, number.at, number.len), ret))
			*ret = 0;
	}
	return 0;
}

/* Which numbers a node has by its name; false: none of those that count. */
static bool numbers(const char *name, unsigned long long uvm, unsigned long long *major,
		    unsigned long long *minor)
{
	*major = NVIDIA_MAJOR;
	*minor = str_eq(name, "nvidia-modeset") ? MODESET_MINOR : CTL_MINOR;
	if (str_eq(name, "nvidiactl") || str_eq(name, "nvidia-modeset"))
		return true;
	if (str_eq(name, "nvidia-uvm") || str_eq(name, "nvidia-uvm-tools")) {
		*major = uvm;
		*minor = str_eq(name, "nvidia-uvm-tools");
		return uvm != 0;
	}
	return str_starts(name, "nvidia") && str_to_u64(name + strlen("nvidia"), minor);
}

static int look_at(const struct sys *sys, const char *name, unsigned long long uvm, struct arena *a,
		   strs *ret_nodes, strs *ret_missing, struct err *e)
{
	const char *node = arena_printf(a, "dev/%s", name);
	unsigned long long major, minor;
	struct sys_stat st;

	if (!numbers(name, uvm, &major, &minor))
		return 0;
	list_add(a, ret_nodes, node);
	if (sys_stat(sys, arena_printf(a, "dev/char/%llu:%llu", major, minor), &st, e))
		return -1;
	if (st.type == SYS_ABSENT)
		list_add(a, ret_missing, node);
	return 0;
}

int devchar_look(const struct sys *sys, struct arena *a, strs *ret_nodes, strs *ret_missing,
		 struct err *e)
{
	unsigned long long uvm;
	strs names = { 0 };

	if (!sys->live)
		return 0;
	if (uvm_major(sys, &uvm, e) || sys_list(sys, "dev", a, &names, e))
		return -1;
	list_each (&names, name)
		if (look_at(sys, *name, uvm, a, ret_nodes, ret_missing, e))
			return -1;
	return 0;
}
