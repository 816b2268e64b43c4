/* SPDX-License-Identifier: Apache-2.0 */
/* The child that walks an archive, and what comes back from it through a pipe. */
#include "sys/untrusted.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What comes through the pipe: records of one size, so that nothing needs parsing. */
enum said {
	SAID_NAME = 1,
	SAID_TEXT,
	SAID_MORE,
	SAID_REFUSED,
	SAID_DAMAGED,
	SAID_NO_LIB,
	SAID_END
};
struct record {
	unsigned kind, len;
	long long members, unpacked;
	char data[488];
};

enum {
	MOST_MEMBERS = 200000,
	MOST_RATIO = 200, /* real installers come to 5 */
	CHUNK = 1 << 16,
};
static const long long most_unpacked = 64LL << 30;
static const long long free_unpacked = 64LL << 20; /* small archives may be all zeros */

/* ---- libarchive, found when it is needed ---- */

#define ARCHIVE_CALLS(X)                                                                           \
	X(archive_read_new)                                                                        \
	X(archive_read_support_filter_gzip)                                                        \
	X(archive_read_support_filter_bzip2)                                                       \
	X(archive_read_support_filter_xz)                                                          \
	X(archive_read_support_filter_zstd)                                                        \
	X(archive_read_support_format_tar)                                                         \
	X(archive_read_open)                                                                       \
	X(archive_read_next_header)                                                                \
	X(archive_read_data)                                                                       \
	X(archive_error_string)                                                                    \
	X(archive_entry_pathname)                                                                  \
	X(archive_entry_filetype)                                                                  \
	X(archive_entry_perm)                                                                      \
	X(archive_entry_hardlink)                                                                  \
	X(archive_entry_symlink)

static struct {
#define X(name) __typeof__(&name) name;
	ARCHIVE_CALLS(X)
#undef X
} lib;

static bool find_library(void)
{
	void *so = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);

	if (!so)
		return false;
#define X(name)                                                                                    \
	if (!(lib.name = (__typeof__(lib.name))dlsym(so, #name)))                                  \
		return false;
	ARCHIVE_CALLS(X)
#undef X
	return true;
}

/* ---- the child: descriptor 0 is the file, 1 the pipe ---- */

struct walking {
	const struct look_job *job;
	struct archive *archive;
	char *chunk;
	unsigned long long left; /* bytes of the archive not read yet */
	long long members, unpacked;
};

static void send(const struct walking *w, enum said kind, const char *data, size_t len)
{
	struct record r = { .kind = kind, .members = w->members, .unpacked = w->unpacked };

	r.len = len < sizeof(r.data) ? (unsigned)len : (unsigned)sizeof(r.data);
	if (r.len)
		memcpy(r.data, data, r.len);
	if (fd_write_all(1, &r, sizeof(r)))
		_exit(1); /* nobody listens any more */
}

static _Noreturn void refuse(const struct walking *w, enum said kind, const char *why,
			     const char *name)
{
	auto_buf struct buf b = BUF_TEXT;

	if (name) {
		buf_adds(&b, "'");
		str_escape(&b, name, strnlen(name, 200));
		buf_adds(&b, "' ");
	}
	buf_adds(&b, why);
	send(w, kind, buf_str(&b), b.len);
	_exit(0);
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **ret)
{
	struct walking *w = ctx;
	size_t want = w->left < CHUNK ? (size_t)w->left : CHUNK;
	ssize_t n;

	(void)a;
	do
		n = read(0, w->chunk, want);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		w->left -= (unsigned long long)n;
	*ret = w->chunk;
	return n;
}

/* Does a path, from a folder that is `depth` below the top, leave the top? */
static bool leaves(const char *path, int depth)
{
	struct piece part;

	if (*path == '/')
		return true;
	while (*path) {
		part = (struct piece){ path, strcspn(path, "/") };
		if (piece_eq(part, ".."))
			depth--;
		else if (part.len && !piece_eq(part, "."))
			depth++;
		if (depth < 0)
			return true;
		path += part.len + (path[part.len] == '/');
	}
	return false;
}

static int depth_of(const char *path)
{
	int depth = 0;

	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");

		if (n && !(n == 1 && *at == '.') && at[n] == '/')
			depth++;
		at += n + (at[n] == '/');
	}
	return depth;
}

static void check_name(const struct walking *w, const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= sizeof(((struct record *)0)->data))
		refuse(w, SAID_REFUSED, "is too long a name", name);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			refuse(w, SAID_REFUSED, "has control characters in its name", name);
	if (leaves(name, 0) || strstr(name, ".."))
		if (leaves(name, 0) || str_eq(name, "..") || str_starts(name, "../") ||
		    strstr(name, "/../") || str_ends(name, "/.."))
			refuse(w, SAID_REFUSED, "leads out of the folder it is unpacked in", name);
}

static void check_kind(const struct walking *w, struct archive_entry *entry, const char *name)
{
	unsigned type = lib.archive_entry_filetype(entry);
	const char *link = lib.archive_entry_symlink(entry);

	if (lib.archive_entry_hardlink(entry))
		refuse(w, SAID_REFUSED, "is a hard link", name);
	if (type == AE_IFLNK && (!link || leaves(link, depth_of(name))))
		refuse(w, SAID_REFUSED, "is a link that leads out of the folder", name);
	if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
		refuse(w, SAID_REFUSED, "is a device, a pipe or a socket", name);
	if (lib.archive_entry_perm(entry) & 06000)
		refuse(w, SAID_REFUSED, "would run with somebody else's rights", name);
}

static bool wanted(const struct look_job *job, const char *name)
{
	for (const char *const *want = job->want; want && *want; want++)
		if (str_eq(*want, name) ||
		    (**want == '/' && (str_ends(name, *want) || str_eq(name, *want + 1))))
			return true;
	return false;
}

static void take_data(struct walking *w, const char *name)
{
	static char data[CHUNK];
	bool keep = wanted(w->job, name);
	size_t kept = 0;
	la_ssize_t n;

	if (keep)
		send(w, SAID_TEXT, name, strlen(name));
	while ((n = lib.archive_read_data(w->archive, data, sizeof(data))) > 0) {
		w->unpacked += n;
		if (w->unpacked > most_unpacked ||
		    (w->unpacked > free_unpacked &&
		     w->unpacked / MOST_RATIO > (long long)w->job->len))
			refuse(w, SAID_REFUSED, "makes it far larger than an installer can be",
			       name);
		for (size_t at = 0; keep && at < (size_t)n;
		     at += sizeof(((struct record *)0)->data)) {
			size_t part = (size_t)n - at;

			if (part > sizeof(((struct record *)0)->data))
				part = sizeof(((struct record *)0)->data);
			kept += part;
			if (kept > w->job->want_max)
				refuse(w, SAID_REFUSED, "is larger than it can be", name);
			send(w, SAID_MORE, data + at, part);
		}
	}
	if (n < 0)
		refuse(w, SAID_DAMAGED, lib.archive_error_string(w->archive), name);
}

static void walk(struct walking *w)
{
	struct archive_entry *entry;
	int rc;

	while ((rc = lib.archive_read_next_header(w->archive, &entry)) == ARCHIVE_OK) {
		const char *name = lib.archive_entry_pathname(entry);

		if (!name)
			refuse(w, SAID_REFUSED, "a member has no name that can be read", NULL);
		if (++w->members > MOST_MEMBERS)
			refuse(w, SAID_REFUSED, "it has more members than an installer can have",
			       NULL);
		check_name(w, name);
		check_kind(w, entry, name);
		while (str_starts(name, "./"))
			name += 2;
		if (*name)
			send(w, SAID_NAME, name, strlen(name));
		take_data(w, name);
	}
	if (rc != ARCHIVE_EOF)
		refuse(w, SAID_DAMAGED, lib.archive_error_string(w->archive), NULL);
	if (!w->members)
		refuse(w, SAID_DAMAGED, "there is nothing in it", NULL);
	send(w, SAID_END, NULL, 0);
}

static _Noreturn void child(const struct look_job *job, int file, int out)
{
	struct walking w = { .job = job, .chunk = mem_alloc(CHUNK), .left = job->len };
	bool confined;

	if (dup2(file, 0) < 0 || dup2(out, 1) < 0 || lseek(0, (off_t)job->from, SEEK_SET) < 0)
		_exit(1);
	if (!find_library()) {
		send(&w, SAID_NO_LIB, NULL, 0);
		_exit(0);
	}
	syscall(SYS_close_range, 3, ~0u, 0);
	w.archive = lib.archive_read_new();
	lib.archive_read_support_filter_gzip(w.archive);
	lib.archive_read_support_filter_bzip2(w.archive);
	lib.archive_read_support_filter_xz(w.archive);
	lib.archive_read_support_filter_zstd(w.archive);
	lib.archive_read_support_format_tar(w.archive);
	confined = lock_down();
	send(&w, confined ? SAID_NAME : SAID_MORE, NULL, 0);
	if (lib.archive_read_open(w.archive, &w, NULL, on_read, NULL) != ARCHIVE_OK)
		refuse(&w, SAID_DAMAGED, lib.archive_error_string(w.archive), NULL);
	walk(&w);
	_exit(0);
}

/* ---- the parent ---- */

struct taking {
	struct look_answer *ret;
	struct buf text;
	const char *text_name;
	const char *path;
	bool begun, ended;
};

static void end_text(struct taking *t)
{
	struct look_text *text;

	if (!t->text_name)
		return;
	text = list_push(t->ret->a, &t->ret->texts);
	text->name = t->text_name;
	text->text = arena_strn(t->ret->a, buf_str(&t->text), t->text.len);
	text->len = t->text.len;
	buf_clear(&t->text);
	t->text_name = NULL;
}

static int no_library(struct err *e)
{
	err_set(e, GP_LIBRARY_MISSING,
		"libarchive.so.13 is not installed, so archives cannot be read");
	err_way(e, "install it: apt-get install libarchive13");
	return -1;
}

static int take_record(struct taking *t, const struct record *r, struct err *e)
{
	struct look_answer *ret = t->ret;

	if (r->len > sizeof(r->data))
		return err_set(e, GP_INTERNAL, "the reader of '%s' talks nonsense", t->path);
	if (!t->begun && r->kind != SAID_NO_LIB) {
		t->begun = true;
		ret->confined = r->kind == SAID_NAME;
		return 0;
	}
	switch ((enum said)r->kind) {
	case SAID_NAME:
		end_text(t);
		list_add(ret->a, &ret->names, arena_strn(ret->a, r->data, r->len));
		return 0;
	case SAID_TEXT:
		end_text(t);
		t->text_name = arena_strn(ret->a, r->data, r->len);
		return 0;
	case SAID_MORE:
		buf_add(&t->text, r->data, r->len);
		return 0;
	case SAID_REFUSED:
		return err_set(e, GP_RUNFILE_HOSTILE, "the archive in '%s' is refused: %.*s",
			       t->path, (int)r->len, r->data);
	case SAID_DAMAGED:
		return err_set(e, GP_RUNFILE_DAMAGED, "the archive in '%s' cannot be read: %.*s",
			       t->path, (int)r->len, r->data);
	case SAID_NO_LIB:
		return no_library(e);
	case SAID_END:
		end_text(t);
		ret->members = r->members;
		ret->unpacked = r->unpacked;
		t->ended = true;
		return 0;
	}
	return err_set(e, GP_INTERNAL, "the reader of '%s' talks nonsense", t->path);
}

static int take_all(int in, struct taking *t, struct err *e)
{
	struct record r;
	size_t have = 0;

	for (;;) {
		ssize_t n = read(in, (char *)&r + have, sizeof(r) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		if (have < sizeof(r))
			continue;
		have = 0;
		if (take_record(t, &r, e))
			return -1;
		if (t->ended)
			return 0;
	}
	return err_set(e, GP_RUNFILE_HOSTILE,
		       "the archive in '%s' is refused: reading it took more than it may", t->path);
}

int real_look(const struct sys *s, const struct look_job *job, struct look_answer *ret,
	      struct err *e)
{
	auto_close int file = path_open(real_root_fd(s), job->path,
					O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, PATH_FOLLOW);
	auto_close int in = -1, out = -1;
	struct taking t = { .ret = ret, .text = BUF_TEXT, .path = job->path };
	int ends[2], rc;
	pid_t pid;

	if (file < 0)
		return err_errno(e, errno, "reading '%s'", job->path);
	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, errno, "reading '%s'", job->path);
	in = ends[0], out = ends[1];
	pid = fork();
	if (pid < 0)
		return err_errno(e, errno, "reading '%s'", job->path);
	if (pid == 0)
		child(job, file, out);
	close(steal_fd(&out));
	rc = take_all(in, &t, e);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	buf_release(&t.text);
	return rc;
}
