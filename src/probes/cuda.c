/* SPDX-License-Identifier: Apache-2.0 */
/* CUDA toolkits and libraries, side by side under /usr/local, and that of the distribution. */
#include "probes/probe.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

#define PLACE "usr/local"
#define LINK PLACE "/cuda"

/* version.json: {"cuda": {"name": "CUDA SDK", "version": "12.2.2"}, ...}. */
static const char *by_json(struct facts *f, const char *text)
{
	const char *at = text ? strstr(text, "\"cuda\"") : NULL;
	const char *end;

	at = at ? strstr(at, "\"version\"") : NULL;
	at = at ? strchr(at + strlen("\"version\""), '"') : NULL;
	end = at ? strchr(at + 1, '"') : NULL;
	return end ? arena_strn(f->a, at + 1, (size_t)(end - at - 1)) : NULL;
}

/* version.txt, up to 10.2: "CUDA Version 10.2.89". */
static const char *by_text(struct facts *f, const char *line)
{
	static const char head[] = "CUDA Version ";

	return line && str_starts(line, head) ? arena_str(f->a, line + strlen(head)) : NULL;
}

static const char *learn_version(const struct sys *sys, struct facts *f, const char *dir)
{
	const char *version =
		by_json(f, probe_text(sys, f, arena_printf(f->a, "%s/version.json", dir)));
	const char *name = probe_last(dir);

	if (!version)
		version = by_text(f, probe_line(sys, f, arena_printf(f->a, "%s/version.txt", dir)));
	if (!version && str_starts(name, "cuda-"))
		version = name + strlen("cuda-");
	return version && ver_valid(version) ? version : NULL;
}

/* The .run leaves its uninstaller; packages of that series are NVIDIA's. */
static const char *learn_origin(const struct sys *sys, struct facts *f, const struct fact_cuda *c,
				const char *dir)
{
	const char *minor = strchr(c->version, '.');
	size_t n = minor ? (size_t)(minor - c->version) + 1 + strcspn(minor + 1, ".") : 0;
	const char *tail = arena_printf(
		f->a, "-%.*s-%.*s", minor ? (int)(minor - c->version) : 0, c->version,
		minor ? (int)(n - 1 - (size_t)(minor - c->version)) : 0, minor ? minor + 1 : "");

	if (probe_there(sys, arena_printf(f->a, "%s/bin/cuda-uninstaller", dir)))
		return "runfile";
	list_each (&f->packages, p)
		if (str_eq(p->status, "installed") && str_starts(p->name, "cuda-") &&
		    str_ends(p->name, tail))
			return "nvidia";
	return "unknown";
}

/* A folder is an installation when programs could use it: nvcc, or the run-time library. */
static void look_at(const struct sys *sys, struct facts *f, const char *name, const char *linked)
{
	const char *dir = arena_printf(f->a, PLACE "/%s", name);
	struct fact_cuda c = { .version = learn_version(sys, f, dir),
			       .path = arena_printf(f->a, "/%s", dir) };

	c.toolkit = probe_there(sys, arena_printf(f->a, "%s/bin/nvcc", dir));
	c.linked = str_eq(linked, name);
	if (!c.version ||
	    (!c.toolkit && !probe_there(sys, arena_printf(f->a, "%s/lib64/libcudart.so", dir)) &&
	     !probe_there(sys, arena_printf(f->a, "%s/lib64", dir)) &&
	     !probe_there(sys, arena_printf(f->a, "%s/targets", dir))))
		return;
	c.origin = learn_origin(sys, f, &c, dir);
	list_add(f->a, &f->cudas, c);
}

/* Where /usr/local/cuda leads; by the alternatives system it goes through /etc/alternatives. */
static const char *default_name(const struct sys *sys, struct facts *f)
{
	const char *target = probe_link(sys, f, LINK);

	if (str_eq(target, "/etc/alternatives/cuda"))
		target = probe_link(sys, f, "etc/alternatives/cuda");
	return target ? probe_last(target) : "cuda";
}

/* Debian's "12.4.131~12.4.1-2": nvcc's version, and after the tilde that of the release. */
static void add_debian(struct facts *f, const struct fact_package *p)
{
	struct piece up = ver_deb_upstream(p->version);
	const char *text = arena_strn(f->a, up.at, up.len);
	const char *tilde = strrchr(text, '~');
	struct fact_cuda c = { .path = "/usr", .origin = "distro", .toolkit = true };

	text = tilde ? tilde + 1 : text;
	c.version = arena_strn(f->a, text, strspn(text, "0123456789."));
	list_add(f->a, &f->cudas, c);
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	const struct fact_package *debian = facts_package(f, "nvidia-cuda-toolkit");
	const char *linked = default_name(sys, f);
	struct sys_stat st;
	strs names = { 0 };

	if (sys_list(sys, PLACE, f->a, &names, e))
		return err_ctx(e, "looking for CUDA");
	list_each (&names, name) {
		if (sys_stat(sys, arena_printf(f->a, PLACE "/%s", *name), &st, e))
			return err_ctx(e, "looking for CUDA");
		if (st.type == SYS_DIR && (str_eq(*name, "cuda") || str_starts(*name, "cuda-")))
			look_at(sys, f, *name, linked);
	}
	if (debian && str_eq(debian->status, "installed"))
		add_debian(f, debian);
	fact_from(f, "cudas", PLACE "/cuda-*");
	return 0;
}

const struct probe probe_cuda = { "cuda", PROBE_LAST, run };
