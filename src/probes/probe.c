/* SPDX-License-Identifier: Apache-2.0 */
/* What several probes do alike: short files, links, what is there. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

bool probe_there(const struct sys *sys, const char *path)
{
	auto_err ignored = { 0 }; /* what cannot be looked at is not there for us */
	struct sys_stat st;

	return !sys_stat(sys, path, &st, &ignored) && st.type != SYS_ABSENT;
}

const char *probe_text(const struct sys *sys, struct facts *f, const char *path)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	auto_err ignored = { 0 }; /* what cannot be read tells nothing */

	return sys_read(sys, path, &text, &ignored) ? NULL : arena_str(f->a, buf_str(&text));
}

const char *probe_line(const struct sys *sys, struct facts *f, const char *path)
{
	const char *text = probe_text(sys, f, path);
	struct piece rest = PIECE(text ? text : ""), line;

	if (!str_line(&rest, &line))
		return NULL;
	line = str_trim(line);
	return line.len ? arena_strn(f->a, line.at, line.len) : NULL;
}

const char *probe_link(const struct sys *sys, struct facts *f, const char *path)
{
	auto_buf struct buf target = BUF_INIT(4096);
	auto_err ignored = { 0 }; /* no link: no target */

	if (sys_readlink(sys, path, &target, &ignored))
		return NULL;
	return arena_str(f->a, buf_str(&target));
}

const char *probe_last(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

void probe_list(const struct sys *sys, struct facts *f, const char *path, strs *ret)
{
	auto_err ignored = { 0 }; /* what cannot be listed is empty for us */

	if (sys_list(sys, path, f->a, ret, &ignored))
		*ret = (strs){ 0 };
}
