/* SPDX-License-Identifier: Apache-2.0 */
/* Versions are text. They are compared part by part, never turned into a number. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

/* Digits and dots, 1 to 5 parts of 1 to 6 digits: "535.161.08", "12.10", "580". */
bool ver_valid(const char *v);

/* Dotted versions, part by part as numbers; a missing part counts as 0. <0, 0, >0. */
int ver_cmp(const char *a, const char *b);

/*
 * True when v is `head` or continues it at a dot: 535 covers 535.161.08, 12.1 does not cover 12.10.
 */
bool ver_within(const char *v, const char *head);

/* The first `parts` parts: "12.8.1" has the heads "12" and "12.8". */
const char *ver_head(const char *v, unsigned parts, struct arena *a);

/* Debian's order (deb-version(7)): epoch, upstream, revision, with ~ before everything. */
int ver_deb_cmp(const char *a, const char *b);

/* The upstream part of a Debian version: "1:3.9.0-4" gives "3.9.0". */
struct piece ver_deb_upstream(const char *v);

/* True when the upstream part of Debian version v lies within `head`; NVIDIA writes "-0ubuntu1". */
bool ver_deb_within(const char *v, const char *head);

/*
 * Does a package fit "libnvidia-* 580": a name that may end in a star, then perhaps the head of its
 * version?
 */
bool ver_deb_named(const char *name, const char *v, const char *spec);
