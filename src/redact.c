/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets out of text. */
#include "redact.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* One pass over a text: at..end is what is left of it. */
struct pass {
	const char *at, *end;
	const char *begin;
	struct buf *ret;
	unsigned found;
};

static size_t left(const struct pass *p)
{
	return (size_t)(p->end - p->at);
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static void hide(struct pass *p, const char *until)
{
	buf_adds(p->ret, REDACTED);
	p->at = until;
	p->found++;
}

/* ---- private keys ---- */

/* Up to the end of the last line of the block; where it has none, up to the end of the text. */
static bool hide_key(struct pass *p)
{
	static const char begin[] = "-----BEGIN ", tail[] = "PRIVATE KEY", end[] = "-----END ";
	const char *close, *stop;

	if (left(p) < sizeof(begin) || memcmp(p->at, begin, sizeof(begin) - 1) != 0)
		return false;
	close = memmem(p->at + sizeof(begin) - 1, left(p) - (sizeof(begin) - 1), "-----", 5);
	if (!close || !memmem(p->at, (size_t)(close - p->at), tail, sizeof(tail) - 1))
		return false;
	stop = memmem(close, (size_t)(p->end - close), end, sizeof(end) - 1);
	if (stop)
		stop = memmem(stop + sizeof(end) - 1, (size_t)(p->end - stop) - (sizeof(end) - 1),
			      "-----", 5);
	hide(p, stop ? stop + 5 : p->end);
	return true;
}

/* ---- user:password@ ---- */

static bool ends_authority(char c)
{
	return !c || isspace((unsigned char)c) || strchr("/?#\"'<>`,;()[]{}|", c);
}

static bool hide_userinfo(struct pass *p)
{
	const char *last = NULL, *c;

	if (left(p) < 4 || memcmp(p->at, "://", 3) != 0)
		return false;
	for (c = p->at + 3; c < p->end && !ends_authority(*c); c++)
		if (*c == '@')
			last = c;
	if (!last)
		return false;
	buf_adds(p->ret, "://");
	hide(p, last);
	return true;
}

/* ---- tokens that are known by their shape ---- */

static bool hide_token(struct pass *p)
{
	static const char *const heads[] = { "ghp_",      "gho_",  "ghs_",  "github_pat_", "glpat-",
					     "nvapi-",    "xoxb-", "xoxp-", "sk-",         "AKIA",
					     "dckr_pat_", "hvs.",  "eyJ" };
	enum { LEAST = 16 };
	const char *c = p->at;

	if (p->at > p->begin && is_name(p->at[-1]))
		return false;
	while (c < p->end && is_name(*c))
		c++;
	if (c - p->at < LEAST)
		return false;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (strncmp(p->at, heads[i], strlen(heads[i])) == 0) {
			hide(p, c);
			return true;
		}
	return false;
}

/* ---- key and value ---- */

/* Where a name says that its value is a secret: the whole name, or a part of it. */
static bool is_secret(const char *name, size_t n)
{
	static const char *const parts[] = { "password",   "passwd",      "passphrase",
					     "secret",     "token",       "apikey",
					     "api_key",    "api-key",     "access_key",
					     "access-key", "private_key", "private-key",
					     "credential", "bearer",      "session_key" };
	static const char *const whole[] = { "auth", "authorization", "pass",
					     "pwd",  "cookie",        "proxy-authorization" };

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (n == strlen(whole[i]) && strncasecmp(name, whole[i], n) == 0)
			return true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		for (size_t k = 0; k + strlen(parts[i]) <= n; k++)
			if (strncasecmp(name + k, parts[i], strlen(parts[i])) == 0)
				return true;
	return false;
}

static const char *skip_blanks(const struct pass *p, const char *c)
{
	while (c < p->end && (*c == ' ' || *c == '\t'))
		c++;
	return c;
}

/* A quote, as it may stand in a string of JSON: with backslashes before it. */
static const char *skip_quote(const struct pass *p, const char *c, size_t *ret_slashes, char *ret)
{
	const char *q = c;

	while (q < p->end && *q == '\\')
		q++;
	if (q >= p->end || (*q != '"' && *q != '\''))
		return NULL;
	*ret_slashes = (size_t)(q - c);
	*ret = *q;
	return q + 1;
}

/* The quote that closes: with as many backslashes before it as the one that opened. */
static const char *close_quote(const struct pass *p, const char *c, size_t slashes, char quote)
{
	size_t n = 0;

	for (; c < p->end; c++) {
		if (*c == quote && n == slashes)
			return c - n;
		n = *c == '\\' ? n + 1 : 0;
	}
	return p->end;
}

static const char *line_end(const struct pass *p, const char *c)
{
	const char *nl = c < p->end ? memchr(c, '\n', (size_t)(p->end - c)) : NULL;

	return nl ? nl : p->end;
}

/* Everything on the following lines that is further in than the key's own line. */
static const char *block_end(const struct pass *p, const char *key, const char *c)
{
	const char *line = key;
	size_t indent = 0;

	while (line > p->begin && line[-1] != '\n')
		line--;
	while (line[indent] == ' ')
		indent++;
	for (c = line_end(p, c); c < p->end;) {
		const char *next = c + 1;
		size_t in = 0;

		while (next + in < p->end && next[in] == ' ')
			in++;
		if (next + in < p->end && next[in] != '\n' && in <= indent)
			break;
		c = line_end(p, next);
	}
	return c;
}

/* In a string of JSON a line ends with two characters. */
static bool ends_line(const struct pass *p, const char *c)
{
	return *c == '\n' || *c == '"' || *c == '\'' ||
	       (*c == '\\' && c + 1 < p->end && strchr("nrt\"", c[1]));
}

static bool ends_word(const struct pass *p, const char *c)
{
	return ends_line(p, c) || isspace((unsigned char)*c) || strchr("&;,<>`", *c);
}

/* Where a value ends that is in no quotes. "key: a b" goes on to the end of the line. */
static const char *plain_end(const struct pass *p, const char *c, bool whole_line)
{
	const char *close = *c == '[' ? memchr(c, ']', (size_t)(p->end - c)) : NULL;

	if (close)
		return close + 1;
	while (c < p->end && !(whole_line ? ends_line(p, c) : ends_word(p, c)))
		c++;
	return c;
}

/* The value begins here: hide it. False when it is a map, whose own keys count. */
static bool hide_value(struct pass *p, const char *key, const char *c)
{
	size_t slashes;
	char quote;
	const char *inside = skip_quote(p, c, &slashes, &quote), *end;

	if (c >= p->end || *c == '{')
		return false;
	if (inside) {
		buf_add(p->ret, p->at, (size_t)(inside - p->at));
		hide(p, close_quote(p, inside, slashes, quote));
		return true;
	}
	buf_add(p->ret, p->at, (size_t)(c - p->at));
	if (*c == '\n' || *c == '|' || *c == '>') {
		end = block_end(p, key, c);
		if (end == line_end(p, c)) { /* a key without a value */
			p->at = c;
			return true;
		}
		hide(p, end);
		return true;
	}
	end = plain_end(p, c, c[-1] == ' ' || c[-1] == '\t');
	if (end == c) {
		p->at = c;
		return true;
	}
	hide(p, end);
	return true;
}

/* A name that begins here: "token = ...", "token": "...", --token ..., machine x password y. */
static bool hide_pair(struct pass *p)
{
	const char *name = p->at, *c = name, *after;
	size_t slashes;
	char quote;
	bool option = *name == '-';

	if (p->at > p->begin && is_name(p->at[-1]))
		return false;
	while (c < p->end && is_name(*c))
		c++;
	if (c == name || !is_secret(name, (size_t)(c - name)))
		return false;
	after = skip_quote(p, c, &slashes, &quote);
	after = skip_blanks(p, after ? after : c);
	if (after < p->end && (*after == ':' || *after == '='))
		return hide_value(p, name, skip_blanks(p, after + 1));
	if (after == c || after >= p->end || *after == '\n' ||
	    !(option || strncasecmp(name, "pass", 4) == 0))
		return false;
	return hide_value(p, name, after);
}

unsigned redact(const char *text, size_t len, struct buf *ret)
{
	struct pass p = { .at = text, .end = text + len, .begin = text, .ret = ret };

	while (p.at < p.end) {
		const char *name = p.at;

		if (hide_key(&p) || hide_userinfo(&p) || hide_token(&p) || hide_pair(&p))
			continue;
		/* A name is looked at once, from its begin. */
		do
			p.at++;
		while (p.at < p.end && is_name(p.at[-1]) && is_name(*p.at));
		buf_add(ret, name, (size_t)(p.at - name));
	}
	return p.found;
}
