/* SPDX-License-Identifier: Apache-2.0 */
/* Versions. */
#include "base/ver.h"

#include <ctype.h>
#include <string.h>

bool ver_valid(const char *v)
{
	unsigned parts = 1, digits = 0;

	for (; *v; v++) {
		if (*v == '.') {
			if (!digits)
				return false;
			parts++;
			digits = 0;
		} else if (!isdigit((unsigned char)*v) || ++digits > 6) {
			return false;
		}
	}
	return digits && parts <= 5;
}

/* Compare the run of digits at both places, as numbers of any length; moves past them. */
static int cmp_digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
	int first_diff = 0;

	while (*a < a_end && **a == '0')
		++*a;
	while (*b < b_end && **b == '0')
		++*b;
	while (*a < a_end && *b < b_end && isdigit((unsigned char)**a) &&
	       isdigit((unsigned char)**b)) {
		if (!first_diff)
			first_diff = **a - **b;
		++*a;
		++*b;
	}
	if (*a < a_end && isdigit((unsigned char)**a))
		return 1;
	if (*b < b_end && isdigit((unsigned char)**b))
		return -1;
	return first_diff;
}

int ver_cmp(const char *a, const char *b)
{
	const char *a_end = a + strlen(a), *b_end = b + strlen(b);

	while (a < a_end || b < b_end) {
		int d = cmp_digits(&a, a_end, &b, b_end);

		if (d)
			return d;
		if (a < a_end)
			a++;
		if (b < b_end)
			b++;
	}
	return 0;
}

bool ver_within(const char *v, const char *head)
{
	size_t n = strlen(head);

	return strncmp(v, head, n) == 0 && (v[n] == '\0' || v[n] == '.');
}

const char *ver_head(const char *v, unsigned parts, struct arena *a)
{
	size_t n = strcspn(v, ".");

	while (--parts && v[n])
		n += 1 + strcspn(v + n + 1, ".");
	return arena_strn(a, v, n);
}

static int weight(char c)
{
	if (c == '~')
		return -1;
	if (isdigit((unsigned char)c) || !c)
		return 0;
	return isalpha((unsigned char)c) ? c : c + 256;
}

/* One part (upstream or revision) in Debian's order. */
static int cmp_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		int d;

		while ((a < a_end && !isdigit((unsigned char)*a)) ||
		       (b < b_end && !isdigit((unsigned char)*b))) {
			int wa = a < a_end ? weight(*a) : 0;
			int wb = b < b_end ? weight(*b) : 0;

			if (wa != wb)
				return wa - wb;
			a += a < a_end;
			b += b < b_end;
		}
		d = cmp_digits(&a, a_end, &b, b_end);
		if (d)
			return d;
	}
	return 0;
}

struct deb_version {
	const char *epoch, *epoch_end, *up, *up_end, *rev, *rev_end;
};

static struct deb_version split(const char *v)
{
	const char *end = v + strlen(v);
	const char *colon = strchr(v, ':');
	const char *dash = strrchr(v, '-');
	struct deb_version d = { v, colon ? colon : v, colon ? colon + 1 : v, end, end, end };

	if (dash && dash >= d.up) {
		d.up_end = dash;
		d.rev = dash + 1;
	}
	return d;
}

int ver_deb_cmp(const char *a, const char *b)
{
	struct deb_version x = split(a), y = split(b);
	int d = cmp_digits(&x.epoch, x.epoch_end, &y.epoch, y.epoch_end);

	if (!d)
		d = cmp_part(x.up, x.up_end, y.up, y.up_end);
	return d ? d : cmp_part(x.rev, x.rev_end, y.rev, y.rev_end);
}

struct piece ver_deb_upstream(const char *v)
{
	struct deb_version d = split(v);

	return (struct piece){ d.up, (size_t)(d.up_end - d.up) };
}

bool ver_deb_named(const char *name, const char *v, const char *spec)
{
	size_t n = strcspn(spec, " ");
	bool star = n && spec[n - 1] == '*';

	if (strncmp(name, spec, n - star) != 0 || (!star && name[n]))
		return false;
	return !spec[n] || ver_deb_within(v, spec + n + 1);
}

bool ver_deb_within(const char *v, const char *head)
{
	struct piece up = ver_deb_upstream(v);
	size_t n = strlen(head);

	return up.len >= n && memcmp(up.at, head, n) == 0 &&
	       (up.len == n || !isdigit((unsigned char)up.at[n]));
}
