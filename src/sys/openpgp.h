/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys a keyring holds, by fingerprint. gpg could tell, but systems that only run apt do not
 * have it (they have gpgv or sqv, which cannot). Nothing is verified here: apt does that, and only
 * with the keys whose fingerprints were compared.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * The keyring in binary, whether it comes so or in ASCII armour. Refuses what holds anything but
 * whole public keys.
 */
int openpgp_keyring(const void *bytes, size_t len, struct buf *ret, struct err *e);

/* Fingerprints, 40 digits in upper case, of the primary keys of a binary keyring. */
int openpgp_fingerprints(const struct buf *keyring, struct arena *a, strs *ret, struct err *e);
