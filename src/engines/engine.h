/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container engine of a host: reading its configuration, what an edit comes to, carrying that out
 * and asking the daemon whether it knows. What is asked for are the arguments of a plan step of
 * kind `engine`, so that a command, a step and its undo see the same thing.
 *
 *	engine   docker, containerd, crio, k0s
 *	config   the file the daemon reads, as the daemon names it
 *	version  of the engine; left out: its program is asked when the step is carried out
 *	program  its binary, in the root
 *	unit     its systemd unit
 *	args     of the daemon, blanks between them
 *	name     of the runtime
 *	binary   the runtime's program
 *	default, cdi, replace, remove    "yes"
 *	cgroup   systemd or cgroupfs; left out: as runc has it
 *	restart  "never": somebody else reloads and restarts
 *	record   an edit of ours that `remove` takes back, as JSON; newest first
 */
#pragma once

#include "plan.h"
#include "runtimes/runtime.h"
#include "sys/sys.h"

#include <stdbool.h>

/* A file of a daemon's configuration, as it is on the disk. */
struct engine_file {
	const char *path; /* as the daemon names it */
	const char *real; /* beneath the root, no link on the way: this is what is written */
	bool linked;      /* the two differ */
	struct sys_stat st;
};

struct engine_view {
	const struct runtime *runtime;
	struct runtime_ask ask;
	struct runtime_answer answer;
	LIST(struct engine_file) files;
	const char *program; /* may be NULL */
	const char *unit;
	bool hands_off; /* neither reload nor restart */
	struct arena *a;
};

/*
 * The file behind a name, its symbolic links followed: those of root alone, never out of the root.
 * No file there is fine; a link that leads nowhere, or that others can change, is an error.
 */
int engine_behind(const struct sys *sys, const char *path, struct arena *a, struct engine_file *ret,
		  struct err *e);

/* "Docker version 26.1.5+dfsg1, build a72d7cd" gives "26.1.5+dfsg1"; NULL when there is none. */
const char *engine_version_in(const char *text, struct arena *a);

/*
 * Read what there is and work out the edit. Refusals are in the answer; an error means that it
 * could not even be looked at: a link that is not safe to follow, something that is no file.
 */
int engine_look(const struct sys *sys, const struct plan_step *s, struct arena *a,
		struct engine_view *ret, struct err *e);
const struct engine_file *engine_file(const struct engine_view *v, const char *path);

/* A file as it was read; NULL when it was not. */
const struct runtime_file *engine_was(const struct engine_view *v, const char *path);

/* The first refusal as an error. */
int engine_refused(const struct engine_view *v, struct err *e);
/* Can the files be written at all? Asked before anything is changed. */
int engine_writable(const struct sys *sys, const struct engine_view *v, struct err *e);

/* What the engine itself says about the candidates. No program, or one too old: nothing. */
int engine_validate(const struct sys *sys, const struct engine_view *v, struct err *e);

/* What a file has before or after the edit; NULL: it is not there. */
void engine_text(const struct engine_view *v, const char *path, bool after, const char **ret,
		 size_t *ret_len);

/*
 * All of it: let the engine judge, write, make the daemon notice, ask it. When the daemon does not
 * know the runtime then, the old files are put back, and the daemon is told again.
 */
int engine_carry_out(const struct sys *sys, const struct engine_view *v, struct err *e);

/* Take away what a run that was cut off left beside the files. */
int engine_sweep(const struct sys *sys, const struct engine_view *v, struct err *e);

/* What a step keeps for its undo: the files in the order of writing. */
struct engine_saved_file {
	const char *real; /* where it is, beneath the root */
	struct sys_kept kept;
	struct edit_record record;
};
struct engine_saved {
	LIST(struct engine_saved_file) files;
	strs folders; /* that were not there, the outermost first */
};
extern const struct rec_row engine_saved_rows[];

/* Nobody touched it since: the old bytes. Else our changes are reversed where they are. */
int engine_put_back(const struct sys *sys, const struct engine_saved_file *file, struct arena *a,
		    struct err *e);

/* The process of a daemon. */
struct engine_process {
	long long pid; /* 0 = it does not run */
	const char *exe;
	strs args; /* without its name */
	unsigned uid;
	const char *home, *xdg_config, *xdg_runtime;
	const char *cgroup; /* "/system.slice/docker.service" */
};
typedef LIST(struct engine_process) engine_processes;
/* Those of this system: what runs in a container of its own is left out. */
int engine_running(const struct sys *sys, const char *engine, struct arena *a,
		   engine_processes *ret, struct err *e);

/*
 * Make the daemon of these files notice, and ask it. The daemon that does not run, on an image or
 * because it is stopped, reads its files when it starts: nothing is done.
 */
int engine_tell(const struct sys *sys, const struct engine_view *v, enum runtime_effect effect,
		struct err *e);
/* Does the daemon know what its files say of the runtime? */
enum engine_state {
	ENGINE_SILENT, /* there is none to ask: an image, a daemon that does not run, or hands off
			*/
	ENGINE_IGNORANT,
	ENGINE_KNOWS,
};
int engine_state(const struct sys *sys, const struct engine_view *v, enum engine_state *ret,
		 struct err *e);
/* Has a containerd's file that something else generated the runtime, as its default if asked? */
int engine_generated(const struct sys *sys, const char *path, const char *name, bool as_default,
		     bool *ret, struct err *e);

/* Where containerd listens, by its file. */
const char *engine_containerd_socket(const struct engine_view *v);

/* Does it read its files anew on a signal? */
bool engine_reloads(const char *engine);
/* Wait for so many quarters of a second. */
int engine_pause(const struct sys *sys, unsigned quarters, struct err *e);
/*
 * Ask until it knows, for as long as a daemon may take to start. One that ran before and does not
 * any more (`ran`) has not survived it.
 */
int engine_await(const struct sys *sys, const struct engine_view *v, bool ran, struct err *e);
