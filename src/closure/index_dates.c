/* SPDX-License-Identifier: Apache-2.0 */
/* How old package indexes are. */
#include "closure/index_dates.h"

#include "base/str.h"
#include "closure/indexes.h"
#include "sys/sys.h"

#include <string.h>

/* ---- reading a date ---- */

/* Days since the epoch, in the calendar that dates of mail are in. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	/* Years from March on, so that the day that some years have more is the last. */
	int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool number(struct piece p, unsigned long long *ret)
{
	char digits[8];

	if (!p.len || p.len >= sizeof(digits))
		return false;
	memcpy(digits, p.at, p.len);
	digits[p.len] = '\0';
	return str_to_u64(digits, ret);
}

static int month_of(struct piece p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (p.len == 3 && memcmp(p.at, names + i * 3, 3) == 0)
			return i + 1;
	return 0;
}

/* "18:50:19" */
static bool clock_of(struct piece p, int64_t *ret)
{
	unsigned long long part[3];

	for (int i = 0; i < 3; i++) {
		const char *colon = memchr(p.at, ':', p.len);
		struct piece one = { p.at, colon && i < 2 ? (size_t)(colon - p.at) : p.len };

		if ((i < 2 && !colon) || !number(one, &part[i]))
			return false;
		p.at += one.len + (i < 2), p.len -= one.len + (i < 2);
	}
	*ret = (int64_t)(part[0] * 3600 + part[1] * 60 + part[2]);
	return part[0] < 24 && part[1] < 60 && part[2] < 61;
}

/* "Sun, 22 Nov 2026 18:50:19 UTC": archives write it in UTC, and apt takes nothing else. */
static int64_t date_of(struct piece rest)
{
	struct piece word[6];
	unsigned long long day, year;
	int64_t clock;
	int month;

	for (int i = 0; i < 6; i++)
		if (!str_word(&rest, &word[i]))
			return 0;
	month = month_of(word[2]);
	if (!number(word[1], &day) || !month || !number(word[3], &year) || day < 1 || day > 31 ||
	    year < 1970 || !clock_of(word[4], &clock))
		return 0;
	if (!piece_eq(word[5], "UTC") && !piece_eq(word[5], "GMT") && !piece_eq(word[5], "+0000"))
		return 0;
	return days((int64_t)year, month, (int64_t)day) * 86400 + clock;
}

int64_t release_date(const char *text, size_t len)
{
	static const char field[] = "Date:";
	struct piece rest = { text, len }, line;

	while (str_line(&rest, &line))
		if (piece_starts(line, field))
			return date_of((struct piece){ line.at + sizeof(field) - 1,
						       line.len - (sizeof(field) - 1) });
	return 0;
}

/* ---- those that are here ---- */

struct dated {
	const char *name; /* of the file in the folder of lists */
	int64_t date;
};
typedef LIST(struct dated) dateds;

static bool is_release(const char *name)
{
	return str_ends(name, "_InRelease") || str_ends(name, "_Release");
}

/* A list is fetched into the cache's folder, or it is a link there to that of the root. */
static int read_dates(const struct sys *sys, const struct sys *cache, const struct indexes *x,
		      struct arena *a, dateds *ret, struct err *e)
{
	enum { HEAD = 16 << 10 };
	strs names = { 0 };

	if (sys_list(cache, arena_printf(a, "%s/lists", x->key), a, &names, e))
		return -1;
	list_each (&names, name) {
		const char *path = arena_printf(a, "%s/lists/%s", x->key, *name);
		auto_buf struct buf head = BUF_INIT(HEAD);
		struct sys_stat st;
		int64_t date;
		bool linked;

		if (!is_release(*name))
			continue;
		if (sys_stat(cache, path, &st, e))
			return -1;
		linked = st.type == SYS_LINK;
		if (sys_read_head(linked ? sys : cache,
				  linked ? arena_printf(a, "var/lib/apt/lists/%s", *name) : path,
				  HEAD, &head, e))
			return -1;
		date = release_date(buf_str(&head), head.len);
		if (date)
			list_add(a, ret, ((struct dated){ *name, date }));
	}
	return 0;
}

/* ---- those that were seen ---- */

static const char *memory_path(const struct indexes *x, struct arena *a)
{
	return arena_printf(a, "%s/dates", x->key);
}

/* A line each: the file's name and its date. */
static int read_memory(const struct sys *cache, const struct indexes *x, struct arena *a,
		       dateds *ret, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct piece rest, line, name, when;
	unsigned long long at;
	bool there;

	if (sys_read_if(cache, memory_path(x, a), &b, &there, e))
		return -1;
	rest = (struct piece){ buf_str(&b), b.len };
	while (there && str_line(&rest, &line))
		if (str_word(&line, &name) && str_word(&line, &when) &&
		    str_to_u64(arena_strn(a, when.at, when.len), &at))
			list_add(a, ret,
				 ((struct dated){ arena_strn(a, name.at, name.len), (int64_t)at }));
	return 0;
}

static struct dated *find(const dateds *all, const char *name)
{
	list_each (all, it)
		if (str_eq(it->name, name))
			return it;
	return NULL;
}

static int remember(const struct sys *cache, const struct indexes *x, const dateds *all,
		    struct arena *a, struct err *e)
{
	auto_buf struct buf b = BUF_TEXT;

	list_each (all, it)
		buf_addf(&b, "%s %lld\n", it->name, (long long)it->date);
	return sys_replace(cache, memory_path(x, a), buf_str(&b), b.len, NULL, e);
}

/* "mirror.example/debian/dists/bookworm" */
static const char *repository_of(const char *name, struct arena *a)
{
	const char *end = strrchr(name, '_');
	auto_buf struct buf text = BUF_TEXT;

	for (; name < end; name++)
		buf_addc(&text, *name == '_' ? '/' : *name);
	return arena_str(a, buf_str(&text));
}

/* "2 days" */
const char *index_age(int64_t seconds, struct arena *a)
{
	static const struct {
		int64_t length;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		int64_t n = seconds / units[i].length;

		if (n)
			return arena_printf(a, "%lld %s%s", (long long)n, units[i].name,
					    n == 1 ? "" : "s");
	}
	return "no time";
}

static int refuse(const struct sys *cache, const struct indexes *x, const struct dated *now,
		  const struct dated *before, struct arena *a, struct err *e)
{
	auto_err left = { 0 }; /* what is left of them is fetched again all the same */

	sys_prune(cache, arena_printf(a, "%s/lists", x->key), &left);
	sys_prune(cache, arena_printf(a, "%s/caches", x->key), &left);
	err_set(e, GP_BAD_INDEX,
		"the index of '%s' is %s older than the one that this repository gave before: an "
		"old index, served again, hides what was mended since",
		repository_of(now->name, a), index_age(before->date - now->date, a));
	err_way(e, "use another mirror, or try again later: one mirror of several may lag behind");
	err_way(e, "if the repository was really put back, forget what was seen: rm '%s/%s'",
		cache->root, memory_path(x, a));
	return -1;
}

int index_dates_check(const struct sys *sys, const struct sys *cache, const struct indexes *x,
		      struct err *e)
{
	auto_arena struct arena a = { 0 };
	dateds now = { 0 }, seen = { 0 };

	if (read_dates(sys, cache, x, &a, &now, e) || read_memory(cache, x, &a, &seen, e))
		return -1;
	list_each (&now, it) {
		struct dated *before = find(&seen, it->name);

		if (before && it->date < before->date)
			return refuse(cache, x, it, before, &a, e);
		if (before)
			before->date = it->date;
		else
			list_add(&a, &seen, *it);
	}
	return remember(cache, x, &seen, &a, e);
}
