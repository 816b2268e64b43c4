/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the words of libapt and dpkg mean. They have no error codes, and "is not signed" is what
 * libapt says of every fault of a signature. Pure; the program and the apt back end share it.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct apt_fault {
	const char *mark;  /* part of the words */
	enum code code;    /* GP_NONE: the code of what was being done */
	const char *plain; /* the cause, said plainly; NULL when the words are plain enough */
	const char *way;   /* what to do about it; NULL when that depends */
};

/* What the words mean, the most telling fault first; NULL when they are not known. */
const struct apt_fault *apt_fault_find(const char *words);

/*
 * Append one complaint, after "; " when it is not the first: "WHERE: PLAIN (WORDS)". Only the first
 * line of the words counts: libapt adds hashes and dates. `where` may be NULL.
 */
void apt_fault_add(struct buf *text, const char *where, const char *words);

/* Set the error to "DOING: TEXT", with the code of the faults that show in it and their ways out.
 */
void apt_fault_set(struct err *e, enum code code, const char *doing, const char *text);

#ifdef __cplusplus
}
#endif
