/* SPDX-License-Identifier: Apache-2.0 */
/* Which operating system this is. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

/* The value of a shell-like assignment, without its quotes. */
static const char *unquote(struct arena *a, struct piece v)
{
	if (v.len >= 2 && (*v.at == '"' || *v.at == '\'') && v.at[v.len - 1] == *v.at) {
		v.at++;
		v.len -= 2;
	}
	return v.len ? arena_strn(a, v.at, v.len) : NULL;
}

static void take(struct facts *f, struct piece line, const char *key, const char **ret)
{
	if (piece_starts(line, key)) {
		size_t n = strlen(key);

		*ret = unquote(f->a, str_trim((struct piece){ line.at + n, line.len - n }));
	}
}

static int not_a_system(const struct sys *sys, struct err *e)
{
	err_set(e, GP_NOT_A_HOST, "'%s' is not a Debian or Ubuntu system: it has no etc/os-release",
		sys->root);
	err_way(e, "name the top of an unpacked system with --root DIR");
	err_way(e, "make one: mmdebstrap bookworm DIR");
	return -1;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char *const places[] = { "etc/os-release", "usr/lib/os-release" };
	auto_buf struct buf text = BUF_INIT(64 << 10);
	struct piece rest, line;
	bool there = false;

	for (size_t i = 0; i < 2 && !there; i++)
		if (sys_read_if(sys, places[i], &text, &there, e))
			return err_ctx(e, "learning which system this is");
	if (!there)
		return not_a_system(sys, e);
	rest = (struct piece){ buf_str(&text), text.len };
	while (str_line(&rest, &line)) {
		take(f, line, "ID=", &f->os.id);
		take(f, line, "VERSION_ID=", &f->os.version);
		take(f, line, "VERSION_CODENAME=", &f->os.codename);
		take(f, line, "PRETTY_NAME=", &f->os.name);
	}
	fact_from(f, "os", "etc/os-release");
	return f->os.id ? 0 : not_a_system(sys, e);
}

const struct probe probe_os = { "os", PROBE_FIRST, run };
