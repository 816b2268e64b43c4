/* SPDX-License-Identifier: Apache-2.0 */
/* Text for other engines: what all of it shares. */
#include "emit/emit.h"

int emit_part(struct emit *em, const char *name, enum template_language language,
	      const struct holes *holes, struct buf *ret, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	struct piece piece;
	bool there = false;

	if (em->door && em->door->read(em->door->ctx, name, &text, &there, e))
		return -1;
	if (there)
		piece = (struct piece){ buf_str(&text), text.len };
	else if (!template_builtin(name, &piece))
		return err_set(e, GP_INTERNAL, "there is no template '%s'", name);
	return template_fill(name, piece, language, holes, ret, e);
}
