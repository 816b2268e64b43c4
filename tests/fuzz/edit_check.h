/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold for the edit engine whatever the text: a refusal with a place, or a result whose
 * tree is the first tree plus the operations, which a second run leaves alone and undo takes back.
 *
 * An input is one line of letters, each an operation of the target's table, and the text.
 */
#pragma once

#include "edit/edit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_op {
	char letter;
	enum edit_verb verb;
	bool replace;
	const char *const *path;
	const struct tree *(*value)(struct arena *a);
};

struct fuzz_target {
	enum edit_format format;
	const struct fuzz_op *ops; /* ends with letter NUL */
	/* What somebody else does to the file afterwards, outside of all paths of ops. */
	const char *const *user_path;
};

/* Aborts when something does not hold. */
void edit_check(const struct fuzz_target *t, const uint8_t *data, size_t size);
