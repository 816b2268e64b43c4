/* SPDX-License-Identifier: Apache-2.0 */
/* A case of tests/vectors as an ask to a runtime, and what must come of it. */
#pragma once

#include "runtimes/runtime.h"

#include <jansson.h>

struct vector {
	const char *folder; /* its place */
	const char *id, *title, *engine;
	const struct runtime *runtime;
	struct runtime_ask ask;
	json_t *json; /* the whole case.json; jansson's for good */
};

/* All folders with a case.json below a folder, by name. */
void vector_list(struct arena *a, const char *top, strs *ret);
/* Aborts with a message when the case itself is broken. */
struct vector vector_load(struct arena *a, const char *folder);
/* A file of the case; NULL when it is not there. */
const char *vector_file(struct arena *a, const char *folder, const char *name, size_t *ret_len);

const char *vector_str(const json_t *o, const char *key); /* NULL when absent */

/* The tree against the JSON of `semantic`; a number that JSON cannot carry is {"$number": ...}. */
bool vector_means(const struct tree *t, const json_t *wanted);
