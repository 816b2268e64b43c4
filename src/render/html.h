/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a plan: a page, its drawing, the same as a graph for other programs. Pure. */
#pragma once

#include "facts.h"
#include "plan.h"

/* One self-contained page; `f` knows what is in the files that change. */
void render_html(const struct plan *p, const struct facts *f, struct buf *ret);

/* The steps and their needs in the language of Graphviz. */
void render_dot(const struct plan *p, struct buf *ret);

/* The parts of the page. */
void html_text(const char *text, size_t len, struct buf *ret);
void html_diff(const char *old, const char *text, struct buf *ret);
void html_graph(const struct plan *p, struct buf *ret);
