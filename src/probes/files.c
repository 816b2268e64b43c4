/* SPDX-License-Identifier: Apache-2.0 */
/* Files that gpuprov itself may have written, with their text: what is right is kept. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#define OURS "gpuprov"

static int learn(const struct sys *sys, struct facts *f, const char *path, struct err *e)
{
	static const char *const states[] = { "absent", "file", "directory", "link", "other" };
	auto_buf struct buf b = BUF_INIT(64 << 10);
	struct fact_file *file;
	struct sys_stat st;
	size_t bad;

	if (sys_stat(sys, path, &st, e))
		return -1;
	file = list_push(f->a, &f->files);
	file->path = path;
	file->state = states[st.type];
	if (st.type != SYS_FILE || st.size > b.limit)
		return 0;
	if (sys_read(sys, path, &b, e))
		return -1;
	if (utf8_valid(buf_str(&b), b.len, &bad))
		file->content = arena_str(f->a, buf_str(&b));
	return 0;
}

/* Whoever enabled it: then it is. */
static int learn_fabric(const struct sys *sys, struct facts *f, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(sys, FABRIC_LINK, &st, e))
		return -1;
	return st.type == SYS_ABSENT ? 0 : learn(sys, f, FABRIC_LINK, e);
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char *const dirs[] = { "etc/apt/sources.list.d",
					    "etc/apt/preferences.d",
					    "etc/modprobe.d",
					    "etc/modules-load.d",
					    "etc/profile.d",
					    "etc/ld.so.conf.d",
					    "etc/rancher/k3s/config.yaml.d",
					    "etc/rancher/rke2/config.yaml.d" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		strs names = { 0 };

		if (sys_list(sys, dirs[i], f->a, &names, e))
			return err_ctx(e, "looking for files of earlier runs");
		list_each (&names, name)
			if (str_starts(*name, OURS) &&
			    learn(sys, f, arena_printf(f->a, "%s/%s", dirs[i], *name), e))
				return err_ctx(e, "looking for files of earlier runs");
	}
	return learn_fabric(sys, f, e);
}

const struct probe probe_files = { "files", PROBE_NORMAL, run };
