/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyring of a repository: one file of our own, with keys whose fingerprints were compared when
 * the plan was made (closure/keys.c). Its bytes are part of the plan.
 */
#include "steps/step.h"

#include <stddef.h>

const struct step_kind step_keyring = {
	.name = "keyring",
	.required = (const char *const[]){ "path", "fingerprint", NULL },
	.done = step_file_done,
	.save = step_file_save,
	.apply = step_file_apply,
	.sweep = step_file_sweep,
	.undo = step_file_undo,
};
