/* SPDX-License-Identifier: Apache-2.0 */
/* The long explanations of codes. */
#include "why.h"

/* Made by the Makefile: all of docs/why/, one file after another. */
__asm__(".section .rodata\n"
	".global why_text_begin, why_text_end\n"
	"why_text_begin:\n"
	".incbin \"" WHY_TEXT "\"\n"
	"why_text_end:\n"
	".byte 0\n"
	".previous\n");
extern const char why_text_begin[], why_text_end[];

/* "## GP0101" begins the section of a code. */
static enum code heading(struct piece line)
{
	int number = 0;

	if (!piece_starts(line, "## GP") || line.len != 9)
		return GP_NONE;
	for (size_t i = 5; i < 9; i++)
		number = number * 10 + (line.at[i] - '0');
	return (enum code)number;
}

static struct piece everything(void)
{
	return (struct piece){ why_text_begin, (size_t)(why_text_end - why_text_begin) };
}

struct piece why_text(enum code code)
{
	struct piece rest = everything(), line, found = { 0 };
	bool in = false;

	while (code != GP_NONE && str_line(&rest, &line)) {
		if (piece_starts(line, "#")) {
			if (in)
				break;
			in = heading(line) == code;
			found.at = line.at + line.len;
		} else if (in) {
			found.len = (size_t)(line.at + line.len - found.at);
		}
	}
	return str_trim((struct piece){ found.at, found.len });
}

enum code why_next(enum code after)
{
	struct piece rest = everything(), line;
	bool passed = after == GP_NONE;

	while (str_line(&rest, &line)) {
		enum code code = heading(line);

		if (code != GP_NONE && passed)
			return code;
		passed |= code != GP_NONE && code == after;
	}
	return GP_NONE;
}
