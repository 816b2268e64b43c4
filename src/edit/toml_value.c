/* SPDX-License-Identifier: Apache-2.0 */
/* Reading TOML: strings, numbers, words, dates and times. */
#include "base/buf.h"
#include "edit/priv.h"

#include <string.h>

static bool at(const struct toml *t, size_t i, const char *what)
{
	size_t n = strlen(what);

	return t->n - i >= n && memcmp(t->s + i, what, n) == 0;
}

static int fail(struct toml *t, size_t off, const char *what)
{
	return parse_fail(t->p, EDIT_SYNTAX, off, "%s", what);
}

bool toml_newline(const struct toml *t, size_t *ret_len)
{
	*ret_len = 0;
	if (t->i < t->n && t->s[t->i] == '\n')
		*ret_len = 1;
	else if (at(t, t->i, "\r\n"))
		*ret_len = 2;
	return *ret_len > 0;
}

/* What no part of a TOML text may hold as it is. */
static bool control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

void toml_blanks(struct toml *t)
{
	while (t->i < t->n && (t->s[t->i] == ' ' || t->s[t->i] == '\t'))
		t->i++;
}

int toml_comment(struct toml *t)
{
	size_t nl;

	while (t->i < t->n && !control(t->s[t->i]))
		t->i++;
	if (t->i < t->n && !toml_newline(t, &nl))
		return fail(t, t->i, "a control character in a comment");
	return 0;
}

/* ---- strings ---- */

static int hex(const struct toml *t, size_t i, size_t n, unsigned *ret)
{
	unsigned c = 0;

	if (t->n - i < n)
		return -1;
	for (size_t end = i + n; i < end; i++) {
		const char *digits = "0123456789abcdef";
		const char *found = t->s[i] >= '0' ? strchr(digits, t->s[i] | 0x20) : NULL;

		if (!found)
			return -1;
		c = c << 4 | (unsigned)(found - digits);
	}
	*ret = c;
	return 0;
}

static void add_char(struct buf *b, unsigned c)
{
	static const unsigned first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	buf_addc(b, (char)(first[n] | c >> 6 * (n - 1)));
	while (--n)
		buf_addc(b, (char)(0x80 | (c >> 6 * (n - 1) & 0x3f)));
}

/* A backslash at the end of a line: it and all blanks and newlines up to the next text vanish. */
static bool line_ending(struct toml *t)
{
	size_t nl, from = t->i++;

	toml_blanks(t);
	if (!toml_newline(t, &nl)) {
		t->i = from;
		return false;
	}
	while (toml_newline(t, &nl)) {
		t->i += nl;
		toml_blanks(t);
	}
	return true;
}

/* At a backslash. */
static int escape(struct toml *t, struct buf *b, bool lines)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char c = t->i + 1 < t->n ? t->s[t->i + 1] : '\0';
	const char *found = c ? strchr(names, c) : NULL;
	size_t digits = c == 'u' ? 4 : 8;
	unsigned code;

	if (lines && line_ending(t))
		return 0;
	if (found) {
		buf_addc(b, values[found - names]);
		t->i += 2;
		return 0;
	}
	if (c != 'u' && c != 'U')
		return fail(t, t->i, "unknown escape in a string");
	if (hex(t, t->i + 2, digits, &code) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return fail(t, t->i, "no such character");
	add_char(b, code);
	t->i += 2 + digits;
	return 0;
}

/* At the closing quotes of a string of several lines, perhaps: one or two more may be its end. */
static bool closed(struct toml *t, char quote, struct buf *b)
{
	size_t n = 0;

	while (n < 5 && t->i + n < t->n && t->s[t->i + n] == quote)
		n++;
	t->i += n;
	for (size_t more = n >= 3 ? n - 3 : n; more; more--)
		buf_addc(b, quote);
	return n >= 3;
}

static int lines_string(struct toml *t, char quote, struct buf *b)
{
	size_t nl, open = t->i;

	t->i += 3;
	if (toml_newline(t, &nl))
		t->i += nl;
	while (t->i < t->n) {
		char c = t->s[t->i];

		if (c == quote) {
			if (closed(t, quote, b))
				return 0;
		} else if (c == '\\' && quote == '"') {
			if (escape(t, b, true))
				return -1;
		} else if (toml_newline(t, &nl)) {
			buf_addc(b, '\n');
			t->i += nl;
		} else if (control(c)) {
			return fail(t, t->i, "a control character in a string");
		} else {
			buf_addc(b, c);
			t->i++;
		}
	}
	return fail(t, open, "this string has no end");
}

static int line_string(struct toml *t, char quote, struct buf *b)
{
	size_t open = t->i++;

	while (t->i < t->n && t->s[t->i] != quote) {
		if (t->s[t->i] == '\\' && quote == '"') {
			if (escape(t, b, false))
				return -1;
			continue;
		}
		if (t->s[t->i] == '\n' || t->s[t->i] == '\r')
			break;
		if (control(t->s[t->i]))
			return fail(t, t->i, "a control character in a string");
		buf_addc(b, t->s[t->i++]);
	}
	if (t->i == t->n || t->s[t->i] != quote)
		return fail(t, open, "this string has no end on its line");
	t->i++;
	return 0;
}

int toml_string(struct toml *t, struct piece *ret)
{
	auto_buf struct buf b = BUF_TEXT;
	char quote = t->s[t->i];
	bool lines = at(t, t->i, quote == '"' ? "\"\"\"" : "'''");

	if (lines ? lines_string(t, quote, &b) : line_string(t, quote, &b))
		return -1;
	*ret = (struct piece){ arena_strn(&t->p->own, buf_str(&b), b.len), b.len };
	return 0;
}

/* ---- dates and times ---- */

const char *toml_time_text(struct arena *a, const struct toml_time *t)
{
	auto_buf struct buf b = BUF_TEXT;

	if (t->year >= 0)
		buf_addf(&b, "%04d-%02d-%02d", t->year, t->month, t->day);
	if (t->hour >= 0)
		buf_addf(&b, "T%02d:%02d:%02d.%09ld", t->hour, t->minute, t->second, t->nanosecond);
	if (t->offset)
		buf_addf(&b, "%+d", t->offset_minutes);
	return arena_str(a, buf_str(&b));
}

/* n digits, then the byte `end` unless that is NUL; within limits. */
static bool two(struct piece *p, size_t n, int least, int most, char end, int *ret)
{
	int v = 0;

	if (p->len < n + (end != '\0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p->at[i] < '0' || p->at[i] > '9')
			return false;
		v = v * 10 + (p->at[i] - '0');
	}
	if (v < least || v > most || (end && p->at[n] != end))
		return false;
	p->at += n + (end != '\0');
	p->len -= n + (end != '\0');
	*ret = v;
	return true;
}

static int days(int year, int month)
{
	static const int table[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return table[month - 1] + (month == 2 && leap);
}

static bool read_date(struct piece *p, struct toml_time *t)
{
	return two(p, 4, 0, 9999, '-', &t->year) && two(p, 2, 1, 12, '-', &t->month) &&
	       two(p, 2, 1, days(t->year, t->month), '\0', &t->day);
}

/* Beyond nanoseconds digits are dropped, as TOML allows. */
static bool read_fraction(struct piece *p, struct toml_time *t)
{
	long place = 100000000;
	size_t i;

	for (i = 1; i < p->len && p->at[i] >= '0' && p->at[i] <= '9'; i++, place /= 10)
		t->nanosecond += place * (p->at[i] - '0');
	p->at += i;
	p->len -= i;
	return i > 1;
}

static bool read_clock(struct piece *p, struct toml_time *t)
{
	if (!two(p, 2, 0, 23, ':', &t->hour) || !two(p, 2, 0, 59, ':', &t->minute) ||
	    !two(p, 2, 0, 59, '\0', &t->second))
		return false;
	return !p->len || *p->at != '.' || read_fraction(p, t);
}

static bool read_offset(struct piece *p, struct toml_time *t)
{
	bool minus = *p->at == '-';
	int hours, minutes;

	t->offset = true;
	if ((*p->at | 0x20) == 'z') {
		p->at++;
		p->len--;
		return true;
	}
	if (!minus && *p->at != '+')
		return false;
	p->at++;
	p->len--;
	if (!two(p, 2, 0, 23, ':', &hours) || !two(p, 2, 0, 59, '\0', &minutes))
		return false;
	t->offset_minutes = (minus ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

static bool time_value(struct piece p, struct toml_time *t)
{
	*t = (struct toml_time){ .year = -1, .hour = -1 };
	if (p.len > 2 && p.at[2] == ':')
		return read_clock(&p, t) && !p.len;
	if (!read_date(&p, t))
		return false;
	if (!p.len)
		return true;
	if (*p.at != ' ' && (*p.at | 0x20) != 't')
		return false;
	p.at++;
	p.len--;
	return read_clock(&p, t) && (!p.len || read_offset(&p, t)) && !p.len;
}

/* ---- numbers ---- */

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (unsigned)((c | 0x20) - 'a') + 10;
	return 99;
}

/* Copy the digits of a base without the underscores, each of which must stand between two. */
static bool plain_digits(struct piece *p, unsigned base, struct buf *b)
{
	size_t i = 0;

	for (; i < p->len; i++) {
		bool between = i && i + 1 < p->len && digit_value(p->at[i - 1]) < base &&
			       digit_value(p->at[i + 1]) < base;

		if (p->at[i] == '_' && between)
			continue;
		if (digit_value(p->at[i]) >= base)
			break;
		buf_addc(b, p->at[i]);
	}
	p->at += i;
	p->len -= i;
	return i > 0;
}

/* Digits of a base as a number that fits into 63 bits, or is 2^63 when negative. */
static bool to_int(const char *digits, unsigned base, bool minus, unsigned long long *ret)
{
	const unsigned long long most = 0x7fffffffffffffff + (unsigned long long)minus;
	unsigned long long v = 0;

	for (; *digits; digits++) {
		unsigned d = digit_value(*digits);

		if (v > (most - d) / base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return true;
}

/* The sign is off. Gives the decimal digits. */
static const char *int_value(struct toml *t, struct piece p, bool sign, bool minus, bool *ret_big)
{
	auto_buf struct buf b = BUF_TEXT;
	bool prefixed = p.len > 2 && *p.at == '0' && strchr("xob", p.at[1]);
	unsigned base = 10;
	unsigned long long v;

	if (prefixed) {
		base = p.at[1] == 'x' ? 16 : p.at[1] == 'o' ? 8 : 2;
		p = (struct piece){ p.at + 2, p.len - 2 };
	}
	if (!plain_digits(&p, base, &b) || p.len || (prefixed && sign))
		return NULL;
	if (!prefixed && b.len > 1 && *buf_str(&b) == '0')
		return NULL;
	if (!to_int(buf_str(&b), base, minus, &v)) {
		*ret_big = true;
		return NULL;
	}
	return arena_printf(&t->p->own, "%s%llu", minus && v ? "-" : "", v);
}

static const char *float_value(struct toml *t, struct piece p, bool minus)
{
	auto_buf struct buf b = BUF_TEXT;
	bool whole = true;

	if (minus)
		buf_addc(&b, '-');
	if (piece_eq(p, "inf") || piece_eq(p, "nan")) {
		buf_add(&b, p.at, p.len);
		return arena_str(&t->p->own, buf_str(&b));
	}
	if (p.len > 1 && p.at[0] == '0' && (digit_value(p.at[1]) < 10 || p.at[1] == '_'))
		return NULL;
	if (!plain_digits(&p, 10, &b))
		return NULL;
	if (p.len && *p.at == '.') {
		whole = false;
		buf_addc(&b, '.');
		p = (struct piece){ p.at + 1, p.len - 1 };
		if (!plain_digits(&p, 10, &b))
			return NULL;
	}
	if (p.len && (*p.at | 0x20) == 'e') {
		size_t sign = p.len > 1 && (p.at[1] == '+' || p.at[1] == '-');

		whole = false;
		buf_add(&b, p.at, 1 + sign);
		p = (struct piece){ p.at + 1 + sign, p.len - 1 - sign };
		if (!plain_digits(&p, 10, &b))
			return NULL;
	}
	return p.len || whole ? NULL : arena_str(&t->p->own, buf_str(&b));
}

/* ---- scalars ---- */

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("+-._:", c));
}

/* The bytes of a number, a word or a time; a date and a time may be parted by one blank. */
static struct piece word(const struct toml *t)
{
	size_t i = t->i;

	while (i < t->n && word_byte(t->s[i]))
		i++;
	if (i - t->i == 10 && t->s[t->i + 4] == '-' && t->n - i > 2 && t->s[i] == ' ' &&
	    digit_value(t->s[i + 1]) < 10)
		for (i++; i < t->n && word_byte(t->s[i]); i++)
			;
	return (struct piece){ t->s + t->i, i - t->i };
}

static const char *number(struct toml *t, struct piece p, enum tree_type *ret_type, bool *ret_big)
{
	bool minus = p.len && *p.at == '-', sign = minus || (p.len && *p.at == '+');
	const char *text;

	p = (struct piece){ p.at + sign, p.len - sign };
	*ret_type = TREE_INT;
	text = int_value(t, p, sign, minus, ret_big);
	if (text || *ret_big)
		return text;
	*ret_type = TREE_FLOAT;
	return float_value(t, p, minus);
}

static const char *plain_value(struct toml *t, struct piece p, enum tree_type *ret_type)
{
	struct toml_time when;
	bool big = false;
	const char *text;

	if (piece_eq(p, "true") || piece_eq(p, "false")) {
		*ret_type = TREE_BOOL;
		return arena_strn(&t->p->own, p.at, p.len);
	}
	text = number(t, p, ret_type, &big);
	if (text)
		return text;
	if (time_value(p, &when)) {
		*ret_type = TREE_TIME;
		return toml_time_text(&t->p->own, &when);
	}
	if (!p.len)
		fail(t, t->i, "expected a value");
	else if (big)
		fail(t, t->i, "a number that does not fit into 64 bits");
	else
		parse_fail(t->p, EDIT_SYNTAX, t->i, "'%.*s' is no value",
			   (int)(p.len < 80 ? p.len : 80), p.at);
	return NULL;
}

struct tree *toml_scalar(struct toml *t)
{
	struct tree *v = tree_new(&t->p->own, TREE_STRING, TREE_WRITTEN);
	bool quoted = t->i < t->n && (t->s[t->i] == '"' || t->s[t->i] == '\'');
	struct piece p;
	const char *text;

	v->from = t->i;
	if (quoted) {
		if (toml_string(t, &v->text))
			return NULL;
	} else {
		p = word(t);
		text = plain_value(t, p, &v->type);
		if (!text)
			return NULL;
		v->text = PIECE(text);
		t->i += p.len;
	}
	v->to = t->i;
	v->raw = (struct piece){ t->s + v->from, v->to - v->from };
	return v;
}
