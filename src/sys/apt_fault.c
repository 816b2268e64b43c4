/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of libapt and dpkg mean. */
#include "sys/apt_fault.h"

#include <stdbool.h>
#include <string.h>

/* First what is wrong with this machine, for then the repository is not to blame. */
static const struct apt_fault faults[] = {
	{ "No space left on device", GP_NO_SPACE, NULL, "make room on that file system" },
	{ "Read-only file system", GP_READ_ONLY, NULL, "mount that file system writable" },
	{ "BADSIG", GP_NONE, "its index was changed or damaged after it was signed",
	  "use another mirror; if all of them say so, the repository itself is damaged" },
	{ "NO_PUBKEY", GP_NONE, "it is signed with a key that is not trusted for it",
	  "put its key into the file that Signed-By of the source names, or correct Signed-By" },
	{ "EXPKEYSIG", GP_NONE, "it is signed with a key that has expired",
	  "fetch the current key of the repository" },
	{ "REVKEYSIG", GP_NONE, "it is signed with a key that was revoked",
	  "fetch the current key of the repository, from a place you trust" },
	{ "is not signed", GP_NONE, NULL,
	  "correct the address of the source, or take it out: unsigned packages are not "
	  "installed" },
	{ "does not have a Release file", GP_NONE, NULL,
	  "correct the address or the suite of the source" },
	{ "weak security information", GP_NONE, NULL,
	  "use another mirror: hashes as old as MD5 prove nothing" },
	{ "is expired", GP_NONE, NULL,
	  "if this machine's clock is right, the mirror is no longer updated: use another" },
	{ "is not valid yet", GP_NONE, NULL, "set this machine's clock: it is probably behind" },
	{ "Mirror sync in progress", GP_NONE, "the mirror is probably being updated right now",
	  "run it again in a few minutes, with --refresh" },
	{ "Hash Sum mismatch", GP_NONE, "its bytes are not those that the signed index names",
	  "run it again with --refresh; if it stays, the mirror or a proxy spoils files: use "
	  "another mirror" },
	{ "Unable to parse package file", GP_NONE, "this is no index of packages",
	  "use another mirror, or take the source out" },
	{ "Could not resolve", GP_NO_NETWORK, NULL,
	  "check the name in the source, and this machine's DNS" },
	{ "Temporary failure", GP_NO_NETWORK, NULL,
	  "check the name in the source, and this machine's DNS" },
	{ "Could not connect", GP_NO_NETWORK, NULL,
	  "check the network, and whether it needs a proxy (http_proxy)" },
	{ "Connection failed", GP_NO_NETWORK, NULL,
	  "check the network, and whether it needs a proxy (http_proxy)" },
	{ "Unable to connect", GP_NO_NETWORK, NULL,
	  "check the network, and whether it needs a proxy (http_proxy)" },
	{ "Network is unreachable", GP_NO_NETWORK, NULL, "check the network" },
	{ "Cannot initiate the connection", GP_NO_NETWORK, NULL, "check the network" },
	{ "timed out", GP_NO_NETWORK, NULL,
	  "check the network, and whether it needs a proxy (http_proxy)" },
	{ "Could not handshake", GP_NO_NETWORK, NULL,
	  "check this machine's clock and its package ca-certificates" },
	{ "ertificate verification failed", GP_NO_NETWORK, NULL,
	  "check this machine's clock and its package ca-certificates" },
	{ "404", GP_NONE, "it does not have this file",
	  "run it again with --refresh; if it stays, correct the source or use another mirror" },
	{ "File not found", GP_NONE, "it does not have this file",
	  "correct the address or the suite of the source" },
};

enum { COUNT = sizeof(faults) / sizeof(*faults) };

const struct apt_fault *apt_fault_find(const char *words)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strstr(words, faults[i].mark))
			return &faults[i];
	return NULL;
}

void apt_fault_add(struct buf *text, const char *where, const char *words)
{
	const struct apt_fault *f = apt_fault_find(words);
	int len = (int)strcspn(words, "\n");

	if (text->len)
		buf_adds(text, "; ");
	if (where)
		buf_addf(text, "%s: ", where);
	if (f && f->plain)
		buf_addf(text, "%s (%.*s)", f->plain, len, words);
	else
		buf_add(text, words, (size_t)len);
}

static bool has_way(const struct err *e, const char *way)
{
	for (size_t i = 0; i < e->n_ways; i++)
		if (strcmp(e->ways[i], way) == 0)
			return true;
	return false;
}

void apt_fault_set(struct err *e, enum code code, const char *doing, const char *text)
{
	const struct apt_fault *first = apt_fault_find(text);

	err_set(e, first && first->code ? first->code : code, "%s: %s", doing, text);
	for (size_t i = 0; i < COUNT; i++)
		if (faults[i].way && strstr(text, faults[i].mark) && !has_way(e, faults[i].way))
			err_way(e, "%s", faults[i].way);
}
