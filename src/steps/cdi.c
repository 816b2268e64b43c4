/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CDI specification of the GPUs, kept by the toolkit's own nvidia-cdi-refresh: switched on, or
 * masked. What systemctl enable and mask do are links, so they are made as such, also in an image.
 * systemd is never told to read its units anew: that takes the GPUs from running containers.
 */
#include "engines/toolkit.h"

#include "base/rec.h"
#include "base/str.h"
#include "steps/step.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

/* Argument: `wish`, on or off. */

static const char *const units[] = { TOOLKIT_CDI_SERVICE, TOOLKIT_CDI_PATH };
enum { UNITS = sizeof(units) / sizeof(*units) };

#define OWN "etc/systemd/system"
#define NOTHING "/dev/null"

/* A link to be there, or with target NULL, to be gone. */
struct wire {
	const char *path, *target;
	const char *was; /* NULL = no link */
};

struct saved {
	LIST(struct wire) links;
	strs folders; /* that were not there */
	bool spec;    /* there was a specification */
};

static const struct rec_row wire_rows[] = {
	REC_ROW(struct wire, path, REC_STR, "the link"),
	REC_ROW(struct wire, was, REC_STR, "where it led; none = there was none"),
	REC_END,
};
static const struct rec_row saved_rows[] = {
	{ .name = "links",
	  .type = REC_LIST,
	  .offset = offsetof(struct saved, links),
	  .rows = wire_rows,
	  .size = sizeof(struct wire),
	  .help = "links as they were" },
	REC_ROW(struct saved, folders, REC_STRS, "folders that were not there"),
	REC_ROW(struct saved, spec, REC_BOOL, "there was a specification"),
	REC_END,
};

/* ---- which links ---- */

static int add_wire(const struct sys *sys, const char *path, const char *target, struct arena *a,
		    struct saved *ret, struct err *e)
{
	auto_buf struct buf was = BUF_INIT(4096);
	struct wire *w = list_push(a, &ret->links);
	struct sys_stat st;

	*w = (struct wire){ .path = path, .target = target };
	if (sys_stat(sys, path, &st, e))
		return -1;
	if (st.type == SYS_LINK && sys_readlink(sys, path, &was, e))
		return -1;
	if (st.type == SYS_LINK)
		w->was = arena_str(a, buf_str(&was));
	if (st.type == SYS_LINK || st.type == SYS_ABSENT)
		return 0;
	err_set(e, GP_UNSAFE_PATH, "/%s is no symbolic link; it is left alone", path);
	err_way(e, "move it away, then run this again");
	return -1;
}

/* Where a unit is installed; *ret NULL = it is not. */
static int find_unit(const struct sys *sys, const char *unit, struct arena *a, const char **ret,
		     struct err *e)
{
	static const char *const places[] = { "usr/lib/systemd/system", "lib/systemd/system" };

	*ret = NULL;
	for (size_t i = 0; i < 2 && !*ret; i++) {
		const char *path = arena_printf(a, "%s/%s", places[i], unit);
		struct sys_stat st;

		if (sys_stat(sys, path, &st, e))
			return -1;
		if (st.type == SYS_FILE)
			*ret = path;
	}
	return 0;
}

/* The targets of its [Install] section. */
static int wanted_by(const struct sys *sys, const char *path, struct arena *a, strs *ret,
		     struct err *e)
{
	static const char key[] = "WantedBy=";
	auto_buf struct buf text = BUF_INIT(64 << 10);
	struct piece rest, line, word;

	if (sys_read(sys, path, &text, e))
		return -1;
	rest = (struct piece){ buf_str(&text), text.len };
	while (str_line(&rest, &line)) {
		line = str_trim(line);
		if (!piece_starts(line, key))
			continue;
		line.at += sizeof(key) - 1;
		line.len -= sizeof(key) - 1;
		while (str_word(&line, &word))
			list_add(a, ret, arena_strn(a, word.at, word.len));
	}
	return 0;
}

/* *ret_units counts those that are installed: before the packages are there it is none. */
static int switch_on(const struct sys *sys, struct arena *a, struct saved *ret, size_t *ret_units,
		     struct err *e)
{
	for (size_t i = 0; i < UNITS; i++) {
		const char *own = arena_printf(a, OWN "/%s", units[i]), *path;
		strs targets = { 0 };
		struct sys_stat st;

		if (find_unit(sys, units[i], a, &path, e) || sys_stat(sys, own, &st, e))
			return -1;
		/* Somebody's own unit in its place counts; only a mask goes. */
		if (st.type == SYS_LINK && add_wire(sys, own, NULL, a, ret, e))
			return -1;
		if (!path)
			continue;
		++*ret_units;
		if (wanted_by(sys, path, a, &targets, e))
			return -1;
		list_each (&targets, target)
			if (add_wire(sys, arena_printf(a, OWN "/%s.wants/%s", *target, units[i]),
				     arena_printf(a, "/%s", path), a, ret, e))
				return -1;
	}
	return 0;
}

static int links_for(const struct sys *sys, const struct plan_step *s, struct arena *a,
		     struct saved *ret, size_t *ret_units, struct err *e)
{
	*ret_units = 0;
	if (str_eq(step_get(s, "wish"), "on"))
		return switch_on(sys, a, ret, ret_units, e);
	*ret_units = UNITS;
	for (size_t i = 0; i < UNITS; i++)
		if (add_wire(sys, arena_printf(a, OWN "/%s", units[i]), NOTHING, a, ret, e))
			return -1;
	return 0;
}

/* Enabling makes a link anew wherever it leads by another spelling; a mask must be just that. */
static bool is_right(const struct wire *w)
{
	const char *a = w->was ? strrchr(w->was, '/') : NULL;
	const char *b = w->target ? strrchr(w->target, '/') : NULL;

	return a && b ? str_eq(a, b) : a == b;
}

/* ---- the specification ---- */

static int spec_path(const struct sys *sys, struct arena *a, const char **ret, struct err *e)
{
	auto_buf struct buf env = BUF_INIT(64 << 10);
	bool there;

	if (sys_read_if(sys, TOOLKIT_CDI_ENV, &env, &there, e))
		return -1;
	*ret = toolkit_spec_path(there ? buf_str(&env) : NULL, a) + 1;
	/* /var/run is a link to /run, and nothing is removed through a link. */
	if (str_starts(*ret, "var/run/"))
		*ret += strlen("var/");
	return 0;
}

static int is_there(const struct sys *sys, const char *path, enum sys_type type, bool *ret,
		    struct err *e)
{
	struct sys_stat st;

	if (sys_stat(sys, path, &st, e))
		return -1;
	*ret = st.type == type;
	return 0;
}

/* Can the service do its work now? Before the driver is loaded it waits for that by itself. */
static int can_work(const struct sys *sys, bool *ret, struct err *e)
{
	bool systemd = false, driver = false;

	*ret = false;
	if (!sys->live)
		return 0;
	if (is_there(sys, "run/systemd/system", SYS_DIR, &systemd, e) ||
	    is_there(sys, "sys/module/nvidia", SYS_DIR, &driver, e))
		return -1;
	*ret = systemd && driver;
	return 0;
}

/* Is it there, and is every file that it mounts? */
static int is_fresh(const struct sys *sys, const char *path, struct arena *a, bool *ret,
		    struct err *e)
{
	auto_buf struct buf text = BUF_INIT(4 << 20);
	struct toolkit_spec spec;

	if (sys_read_if(sys, path, &text, ret, e))
		return -1;
	if (!*ret)
		return 0;
	toolkit_read_spec(buf_str(&text), a, &spec);
	list_each (&spec.files, file) {
		struct sys_stat st;

		if (sys_stat(sys, *file, &st, e))
			return -1;
		*ret &= st.type != SYS_ABSENT;
	}
	return 0;
}

/* ---- the step ---- */

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved now = { 0 };
	const char *spec;
	size_t n;
	bool works;

	if (links_for(sys, s, &a, &now, &n, e) || can_work(sys, &works, e) ||
	    spec_path(sys, &a, &spec, e))
		return -1;
	*ret = n > 0;
	list_each (&now.links, w)
		*ret &= is_right(w);
	if (!*ret || !works || !str_eq(step_get(s, "wish"), "on"))
		return 0;
	return is_fresh(sys, spec, &a, ret, e);
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct saved saved = { 0 };
	const char *spec;
	size_t n;

	if (links_for(sys, s, &a, &saved, &n, e) || spec_path(sys, &a, &spec, e) ||
	    is_there(sys, spec, SYS_FILE, &saved.spec, e))
		return -1;
	list_each (&saved.links, w)
		if (step_absent_folders(sys, w->path, &a, &saved.folders, e))
			return -1;
	rec_write(&j, saved_rows, &saved);
	return 0;
}

static int set_link(const struct sys *sys, const char *path, const char *target, struct arena *a,
		    struct err *e)
{
	const char *slash = strrchr(path, '/');

	if (sys_remove(sys, path, e))
		return -1;
	if (!target)
		return 0;
	return sys_mkdirs(sys, arena_strn(a, path, (size_t)(slash - path)), 0755, e) ||
			       sys_symlink(sys, target, path, e) ?
		       -1 :
		       0;
}

static int tell(const struct sys *sys, const char *verb, const char *unit, struct err *e)
{
	const char *const argv[] = { "/usr/bin/systemctl", verb, unit, NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 180 };
	bool systemd = false;

	if (sys->live && is_there(sys, "run/systemd/system", SYS_DIR, &systemd, e))
		return -1;
	return systemd ? sys_run_ok(sys, &cmd, e) : 0;
}

static int refresh(const struct sys *sys, struct err *e)
{
	bool works;

	if (tell(sys, "start", TOOLKIT_CDI_PATH, e) || can_work(sys, &works, e))
		return -1;
	return works ? tell(sys, "restart", TOOLKIT_CDI_SERVICE, e) : 0;
}

static int drop_spec(const struct sys *sys, struct arena *a, struct err *e)
{
	const char *path;

	if (spec_path(sys, a, &path, e))
		return -1;
	/* Only where such files are made anew at each boot. */
	if (!str_starts(path, "run/"))
		return 0;
	return sys_remove(sys, path, e);
}

static int no_units(struct err *e)
{
	err_set(e, GP_EDIT_PRECONDITION, "there is no " TOOLKIT_CDI_SERVICE " on this host");
	err_way(e, "it comes with nvidia-container-toolkit-base from 1.18 on: leave "
		   "container-toolkit.version out");
	return -1;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	bool on = str_eq(step_get(s, "wish"), "on");
	auto_arena struct arena a = { 0 };
	struct saved now = { 0 };
	size_t n;

	if (links_for(sys, s, &a, &now, &n, e))
		return -1;
	if (!n)
		return no_units(e);
	run->progress(run->ctx, &(struct step_progress){ .what = TOOLKIT_CDI_SERVICE });
	if (!on && (tell(sys, "stop", TOOLKIT_CDI_PATH, e) || drop_spec(sys, &a, e)))
		return -1;
	list_each (&now.links, w)
		if (!is_right(w) && set_link(sys, w->path, w->target, &a, e))
			return -1;
	return on ? refresh(sys, e) : 0;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *text,
		const struct step_run *run, struct err *e)
{
	bool on = str_eq(step_get(s, "wish"), "on"), changed = false;
	auto_arena struct arena a = { 0 };
	struct saved before = { 0 }, now = { 0 };

	(void)run;
	if (rec_read(text, strlen(text), "the journal", saved_rows, &before, &a, e))
		return -1;
	list_each (&before.links, was)
		if (add_wire(sys, was->path, was->was, &a, &now, e))
			return -1;
	list_each (&now.links, w)
		changed |= !str_eq(w->was, w->target);
	if (on && changed && tell(sys, "stop", TOOLKIT_CDI_PATH, e))
		return -1;
	list_each (&now.links, w)
		if (!str_eq(w->was, w->target) && set_link(sys, w->path, w->target, &a, e))
			return -1;
	for (size_t i = before.folders.n; i-- > 0;)
		if (sys_rmdir(sys, before.folders.at[i], e))
			return -1;
	if (on && !before.spec)
		return drop_spec(sys, &a, e);
	return !on && before.spec ? refresh(sys, e) : 0;
}

const struct step_kind step_cdi = {
	.name = "cdi",
	.required = (const char *const[]){ "wish", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
