/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes and what they end the process with. */
#include "base/code.h"

#include <stddef.h>

const struct code_row code_table[] = {
#define X(name, number, status, title) { (number), (status), (title) },
#include "base/codes.inc"
#undef X
};
const unsigned code_count = sizeof(code_table) / sizeof(code_table[0]);

static const struct code_row *find(enum code code)
{
	for (unsigned i = 0; i < code_count; i++)
		if (code_table[i].code == code)
			return &code_table[i];
	return NULL;
}

enum status code_status(enum code code)
{
	const struct code_row *row = find(code);

	if (row)
		return row->status;
	if (code > GP_SYMPTOM && code < GP_SYMPTOM + 100)
		return STATUS_MISMATCH;
	return code > GP_RULE && code < GP_RULE + 100 ? STATUS_NO_PLAN : STATUS_INTERNAL;
}

const char *code_title(enum code code)
{
	const struct code_row *row = find(code);

	return row ? row->title : NULL;
}
