/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with holes: a small template language that is strict. The files are in templates/.
 *
 *     %# a comment, left out
 *     % if NAME        % if not NAME        % else        % end
 *     key: {{NAME}}
 *
 * `% if` asks for a flag, or whether a text is set. A hole takes a text, written so that it is one
 * value of the language whatever it holds; a number or a boolean as it is; or, alone on its line, a
 * block of lines, indented as the hole is. A name that nobody knows and a text that is not set are
 * errors with the line.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum template_language { TEMPLATE_YAML, TEMPLATE_SHELL };
enum hole_form { HOLE_TEXT, HOLE_PLAIN, HOLE_BLOCK, HOLE_FLAG };

struct hole {
	enum hole_form form;
	const char *name;
	const char *text; /* NULL: not set, or the flag is off */
};

struct holes {
	struct arena *a;
	LIST(struct hole) list;
};

void hole_text(struct holes *h, const char *name, const char *text); /* NULL = not set */
/* A number or true or false: letters and digits, checked by the schema; anything else is a bug. */
void hole_plain(struct holes *h, const char *name, const char *text);
void hole_block(struct holes *h, const char *name, const char *lines);
void hole_flag(struct holes *h, const char *name, bool on);

/* `name` is used in messages. */
int template_fill(const char *name, struct piece text, enum template_language language,
		  const struct holes *holes, struct buf *ret, struct err *e);

/* The template of that name that is built in: "k8s/namespace.yaml". False when there is none. */
bool template_builtin(const char *name, struct piece *ret);
/* All of them, in the order of their names: start with NULL, ends with NULL. */
const char *template_next(struct arena *a, const char *after);
