/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that nvidia-installer put on a host, compared with its record, and cleared away by it.
 */
#pragma once

#include "runfile/record.h"

#include <stdbool.h>

struct sys;

/* *ret_there is false when there is no record. */
int driver_record_read(const struct sys *sys, struct arena *a, struct install_record *ret,
		       bool *ret_there, struct err *e);

/*
 * Compare every file and link with the record. *ret_wrong says what is wrong with the first that
 * differs, in words; NULL = nothing is.
 */
int driver_record_check(const struct sys *sys, const struct install_record *record, struct arena *a,
			const char **ret_wrong, struct err *e);

/*
 * Take away an installation that was cut off: what the record has, what it had moved away is put
 * back, and libraries of `version` that came without a record (the installer makes a file at its
 * full length before it writes it down), and modules likewise.
 */
int driver_record_clear(const struct sys *sys, const char *version, struct err *e);

/* What is left of a record's files; NULL = nothing. */
int driver_record_left(const struct sys *sys, const struct install_record *record, struct arena *a,
		       const char **ret, struct err *e);
