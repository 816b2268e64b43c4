/* SPDX-License-Identifier: Apache-2.0 */
/* Downloading: which try comes next, and how it ends. The transfer itself is in transfer.c. */
#include "sys/fetch.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"
#include "sys/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TRIES = 5, TICK_MS = 200, PARALLEL = 4 };

/* One file on its way. */
struct download {
	const struct fetch_file *file;
	struct part part;
	struct transfer *running;
	long long not_before;     /* ms: the pause before the next try */
	size_t url;               /* which address */
	unsigned tries;           /* of this address */
	unsigned long long there; /* bytes of an earlier run */
	bool started_over;        /* a resumed part was thrown away once */
	bool done, failed;
	struct err last; /* what the last try said */
};

struct fetching {
	const struct sys *s;
	const struct fetch_job *job;
	const struct fetch_listener *listener;
	struct transfers *transfers;
	struct download *at;
	size_t n;
	long long began, resumed; /* when, and bytes that were there by then */
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- the place ---- */

/* The caller frees. */
static char *part_path(const struct fetch_file *f)
{
	return f->part ? mem_strdup(f->part) : mem_printf("%s.part", f->path);
}

static int is_there(const struct sys *s, const struct fetch_file *f, bool *ret, struct err *e)
{
	struct sys_stat st;

	if (sys_stat(s, f->path, &st, e))
		return -1;
	*ret = st.type == SYS_FILE && (!f->size || st.size == f->size);
	return 0;
}

static int check_urls(const struct fetch_file *f, struct err *e)
{
	list_each (&f->urls, url) {
		auto_buf struct buf shown = BUF_TEXT;
		bool http = str_starts(*url, "http://");

		url_shown(*url, &shown);
		if (str_starts(*url, "https://") || str_starts(*url, "file:///") ||
		    (http && f->sha256))
			continue;
		if (http) {
			err_set(e, GP_NOT_PINNED,
				"'%s' is not https, and no hash of %s is known to check it with",
				buf_str(&shown), f->name);
			err_way(e, "give its sha256 in the profile, or an https address");
			return -1;
		}
		return err_set(e, GP_BAD_VALUE, "'%s' is no https, http or file address",
			       buf_str(&shown));
	}
	if (!f->urls.n)
		return err_set(e, GP_NO_FILE, "no address is known for %s", f->name);
	return 0;
}

/* ---- how a try ends ---- */

/* Whole and right: into its place, so that it is there after a power cut too. */
static int put_in_place(struct fetching *f, struct download *d, struct err *e)
{
	auto_free char *temp = part_path(d->file);
	bool sync = !f->job->shared;
	const char *from, *to;
	auto_close int dir = path_open_parent(real_root_fd(f->s), d->file->path, PATH_STRICT, &to);

	from = strrchr(temp, '/');
	from = from ? from + 1 : temp;
	if (dir < 0 || fchmod(d->part.fd, 0644) || (sync && fsync(d->part.fd)) ||
	    renameat(dir, from, dir, to) || (sync && fsync(dir)))
		return err_errno(e, errno, "keeping %s in the cache", d->file->name);
	part_close(&d->part);
	d->done = true;
	return 0;
}

static int wrong_bytes(struct download *d, const char *what, const char *got, const char *want,
		       struct err *e)
{
	auto_buf struct buf shown = BUF_TEXT;

	url_shown(d->file->urls.at[d->url], &shown);
	err_set(e, GP_HASH_MISMATCH, "'%s' is not the pinned file: its %s is %s, not %s",
		buf_str(&shown), what, got, want);
	err_way(e, "if the file was replaced on purpose, pin the new hash in the profile");
	err_way(e, "use another mirror");
	return -1;
}

static int check_bytes(struct download *d, struct err *e)
{
	const struct fetch_file *file = d->file;
	char sha256[HASH_HEX], md5[HASH_HEX];

	if (part_sums(&d->part, sha256, md5))
		return err_errno(e, errno, "reading what was downloaded of %s", file->name);
	if (file->sha256 && !str_eq(sha256, file->sha256))
		return wrong_bytes(d, "SHA-256", sha256, file->sha256, e);
	if (file->md5 && !str_eq(md5, file->md5))
		return wrong_bytes(d, "MD5", md5, file->md5, e);
	return 0;
}

static int cut_off(const struct download *d, struct err *e)
{
	auto_buf struct buf shown = BUF_TEXT;

	url_shown(d->file->urls.at[d->url], &shown);
	err_set(e, GP_DOWNLOAD_FAILED, "'%s' ends after %llu of %llu bytes", buf_str(&shown),
		d->part.have, d->file->size);
	err_way(e, "use another mirror");
	return -1;
}

/* The next try: again from here after a pause, from the next address, or none. */
static void try_again(struct fetching *f, struct download *d, bool may_pass, unsigned wait_s)
{
	unsigned pause = f->job->pause_ms ? f->job->pause_ms : 1000;

	if (may_pass && ++d->tries < (f->job->tries ? f->job->tries : TRIES)) {
		long long wait = (long long)pause << (d->tries - 1);

		if (wait_s && wait_s <= 120 && wait < wait_s * 1000LL)
			wait = wait_s * 1000LL;
		d->not_before = now_ms() + wait;
		return;
	}
	d->tries = 0;
	d->url++;
}

/* 1 = go on, 0 = this file is done, -1 = there is no way to have it. */
static int finish(struct fetching *f, struct download *d, struct err *e)
{
	struct transfer_end end = { 0 };
	bool resumed = !d->running || transfer_resumed(d->running);
	int rc = 0;

	err_drop(&d->last);
	if (d->running) /* else all of it was there */
		rc = transfer_finish(d->running, &end, &d->last);
	d->running = NULL;
	/* An answer without a length that is cut off looks whole. */
	if (rc == 0 && d->part.have < d->file->size) {
		end.may_pass = true;
		rc = cut_off(d, &d->last);
	}
	if (rc == 0 && check_bytes(d, &d->last) == 0)
		return put_in_place(f, d, e);
	if (rc == 0) {
		/* What is there is wrong, so nothing can go on from it. */
		if (part_restart(&d->part, e))
			return -1;
		if (resumed && !d->started_over) {
			d->started_over = true;
			return 1;
		}
	}
	try_again(f, d, rc && end.may_pass, end.retry_after_s);
	if (d->url < d->file->urls.n)
		return 1;
	err_move(e, &d->last);
	return -1;
}

/* ---- all of them ---- */

static int start(struct fetching *f, struct download *d, struct err *e)
{
	const struct fetch_file *file = d->file;
	const struct transfer_job job = {
		.url = file->urls.at[d->url],
		.proxy = file->proxy ? file->proxy : f->job->proxy,
		.ca = f->job->ca,
		.stall_s = f->job->stall_s ? f->job->stall_s : 60,
		.most = file->size   ? file->size :
			f->job->most ? f->job->most :
				       16ULL << 30,
		.pinned = file->sha256 != NULL,
		.separate = f->job->shared,
		.plain = f->job->shared,
	};
	auto_free char *temp = part_path(file);

	if (d->part.fd < 0 &&
	    part_open(f->s, temp, file->sha256 != NULL, file->md5 != NULL, &d->part, e))
		return -1;
	if (file->sha256 && file->size && d->part.have == file->size)
		return finish(f, d, e) < 0 ? -1 : 0;
	d->running = transfer_start(f->transfers, &job, &d->part, e);
	return d->running ? 0 : -1;
}

static void tell(struct fetching *f)
{
	struct fetch_event ev = { .left_s = -1 };
	long long ms = now_ms() - f->began;
	size_t open = 0;
	bool known = true;
	auto_free char *files = NULL;

	for (size_t i = 0; i < f->n; i++) {
		const struct download *d = &f->at[i];

		ev.done += (long long)(d->done && d->file->size ? d->file->size :
				       d->part.fd >= 0          ? d->part.have :
								  d->there);
		ev.total += (long long)d->file->size;
		known &= d->file->size > 0;
		if (!d->done && !d->failed) {
			open++;
			ev.what = d->file->name;
		}
	}
	if (!f->listener || !open)
		return;
	if (!known)
		ev.total = 0;
	ev.rate = ms > 0 ? (ev.done - f->resumed) * 1000 / ms : 0;
	if (ev.total && ev.rate > 0)
		ev.left_s = (ev.total - ev.done) / ev.rate;
	if (open > 1) {
		files = mem_printf("%zu files", open);
		ev.what = files;
	}
	f->listener->event(f->listener->ctx, &ev);
}

/* "mirror.example:8080" of an address. */
static struct piece host_of(const struct download *d)
{
	const char *url = d->file->urls.at[d->url];
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return (struct piece){ host, strcspn(host, "/?#") };
}

/* May one more begin, and this one? */
static bool has_turn(const struct fetching *f, const struct download *next)
{
	size_t most = f->job->parallel ? f->job->parallel : PARALLEL;
	size_t all = 0, of_host = 0;
	struct piece host = host_of(next);

	if (now_ms() < next->not_before)
		return false;
	for (size_t i = 0; i < f->n; i++) {
		struct piece other;

		if (!f->at[i].running)
			continue;
		all++;
		other = host_of(&f->at[i]);
		of_host += other.len == host.len && memcmp(other.at, host.at, host.len) == 0;
	}
	return all < most && (!f->job->per_host || of_host < f->job->per_host);
}

static int one_step(struct fetching *f, struct download *d, struct err *e)
{
	if (d->running && transfer_ended(d->running) && finish(f, d, e) < 0)
		return -1;
	if (d->done || d->running || !has_turn(f, d))
		return 0;
	return start(f, d, e);
}

static int step(struct fetching *f, size_t *ret_open, struct err *e)
{
	*ret_open = 0;
	for (size_t i = 0; i < f->n; i++) {
		struct download *d = &f->at[i];
		auto_err why = { 0 };

		if (d->done || d->failed)
			continue;
		if (one_step(f, d, f->job->shared ? &why : e)) {
			if (!f->job->shared)
				return -1;
			/* Whoever the folder belongs to tries it in its turn, and says why not. */
			d->failed = true;
			part_close(&d->part);
		}
		*ret_open += !d->done && !d->failed;
	}
	return 0;
}

static int run(struct fetching *f, struct err *e)
{
	size_t open = 0;

	for (;;) {
		if (step(f, &open, e))
			return -1;
		if (!open)
			return 0;
		if (transfers_work(f->transfers, TICK_MS, e))
			return -1;
		tell(f);
	}
}

/* What earlier runs left of them. */
static int see_parts(struct fetching *f, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		auto_free char *temp = part_path(f->at[i].file);
		struct sys_stat st;

		if (sys_stat(f->s, temp, &st, e))
			return -1;
		if (st.type == SYS_FILE && f->at[i].file->sha256)
			f->at[i].there = st.size;
		f->resumed += (long long)f->at[i].there;
	}
	return 0;
}

/* A disk that will be full in an hour is known to be too small now. */
static int check_room(const struct fetching *f, struct err *e)
{
	auto_buf struct buf text = BUF_TEXT;
	unsigned long long need = 0;
	struct sys_space space;

	for (size_t i = 0; i < f->n; i++)
		if (f->at[i].file->size > f->at[i].there)
			need += f->at[i].file->size - f->at[i].there;
	if (!need || f->job->shared)
		return 0;
	if (sys_space(f->s, "", &space, e))
		return -1;
	if (space.free_bytes >= need)
		return 0;
	str_size(&text, need);
	buf_adds(&text, " are to be downloaded into the cache, and it has room for ");
	str_size(&text, space.free_bytes);
	err_set(e, GP_NO_SPACE, "%s", buf_str(&text));
	err_way(e, "make room at '%s'", f->s->root);
	err_way(e, "keep downloads elsewhere: paths.cache in the profile, or --cache DIR");
	return -1;
}

static int fetch_missing(struct fetching *f, struct err *e)
{
	int rc;

	if (see_parts(f, e) || check_room(f, e))
		return -1;
	f->transfers = transfers_open(e);
	if (!f->transfers)
		return -1;
	f->began = now_ms();
	rc = run(f, e);
	for (size_t i = 0; i < f->n; i++)
		if (f->at[i].running)
			transfer_cancel(f->at[i].running);
	transfers_close(f->transfers);
	return rc;
}

static int not_in_cache(const struct fetch_file *f, struct err *e)
{
	err_set(e, GP_NOT_IN_CACHE, "%s is not in the cache, and --offline allows no download",
		f->name);
	err_way(e, "run once without --offline");
	err_way(e, "name a local file in the profile");
	return -1;
}

int real_fetch(const struct sys *s, const struct fetch_job *job,
	       const struct fetch_listener *listener, struct err *e)
{
	auto_free struct download *all = mem_alloc((job->files.n + 1) * sizeof(*all));
	struct fetching f = { .s = s, .job = job, .listener = listener, .at = all };
	int rc = 0;

	list_each (&job->files, file) {
		bool there;

		if (is_there(s, file, &there, e))
			return -1;
		if (there)
			continue;
		if (s->offline)
			return not_in_cache(file, e);
		if (check_urls(file, e))
			return -1;
		f.at[f.n].part.fd = -1;
		f.at[f.n++].file = file;
	}
	if (f.n)
		rc = fetch_missing(&f, e);
	for (size_t i = 0; i < f.n; i++) {
		part_close(&f.at[i].part);
		err_drop(&f.at[i].last);
	}
	return rc;
}
