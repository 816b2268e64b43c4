/* SPDX-License-Identifier: Apache-2.0 */
/* A commented profile that fits a host. */
#include "emit/profile.h"

#include "base/str.h"
#include "profile/schema.h"

#include <string.h>

enum { COLUMNS = 78 };

struct emitting {
	const struct facts *f;
	const struct catalog *c;
	const char *kind;
	const settings *set;
	struct arena *a;
	struct buf *ret;
};

/*
 * The keys that are shown, in this order. One that is not set and has no value here is shown as a
 * comment with its example, or not at all.
 */
struct shown {
	const char *path;
	const char *value;   /* written out; NULL = only when it is set */
	const char *example; /* in a comment when it is not written out; NULL = not mentioned */
	unsigned kinds;
};

#define BM KIND_BARE_METAL
#define DK KIND_DOCKER
#define K8 KIND_K8S
#define ANY (BM | DK | K8)

static const struct shown shown[] = {
	{ "purpose", "run", NULL, BM },
	{ "purpose", "containers", NULL, DK | K8 },
	{ "gpus", NULL, NULL, ANY },
	{ "driver.branch", NULL, "\"580\"", ANY },
	{ "driver.version", NULL, NULL, ANY },
	{ "driver.modules", "auto", NULL, ANY },
	{ "driver.source", "auto", NULL, ANY },
	{ "driver.build", NULL, NULL, ANY },
	{ "driver.headless", NULL, NULL, ANY },
	{ "driver.persistence", NULL, NULL, ANY },
	{ "driver.nouveau", "auto", NULL, ANY },
	{ "driver.nova-core", NULL, NULL, ANY },
	{ "driver.in-use", NULL, NULL, ANY },
	{ "fabric.manager", NULL, NULL, ANY },
	{ "cuda.version", NULL, "\"12.8\"", BM | DK },
	{ "cuda.install", NULL, "toolkit", BM | DK },
	{ "cuda.source", NULL, NULL, BM | DK },
	{ "cuda.compat", NULL, NULL, BM | DK },
	{ "container-toolkit.version", NULL, NULL, DK | K8 },
	{ "container-toolkit.cdi", NULL, "auto", DK | K8 },
	{ "engine", NULL, NULL, DK },
	{ "docker.install", NULL, NULL, DK },
	{ "docker.default-runtime", NULL, "true", DK },
	{ "docker.cdi", NULL, NULL, DK },
	{ "docker.replace", NULL, NULL, DK },
	{ "containerd.install", NULL, NULL, DK | K8 },
	{ "containerd.replace", NULL, NULL, DK | K8 },
	{ "crio.replace", NULL, NULL, DK | K8 },
	{ "podman.install", NULL, NULL, DK },
	{ "kubernetes.engine", NULL, NULL, K8 },
	{ "kubernetes.version", NULL, NULL, K8 },
	{ "kubernetes.owner", NULL, "gpu-operator", K8 },
	{ "apt.existing-sources", NULL, NULL, ANY },
	{ "reboot", "ask", NULL, ANY },
};

static const char *value_of(const struct emitting *m, const struct shown *s)
{
	list_each (m->set, one)
		if (str_eq(one->path, s->path))
			return one->value;
	return s->value;
}

/* A comment, wrapped. */
static void add_comment(struct buf *ret, unsigned indent, const char *text)
{
	struct piece rest = PIECE(text), word;
	unsigned at = 0;

	while (str_word(&rest, &word)) {
		if (!at || at + 1 + word.len > COLUMNS) {
			if (at)
				buf_addc(ret, '\n');
			buf_pad(ret, ' ', indent);
			buf_addc(ret, '#');
			at = indent + 1;
		}
		buf_addc(ret, ' ');
		buf_add(ret, word.at, word.len);
		at += 1 + (unsigned)word.len;
	}
	buf_addc(ret, '\n');
}

/* "driver branch, like ...; auto, open or none" */
static void add_help(struct buf *ret, unsigned indent, const struct schema_row *row)
{
	auto_buf struct buf text = BUF_TEXT;

	buf_adds(&text, row->help);
	if (row->type == SCHEMA_WORD) {
		buf_adds(&text, " (");
		for (size_t i = 0; row->words[i]; i++)
			buf_addf(&text, "%s%s", i ? ", " : "", row->words[i]);
		buf_addc(&text, ')');
	}
	add_comment(ret, indent, buf_str(&text));
}

/* As it is written in the file: versions in quotes, so that 12.10 stays that to everybody. */
static const char *written(const struct emitting *m, const struct schema_row *row,
			   const char *value)
{
	bool version = row->type == SCHEMA_BRANCH || row->type == SCHEMA_VERSION ||
		       row->type == SCHEMA_VERSIONS;

	if (!version || *value == '"' || *value == '[')
		return value;
	return arena_printf(m->a, "\"%s\"", value);
}

static bool same_map(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");

	return a[n] == '.' && strncmp(a, b, n + 1) == 0;
}

/* Whether any key of the map that `s` is in is written out. */
static bool map_is_written(const struct emitting *m, const struct shown *s, unsigned kind)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		if ((shown[i].kinds & kind) && same_map(s->path, shown[i].path) &&
		    value_of(m, &shown[i]))
			return true;
	return false;
}

/* The line of the map before its first key: "driver:", in a comment when all below is one. */
static void add_map(const struct emitting *m, const struct shown *s, unsigned kind)
{
	size_t n = strcspn(s->path, ".");
	const struct schema_row *row = schema_find(arena_strn(m->a, s->path, n), kind);

	buf_addc(m->ret, '\n');
	add_help(m->ret, 0, row);
	buf_addf(m->ret, "%s%s:\n", map_is_written(m, s, kind) ? "" : "# ", row->path);
}

static void add_key(const struct emitting *m, const struct shown *s, unsigned kind)
{
	const struct schema_row *row = schema_find(s->path, kind);
	const char *dot = strrchr(s->path, '.'), *value = value_of(m, s);
	unsigned indent = dot ? 2 : 0;

	if (!dot)
		buf_addc(m->ret, '\n');
	if (dot && !map_is_written(m, s, kind)) {
		buf_addf(m->ret, "#   %s: %s\n", dot + 1, s->example);
		return;
	}
	add_help(m->ret, indent, row);
	buf_pad(m->ret, ' ', indent);
	if (!value)
		buf_adds(m->ret, "# ");
	buf_addf(m->ret, "%s: %s\n", dot ? dot + 1 : s->path,
		 written(m, row, value ? value : s->example));
}

static void add_keys(const struct emitting *m, unsigned kind)
{
	const struct shown *last = NULL;

	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		const struct shown *s = &shown[i];

		if (!(s->kinds & kind) || (!value_of(m, s) && !s->example))
			continue;
		if (strchr(s->path, '.') && !(last && same_map(s->path, last->path)))
			add_map(m, s, kind);
		add_key(m, s, kind);
		last = s;
	}
}

static bool loaded(const struct facts *f, const char *module)
{
	list_each (&f->modules, one)
		if (str_eq(*one, module))
			return true;
	return false;
}

/* What somebody should know who reads the file next year. */
static void add_notes(const struct emitting *m)
{
	const struct facts *f = m->f;

	if (!f->gpus.n)
		add_comment(m->ret, 0,
			    "There is no NVIDIA GPU in this machine: 'gpus' names those that are "
			    "meant. Take it out where the GPUs are.");
	if (f->switches.n)
		add_comment(m->ret, 0,
			    "There are NVSwitches: fabric manager comes by itself, in the version "
			    "of the driver.");
	if (f->secure_boot.enabled == TRI_YES)
		add_comment(m->ret, 0,
			    "Secure Boot is on: modules must be signed by a key that is enrolled.");
	if (loaded(f, "nouveau"))
		add_comment(
			m->ret, 0,
			"nouveau drives the GPUs now: it is kept away, and a reboot is needed.");
}

const char *emit_kind(const struct facts *f)
{
	static const char *const clusters[] = { "k3s", "rke2", "k0s" };
	static const char *const engines[] = { "docker", "podman", "containerd", "crio" };

	for (size_t i = 0; i < sizeof(clusters) / sizeof(*clusters); i++)
		if (facts_engine(f, clusters[i]))
			return "k8s";
	if (f->kubelet.version)
		return "k8s";
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (facts_engine(f, engines[i]))
			return "docker";
	return "bare-metal";
}

void emit_profile(const struct facts *f, const struct catalog *c, const char *kind,
		  const settings *set, struct arena *a, struct buf *ret)
{
	const struct emitting m = { f, c, kind, set, a, ret };
	unsigned bit = schema_kind_bit(kind);
	auto_buf struct buf host = BUF_TEXT;

	buf_adds(&host, "Made by 'gpuprov init' for: ");
	facts_summary(f, c, &host);
	add_comment(ret, 0, buf_str(&host));
	add_comment(ret, 0, "What is left out takes its default; all keys: gpuprov help profile");
	add_notes(&m);
	buf_addf(ret, "version: 1\n\n");
	add_help(ret, 0, schema_find("kind", bit));
	buf_addf(ret, "kind: %s\n", kind);
	add_keys(&m, bit);
}
