/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking libapt. The work is done by a back end, a shared object of its own for each ABI of libapt
 * (apt.cc), which is loaded only in a child process forked for one job: libapt keeps global state,
 * may crash on what it reads, and lets maintainer scripts write to our terminal. The job is seen by
 * the child because it is a fork; answers come back as lines of JSON over a pipe.
 *
 * Nothing here is named after libapt's own types, so the rest of the program does not depend on it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/rec.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum apt_verb {
	APT_RESOLVE,    /* which exact set would be installed; changes only the private folders */
	APT_UPDATE,     /* fetch the indexes of the root's own sources into its own lists */
	APT_INSTALL,    /* resolve again, compare with `expect`, download, install */
	APT_FETCH,      /* one file, as apt would: its proxies, its credentials */
	APT_CANDIDATES, /* what apt would take of each name of `wants`; `origin` is that of Release
			 */
};

enum apt_refresh {
	APT_USE_LISTS,    /* never touch the network */
	APT_FETCH_LISTS,  /* fetch the indexes first */
	APT_FETCH_ABSENT, /* fetch if the indexes of any source are absent */
};

/* A package asked for by name. */
struct apt_want {
	const char *name;
	const char *version; /* exactly this version, or NULL */
	const char *within;  /* a version whose upstream part lies within this ("535"), or NULL */
	bool away;           /* it must not be there: removed, its configuration is kept */
	bool if_offered;     /* left out where no repository has it */
};

enum apt_change { APT_NEW, APT_UPGRADE, APT_DOWNGRADE, APT_REINSTALL, APT_REMOVE };

/* "new", "upgrade", ... and back; an unknown word is APT_NEW. */
const char *apt_change_word(enum apt_change change);
enum apt_change apt_change_named(const char *word);

struct apt_package {
	const char *name, *arch;
	const char *version;     /* the new one; NULL on removal */
	const char *old_version; /* NULL when it is not installed */
	enum apt_change change;
	const char *source; /* source package: what belongs together has one source */
	const char *origin; /* "Debian-Security" */
	const char *suite;  /* "bookworm-security" */
	const char *component;
	const char *sha256;
	const char *because; /* the package that needs it; NULL = asked for */
	bool transitional;   /* an empty package on the way to another, by its description */
	long long download;  /* bytes of the .deb */
	long long disk;      /* bytes it adds on disk, negative when it frees */
};

struct apt_job {
	enum apt_verb verb;
	enum apt_refresh refresh;
	const char *root;    /* "/" or the absolute path of an image */
	const char *sources; /* absolute folder in place of the root's sources; NULL = its own */
	const char *lists;   /* absolute folder for index files; NULL = its own */
	const char *caches;  /* absolute folder for binary caches; NULL = its own */
	const char *status;  /* absolute file in place of the root's dpkg status; NULL = that */
	const char *preferences; /* absolute folder in place of the root's; NULL = its own */
	const char *proxy;       /* in place of what apt is configured to use; NULL = that */
	long long lock_wait;     /* seconds to wait for a lock that another program holds */
	bool recommends;
	const char *fetch_uri, *fetch_to; /* APT_FETCH: what, and the absolute path to put it at */
	LIST(struct apt_want) wants;
	const struct apt_answer *expect; /* APT_INSTALL: refuse when the set is another */
};

struct apt_answer {
	struct arena *a;                   /* set by the caller: holds everything below */
	LIST(struct apt_package) packages; /* sorted by name, architecture */
	strs notes;                        /* warnings of libapt that did not stop the work */
	bool fetched;                      /* indexes were fetched for it */
};

enum apt_event_kind { APT_EV_INDEX, APT_EV_DOWNLOAD, APT_EV_INSTALL, APT_EV_WAIT };

/*
 * Progress. For INSTALL, done and total are dpkg's steps and `what` its words; for WAIT `what`
 * names who holds a lock; else bytes.
 */
struct apt_event {
	enum apt_event_kind kind;
	const char *what;
	long long done, total;
	long long rate; /* bytes a second */
};

struct apt_listener {
	void (*event)(void *ctx, const struct apt_event *ev);
	void *ctx;
};

extern const struct rec_row apt_package_rows[];

/* Lines that tell how `now` differs from `expected` ("libcuda1: plan 535.1, now 535.2"). */
void apt_answer_diff(const struct apt_answer *expected, const struct apt_answer *now,
		     struct arena *a, strs *ret);

/*
 * The back end: a shared object exports `const struct apt_backend gpuprov_apt_backend`. It reports
 * through the sink and returns 0 or -1 with the error set.
 */
enum { APT_BACKEND_VERSION = 4 };

/* A package that can be downloaded before libapt does it. Addresses may hold passwords. */
struct apt_file {
	const char *uri;
	const char *part, *whole; /* names in the folder: on its way, and when it is right */
	const char *sha256;
	const char *proxy; /* "" = none; NULL = what the environment says */
	unsigned long long size;
};

struct apt_files {
	const struct apt_file *at;
	size_t n;
	int folder; /* open */
	unsigned tries, stall_s;
	const char *ca; /* file of certificates; NULL = the system's */
};

struct apt_sink {
	void *ctx;
	void (*package)(void *ctx, const struct apt_package *p);
	void (*event)(void *ctx, const struct apt_event *ev);
	void (*note)(void *ctx, const char *text);
	/* APT_INSTALL, after the last package() and before anything is changed: may it go on? */
	int (*approve)(void *ctx, struct err *e);
	/* Download into the folder what can be had, several at a time; called without rights. */
	void (*fetch)(void *ctx, const struct apt_files *files);
	void (*fetched)(void *ctx); /* the indexes are new */
};

struct apt_backend {
	int version;         /* APT_BACKEND_VERSION */
	const char *library; /* "libapt-pkg 6.0" */
	int (*run)(const struct apt_job *job, const struct apt_sink *sink, struct err *e);
};

#ifdef __cplusplus
}
#endif
