/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make text for people share. */
#pragma once

#include "render/render.h"

/* `code` is an SGR parameter ("1;31"); nothing happens without colour. */
void colour_on(const struct style *style, const char *code, struct buf *ret);
void colour_off(const struct style *style, struct buf *ret);
void add_coloured(const struct style *style, const char *code, const char *text, struct buf *ret);

/* What was added to `ret` since `from`, for a terminal that knows no UTF-8. */
void render_ascii(const struct style *style, size_t from, struct buf *ret);
