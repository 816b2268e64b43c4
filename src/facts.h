/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host is. A value: gathered by the probes or read from a JSON file, const afterwards, an
 * input of the solver on any machine. Strings that are NULL and lists that are empty mean "there is
 * none", unless `notes` says that the fact is unknown, and why.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/rec.h"

#include <stdbool.h>

struct sys;

#define FACTS_SCHEMA "gpuprov.facts/1"

struct fact_os {
	const char *id;       /* os-release ID: debian, ubuntu */
	const char *version;  /* VERSION_ID: "12", "24.04"; NULL on sid */
	const char *codename; /* bookworm, noble */
	const char *name;     /* PRETTY_NAME */
	const char *arch;     /* dpkg's name: amd64, arm64 */
};

struct fact_gpu {
	const char *address;   /* 0000:3b:00.0; NULL when the profile or --gpu named it */
	const char *vendor;    /* 10de */
	const char *device;    /* 1eb8, lower case as in sysfs */
	const char *subsystem; /* 10de:12a2 */
	const char *class_id;  /* 030200: class, subclass, interface */
	const char *driver;    /* kernel driver bound to it */
};

struct fact_kernel {
	const char *release; /* 6.1.0-56-amd64 */
	bool running;
	bool headers;          /* its headers are there, so a module can be built for it */
	bool image;            /* /boot has it, so it can be booted */
	const char *nvidia;    /* version of the NVIDIA module installed for it */
	const char *flavour;   /* open or proprietary, by the module's licence */
	const char *initramfs; /* "fresh", "stale" (older than modprobe.d), NULL = it has none */
};

struct fact_package {
	const char *name, *arch, *version;
	const char *status; /* "installed", "half-configured", ...; as dpkg writes the third word */
	bool held;
	const char *source;
};

struct fact_dpkg {
	strs unfinished;  /* packages that are neither installed nor gone */
	bool interrupted; /* dpkg left a journal of its own */
	strs foreign;     /* foreign architectures */
};

/* One repository entry: one URI, one suite. */
struct fact_source {
	const char *file; /* where it is written */
	const char *uri;  /* without userinfo, with a trailing slash */
	const char *suite;
	strs components;
	const char *signed_by; /* as written: a path, a fingerprint, or the key itself */
	bool trusted;          /* trusted=yes: apt checks nothing */
};

/* A file that gpuprov may own or that decides what it does. */
struct fact_file {
	const char *path;
	const char *state;   /* file, directory, link, other */
	const char *content; /* small text files */
	const char *sha256;
};

struct fact_mount {
	const char *path;
	long long free_bytes;
	bool read_only;
};

struct fact_secure_boot {
	enum tri enabled;
};

/* How a fact was learnt, or why it is unknown. */
struct fact_note {
	const char *fact; /* "gpus", "secure_boot.enabled" */
	const char *from;
	const char *unknown;
};

struct facts {
	const char *schema;
	const char *host;
	bool live;          /* the running system; false for an image */
	const char *kernel; /* running kernel; NULL for an image */
	struct fact_os os;
	LIST(struct fact_gpu) gpus;
	LIST(struct fact_gpu) switches; /* NVSwitch devices */
	LIST(struct fact_kernel) kernels;
	struct fact_secure_boot secure_boot;
	strs modules; /* loaded modules that matter: nvidia*, nouveau, nova* */
	struct fact_dpkg dpkg;
	LIST(struct fact_package) packages; /* those that matter here */
	LIST(struct fact_source) sources;
	LIST(struct fact_file) files;
	LIST(struct fact_mount) mounts;
	LIST(struct fact_note) notes;
	struct arena *a;
};

extern const struct rec_row facts_rows[];

/* Run every probe. Fails only when nothing can be said at all (the root is not a system). */
int facts_gather(const struct sys *sys, struct arena *a, struct facts *ret, struct err *e);

/* From JSON; refuses another schema. `what` names the text in messages. */
int facts_read(const char *text, size_t len, const char *what, struct arena *a, struct facts *ret,
	       struct err *e);
void facts_write(const struct facts *f, struct buf *ret);

/* Used by the probes. */
void fact_from(struct facts *f, const char *fact, const char *from);
void fact_unknown(struct facts *f, const char *fact, const char *why);

/* Why a fact is unknown; NULL when it is known. */
const char *facts_unknown(const struct facts *f, const char *fact);

const struct fact_package *facts_package(const struct facts *f, const char *name);
bool facts_installed(const struct facts *f, const char *name); /* fully, not half */
const struct fact_file *facts_file(const struct facts *f, const char *path);

/* "debian 12 (bookworm), linux 6.1.0-56-amd64, 2 x Tesla T4": the first line of a plan. */
struct catalog;
void facts_summary(const struct facts *f, const struct catalog *c, struct buf *ret);
/* "2 x Tesla T4, 1 x NVIDIA L40S" */
void facts_gpu_names(const struct facts *f, const struct catalog *c, struct buf *ret);
