/* SPDX-License-Identifier: Apache-2.0 */
/* The child process in which libapt works, and the pipe its answers come through. */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/apt.h"
#include "sys/apt_fault.h"
#include "sys/fetch.h"
#include "sys/image.h"
#include "sys/real_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One line of the pipe. Exactly one of the parts is there. */
struct line {
	LIST(struct apt_package) package;
	LIST(struct apt_event) event;
	const char *note;
	const char *error;
	strs ways;
	long long code;
	bool done, fetched;
};

static const char *const event_words[] = { "index", "download", "install", "wait", NULL };

static const struct rec_row event_rows[] = {
	{ .name = "kind",
	  .type = REC_WORD,
	  .offset = offsetof(struct apt_event, kind),
	  .words = event_words },
	REC_ROW(struct apt_event, what, REC_STR, NULL),
	REC_ROW(struct apt_event, done, REC_INT, NULL),
	REC_ROW(struct apt_event, total, REC_INT, NULL),
	REC_ROW(struct apt_event, rate, REC_INT, NULL),
	REC_END,
};

static const struct rec_row line_rows[] = {
	{ .name = "package",
	  .type = REC_LIST,
	  .offset = offsetof(struct line, package),
	  .rows = apt_package_rows,
	  .size = sizeof(struct apt_package) },
	{ .name = "event",
	  .type = REC_LIST,
	  .offset = offsetof(struct line, event),
	  .rows = event_rows,
	  .size = sizeof(struct apt_event) },
	REC_ROW(struct line, note, REC_STR, NULL),
	REC_ROW(struct line, error, REC_STR, NULL),
	REC_ROW(struct line, ways, REC_STRS, NULL),
	REC_ROW(struct line, code, REC_INT, NULL),
	REC_ROW(struct line, done, REC_BOOL, NULL),
	REC_ROW(struct line, fetched, REC_BOOL, NULL),
	REC_END,
};

/* ---- the child ---- */

struct worker {
	const struct apt_job *job;
	const struct sys *sys;
	int out;
	struct apt_answer answer; /* the set so far, for the comparison before installing */
};

static void send_line(const struct worker *w, const struct line *l)
{
	auto_buf struct buf b = BUF_TEXT;
	struct jw j = { .out = &b, .compact = true };

	rec_write(&j, line_rows, l);
	buf_addc(&b, '\n');
	if (fd_write_all(w->out, b.data, b.len) == 0)
		return;
	/*
	 * The parent is gone: nobody to tell. dpkg must still come to its end; but what only looks
	 * ends here, with the processes in which libapt fetches. An orphan would keep the indexes
	 * locked until a mirror that does not answer has timed out.
	 */
	errno = 0;
	if (w->job->verb != APT_INSTALL)
		kill(0, SIGKILL);
}

static void on_package(void *ctx, const struct apt_package *p)
{
	struct worker *w = ctx;
	struct apt_package copy = *p;
	struct apt_package *kept = list_push(w->answer.a, &w->answer.packages);

	*kept = (struct apt_package){
		.name = arena_str(w->answer.a, p->name),
		.arch = arena_str(w->answer.a, p->arch),
		.version = arena_str(w->answer.a, p->version),
	};
	send_line(w, &(struct line){ .package = { .at = &copy, .n = 1 } });
}

static void on_event(void *ctx, const struct apt_event *ev)
{
	struct apt_event copy = *ev;

	send_line(ctx, &(struct line){ .event = { .at = &copy, .n = 1 } });
}

static void on_note(void *ctx, const char *text)
{
	send_line(ctx, &(struct line){ .note = text });
}

static void on_fetched(void *ctx)
{
	send_line(ctx, &(struct line){ .fetched = true });
}

static int by_name(const void *a, const void *b)
{
	const struct apt_package *x = a, *y = b;
	int c = str_cmp(x->name, y->name);

	return c ? c : str_cmp(x->arch, y->arch);
}

static void sort_answer(struct apt_answer *answer)
{
	if (answer->packages.n)
		qsort(answer->packages.at, answer->packages.n, sizeof(*answer->packages.at),
		      by_name);
}

/* Before anything is changed: is the set what the plan showed? */
static int on_approve(void *ctx, struct err *e)
{
	struct worker *w = ctx;
	strs differences = { 0 };
	auto_buf struct buf text = BUF_TEXT;

	if (!w->job->expect)
		return 0;
	sort_answer(&w->answer);
	apt_answer_diff(w->job->expect, &w->answer, w->answer.a, &differences);
	if (!differences.n)
		return 0;
	list_each (&differences, line)
		buf_addf(&text, "%s%s", text.len ? "; " : "", *line);
	err_set(e, GP_SET_DIFFERS, "apt would now install another set than the plan shows: %s",
		buf_str(&text));
	err_way(e, "make the plan again with --refresh, and look at what changed");
	return -1;
}

static void on_fetch_event(void *ctx, const struct fetch_event *ev)
{
	on_event(ctx, &(struct apt_event){ .kind = APT_EV_DOWNLOAD,
					   .what = "",
					   .done = ev->done,
					   .total = ev->total,
					   .rate = ev->rate });
}

/* As many connections to one host as browsers open. */
enum { CONNECTIONS = 6, ALL_CONNECTIONS = 24 };

static void on_fetch(void *ctx, const struct apt_files *files)
{
	struct worker *w = ctx;
	struct real folder = { .root_fd = files->folder, .log_fd = -1 };
	const struct sys to = { .ops = w->sys->ops,
				.ctx = &folder,
				.root = "apt's folder of packages",
				.live = w->sys->live };
	const struct fetch_listener listener = { on_fetch_event, w };
	struct fetch_job job = {
		.parallel = ALL_CONNECTIONS,
		.per_host = CONNECTIONS,
		.tries = files->tries,
		.stall_s = files->stall_s,
		.ca = files->ca,
		.shared = true,
	};
	auto_err e = { 0 };

	for (size_t i = 0; i < files->n; i++) {
		const struct apt_file *f = &files->at[i];
		struct fetch_file *to_fetch = list_push(w->answer.a, &job.files);

		*to_fetch = (struct fetch_file){ .path = f->whole,
						 .part = f->part,
						 .name = f->part,
						 .sha256 = f->sha256,
						 .size = f->size,
						 .proxy = f->proxy };
		list_add(w->answer.a, &to_fetch->urls, f->uri);
	}
	/* libapt then downloads them, over one connection: slower, and nothing else. */
	if (sys_fetch(&to, &job, &listener, &e))
		on_note(w, e.text);
}

static void *load(const char *dir, struct err *e)
{
	static const char *const names[] = { "gpuprov-apt-6.0.so", "gpuprov-apt-7.0.so", NULL };

	for (int i = 0; names[i]; i++) {
		auto_free char *path = mem_printf("%s/%s", dir, names[i]);
		void *so = access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);

		if (so)
			return so;
		if (access(path, R_OK) == 0 && !e->code)
			err_set(e, GP_APT_MISSING, "loading '%s': %s", path, dlerror());
	}
	return NULL;
}

/* Beside the program (a build tree), or where `make install` puts it. */
static const struct apt_backend *find_backend(struct err *e)
{
	auto_err reason = { 0 };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const struct apt_backend *back;
	void *so = NULL;

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		so = load(self, &reason);
	}
	if (!so)
		so = load(LIBDIR "/gpuprov", &reason);
	back = so ? dlsym(so, "gpuprov_apt_backend") : NULL;
	if (back && back->version == APT_BACKEND_VERSION)
		return back;
	if (reason.code)
		err_move(e, &reason);
	else if (back)
		err_set(e, GP_APT_MISSING,
			"the apt back end is of version %d, this program needs %d", back->version,
			APT_BACKEND_VERSION);
	else
		err_set(e, GP_APT_MISSING,
			"no apt back end for this system: gpuprov-apt-*.so is neither beside the "
			"program nor in '%s'",
			LIBDIR "/gpuprov");
	err_way(e, "install gpuprov completely: apt install ./gpuprov_*.deb, or make install");
	err_way(e, "on a system without libapt use driver.source: runfile");
	return NULL;
}

/* Only what libapt and maintainer scripts should see. Proxies are the user's word. */
static void clean_environment(void)
{
	static const char *const kept[] = { "http_proxy", "https_proxy", "ftp_proxy",
					    "no_proxy",   "TZ",          NULL };
	char *values[8] = { NULL };

	for (int i = 0; kept[i]; i++)
		if (getenv(kept[i]))
			values[i] = mem_strdup(getenv(kept[i]));
	clearenv();
	for (int i = 0; kept[i]; i++)
		if (values[i])
			setenv(kept[i], values[i], 1);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("HOME", "/root", 1);
	setenv("DEBIAN_FRONTEND", "noninteractive", 1);
	setenv("DEBCONF_NONINTERACTIVE_SEEN", "true", 1);
}

static int quiet_descriptors(int log_fd)
{
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -1;
	return dup2(null, 0) < 0 || dup2(log_fd >= 0 ? log_fd : null, 1) < 0 ||
	       dup2(log_fd >= 0 ? log_fd : null, 2) < 0;
}

/*
 * When dpkg gives up before it has anything to report, libapt says no more than "returned an error
 * code (2)". Its own words are the last line that it wrote into the log.
 */
static void quote_dpkg(int log_fd, off_t from, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64 << 10);
	auto_free char *doing = mem_strdup(e->text);
	auto_free char *said = NULL;
	off_t end = lseek(log_fd, 0, SEEK_END);
	struct piece rest, line, last = { 0 };

	if (end > from + (off_t)text.limit / 2)
		from = end - (off_t)text.limit / 2;
	if (end < 0 || lseek(log_fd, from, SEEK_SET) < 0 || fd_read_all(log_fd, &text))
		return;
	rest = (struct piece){ buf_str(&text), text.len };
	while (str_line(&rest, &line))
		if (piece_starts(line, "dpkg: error"))
			last = str_trim(line);
	if (!last.len)
		return;
	said = mem_printf("%.*s", (int)last.len, last.at);
	apt_fault_set(e, e->code, doing, said);
}

static int work(struct worker *w, const struct sys *s, struct err *e)
{
	const struct real *r = s->ctx;
	off_t log_from = r->log_fd < 0 ? 0 : lseek(r->log_fd, 0, SEEK_END);
	const struct apt_backend *back = find_backend(e);
	struct apt_sink sink = {
		w, on_package, on_event, on_note, on_approve, on_fetch, on_fetched
	};

	if (!back)
		return -1;
	if (quiet_descriptors(r->log_fd))
		return err_errno(e, errno, "opening /dev/null");
	clean_environment();
	if (w->job->verb == APT_INSTALL && !s->live && image_mounts(s->root, e))
		return -1;
	if (back->run(w->job, &sink, e) == 0)
		return 0;
	if (e->code == GP_DPKG_FAILED && strstr(e->text, "returned an error code"))
		quote_dpkg(r->log_fd, log_from, e);
	return -1;
}

static _Noreturn void child(const struct sys *s, const struct apt_job *job, int out)
{
	struct arena a = { 0 };
	struct worker w = { .job = job, .sys = s, .out = out, .answer = { .a = &a } };
	struct err e = { 0 };
	struct line last = { .done = true };

	/*
	 * Ctrl-C at the terminal reaches the whole foreground group. What happens to a running dpkg
	 * is the parent's decision, so the child leaves that group; and when the parent dies it
	 * installs on, because a dpkg cut short is worse than one nobody watches. Its own session
	 * has no terminal, so that a maintainer script that would ask there gets no answer at once.
	 */
	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	if (work(&w, s, &e)) {
		last.error = e.text ? e.text : "failed";
		last.code = e.code;
		for (size_t i = 0; i < e.n_ways; i++)
			list_add(&a, &last.ways, e.ways[i]);
	}
	send_line(&w, &last);
	_exit(0);
}

/* ---- the parent ---- */

static int take_line(const char *text, size_t len, const struct apt_listener *listener,
		     struct apt_answer *ret, bool *done, struct err *e)
{
	struct line l = { 0 };

	if (rec_read(text, len, "the apt back end's answer", line_rows, &l, ret->a, e))
		return -1;
	if (l.package.n)
		list_add(ret->a, &ret->packages, l.package.at[0]);
	if (l.event.n && listener)
		listener->event(listener->ctx, &l.event.at[0]);
	if (l.note)
		list_add(ret->a, &ret->notes, l.note);
	if (l.error) {
		err_set(e, (enum code)l.code, "%s", l.error);
		list_each (&l.ways, way)
			err_way(e, "%s", *way);
		return -1;
	}
	ret->fetched |= l.fetched;
	*done |= l.done;
	return 0;
}

static int take_lines(int in, const struct apt_listener *listener, struct apt_answer *ret,
		      bool *done, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	char bytes[8192];
	int rc = 0;

	for (;;) {
		ssize_t n = read(in, bytes, sizeof(bytes));
		char *newline;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rc;
		buf_add(&b, bytes, (size_t)n);
		/*
		 * After the first error the rest is read and dropped, so that the child is not
		 * stuck.
		 */
		while (b.len && (newline = memchr(b.data, '\n', b.len))) {
			size_t len = (size_t)(newline - b.data);

			if (!rc)
				rc = take_line(b.data, len, listener, ret, done, e);
			memmove(b.data, newline + 1, b.len - len - 1);
			buf_cut(&b, b.len - len - 1);
		}
	}
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int real_apt(const struct sys *s, const struct apt_job *job, const struct apt_listener *listener,
	     struct apt_answer *ret, struct err *e)
{
	auto_close int in = -1, out = -1;
	bool done = false;
	int ends[2], rc, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, errno, "starting the apt back end");
	in = ends[0], out = ends[1];
	pid = fork();
	if (pid < 0)
		return err_errno(e, errno, "starting the apt back end");
	if (pid == 0) {
		/* With a reader of its own, the pipe would fill and block when the parent dies. */
		close(steal_fd(&in));
		child(s, job, out);
	}
	close(steal_fd(&out));
	rc = take_lines(in, listener, ret, &done, e);
	status = wait_for(pid);
	if (!rc && !done)
		rc = err_set(e, GP_APT_BROKEN, "the apt back end ended early (status %d)", status);
	sort_answer(ret);
	return rc;
}
