/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of apt's preferences. */
#include "probes/probe.h"

#include "base/control.h"
#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

static const char *text(struct facts *f, struct piece p)
{
	return p.len ? arena_strn(f->a, p.at, p.len) : NULL;
}

static int read_file(const struct sys *sys, struct facts *f, const char *path, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct piece rest, stanza;
	bool there;

	if (sys_read_if(sys, path, &b, &there, e))
		return err_ctx(e, "reading apt's preferences");
	rest = (struct piece){ buf_str(&b), b.len };
	while (control_stanza(&rest, &stanza)) {
		struct piece package = control_get(stanza, "Package");

		if (package.len)
			*list_push(f->a, &f->pins) = (struct fact_pin){
				.file = path,
				.package = text(f, package),
				.pin = text(f, control_get(stanza, "Pin")),
				.priority = text(f, control_get(stanza, "Pin-Priority")),
			};
	}
	return 0;
}

/* As apt does: names without an extension, or with ".pref". */
static bool counts(const char *name)
{
	return !strchr(name, '.') || str_ends(name, ".pref");
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	strs names = { 0 };

	if (read_file(sys, f, "etc/apt/preferences", e) ||
	    sys_list(sys, "etc/apt/preferences.d", f->a, &names, e))
		return -1;
	list_each (&names, name)
		if (counts(*name) &&
		    read_file(sys, f, arena_printf(f->a, "etc/apt/preferences.d/%s", *name), e))
			return -1;
	fact_from(f, "pins", "etc/apt/preferences, etc/apt/preferences.d");
	return 0;
}

const struct probe probe_pins = { "pins", PROBE_NORMAL, run };
