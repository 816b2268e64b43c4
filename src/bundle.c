/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody who helps from afar needs of a host. */
#include "bundle.h"

#include "base/str.h"
#include "execute/journal.h"
#include "redact.h"
#include "sys/hash.h"
#include "sys/sys.h"
#include "sys/tarball.h"

#include <string.h>

enum {
	FILE_MOST = 512 << 10,  /* of one file; of a longer one its end */
	ALL_MOST = 16 << 20,    /* of all of them */
	READ_MOST = 256 << 20,  /* what is longer is not even read */
	FOLDER_MOST = 64,       /* files of one folder, the last by name */
	LOG_LINES_MOST = 20000, /* of the kernel's log */
};

static const struct rec_row file_rows[] = {
	REC_ROW(struct bundle_file, name, REC_STR, "name in the bundle"),
	REC_ROW(struct bundle_file, from, REC_STR, "where it comes from"),
	REC_ROW(struct bundle_file, sha256, REC_STR, "SHA-256 of what is in the bundle"),
	REC_ROW(struct bundle_file, bytes, REC_INT, "its size"),
	REC_ROW(struct bundle_file, redacted, REC_INT, "secrets that were taken out"),
	REC_ROW(struct bundle_file, cut, REC_BOOL, "only its end is there"),
	REC_END,
};

static const struct rec_row lack_rows[] = {
	REC_ROW(struct bundle_lack, from, REC_STR, "what was left out"),
	REC_ROW(struct bundle_lack, why, REC_STR, "why"),
	REC_END,
};

const struct rec_row bundle_rows[] = {
	REC_ROW(struct bundle, schema, REC_STR, "format"),
	REC_ROW(struct bundle, program, REC_STR, "version of gpuprov"),
	REC_ROW(struct bundle, host, REC_STR, "which host"),
	REC_ROW(struct bundle, bytes, REC_INT, "size of all files"),
	{ .name = "files",
	  .type = REC_LIST,
	  .offset = offsetof(struct bundle, files),
	  .rows = file_rows,
	  .size = sizeof(struct bundle_file),
	  .help = "what is in it" },
	{ .name = "left_out",
	  .type = REC_LIST,
	  .offset = offsetof(struct bundle, left_out),
	  .rows = lack_rows,
	  .size = sizeof(struct bundle_lack),
	  .help = "what is not" },
	REC_END,
};

/*
 * What is looked for: a file, or with a tail ("" = any) the files of a folder, or with `deeper`
 * those of its folders. apt's auth.conf, keys and kubeconfigs are not here on purpose.
 */
static const struct source {
	const char *path;
	const char *tail;
	bool deeper;
} sources[] = {
	{ "etc/apt/apt.conf", NULL, false },
	{ "etc/apt/apt.conf.d", "", false },
	{ "etc/apt/preferences", NULL, false },
	{ "etc/apt/preferences.d", "", false },
	{ "etc/apt/sources.list", NULL, false },
	{ "etc/apt/sources.list.d", "", false },
	{ "etc/cdi", "", false },
	{ "etc/containerd/conf.d", ".toml", false },
	{ "etc/containerd/config.toml", NULL, false },
	{ "etc/containers", ".conf", false },
	{ "etc/crio/crio.conf", NULL, false },
	{ "etc/crio/crio.conf.d", "", false },
	{ "etc/default/docker", NULL, false },
	{ "etc/default/grub", NULL, false },
	{ "etc/dkms/framework.conf", NULL, false },
	{ "etc/dkms/framework.conf.d", ".conf", false },
	{ "etc/docker/daemon.json", NULL, false },
	{ "etc/environment", NULL, false },
	{ "etc/initramfs-tools/modules", NULL, false },
	{ "etc/ld.so.conf.d", ".conf", false },
	{ "etc/modprobe.d", ".conf", false },
	{ "etc/modules-load.d", ".conf", false },
	{ "etc/nvidia-container-runtime/config.toml", NULL, false },
	{ "etc/os-release", NULL, false },
	{ "etc/rancher/k3s", ".yaml", false },
	{ "etc/rancher/rke2", ".yaml", false },
	{ "etc/systemd/system/containerd.service.d", ".conf", false },
	{ "etc/systemd/system/docker.service.d", ".conf", false },
	{ "etc/udev/rules.d", ".rules", false },
	{ "proc/cmdline", NULL, false },
	{ "proc/driver/nvidia/gpus", "information", true },
	{ "proc/driver/nvidia/params", NULL, false },
	{ "proc/driver/nvidia/version", NULL, false },
	{ "proc/modules", NULL, false },
	{ "run/cdi", "", false },
	{ "usr/lib/os-release", NULL, false },
	{ "var/log/apt", "history.log", false },
	{ "var/log/apt", "term.log", false },
	{ "var/log/dpkg.log", NULL, false },
	{ "var/log/nvidia-installer.log", NULL, false },
	{ "var/log/fabricmanager.log", NULL, false },
	{ "var/log/unattended-upgrades", ".log", false },
};

struct packing {
	const struct sys *sys;
	struct arena *a;
	struct bundle *manifest;
	LIST(struct tar_member) members;
};

static void leave_out(struct packing *p, const char *from, const char *why)
{
	*list_push(p->a, &p->manifest->left_out) =
		(struct bundle_lack){ arena_printf(p->a, "/%s", from), arena_str(p->a, why) };
}

/* ---- one text ---- */

/* Its end, from the begin of a line on. */
static struct piece end_of(struct piece text, bool *ret_cut)
{
	const char *from, *nl;

	*ret_cut = text.len > FILE_MOST;
	if (!*ret_cut)
		return text;
	from = text.at + text.len - FILE_MOST;
	nl = memchr(from, '\n', FILE_MOST);
	from = nl ? nl + 1 : from;
	return (struct piece){ from, (size_t)(text.at + text.len - from) };
}

static void put(struct packing *p, const char *name, const char *from, struct piece text)
{
	auto_buf struct buf clean = BUF_TEXT;
	struct bundle_file *file;
	char hash[HASH_HEX];
	bool cut;
	unsigned redacted;

	/* Secrets first: a cut would leave half of one, without what tells that it is one. */
	redacted = redact(text.at, text.len, &clean);
	text = end_of((struct piece){ buf_str(&clean), clean.len }, &cut);
	if (p->manifest->bytes + (long long)text.len > ALL_MOST) {
		leave_out(p, from, "the bundle is full");
		return;
	}
	file = list_push(p->a, &p->manifest->files);
	hash_bytes(text.at, text.len, hash);
	*file = (struct bundle_file){
		.name = name,
		.from = *from == '(' ? from : arena_printf(p->a, "/%s", from),
		.sha256 = arena_str(p->a, hash),
		.bytes = (long long)text.len,
		.redacted = redacted,
		.cut = cut,
	};
	p->manifest->bytes += (long long)text.len;
	*list_push(p->a, &p->members) =
		(struct tar_member){ name, arena_strn(p->a, text.at, text.len), text.len };
}

/* ---- files ---- */

/* No component may be a link: what a link leads to is not what was asked for. */
static int has_link(struct packing *p, const char *path, bool *ret, struct err *e)
{
	struct sys_stat st;

	*ret = false;
	for (const char *slash = strchr(path, '/'); slash && !*ret;
	     slash = strchr(slash + 1, '/')) {
		if (sys_stat(p->sys, arena_strn(p->a, path, (size_t)(slash - path)), &st, e))
			return -1;
		*ret = st.type == SYS_LINK;
	}
	return 0;
}

static int read_text(struct packing *p, const char *path, struct buf *ret, bool *ret_good,
		     struct err *e)
{
	auto_err unread = { 0 };
	size_t bad;

	*ret_good = false;
	if (sys_read(p->sys, path, ret, &unread)) {
		if (unread.code == GP_NO_PERMISSION)
			leave_out(p, path, "only root may read it");
		else if (unread.code == GP_TOO_LARGE)
			leave_out(p, path, "it is too large");
		else if (unread.code != GP_NO_FILE)
			leave_out(p, path, unread.text);
		return 0;
	}
	(void)e;
	*ret_good = utf8_valid(buf_str(ret), ret->len, &bad) && !memchr(buf_str(ret), 0, ret->len);
	if (!*ret_good)
		leave_out(p, path, "it is no text");
	return 0;
}

static int add_file(struct packing *p, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(READ_MOST);
	auto_err hidden = { 0 };
	struct sys_stat st;
	bool link, good;

	if (sys_stat(p->sys, path, &st, &hidden) || has_link(p, path, &link, &hidden)) {
		if (hidden.code == GP_NO_PERMISSION) {
			leave_out(p, path, "only root may see it");
			return 0;
		}
		err_move(e, &hidden);
		return -1;
	}
	if (st.type == SYS_ABSENT)
		return 0;
	if (st.type == SYS_LINK || link) {
		leave_out(p, path, link ? "it is beneath a link" : "it is a link");
		return 0;
	}
	if (st.type != SYS_FILE) {
		leave_out(p, path, "it is no file");
		return 0;
	}
	if (read_text(p, path, &text, &good, e))
		return -1;
	if (good)
		put(p, arena_printf(p->a, "files/%s", path), path,
		    (struct piece){ buf_str(&text), text.len });
	return 0;
}

/* Names in a folder that is no link; one that may not be read is left out. */
static int names_in(struct packing *p, const char *path, strs *ret, struct err *e)
{
	auto_err hidden = { 0 };
	struct sys_stat st;
	bool link;

	if (sys_stat(p->sys, path, &st, &hidden) || has_link(p, path, &link, &hidden) ||
	    (st.type == SYS_DIR && !link && sys_list(p->sys, path, p->a, ret, &hidden))) {
		if (hidden.code == GP_NO_PERMISSION) {
			leave_out(p, path, "only root may look into it");
			return 0;
		}
		err_move(e, &hidden);
		return -1;
	}
	if (st.type == SYS_LINK || link)
		leave_out(p, path, link ? "it is beneath a link" : "it is a link");
	return 0;
}

static int add_folder(struct packing *p, const struct source *s, const char *path, struct err *e)
{
	strs names = { 0 }, chosen = { 0 };

	if (names_in(p, path, &names, e))
		return -1;
	list_each (&names, name)
		if (str_ends(*name, s->tail))
			list_add(p->a, &chosen, *name);
	for (size_t i = 0; i < chosen.n; i++) {
		const char *file = arena_printf(p->a, "%s/%s", path, chosen.at[i]);

		if (i + FOLDER_MOST < chosen.n)
			leave_out(p, file, "there are too many files beside it");
		else if (add_file(p, file, e))
			return -1;
	}
	return 0;
}

static int add_source(struct packing *p, const struct source *s, struct err *e)
{
	strs names = { 0 };

	if (!s->tail)
		return add_file(p, s->path, e);
	if (!s->deeper)
		return add_folder(p, s, s->path, e);
	if (names_in(p, s->path, &names, e))
		return -1;
	list_each (&names, name)
		if (add_folder(p, s, arena_printf(p->a, "%s/%s", s->path, *name), e))
			return -1;
	return 0;
}

/* ---- what needs a closer look ---- */

/* Logs of builds: var/lib/dkms/MODULE/VERSION/build/make.log. */
static int add_builds(struct packing *p, struct err *e)
{
	strs modules = { 0 };

	if (names_in(p, "var/lib/dkms", &modules, e))
		return -1;
	list_each (&modules, module) {
		const char *dir = arena_printf(p->a, "var/lib/dkms/%s", *module);
		strs versions = { 0 };

		if (!str_starts(*module, "nvidia"))
			continue;
		if (names_in(p, dir, &versions, e))
			return -1;
		list_each (&versions, version)
			if (add_file(p, arena_printf(p->a, "%s/%s/build/make.log", dir, *version),
				     e))
				return -1;
	}
	return 0;
}

/* Our journal: what was done, without the bytes that were kept. */
static int add_runs(struct packing *p, struct err *e)
{
	static const char dir[] = STATE_DIR "/runs";
	strs names = { 0 };

	if (names_in(p, dir, &names, e))
		return -1;
	list_each (&names, name) {
		const char *path = arena_printf(p->a, "%s/%s", dir, *name);
		static const struct source all = { .tail = "" };
		struct sys_stat st;

		if (sys_stat(p->sys, path, &st, e) ||
		    (st.type == SYS_DIR ? add_folder(p, &all, path, e) : add_file(p, path, e)))
			return -1;
	}
	return 0;
}

static bool is_about_gpus(struct piece line)
{
	static const char *const words[] = { "NVRM", "nvidia", "nouveau", "nova_core",
					     "Xid",  "NVIDIA", "nvlink" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (memmem(line.at, line.len, words[i], strlen(words[i])))
			return true;
	return false;
}

/* Of the kernel's log only the lines about GPUs: the rest is nobody's business. */
static int add_kernel_log(struct packing *p, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(READ_MOST), chosen = BUF_TEXT;
	struct piece rest, line;
	struct sys_stat st;
	bool link, good;
	size_t n = 0;

	if (sys_stat(p->sys, path, &st, e) || has_link(p, path, &link, e))
		return -1;
	if (st.type != SYS_FILE || link)
		return 0;
	if (read_text(p, path, &text, &good, e))
		return -1;
	rest = (struct piece){ buf_str(&text), text.len };
	while (good && str_line(&rest, &line))
		if (is_about_gpus(line) && n++ < LOG_LINES_MOST) {
			buf_add(&chosen, line.at, line.len);
			buf_addc(&chosen, '\n');
		}
	if (chosen.len)
		put(p, arena_printf(p->a, "gpu-lines/%s", path), path,
		    (struct piece){ buf_str(&chosen), chosen.len });
	return 0;
}

/* ---- all of it ---- */

static int collect(struct packing *p, struct err *e)
{
	static const char *const logs[] = { "var/log/kern.log", "var/log/syslog",
					    "var/log/messages" };

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (add_source(p, &sources[i], e))
			return -1;
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++)
		if (add_kernel_log(p, logs[i], e))
			return -1;
	return add_builds(p, e) || add_runs(p, e) ? -1 : 0;
}

int bundle_make(const struct sys *sys, const char *facts, const char *findings, struct arena *a,
		struct bundle *ret_manifest, struct buf *ret, struct err *e)
{
	/* facts.json and findings.json come from us, in that order, and the manifest last. */
	struct packing p = { .sys = sys, .a = a, .manifest = ret_manifest };
	auto_buf struct buf text = BUF_TEXT;
	struct jw w = { .out = &text };

	ret_manifest->schema = "gpuprov.bundle/1";
	put(&p, "facts.json", "(gpuprov facts --json)", PIECE(facts));
	put(&p, "findings.json", "(gpuprov doctor --json)", PIECE(findings));
	if (collect(&p, e))
		return err_ctx(e, "collecting for the bundle");
	rec_write(&w, bundle_rows, ret_manifest);
	buf_addc(&text, '\n');
	*list_push(a, &p.members) =
		(struct tar_member){ "manifest.json", buf_str(&text), text.len };
	return tarball_write(p.members.at, p.members.n, ret, e);
}
