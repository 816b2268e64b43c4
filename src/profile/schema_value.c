/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a profile that are one text: what each type takes, and what is wrong with others.
 */
#include "profile/schema.h"

#include "base/str.h"
#include "base/ver.h"

#include <ctype.h>
#include <string.h>

enum { PATH_MAX_BYTES = 1024, NAME_MAX_BYTES = 253 };

static const char *word_fault(const char *const *words, const char *text)
{
	for (size_t i = 0; words[i]; i++)
		if (str_eq(words[i], text))
			return NULL;
	return "it is none of the words allowed here";
}

static const char *branch_fault(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n == 3 && !text[n] ? NULL : "a driver branch is three digits";
}

static const char *version_fault(const char *text)
{
	return ver_valid(text) ? NULL : "a version is digits and dots, in at most 5 parts";
}

static const char *count_fault(const char *text)
{
	unsigned long long n;

	if (strlen(text) > 7 || !isdigit((unsigned char)*text) || !str_to_u64(text, &n) || !n ||
	    n > 1000000)
		return "it takes a whole number from 1 to 1000000";
	return NULL;
}

static bool good_host(const char *s, size_t n)
{
	if (!n || n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(".-_[]:", s[i]))
			return false;
	return true;
}

static bool good_port(const char *s, size_t n)
{
	unsigned long port = 0;

	if (!n || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		port = port * 10 + (unsigned long)(s[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static const char *url_fault(const char *url)
{
	const char *host = strstr(url, "://");
	size_t n, host_n;
	const char *colon;

	if (strpbrk(url, " \t\"'<>\\^`{|}"))
		return "a URL has no spaces, quotes or brackets";
	if (str_starts(url, "file:///"))
		return NULL;
	if (!str_starts(url, "http://") && !str_starts(url, "https://"))
		return "it must start with https://, http:// or file:///";
	host += 3;
	n = strcspn(host, "/?#");
	if (memchr(host, '@', n))
		return "a user name or password does not belong into a profile; use apt's "
		       "auth.conf.d";
	colon = *host == '[' ? memchr(host, ']', n) : memchr(host, ':', n);
	if (colon && *colon == ']')
		colon = colon[1] == ':' ? colon + 1 : NULL;
	host_n = colon ? (size_t)(colon - host) : n;
	if (!good_host(host, host_n))
		return "the host name is missing or malformed";
	if (colon && !good_port(colon + 1, n - host_n - 1))
		return "the port is not between 1 and 65535";
	return NULL;
}

/* A path is written as it is resolved: no step that could lead elsewhere than it reads. */
static const char *path_fault(const char *text, bool absolute)
{
	size_t n = strlen(text);

	if (!n)
		return "a path cannot be empty";
	if (absolute && *text != '/')
		return "it must be an absolute path: it starts with /";
	if (n > PATH_MAX_BYTES)
		return "a path has at most 1024 bytes";
	if (n > 1 && text[n - 1] == '/')
		return "a path does not end with /";
	if (strstr(text, "//"))
		return "a path has no empty part: //";
	if (strpbrk(text, "\n\r\t"))
		return "a path has no line break or tab";
	for (const char *p = text; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (str_starts(p, ".") && (!p[1] || p[1] == '/') && absolute)
			return "a path has no part '.'";
		if (str_starts(p, "..") && (!p[2] || p[2] == '/') && absolute)
			return "a path has no part '..'";
		if (!*p)
			break;
	}
	if (str_starts(text, "/proc/") || str_starts(text, "/dev/") || str_starts(text, "/sys/"))
		return "nothing can be kept below /proc, /sys or /dev";
	return NULL;
}

static const char *hex_fault(const char *text, size_t digits, const char *why)
{
	return strlen(text) == digits && strspn(text, "0123456789abcdefABCDEF") == digits ? NULL :
											    why;
}

static const char *name_fault(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) > NAME_MAX_BYTES)
		return "a name starts with a letter or a digit and has at most 253 characters";
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-+", *p))
			return "a name is letters, digits, '.', '_', '+' and '-'";
	return NULL;
}

static const char *image_fault(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) > PATH_MAX_BYTES)
		return "an image is named like registry.example/path/name:tag";
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-/:@", *p))
			return "an image is named by letters, digits and ._-/:@";
	return NULL;
}

static const char *quantity_fault(const char *text)
{
	size_t n = strspn(text, "0123456789");

	n += text[n] == '.' ? 1 + strspn(text + n + 1, "0123456789") : 0;
	if (!n || !isdigit((unsigned char)*text) || n > 15 ||
	    !(str_eq(text + n, "") || (strlen(text + n) == 1 && strchr("mkMGTPE", text[n])) ||
	      (strlen(text + n) == 2 && text[n + 1] == 'i' && strchr("KMGTPE", text[n]))))
		return "a quantity is a number and a unit, like 500m, 512Mi or 2";
	return NULL;
}

static const char *bool_fault(const char *text)
{
	static const char *const accepted[] = { "true", "false", "yes", "no", "on", "off", NULL };

	return word_fault(accepted, text) ? "it takes true or false" : NULL;
}

const char *schema_fault(const struct schema_row *row, const char *text)
{
	switch (row->type) {
	case SCHEMA_WORD:
	case SCHEMA_WORDS:
		return word_fault(row->words, text);
	case SCHEMA_BOOL:
		return bool_fault(text);
	case SCHEMA_SWITCH:
		return str_eq(text, "auto") || !bool_fault(text) ? NULL :
								   "it takes auto, true or false";
	case SCHEMA_BRANCH:
		return branch_fault(text);
	case SCHEMA_VERSION:
	case SCHEMA_VERSIONS:
		return version_fault(text);
	case SCHEMA_CHOICE:
		return str_eq(text, "none") || str_eq(text, "auto") || ver_valid(text) ?
			       NULL :
			       "it takes none, auto or a version";
	case SCHEMA_COUNT:
		return count_fault(text);
	case SCHEMA_URL:
		return url_fault(text);
	case SCHEMA_PATH:
		return path_fault(text, /* absolute= */ true);
	case SCHEMA_FILE:
		return path_fault(text, /* absolute= */ false);
	case SCHEMA_SHA256:
		return hex_fault(text, 64, "a SHA-256 is 64 hex digits");
	case SCHEMA_MD5:
		return hex_fault(text, 32, "an MD5 is 32 hex digits");
	case SCHEMA_KEY_ID:
		return hex_fault(text, 40, "a fingerprint is 40 hex digits, without blanks");
	case SCHEMA_NAME:
	case SCHEMA_NAMES:
		return name_fault(text);
	case SCHEMA_IMAGE:
		return image_fault(text);
	case SCHEMA_QUANTITY:
		return quantity_fault(text);
	case SCHEMA_TEXT:
		return NULL;
	case SCHEMA_MAP:
	case SCHEMA_PART:
	case SCHEMA_LIST:
	case SCHEMA_GPUS:
	case SCHEMA_PAIRS:
	case SCHEMA_FREE:
		break;
	}
	return NULL;
}
