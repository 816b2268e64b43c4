/* SPDX-License-Identifier: Apache-2.0 */
/* One error on its way up. */
#include "base/err.h"

#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void err_set_(struct err *e, enum code code, const char *fmt, ...)
{
	va_list ap;
	char *text;

	/* First the new text: the old one may be among its arguments. */
	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	err_drop(e);
	e->code = code;
	e->text = text;
}

void err_ctx_(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *before;
	char *after = e->text;

	va_start(ap, fmt);
	before = mem_vprintf(fmt, ap);
	va_end(ap);
	e->text = mem_printf("%s: %s", before, after ? after : "failed");
	free(before);
	free(after);
}

static enum code code_of_errno(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
		return GP_NO_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return GP_NO_SPACE;
	case EROFS:
		return GP_READ_ONLY;
	case ENOENT:
	case ENOTDIR:
		return GP_NO_FILE;
	default:
		return GP_IO;
	}
}

void err_errno_(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	char *what;
	char reason[128];

	va_start(ap, fmt);
	what = mem_vprintf(fmt, ap);
	va_end(ap);
	err_set_(e, code_of_errno(errnum), "%s: %s", what,
		 strerror_r(errnum, reason, sizeof(reason)));
	free(what);
}

void err_way(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->n_ways == ERR_WAYS)
		return;
	va_start(ap, fmt);
	e->ways[e->n_ways++] = mem_vprintf(fmt, ap);
	va_end(ap);
}

void err_at(struct err *e, const struct span *at)
{
	char *file = at->file ? mem_strdup(at->file) : NULL;

	mem_free_const(e->at.file);
	e->at = *at;
	e->at.file = file;
}

void err_drop(struct err *e)
{
	free(e->text);
	mem_free_const(e->at.file);
	for (size_t i = 0; i < e->n_ways; i++)
		free(e->ways[i]);
	*e = (struct err){ 0 };
}

void err_move(struct err *to, struct err *from)
{
	err_drop(to);
	*to = *from;
	*from = (struct err){ 0 };
}
