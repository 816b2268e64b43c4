/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a call into a fake driver library: FAKE_GPU is "CALL=FATE", where the fate is a
 * number to return, or crash, hang, exit, wrong. Other calls are fine.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline const char *fate_word(const char *call)
{
	const char *fate = getenv("FAKE_GPU");
	size_t n = strlen(call);

	return fate && strncmp(fate, call, n) == 0 && fate[n] == '=' ? fate + n + 1 : "0";
}

static inline int fate(const char *call)
{
	const char *word = fate_word(call);

	if (strcmp(word, "crash") == 0)
		raise(SIGSEGV);
	if (strcmp(word, "exit") == 0)
		_exit(0);
	while (strcmp(word, "hang") == 0)
		pause();
	return atoi(word);
}
