/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file of our own. */
#include "steps/step.h"

#include <stddef.h>

const struct step_kind step_file = {
	.name = "file",
	.required = step_file_required,
	.done = step_file_done,
	.save = step_file_save,
	.apply = step_file_apply,
	.sweep = step_file_sweep,
	.undo = step_file_undo,
};
