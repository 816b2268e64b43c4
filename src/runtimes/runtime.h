/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container engine, as far as its configuration goes. Pure: texts and facts in, texts out. Who
 * finds the files, validates the candidates, writes them and asks the daemon is elsewhere.
 *
 * A file runtimes/NAME.c exports `const struct runtime runtime_NAME`; the Makefile makes the table.
 */
#pragma once

#include "base/arena.h"
#include "edit/edit.h"

#include <stdbool.h>

struct runtime_file {
	const char *path; /* absolute, as the daemon names it */
	const char *text; /* NULL: there is no such file */
	size_t len;
	LIST(struct edit_record) records; /* our edits of it, newest first; removing undoes them */
};

struct runtime_ask {
	const char *version; /* of the engine, "1.7.24"; NULL = unknown */
	const char *name;    /* of the runtime: "nvidia" */
	const char *binary;  /* absolute path of the runtime's program */
	bool binary_missing;
	bool set_default, cdi;
	bool replace;            /* somebody else's settings may go */
	bool remove;             /* take everything out again; the three above do not count */
	enum tri systemd_cgroup; /* unknown = what the runc runtime has */
	strs args;               /* of the running daemon, without its name */
	struct runtime_file file;
	LIST(struct runtime_file) others; /* what reads() asked for, in the order of loading */
	edit_hash *hash;
};

/* What the daemon must do to notice. */
enum runtime_effect { RUNTIME_NOTHING, RUNTIME_RELOAD, RUNTIME_RESTART };

struct runtime_write {
	const char *path;
	const char *text; /* NULL: delete the file */
	size_t len;
	bool created;
	/* Load this text before the final one, or the daemon keeps old values; NULL = no need. */
	const char *interim;
	size_t interim_len;
	struct edit_record record; /* complete, for the journal */
};

struct runtime_issue {
	const char *path; /* the file it is about */
	struct edit_issue issue;
};

struct runtime_answer {
	LIST(struct runtime_write) writes;   /* in this order; none = nothing to do */
	LIST(struct runtime_issue) refusals; /* not empty = no writes */
	LIST(struct runtime_issue) notes;
	enum runtime_effect effect;
	const char *why; /* of the effect, for the plan */
};

struct runtime {
	const char *name; /* docker, containerd, crio */
	const char *file; /* where its configuration is unless something says otherwise */

	/*
	 * Which other files must be known: absolute paths, in the order of loading; with `*` in the
	 * last part, all files that match, by name; with `**`, all below the folder. NULL = none.
	 */
	void (*reads)(const struct runtime_ask *ask, struct arena *a, strs *ret);
	/* The file of our own, if that is all that is written; NULL = its own file is edited. */
	const char *(*own)(const strs *args, struct arena *a);
	/* Keys of the file that options of the daemon set already. NULL = both may be given. */
	void (*flag_keys)(const struct runtime_ask *ask, struct arena *a, strs *ret);
	void (*edit)(const struct runtime_ask *ask, struct arena *a, struct runtime_answer *ret);
};

/* Arguments of a daemon that are one text, blanks between them. NULL = none. */
void runtime_args(const char *text, struct arena *a, strs *ret);
/* Which file a plan names: the one of our own, or `config`. `args` may be NULL. */
const char *runtime_target(const struct runtime *r, const char *config, const char *args,
			   struct arena *a);

/* ---- for the drop-ins ---- */

struct runtime_work {
	const struct runtime_ask *ask;
	struct arena *a;
	struct runtime_answer *ret;
};

/* End an edit of a file: its text becomes a write, or its issues refusals. Closes ed. */
void runtime_put(const struct runtime_work *w, const struct runtime_file *file, struct edit *ed);
/* Undo our records of a file. False when there are none. */
bool runtime_undo(const struct runtime_work *w, const struct runtime_file *file);
/* Delete a file that is ours by its name; one that is not there is fine. */
void runtime_delete(const struct runtime_work *w, const struct runtime_file *file);
/* A refusal that is about no place in a file. */
void runtime_refuse(const struct runtime_work *w, const struct runtime_file *file,
		    enum edit_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* At the end: with refusals there are no writes. */
void runtime_settle(struct runtime_answer *ret, enum runtime_effect effect, const char *why);

/* The head of a version that is digits and dots: "20.10.24+dfsg1" gives "20.10.24"; "" = none. */
const char *runtime_version(const struct runtime_work *w);
/* Is the engine's version known and at least this? */
bool runtime_since(const struct runtime_work *w, const char *version);
/* Is this how the binary is named, by path or by its bare name? */
bool runtime_is_binary(const struct runtime_ask *ask, const struct tree *value);
/* Without the slash at the end. */
const char *runtime_folder(struct arena *a, const char *path);
/* Of two files in one folder: is `path` loaded after `ours`? */
bool runtime_later(const char *ours, const char *path);
/* Does a pattern with `*` and `?`, which stand for no slash, match the whole path? */
bool runtime_match(const char *pattern, const char *path);
/* Import patterns of a containerd file as absolute paths; what is no string is skipped. */
void runtime_imports(const struct runtime_ask *ask, struct arena *a, const struct tree *root,
		     strs *ret);
