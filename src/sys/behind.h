/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashing a file behind its writer, in a thread: what is written is read again from memory and
 * hashed while the next bytes arrive.
 */
#pragma once

#include "sys/hash.h"

struct behind;

/*
 * Hash `fd` from byte `from` on; md5 may be NULL. The hashes and fd belong to the caller, who
 * leaves them alone until the end. NULL: there is no thread to be had, hash it yourself.
 */
struct behind *behind_start(int fd, unsigned long long from, struct hash *sha256, struct hash *md5);
/* So many bytes are in the file now. */
void behind_written(struct behind *b, unsigned long long have);
/* No more come: wait until all `have` are hashed. -1 with errno: they cannot be read. */
int behind_end(struct behind *b, unsigned long long have);
/* The hashes are not wanted any more. */
void behind_drop(struct behind *b);
