/* SPDX-License-Identifier: Apache-2.0 */
/* An apt source of our own, in deb822 style. Fetching its indexes belongs to `packages`. */
#include "steps/step.h"

#include <stddef.h>

const struct step_kind step_repo = {
	.name = "repo",
	.required = step_file_required,
	.done = step_file_done,
	.save = step_file_save,
	.apply = step_file_apply,
	.sweep = step_file_sweep,
	.undo = step_file_undo,
};
