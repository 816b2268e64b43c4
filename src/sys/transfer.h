/* SPDX-License-Identifier: Apache-2.0 */
/* One try at one address by libcurl, and the part of a file that it fills. Without libcurl's names.
 */
#pragma once

#include "sys/hash.h"
#include "sys/sys.h"

/* The part of a file that is there: its bytes, their sums, and what the server called them. */
struct part {
	int fd, dir;
	char *name; /* in dir */
	char *etag; /* strong validator of what is there, or NULL */
	unsigned long long have;
	struct hash *sha256, *md5; /* MD5 only where it is wanted */
	bool pinned, wants_md5;
	bool alone;               /* there is no thread to be had */
	struct behind *behind;    /* a thread that hashes what is written; NULL = nobody does */
	unsigned long long begun; /* where this try began */
	unsigned long long sent;  /* so many bytes are on their way to the disk */
};

/*
 * Open or make it, lock it, hash what is there. What cannot be gone on from (no hash is pinned, and
 * the server gave no strong validator) is thrown away.
 */
int part_open(const struct sys *s, const char *path, bool pinned, bool wants_md5, struct part *ret,
	      struct err *e);
void part_close(struct part *p); /* once or twice */
int part_restart(struct part *p, struct err *e);
/* Write and hash what arrived; -1 with errno. */
int part_add(struct part *p, const char *bytes, size_t len);
/*
 * Sums of all bytes, "" for an MD5 that is not wanted; ends the hashing, so that only a restart or
 * the end can follow. -1 with errno: the bytes cannot be read again.
 */
int part_sums(struct part *p, char sha256[static HASH_HEX], char md5[static HASH_HEX]);

struct transfer_job {
	const char *url, *proxy, *ca;
	unsigned stall_s;
	unsigned long long most;
	bool pinned;
	bool separate; /* a connection of its own: HTTP/1.1 */
	bool plain;    /* http may be redirected to http */
};

struct transfer_end {
	bool may_pass; /* the same try can succeed later */
	unsigned retry_after_s;
};

struct transfers;
struct transfer;

/* NULL when libcurl is not installed. */
struct transfers *transfers_open(struct err *e);
void transfers_close(struct transfers *t);
/* Let all of them go on for at most `ms`. */
int transfers_work(struct transfers *t, int ms, struct err *e);

struct transfer *transfer_start(struct transfers *t, const struct transfer_job *job,
				struct part *part, struct err *e);
bool transfer_ended(const struct transfer *t);
bool transfer_resumed(const struct transfer *t);
/* 0 when the server gave all it had; the part then holds it. Frees it. */
int transfer_finish(struct transfer *t, struct transfer_end *ret, struct err *e);
void transfer_cancel(struct transfer *t);

/* An address as it may be shown: no user, no password, no query. */
void url_shown(const char *url, struct buf *ret);
