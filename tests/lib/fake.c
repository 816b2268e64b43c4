/* SPDX-License-Identifier: Apache-2.0 */
/* A world in memory. */
#include "fake.h"

#include "base/control.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/apt.h"
#include "sys/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Read by LeakSanitizer: what a world held that was cut off by longjmp is nobody's to give back. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:die\nleak:survives\n";
}

struct entry {
	char *path, *text; /* of a link: where it leads; nothing follows it */
	bool dir, link;
	long long mtime_ns;
};

struct world {
	struct entry *at;
	size_t n;
	long long clock;
};

static struct fake *fake_of(const struct sys *s)
{
	return s->ctx;
}

/* The files live outside struct fake's users' reach. */
static struct world worlds[8];

static struct world *world_of(const struct sys *s)
{
	return &worlds[(size_t)(s->root[1] - '0')];
}

static struct entry *find(struct world *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->at[i].path, path))
			return &w->at[i];
	return NULL;
}

static struct entry *make(struct world *w, const char *path)
{
	struct entry *e = find(w, path);

	if (e)
		return e;
	w->at = mem_realloc(w->at, (w->n + 1) * sizeof(*w->at));
	e = &w->at[w->n++];
	*e = (struct entry){ .path = mem_strdup(path) };
	return e;
}

static void set_text(struct world *w, const char *path, const char *text, size_t n)
{
	struct entry *e = make(w, path);

	mem_free(e->text);
	e->text = mem_printf("%.*s", (int)n, text);
	e->mtime_ns = ++w->clock;
}

/* Every change passes here: it is written down, and may be the last or may fail. */
static int effect(const struct sys *s, const char *verb, const char *what, struct err *e)
{
	struct fake *f = fake_of(s);

	f->effects++;
	if (f->die_at == f->effects)
		longjmp(f->death, 1);
	buf_addf(&f->transcript, "%s %s\n", verb, what);
	if (f->fail_at == f->effects)
		return err_errno(e, f->fail_errno, "%s '/%s'", verb, what);
	return 0;
}

static int fake_read(const struct sys *s, const char *path, struct buf *ret, struct err *e)
{
	struct entry *en = find(world_of(s), path);

	if (!en || en->dir)
		return err_errno(e, ENOENT, "reading '/%s'", path);
	buf_adds(ret, en->text);
	return 0;
}

/* A folder is there when something is in it. */
static bool is_folder(struct world *w, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < w->n; i++)
		if (str_starts(w->at[i].path, path) && w->at[i].path[n] == '/')
			return true;
	return false;
}

static int fake_stat(const struct sys *s, const char *path, struct sys_stat *ret, struct err *e)
{
	struct entry *en = find(world_of(s), path);

	(void)e;
	*ret = (struct sys_stat){ .type = SYS_ABSENT };
	if (en)
		*ret = (struct sys_stat){ .type = en->dir  ? SYS_DIR :
						  en->link ? SYS_LINK :
							     SYS_FILE,
					  .mode = 0644,
					  .links = 1,
					  .size = en->dir ? 0 : strlen(en->text),
					  .mtime_ns = en->mtime_ns };
	else if (is_folder(world_of(s), path))
		*ret = (struct sys_stat){ .type = SYS_DIR, .mode = 0755, .links = 1 };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int fake_list(const struct sys *s, const char *path, struct arena *a, strs *ret,
		     struct err *e)
{
	struct world *w = world_of(s);
	size_t n = strlen(path);

	(void)e;
	for (size_t i = 0; i < w->n; i++) {
		const char *p = w->at[i].path, *name = p + n + 1;
		bool there = false;

		if (strncmp(p, path, n) != 0 || p[n] != '/')
			continue;
		name = arena_strn(a, name, strcspn(name, "/"));
		list_each (ret, it)
			there |= str_eq(*it, name);
		if (!there)
			list_add(a, ret, name);
	}
	if (ret->n)
		qsort(ret->at, ret->n, sizeof(*ret->at), by_name);
	return 0;
}

static int fake_readlink(const struct sys *s, const char *path, struct buf *ret, struct err *e)
{
	struct entry *en = find(world_of(s), path);

	if (!en || !en->link)
		return err_errno(e, EINVAL, "reading the link '/%s'", path);
	buf_adds(ret, en->text);
	return 0;
}

/* A fake module is text: "version=535.1", "license=NVIDIA", "signer=x", a line each. */
static int fake_module(const struct sys *s, const char *path, struct arena *a,
		       struct sys_module *ret, struct err *e)
{
	struct entry *en = find(world_of(s), path);
	struct piece rest, line;

	if (!en || en->dir)
		return err_errno(e, ENOENT, "reading '/%s'", path);
	*ret = (struct sys_module){ 0 };
	rest = PIECE(en->text);
	while (str_line(&rest, &line)) {
		const char *text = arena_strn(a, line.at, line.len);

		if (str_starts(text, "version="))
			ret->version = text + strlen("version=");
		else if (str_starts(text, "license="))
			ret->license = text + strlen("license=");
		else if (str_starts(text, "signer="))
			ret->signer = text + strlen("signer=");
	}
	ret->is_signed = ret->signer;
	return 0;
}

static int fake_replace(const struct sys *s, const char *path, const void *bytes, size_t len,
			const struct sys_attr *attr, struct err *e)
{
	(void)attr;
	if (effect(s, "replace", path, e))
		return -1;
	set_text(world_of(s), path, bytes, len);
	return 0;
}

static int fake_remove(const struct sys *s, const char *path, struct err *e)
{
	struct world *w = world_of(s);
	struct entry *en;

	if (effect(s, "remove", path, e))
		return -1;
	en = find(w, path);
	if (!en)
		return 0;
	mem_free(en->path);
	mem_free(en->text);
	*en = w->at[--w->n];
	return 0;
}

static int fake_mkdirs(const struct sys *s, const char *path, unsigned mode, struct err *e)
{
	(void)mode;
	if (find(world_of(s), path) || is_folder(world_of(s), path))
		return 0;
	if (effect(s, "mkdirs", path, e))
		return -1;
	make(world_of(s), path)->dir = true;
	return 0;
}

static int fake_symlink(const struct sys *s, const char *target, const char *path, struct err *e)
{
	struct entry *en = find(world_of(s), path);

	if (effect(s, "symlink", path, e))
		return -1;
	if (en)
		return err_errno(e, EEXIST, "linking '/%s'", path);
	set_text(world_of(s), path, target, strlen(target));
	make(world_of(s), path)->link = true;
	return 0;
}

static int fake_append(const struct sys *s, const char *path, const void *bytes, size_t len,
		       struct err *e)
{
	struct entry *en;
	auto_buf struct buf b = BUF_TEXT;

	if (effect(s, "append", path, e))
		return -1;
	en = find(world_of(s), path);
	if (en)
		buf_adds(&b, en->text);
	buf_add(&b, bytes, len);
	set_text(world_of(s), path, buf_str(&b), b.len);
	return 0;
}

static int fake_reserve(const struct sys *s, const char *path, size_t bytes, struct err *e)
{
	(void)bytes;
	if (effect(s, "reserve", path, e))
		return -1;
	set_text(world_of(s), path, "", 0);
	return 0;
}

static int fake_rmdir(const struct sys *s, const char *path, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct world *w = world_of(s);
	struct entry *en;
	strs names = { 0 };

	if (effect(s, "rmdir", path, e) || fake_list(s, path, &a, &names, e))
		return -1;
	en = names.n ? NULL : find(w, path);
	if (en) {
		mem_free(en->path);
		*en = w->at[--w->n];
	}
	return 0;
}

static int fake_link(const struct sys *s, const char *from, const char *to, struct err *e)
{
	struct entry *en = find(world_of(s), from);

	if (!en)
		return err_errno(e, ENOENT, "linking '/%s'", from);
	if (effect(s, "link", to, e))
		return -1;
	if (!find(world_of(s), to))
		set_text(world_of(s), to, en->text, strlen(en->text));
	return 0;
}

static int fake_digest(const struct sys *s, const char *path, char *ret, struct err *e)
{
	struct entry *en = find(world_of(s), path);

	(void)e;
	*ret = '\0';
	if (en && !en->dir)
		hash_bytes(en->text, strlen(en->text), ret);
	return 0;
}

static int fake_keep(const struct sys *s, const char *path, struct arena *a, struct sys_kept *ret,
		     struct err *e)
{
	struct entry *en = find(world_of(s), path);
	char hash[HASH_HEX];
	const char *at;

	*ret = (struct sys_kept){ 0 };
	if (!en || en->dir)
		return 0;
	fake_digest(s, path, hash, e);
	at = arena_printf(a, SYS_STORE "/%s", hash);
	if (!find(world_of(s), at)) {
		if (effect(s, "keep", path, e))
			return -1;
		set_text(world_of(s), at, en->text, strlen(en->text));
	}
	*ret = (struct sys_kept){ .there = true, .sha256 = arena_str(a, hash), .mode = 0644 };
	return 0;
}

static int fake_put_back(const struct sys *s, const char *path, const struct sys_kept *kept,
			 struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct entry *en;

	if (!kept->there)
		return fake_remove(s, path, e);
	en = find(world_of(s), arena_printf(&a, SYS_STORE "/%s", kept->sha256));
	if (!en)
		return err_errno(e, ENOENT, "reading '/" SYS_STORE "/%s'", kept->sha256);
	if (effect(s, "put-back", path, e))
		return -1;
	set_text(world_of(s), path, en->text, strlen(en->text));
	return 0;
}

static int fake_lock(const struct sys *s, const char *path, unsigned wait_s, int *ret_fd,
		     struct err *e)
{
	struct fake *f = fake_of(s);

	(void)wait_s;
	if (f->locked)
		return err_set(e, GP_LOCKED, "somebody holds '/%s'", path);
	f->locked = true;
	*ret_fd = 1000;
	return 0;
}

static void fake_unlock(const struct sys *s, int fd)
{
	(void)fd;
	fake_of(s)->locked = false;
}

static int fake_locked(const struct sys *s, const char *path, bool *ret, struct err *e)
{
	(void)path;
	(void)e;
	*ret = fake_of(s)->locked;
	return 0;
}

static int fake_log_to(const struct sys *s, const char *path, struct err *e)
{
	(void)s;
	(void)path;
	(void)e;
	return 0;
}

/* The stanzas of dpkg's status without those of the packages named. */
static void purge(struct world *w, const char *const *names)
{
	struct entry *status = find(w, "var/lib/dpkg/status");
	auto_buf struct buf kept = BUF_TEXT;
	struct piece rest = PIECE(status ? status->text : ""), stanza;

	while (control_stanza(&rest, &stanza)) {
		struct piece name = control_get(stanza, "Package");
		bool named = false;

		for (const char *const *it = names; *it; it++)
			named |= str_starts(*it, "-") ? false :
							strncmp(*it, name.at, name.len) == 0 &&
								(*it)[name.len] == ':';
		if (named)
			continue;
		buf_addf(&kept, "%s%.*s\n", kept.len ? "\n" : "", (int)stanza.len, stanza.at);
	}
	set_text(w, "var/lib/dpkg/status", buf_str(&kept), kept.len);
}

static int fake_run(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret,
		    struct err *e)
{
	const char *const *last = cmd->argv;

	if (effect(s, "run", cmd->argv[0], e))
		return -1;
	while (last[0] && !str_eq(last[0], "--purge"))
		last++;
	if (last[0])
		purge(world_of(s), last + 1);
	*ret = (struct sys_done){ .status = fake_of(s)->run_status, .output = BUF_INIT(1024) };
	buf_adds(&ret->output, "the last words of a command\n");
	return 0;
}

/* Installs by appending to dpkg's status, like dpkg at its end. */
static int fake_apt(const struct sys *s, const struct apt_job *job,
		    const struct apt_listener *listener, struct apt_answer *ret, struct err *e)
{
	static const char *const verbs[] = { "apt-resolve", "apt-update", "apt-install" };
	struct entry *status;
	auto_buf struct buf b = BUF_TEXT;

	(void)ret;
	if (effect(s, verbs[job->verb], job->refresh == APT_USE_LISTS ? "lists" : "fetch", e))
		return -1;
	if (listener)
		listener->event(listener->ctx, &(struct apt_event){ .kind = APT_EV_INSTALL,
								    .what = "Installing",
								    .done = 1,
								    .total = 2 });
	if (job->verb != APT_INSTALL)
		return 0;
	status = find(world_of(s), "var/lib/dpkg/status");
	buf_adds(&b, status ? status->text : "");
	list_each (&job->expect->packages, p)
		buf_addf(&b,
			 "\nPackage: %s\nStatus: install ok installed\nArchitecture: %s\n"
			 "Version: %s\n",
			 p->name, p->arch, p->version);
	set_text(world_of(s), "var/lib/dpkg/status", buf_str(&b), b.len);
	return 0;
}

/* A socket is a file whose text is the answer. */
static int fake_ask(const struct sys *s, const char *socket, const char *what, struct buf *ret,
		    struct err *e)
{
	(void)what;
	return fake_read(s, socket, ret, e);
}

static int fake_space(const struct sys *s, const char *path, struct sys_space *ret, struct err *e)
{
	(void)s;
	(void)path;
	(void)e;
	*ret = (struct sys_space){ .free_bytes = 1ull << 40, .total_bytes = 1ull << 41 };
	return 0;
}

static int fake_ident(const struct sys *s, struct sys_ident *ret, struct err *e)
{
	const char *boot = fake_of(s)->boot;

	(void)e;
	*ret = (struct sys_ident){
		.kernel = "6.1.0-fake", .machine = "x86_64", .host = "fake", .user = "root"
	};
	memcpy(ret->boot_id, boot, strlen(boot) + 1);
	return 0;
}

static int64_t fake_now(const struct sys *s)
{
	(void)s;
	return 1700000000;
}

static const struct sys_ops fake_ops = {
	.read = fake_read,
	.stat = fake_stat,
	.list = fake_list,
	.readlink = fake_readlink,
	.module = fake_module,
	.replace = fake_replace,
	.remove = fake_remove,
	.mkdirs = fake_mkdirs,
	.symlink = fake_symlink,
	.append = fake_append,
	.reserve = fake_reserve,
	.rmdir = fake_rmdir,
	.link = fake_link,
	.digest = fake_digest,
	.keep = fake_keep,
	.put_back = fake_put_back,
	.lock = fake_lock,
	.unlock = fake_unlock,
	.locked = fake_locked,
	.log_to = fake_log_to,
	.run = fake_run,
	.ask = fake_ask,
	.apt = fake_apt,
	.space = fake_space,
	.ident = fake_ident,
	.now = fake_now,
};

void fake_init(struct fake *f)
{
	static size_t next;
	static const char *const roots[] = { "/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7" };

	*f = (struct fake){ .transcript = BUF_TEXT, .boot = "boot" };
	f->sys =
		(struct sys){ .ops = &fake_ops, .ctx = f, .root = roots[next++ % 8], .live = true };
}

static void forget(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		mem_free(w->at[i].path);
		mem_free(w->at[i].text);
	}
	mem_free(w->at);
	*w = (struct world){ 0 };
}

void fake_release(struct fake *f)
{
	forget(world_of(&f->sys));
	buf_release(&f->transcript);
	arena_release(&f->a);
}

void fake_put(struct fake *f, const char *path, const char *text)
{
	set_text(world_of(&f->sys), path, text, strlen(text));
}

const char *fake_get(struct fake *f, const char *path)
{
	struct entry *e = find(world_of(&f->sys), path);

	return e ? e->text : NULL;
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void fake_tree(struct fake *f, const char *except, struct buf *ret)
{
	struct world *w = world_of(&f->sys);

	if (w->n)
		qsort(w->at, w->n, sizeof(*w->at), by_path);
	for (size_t i = 0; i < w->n; i++)
		if (!except || !str_starts(w->at[i].path, except))
			buf_addf(ret, "%s%s\n%s", w->at[i].path, w->at[i].dir ? "/" : "",
				 w->at[i].dir ? "" : w->at[i].text);
}

void fake_reboot(struct fake *f)
{
	f->effects = f->die_at = f->fail_at = 0;
	f->locked = false;
	buf_clear(&f->transcript);
}
