/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON. */
#include "base/json.h"

#include "base/str.h"

#include <string.h>

static void newline(struct jw *j)
{
	if (j->compact)
		return;
	buf_addc(j->out, '\n');
	buf_pad(j->out, ' ', (size_t)j->depth * 2);
}

static void before_value(struct jw *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->need_comma)
		buf_addc(j->out, ',');
	if (j->depth)
		newline(j);
}

void jw_open(struct jw *j, char bracket)
{
	before_value(j);
	buf_addc(j->out, bracket);
	j->depth++;
	j->need_comma = false;
}

void jw_close(struct jw *j, char bracket)
{
	j->depth--;
	if (j->need_comma)
		newline(j);
	buf_addc(j->out, bracket);
	j->need_comma = true;
}

void jw_quote(struct buf *b, const char *s)
{
	size_t n = strlen(s), i = 0;

	buf_addc(b, '"');
	while (i < n) {
		unsigned c;
		int bytes = utf8_next(s + i, n - i, &c);

		if (bytes <= 0)
			buf_adds(b, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", (int)c);
		else if (c == '\n')
			buf_adds(b, "\\n");
		else if (c == '\t')
			buf_adds(b, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_addf(b, "\\u%04x", c);
		else
			buf_add(b, s + i, (size_t)bytes);
		i += bytes > 0 ? (size_t)bytes : 1;
	}
	buf_addc(b, '"');
}

void jw_key(struct jw *j, const char *key)
{
	before_value(j);
	jw_quote(j->out, key);
	buf_adds(j->out, j->compact ? ":" : ": ");
	j->after_key = true;
	j->need_comma = true;
}

void jw_str(struct jw *j, const char *value)
{
	if (!value) {
		jw_null(j);
		return;
	}
	before_value(j);
	jw_quote(j->out, value);
	j->need_comma = true;
}

void jw_int(struct jw *j, long long value)
{
	before_value(j);
	buf_addf(j->out, "%lld", value);
	j->need_comma = true;
}

void jw_bool(struct jw *j, bool value)
{
	before_value(j);
	buf_adds(j->out, value ? "true" : "false");
	j->need_comma = true;
}

void jw_null(struct jw *j)
{
	before_value(j);
	buf_adds(j->out, "null");
	j->need_comma = true;
}

void jw_put_str(struct jw *j, const char *key, const char *value)
{
	jw_key(j, key);
	jw_str(j, value);
}

void jw_put_int(struct jw *j, const char *key, long long value)
{
	jw_key(j, key);
	jw_int(j, value);
}

void jw_put_bool(struct jw *j, const char *key, bool value)
{
	jw_key(j, key);
	jw_bool(j, value);
}
