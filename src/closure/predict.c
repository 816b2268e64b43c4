/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg's state will be when the packages of a plan are resolved. */
#include "closure/predict.h"

#include "base/control.h"
#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

#define STATUS "var/lib/dpkg/status"
#define UPDATES "var/lib/dpkg/updates"

static bool held_by_us(const struct facts *facts, struct piece name)
{
	list_each (&facts->pins, pin)
		if (str_eq(pin->file, HELD_FILE) && piece_eq(name, pin->package))
			return true;
	return false;
}

bool held_by_user(const struct facts *facts, const char *package)
{
	const struct fact_package *p = facts_package(facts, package);

	return p && p->held && !held_by_us(facts, PIECE(package));
}

/* "install reinstreq half-installed" is "install ok installed" once it was mended. */
static const char *state_after(const struct facts *facts, bool repaired, struct piece name,
			       struct piece state, struct arena *a)
{
	struct piece want, flag, is;
	bool release, finish;

	if (!str_word(&state, &want) || !str_word(&state, &flag) || !str_word(&state, &is))
		return NULL;
	release = piece_eq(want, "hold") && held_by_us(facts, name);
	finish = repaired && (piece_eq(want, "install") || piece_eq(want, "hold")) &&
		 !piece_eq(is, "not-installed") && !piece_eq(is, "config-files");
	if (!release && !finish)
		return NULL;
	return arena_printf(a, "%.*s ok %.*s", release ? (int)strlen("install") : (int)want.len,
			    release ? "install" : want.at,
			    finish ? (int)strlen("installed") : (int)is.len,
			    finish ? "installed" : is.at);
}

static void add_stanza(struct piece stanza, const char *state, struct buf *ret)
{
	struct piece line;

	while (str_line(&stanza, &line)) {
		if (state && piece_starts(line, "Status:"))
			buf_addf(ret, "Status: %s\n", state);
		else
			buf_addf(ret, "%.*s\n", (int)line.len, line.at);
	}
	buf_addc(ret, '\n');
}

/* What dpkg had to write into its status when it was cut off, in this order. */
static int read_updates(const struct sys *sys, struct arena *a, strs *ret, struct err *e)
{
	strs names = { 0 };

	if (sys_list(sys, UPDATES, a, &names, e))
		return -1;
	list_each (&names, name) {
		auto_buf struct buf b = BUF_INIT(1 << 20);

		if (strspn(*name, "0123456789") != strlen(*name))
			continue;
		if (sys_read(sys, arena_printf(a, UPDATES "/%s", *name), &b, e))
			return -1;
		list_add(a, ret, arena_str(a, buf_str(&b)));
	}
	return 0;
}

/* A later word on the same package counts. */
static bool overruled(struct piece rest, struct piece stanza)
{
	struct piece name = control_get(stanza, "Package"), later;
	struct piece arch = control_get(stanza, "Architecture");

	while (control_stanza(&rest, &later)) {
		struct piece n = control_get(later, "Package");
		struct piece c = control_get(later, "Architecture");

		if (n.len == name.len && memcmp(n.at, name.at, n.len) == 0 && c.len == arch.len &&
		    memcmp(c.at, arch.at, c.len) == 0)
			return true;
	}
	return false;
}

int predict_status(const struct plan *plan, const struct facts *facts, const struct sys *sys,
		   const struct sys *cache, const char *key, struct arena *a, const char **ret,
		   struct err *e)
{
	auto_buf struct buf now = BUF_INIT(64 << 20), after = BUF_INIT(64 << 20);
	bool repaired = plan_find(plan, "dpkg:repair") != NULL, other = false;
	const char *path = arena_printf(a, "%s/status", key);
	struct piece rest, stanza;
	strs updates = { 0 };

	*ret = NULL;
	if (!repaired && !facts_file(facts, HELD_FILE))
		return 0;
	if (sys_read(sys, STATUS, &now, e) || read_updates(sys, a, &updates, e))
		return -1;
	list_each (&updates, text)
		buf_addf(&now, "\n%s", *text);
	rest = (struct piece){ buf_str(&now), now.len };
	while (control_stanza(&rest, &stanza)) {
		const char *state = state_after(facts, repaired, control_get(stanza, "Package"),
						control_get(stanza, "Status"), a);

		if (updates.n && overruled(rest, stanza))
			continue;
		other |= state != NULL;
		add_stanza(stanza, state, &after);
	}
	if (!other)
		return 0;
	*ret = arena_printf(a, "%s/%s", cache->root, path);
	return sys_replace(cache, path, buf_str(&after), after.len, NULL, e);
}
