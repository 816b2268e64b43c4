/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what containers need: the toolkit as one version, and a CDI spec that fits the host. */
#include "verify_priv.h"

#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <string.h>

static const char *const toolkit[] = { "nvidia-container-toolkit", "nvidia-container-toolkit-base",
				       "libnvidia-container-tools", "libnvidia-container1", NULL };

static int check_toolkit(struct checking *c, struct err *e)
{
	auto_buf struct buf seen = BUF_TEXT;
	const char *first = NULL;
	bool same = true;

	(void)e;
	for (int i = 0; toolkit[i]; i++) {
		const struct fact_package *p = facts_package(c->facts, toolkit[i]);

		if (!p || !str_eq(p->status, "installed"))
			continue;
		same &= !first || str_eq(first, p->version);
		first = first ? first : p->version;
		buf_addf(&seen, "%s%s %s", seen.len ? ", " : "", p->name, p->version);
	}
	if (!first)
		return conclude(c, false, "the container toolkit is not installed");
	if (same)
		return conclude(c, true, "all of %s", first);
	return conclude(c, false, "of several versions: %s", buf_str(&seen));
}

/* ---- the CDI spec ---- */

struct spec {
	const char *path;
	strs devices; /* /dev/nvidia0 */
	strs files;   /* libraries and programs that are mounted */
};

/* "path: /dev/nvidia0", "- hostPath: /usr/lib/...", also with quotes: how nvidia-ctk writes it. */
static void read_line(struct checking *c, struct piece line, struct spec *spec)
{
	struct piece p = str_trim(line);
	bool device, file;

	if (piece_starts(p, "- "))
		p = str_trim((struct piece){ p.at + 2, p.len - 2 });
	device = piece_starts(p, "path: ");
	file = piece_starts(p, "hostPath: ");
	if (!device && !file)
		return;
	p.at += strcspn(p.at, " ");
	p = str_trim((struct piece){ p.at, (size_t)(line.at + line.len - p.at) });
	if (p.len > 1 && (*p.at == '"' || *p.at == '\''))
		p = (struct piece){ p.at + 1, p.len - 2 };
	if (!piece_starts(p, "/"))
		return;
	if (piece_starts(p, "/dev/"))
		list_add(c->a, &spec->devices, arena_strn(c->a, p.at + 1, p.len - 1));
	else if (file)
		list_add(c->a, &spec->files, arena_strn(c->a, p.at + 1, p.len - 1));
}

static int read_spec(struct checking *c, struct spec *spec, struct err *e)
{
	static const char *const places[] = { "etc/cdi/nvidia.yaml", "var/run/cdi/nvidia.yaml",
					      "run/cdi/nvidia.yaml" };
	const char *text = NULL;
	struct piece rest, line;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !text; i++) {
		if (text_of(c, places[i], &text, e))
			return -1;
		spec->path = places[i];
	}
	if (!text) {
		spec->path = NULL;
		return 0;
	}
	rest = PIECE(text);
	while (str_line(&rest, &line))
		read_line(c, line, spec);
	return 0;
}

/* The first of the paths that is not there; NULL = all are. */
static int first_lost(struct checking *c, const strs *paths, const char **ret, struct err *e)
{
	*ret = NULL;
	list_each (paths, path) {
		struct sys_stat st;

		if (sys_stat(c->sys, *path, &st, e))
			return -1;
		if (st.type == SYS_ABSENT && !*ret)
			*ret = *path;
	}
	return 0;
}

static int check_cdi(struct checking *c, struct err *e)
{
	struct spec spec = { 0 };
	const char *lost;

	if (read_spec(c, &spec, e))
		return -1;
	if (!spec.path)
		return not_applicable(c, "there is no CDI spec of NVIDIA");
	if (first_lost(c, &spec.files, &lost, e))
		return -1;
	if (lost)
		return conclude(c, false,
				"/%s names /%s, which is not there: it is older than the driver; "
				"'nvidia-ctk cdi generate' makes it again",
				spec.path, lost);
	if (!c->facts->live)
		return defer(c, "boot", "%zu files of /%s are there; an image has no devices",
			     spec.files.n, spec.path);
	if (first_lost(c, &spec.devices, &lost, e))
		return -1;
	if (lost)
		return conclude(c, false, "/%s names /%s, which is not there", spec.path, lost);
	return conclude(c, true, "/%s: %zu devices and %zu files, all there", spec.path,
			spec.devices.n, spec.files.n);
}

const struct check checks_containers[] = {
	{ "toolkit-set", check_toolkit },
	{ "cdi", check_cdi },
	{ NULL, NULL },
};
