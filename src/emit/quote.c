/* SPDX-License-Identifier: Apache-2.0 */
/* Values of other languages, written so that no text can break out of them. */
#include "emit/quote.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Words that YAML 1.1 or 1.2 reads as something else than text. */
static bool is_word_of_yaml(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no",   "on",
					     "off",  "y",     "n",   "null", NULL };

	for (size_t i = 0; words[i]; i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

/* Begins like a name or a path, so it is no number, date or sign; a colon never ends it. */
static bool is_plain(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '/')
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-/", *p) &&
		    !(*p == ':' && p[1] && p[1] != ' '))
			return false;
	return !is_word_of_yaml(text);
}

static bool is_printable(unsigned c)
{
	return c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && !utf8_is_invisible(c) &&
	       c != 0x2028 && c != 0x2029 && c != 0xfeff && (c & 0xfffe) != 0xfffe;
}

static void quote_char(struct buf *b, const char *at, int bytes, unsigned c)
{
	if (c == '"' || c == '\\')
		buf_addf(b, "\\%c", (int)c);
	else if (c == '\n')
		buf_adds(b, "\\n");
	else if (c == '\t')
		buf_adds(b, "\\t");
	else if (is_printable(c))
		buf_add(b, at, (size_t)bytes);
	else if (c < 0x10000)
		buf_addf(b, "\\u%04x", c);
	else
		buf_addf(b, "\\U%08x", c);
}

void quote_yaml(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	if (is_plain(text)) {
		buf_adds(b, text);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < n;) {
		unsigned c = 0xfffd;
		int bytes = utf8_next(text + i, n - i, &c);

		if (bytes <= 0)
			buf_adds(b, "\\ufffd");
		else
			quote_char(b, text + i, bytes, c);
		i += bytes > 0 ? (size_t)bytes : 1;
	}
	buf_addc(b, '"');
}

void quote_shell(struct buf *b, const char *text)
{
	bool plain = *text != '\0';

	for (const char *p = text; *p; p++)
		plain &= isalnum((unsigned char)*p) || strchr("._-/:=@%+,", *p);
	if (plain) {
		buf_adds(b, text);
		return;
	}
	buf_addc(b, '\'');
	for (const char *p = text; *p; p++)
		if (*p == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *p);
	buf_addc(b, '\'');
}

void quote_value(struct buf *b, const struct value *v, unsigned indent, const char *number)
{
	bool map = v->form == VALUE_MAP;

	if (v->form == VALUE_TEXT || v->form == VALUE_NULL) {
		buf_pad(b, ' ', indent);
		if (v->form == VALUE_NULL)
			buf_adds(b, "null");
		else if (number && str_eq(v->key, number))
			buf_adds(b, v->text);
		else
			quote_yaml(b, v->text);
		buf_addc(b, '\n');
		return;
	}
	if (!v->items.n) {
		buf_pad(b, ' ', indent);
		buf_adds(b, map ? "{}\n" : "[]\n");
		return;
	}
	list_each (&v->items, it) {
		bool nested = (it->form == VALUE_MAP || it->form == VALUE_LIST) && it->items.n;

		buf_pad(b, ' ', indent);
		if (map) {
			quote_yaml(b, it->key);
			buf_addc(b, ':');
		} else {
			buf_addc(b, '-');
		}
		buf_addc(b, nested ? '\n' : ' ');
		if (nested)
			quote_value(b, it, indent + 2, number);
		else
			quote_value(b, it, 0, number);
	}
}
