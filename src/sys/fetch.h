/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloading files into a cache. A file comes to its place only whole and only with the SHA-256
 * that is pinned; until then it is a part beside it, from which a later try goes on. Several files
 * are fetched at once; addresses of a file are tried in turn, and what may pass is tried again
 * after a pause. https everywhere: plain http only for pinned files, a redirection only
 * to https. No more bytes are taken than the file is known to have.
 */
#pragma once

#include "sys/sys.h"

struct fetch_file {
	const char *path;        /* its place beneath the root of the cache */
	const char *name;        /* for people */
	strs urls;               /* https:, http: or file: */
	const char *sha256;      /* NULL only when the user wants no check */
	const char *md5;         /* what the publisher's list says, or NULL; never the pin */
	unsigned long long size; /* 0 = not known */
	const char *part;        /* where its bytes come together; NULL = `path` and ".part" */
	const char *proxy;       /* "" = none; NULL = that of the job */
};

struct fetch_job {
	LIST(struct fetch_file) files;
	unsigned parallel;       /* so many at a time; 0 = 4 */
	const char *proxy;       /* NULL = what the environment says */
	const char *ca;          /* file of certificates; NULL = the system's */
	unsigned pause_ms;       /* before the second try, doubled each time; 0 = 1000 */
	unsigned stall_s;        /* give up when so slow for so long; 0 = 60 */
	unsigned long long most; /* bytes, where the size is not known; 0 = 16 GiB */
	unsigned per_host;       /* so many at a time from one host; 0 = as from all */
	unsigned tries;          /* of one address; 0 = 5 */
	/*
	 * The folder is another program's, which can fetch what is missing in the end, and say why
	 * that cannot be had: one file does not stop the others, nothing waits for the disk, and
	 * what begins by http may be redirected to http. One connection for each file that is on
	 * its way, because content networks limit each connection.
	 */
	bool shared;
};

/* The state of all downloads together. */
struct fetch_event {
	const char *what;      /* name of the file, or "3 files" */
	long long done, total; /* bytes; total 0 = not known */
	long long rate;        /* bytes a second */
	long long left_s;      /* -1 = not known */
};

struct fetch_listener {
	void (*event)(void *ctx, const struct fetch_event *ev);
	void *ctx;
};

/*
 * Fetch what is not there yet. A file that is there already is not looked into: whoever uses it
 * hashes what it uses. When s->offline is set, a missing file is GP_NOT_IN_CACHE.
 */
int real_fetch(const struct sys *s, const struct fetch_job *job,
	       const struct fetch_listener *listener, struct err *e);
