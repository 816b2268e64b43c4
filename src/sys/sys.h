/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to the outside. Everything that reads or changes the world goes through a
 * `const struct sys *`; the real one is real.c, tests pass a fake that keeps a transcript.
 *
 * Paths are relative to a root ("etc/os-release", no leading slash). The root is "/" for the
 * running system or the directory of --root; symbolic links are resolved beneath it and never lead
 * out.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apt_job;
struct apt_answer;
struct apt_listener;
struct driver_ask;
struct driver_answer;
struct fetch_job;
struct fetch_listener;
struct look_job;
struct look_answer;
struct sys_sealed;

enum sys_type { SYS_ABSENT, SYS_FILE, SYS_DIR, SYS_LINK, SYS_OTHER };

struct sys_stat {
	enum sys_type type;
	unsigned mode; /* permission bits */
	unsigned uid, gid;
	unsigned links;
	unsigned long long size;
	unsigned long long dev, ino; /* which file it is, whatever its name */
	long long mtime_ns;          /* since the epoch */
};

/* An extended attribute: an access control list, an SELinux label. */
struct sys_xattr {
	const char *name;
	const char *hex; /* its value, two digits a byte */
};

/* A file as it was, kept in the store under the hash of its bytes. */
struct sys_kept {
	bool there; /* false: there was none, and nothing else counts */
	const char *sha256;
	long long mode, uid, gid;
	LIST(struct sys_xattr) xattrs;
};

/* Owner and mode of a file to be written. */
struct sys_attr {
	unsigned mode, uid, gid;
	const struct sys_kept *kept; /* exactly its extended attributes; NULL = the old file's */
	/* What the old file was when it was read: if it is not that any more, it is left alone. */
	const struct sys_stat *since;
	/* Folder for the new file until it is complete, on the same file system; NULL = beside. */
	const char *made_in;
};

#define SYS_STORE "var/lib/gpuprov/objects"
enum { SYS_DIGEST = 65 };

/*
 * Sums of a file in one pass. `sha256` is of all of it; the others are of `len` bytes from `from`
 * on, or of all of it when len is 0. Only what `want` names is made.
 */
enum { SUM_SHA256 = 1, SUM_MD5 = 2, SUM_CKSUM = 4, SUM_INNER_SHA256 = 8, SUM_RECORD = 16 };
struct sys_sums {
	unsigned want;
	unsigned long long from, len;
	char sha256[65], md5[65], inner_sha256[65];
	uint32_t cksum;  /* as cksum(1) prints it */
	uint32_t record; /* as nvidia-installer records it */
	unsigned long long size;
};

/* A command. argv[0] is an absolute path inside the root; never a shell string. */
struct sys_cmd {
	const char *const *argv; /* NULL-terminated */
	const char *const *env;  /* added to the allow-listed environment, or NULL */
	unsigned timeout_s;      /* 0 = an hour */
	size_t output_limit;     /* bytes of output to keep; 0 = 64 KiB */
	/*
	 * Run this script by /bin/sh from a sealed copy in memory; argv[0] is its name for
	 * messages. See sys/sealed.h.
	 */
	const struct sys_sealed *sealed;
	const char *input; /* for its standard input; NULL = there is none */
	size_t input_len;
	/* What it complains of is kept apart from its output, which is data and in no log. */
	bool apart;
	bool mounts; /* in an image: private /proc and /dev, for programs that need them */
};

struct sys_done {
	int status;        /* exit status, or 128 + signal */
	struct buf output; /* stdout and stderr together; the caller releases it */
	struct buf errors; /* stderr, where that was asked for; likewise */
	bool timed_out;
};

struct sys_space {
	unsigned long long free_bytes, total_bytes;
	unsigned long long free_files;
	bool read_only;
};

struct sys_ident {
	char kernel[256]; /* running kernel release */
	char machine[64]; /* x86_64, aarch64 */
	char host[256];
	char boot_id[64]; /* "" when unknown */
	char user[64];    /* who called us, also through sudo */
	unsigned euid;
};

/* What a kernel module says of itself. NULL = it does not say. */
struct sys_module {
	const char *version, *license;
	const char *vermagic; /* "6.1.0-56-amd64 SMP preempt mod_unload modversions" */
	bool is_signed;
	const char *signer; /* common name; NULL also when it cannot be read */
};

struct sys;
struct sys_ops {
	int (*read)(const struct sys *s, const char *path, struct buf *ret, struct err *e);
	int (*stat)(const struct sys *s, const char *path, struct sys_stat *ret, struct err *e);
	int (*list)(const struct sys *s, const char *path, struct arena *a, strs *ret,
		    struct err *e);
	int (*readlink)(const struct sys *s, const char *path, struct buf *ret, struct err *e);
	int (*module)(const struct sys *s, const char *path, struct arena *a,
		      struct sys_module *ret, struct err *e);
	int (*replace)(const struct sys *s, const char *path, const void *bytes, size_t len,
		       const struct sys_attr *attr, struct err *e);
	int (*remove)(const struct sys *s, const char *path, struct err *e);
	int (*mkdirs)(const struct sys *s, const char *path, unsigned mode, struct err *e);
	int (*symlink)(const struct sys *s, const char *target, const char *path, struct err *e);
	int (*append)(const struct sys *s, const char *path, const void *bytes, size_t len,
		      struct err *e);
	int (*reserve)(const struct sys *s, const char *path, size_t bytes, struct err *e);
	int (*rmdir)(const struct sys *s, const char *path, struct err *e);
	int (*link)(const struct sys *s, const char *from, const char *to, struct err *e);
	int (*digest)(const struct sys *s, const char *path, char *ret, struct err *e);
	int (*keep)(const struct sys *s, const char *path, struct arena *a, struct sys_kept *ret,
		    struct err *e);
	int (*put_back)(const struct sys *s, const char *path, const struct sys_kept *kept,
			struct err *e);
	int (*lock)(const struct sys *s, const char *path, unsigned wait_s, int *ret_fd,
		    struct err *e);
	void (*unlock)(const struct sys *s, int fd);
	int (*locked)(const struct sys *s, const char *path, bool *ret, struct err *e);
	int (*log_to)(const struct sys *s, const char *path, struct err *e);
	int (*run)(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret,
		   struct err *e);
	int (*ask)(const struct sys *s, const char *socket, const char *what, struct buf *ret,
		   struct err *e);
	int (*apt)(const struct sys *s, const struct apt_job *job,
		   const struct apt_listener *listener, struct apt_answer *ret, struct err *e);
	int (*read_head)(const struct sys *s, const char *path, size_t max, struct buf *ret,
			 struct err *e);
	int (*sum)(const struct sys *s, const char *path, struct sys_sums *io, struct err *e);
	int (*prune)(const struct sys *s, const char *path, struct err *e);
	int (*fetch)(const struct sys *s, const struct fetch_job *job,
		     const struct fetch_listener *listener, struct err *e);
	int (*look)(const struct sys *s, const struct look_job *job, struct look_answer *ret,
		    struct err *e);
	int (*driver)(const struct sys *s, const struct driver_ask *ask, struct arena *a,
		      struct driver_answer *ret, struct err *e);
	int (*space)(const struct sys *s, const char *path, struct sys_space *ret, struct err *e);
	int (*ident)(const struct sys *s, struct sys_ident *ret, struct err *e);
	int64_t (*now)(const struct sys *s); /* seconds since the epoch */
};

struct sys {
	const struct sys_ops *ops;
	void *ctx;
	const char *root; /* "/" or the absolute path of --root: for messages and for libapt */
	bool live;        /* the running system, not an image */
	/* Downloads are kept beneath this one; NULL where nothing is downloaded. */
	const struct sys *cache;
	bool offline; /* the user wants no network */
};

/* The whole file into ret (whose limit holds). Only regular files, procfs and sysfs. */
int sys_read(const struct sys *s, const char *path, struct buf *ret, struct err *e);
/* The same, but an absent file is no error: *ret_there tells. */
int sys_read_if(const struct sys *s, const char *path, struct buf *ret, bool *ret_there,
		struct err *e);
/* The first `max` bytes at most. */
int sys_read_head(const struct sys *s, const char *path, size_t max, struct buf *ret,
		  struct err *e);
int sys_sum(const struct sys *s, const char *path, struct sys_sums *io, struct err *e);
/* Of the path itself (a link is a link). Absence is a type, not an error. */
int sys_stat(const struct sys *s, const char *path, struct sys_stat *ret, struct err *e);
/* Names in a directory, sorted; an absent directory has none. */
int sys_list(const struct sys *s, const char *path, struct arena *a, strs *ret, struct err *e);
int sys_readlink(const struct sys *s, const char *path, struct buf *ret, struct err *e);
/* Of a .ko file, also .ko.xz, .ko.zst and .ko.gz. Nothing is verified. */
int sys_module(const struct sys *s, const char *path, struct arena *a, struct sys_module *ret,
	       struct err *e);

/*
 * Put a whole file in place: new file beside it, owner, mode and extended attributes, fsync,
 * rename, fsync of the directory. Readers see the old bytes or the new ones. An existing file keeps
 * its attributes unless `attr` is given; a new one gets attr, or mode 0644 and the owner root (the
 * caller, where that is not root). Refuses to go through or over a symbolic link.
 */
int sys_replace(const struct sys *s, const char *path, const void *bytes, size_t len,
		const struct sys_attr *attr, struct err *e);
#define SYS_TEMP_HEAD ".gpuprov-" /* names of new files that are not in place yet */
#define SYS_TEMP_TAIL ".tmp"
int sys_remove(const struct sys *s, const char *path, struct err *e); /* absent is fine */
/* A file, or a folder with all that is in it. No link is followed; absent is fine. */
int sys_prune(const struct sys *s, const char *path, struct err *e);
/* With all parents; those that exist are left as they are. */
int sys_mkdirs(const struct sys *s, const char *path, unsigned mode, struct err *e);
int sys_symlink(const struct sys *s, const char *target, const char *path, struct err *e);
/* Append to a 0600 file, creating it, and fdatasync. Returns only when it is on the disk. */
int sys_append(const struct sys *s, const char *path, const void *bytes, size_t len, struct err *e);
/*
 * Create an empty 0600 file with room for that many bytes, so that appending them later does not
 * fail for want of space. A file system that cannot reserve is used as it is.
 */
int sys_reserve(const struct sys *s, const char *path, size_t bytes, struct err *e);
/* Remove a directory if it is empty; absent, or not empty, is fine. */
int sys_rmdir(const struct sys *s, const char *path, struct err *e);
/* A second name for a file, or a copy where that cannot be. What is at `to` already stays. */
int sys_link(const struct sys *s, const char *from, const char *to, struct err *e);

/* SHA-256 of a file in hex digits; "" when there is none. ret has room for SYS_DIGEST. */
int sys_digest(const struct sys *s, const char *path, char *ret, struct err *e);
/*
 * Keep a file as it is now, with its mode, owner and extended attributes, in the store, and put it
 * back from there. Bytes that were damaged in the store are refused (GP_BACKUP_DAMAGED).
 */
int sys_keep(const struct sys *s, const char *path, struct arena *a, struct sys_kept *ret,
	     struct err *e);
int sys_put_back(const struct sys *s, const char *path, const struct sys_kept *kept, struct err *e);
extern const struct rec_row sys_kept_rows[];
/*
 * Take an exclusive lock, waiting at most wait_s seconds. GP_LOCKED names the holder. sys_unlock(),
 * or the end of the process however it comes, releases it.
 */
int sys_lock(const struct sys *s, const char *path, unsigned wait_s, int *ret_fd, struct err *e);
void sys_unlock(const struct sys *s, int fd);
/* Whether somebody holds it. Looking neither makes the file nor keeps anybody from taking it. */
int sys_locked(const struct sys *s, const char *path, bool *ret, struct err *e);

/* Append what children print from now on to a 0600 file beneath the root. */
int sys_log_to(const struct sys *s, const char *path, struct err *e);

/*
 * Run a command inside the root: own process group, stdin from /dev/null, clean environment,
 * bounded in time. A non-zero exit is not an error here; not being able to start it is.
 */
int sys_run(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret, struct err *e);
/* The same; a non-zero exit is an error that carries the last lines of the output. */
int sys_run_ok(const struct sys *s, const struct sys_cmd *cmd, struct err *e);

/*
 * GET what a daemon tells on its socket ("/info"), as HTTP/1.0; the body into ret. Any answer but
 * 200, and none within a few seconds, is an error.
 */
int sys_ask(const struct sys *s, const char *socket, const char *what, struct buf *ret,
	    struct err *e);

/* Ask libapt; see sys/apt.h. */
int sys_apt(const struct sys *s, const struct apt_job *job, const struct apt_listener *listener,
	    struct apt_answer *ret, struct err *e);

/* Download files into this root, which is the cache; see sys/fetch.h. */
int sys_fetch(const struct sys *s, const struct fetch_job *job,
	      const struct fetch_listener *listener, struct err *e);
/* Look into an archive that nobody vouches for; see sys/untrusted.h. */
int sys_look(const struct sys *s, const struct look_job *job, struct look_answer *ret,
	     struct err *e);

/*
 * Ask the NVIDIA driver by its libraries; see sys/driver.h. What they say, and that they crash or
 * hang, is the answer; an error means that they could not be asked.
 */
int sys_driver(const struct sys *s, const struct driver_ask *ask, struct arena *a,
	       struct driver_answer *ret, struct err *e);

int sys_space(const struct sys *s, const char *path, struct sys_space *ret, struct err *e);
int sys_ident(const struct sys *s, struct sys_ident *ret, struct err *e);
int64_t sys_now(const struct sys *s);
