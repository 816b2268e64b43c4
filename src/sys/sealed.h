/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running exactly the bytes that were hashed. The script is copied into a memory file, sealed
 * against any change, hashed there, and run as `/bin/sh /proc/self/fd/N`, which works whatever
 * vm.memfd_noexec says. It gets mounts of its own with a private folder for what it unpacks.
 */
#pragma once

#include "sys/sys.h"

struct sys_sealed {
	const struct sys *from; /* the root that the file is in: the cache */
	const char *path;
	const char *sha256; /* what it must be; NULL only when the user wants no check */
	/*
	 * The argument that names the folder to unpack in: "--tmpdir" (the folder is the next word)
	 * or "--tmpdir=" (it is the same word).
	 */
	const char *tmp_option;
};

/* The script's descriptor in the child: so high that scripts which use some do not hit it. */
enum { SEALED_FD = 200 };

/* Everything that is prepared before the child is made. Zero it; released when it goes. */
struct sealed {
	int fd;            /* the sealed copy */
	int parent;        /* folder that the private folder is in */
	char name[32];     /* the private folder's name there */
	char *tmp;         /* its path as the child sees it */
	char *env;         /* TMPDIR=... */
	const char **argv; /* what to run, NULL-terminated */
	char *script, *tmp_arg;
};

#define SEALED_NONE                                                                                \
	{                                                                                          \
		.fd = -1, .parent = -1                                                             \
	}
#define auto_sealed __attribute__((cleanup(sealed_release))) struct sealed

/* Removes the private folder with what is left in it. */
void sealed_release(struct sealed *r);

/* Copy, seal, hash, compare; make the private folder and the command line. */
int sealed_prepare(const struct sys *s, const struct sys_cmd *cmd, struct sealed *ret,
		   struct err *e);

/* In the child: private mounts, the private folder as /tmp and /var/tmp. -1 with errno. */
int sealed_enter(const struct sys *s, const struct sealed *r);

/* Folders of runs that were cut off; taken away by whoever sweeps. */
#define SEALED_TMP "var/lib/gpuprov/tmp"
