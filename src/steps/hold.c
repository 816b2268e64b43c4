/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding packages at the version they have: dpkg's selection, which apt, unattended-upgrades and
 * dselect obey, and a preference for exactly that version. The preferences also say whose the holds
 * are: a hold that is not among them is the user's.
 */
#include "steps/step.h"

#include "base/control.h"
#include "base/rec.h"
#include "base/str.h"
#include "base/ver.h"
#include "sys/sys.h"

#include <stddef.h>
#include <string.h>

#define STATUS "var/lib/dpkg/status"

static const char head[] = "# Written by gpuprov (apt.hold): these packages are held at the "
			   "version that was planned.\n"
			   "# Do not edit; 'gpuprov rollback' takes the holds away again.\n";

struct held {
	const char *name, *version;
	bool on_hold;
};

typedef LIST(struct held) helds;

/* Arguments: `package`, a pattern and perhaps the head of a version, as ver_deb_named() reads it.
 */
static bool named(const struct plan_step *s, const char *name, const char *version)
{
	list_each (&s->args, arg)
		if (str_eq(arg->key, "package") && ver_deb_named(name, version, arg->value))
			return true;
	return false;
}

/* Of foreign architectures too, which dpkg knows as "name:arch". */
static const char *full_name(struct piece stanza, const char *native, struct arena *a)
{
	struct piece name = control_get(stanza, "Package");
	struct piece arch = control_get(stanza, "Architecture");

	if (piece_eq(arch, "all") || piece_eq(arch, native))
		return arena_strn(a, name.at, name.len);
	return arena_printf(a, "%.*s:%.*s", (int)name.len, name.at, (int)arch.len, arch.at);
}

/* Every installed package that the step names. */
static int find(const struct sys *sys, const struct plan_step *s, struct arena *a, helds *ret,
		struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64 << 20);
	struct piece rest, stanza, line;
	const char *native = "";

	if (sys_read(sys, STATUS, &b, e))
		return -1;
	rest = (struct piece){ buf_str(&b), b.len };
	while (control_stanza(&rest, &stanza))
		if (piece_eq(control_get(stanza, "Package"), "dpkg")) {
			line = control_get(stanza, "Architecture");
			native = arena_strn(a, line.at, line.len);
		}
	rest = (struct piece){ buf_str(&b), b.len };
	while (control_stanza(&rest, &stanza)) {
		struct piece status = control_get(stanza, "Status");
		struct piece name = control_get(stanza, "Package");
		struct piece version = control_get(stanza, "Version");
		bool hold = piece_eq(status, "hold ok installed");

		if (!hold && !piece_eq(status, "install ok installed"))
			continue;
		if (named(s, arena_strn(a, name.at, name.len),
			  arena_strn(a, version.at, version.len)))
			*list_push(a, ret) =
				(struct held){ full_name(stanza, native, a),
					       arena_strn(a, version.at, version.len), hold };
	}
	return 0;
}

static const char *preferences(const helds *all, struct arena *a)
{
	auto_buf struct buf b = BUF_TEXT;

	buf_adds(&b, head);
	list_each (all, it)
		buf_addf(&b, "\nPackage: %s\nPin: version %s\nPin-Priority: 998\n", it->name,
			 it->version);
	return arena_str(a, buf_str(&b));
}

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf now = BUF_INIT(1 << 20);
	helds all = { 0 };

	if (find(sys, s, &a, &all, e) || sys_read_if(sys, HELD_FILE, &now, ret, e))
		return -1;
	*ret &= str_eq(buf_str(&now), preferences(&all, &a));
	list_each (&all, it)
		*ret &= it->on_hold;
	return 0;
}

/* ---- undo ---- */

struct saved {
	strs held; /* of these packages: on hold before */
	struct sys_kept file;
};

static const struct rec_row saved_rows[] = {
	REC_ROW(struct saved, held, REC_STRS, "packages that were on hold"),
	{ .name = "file",
	  .type = REC_OBJ,
	  .offset = offsetof(struct saved, file),
	  .rows = sys_kept_rows,
	  .help = "our preferences as they were" },
	REC_END,
};

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct jw j = { .out = ret, .compact = true };
	struct saved saved = { 0 };
	helds all = { 0 };

	if (find(sys, s, &a, &all, e) || sys_keep(sys, HELD_FILE, &a, &saved.file, e))
		return -1;
	list_each (&all, it)
		if (it->on_hold)
			list_add(&a, &saved.held, it->name);
	rec_write(&j, saved_rows, &saved);
	return 0;
}

/* apt-mark knows nothing that dpkg does not; it is there wherever apt is. */
static int mark(const struct sys *sys, const char *verb, const strs *names, struct arena *a,
		struct err *e)
{
	strs argv = { 0 };
	struct sys_cmd cmd = { .timeout_s = 120 };

	if (!names->n)
		return 0;
	list_add(a, &argv, "/usr/bin/apt-mark");
	list_add(a, &argv, verb);
	list_each (names, name)
		list_add(a, &argv, *name);
	list_add(a, &argv, NULL);
	cmd.argv = argv.at;
	return sys_run_ok(sys, &cmd, e);
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	auto_arena struct arena a = { 0 };
	helds all = { 0 };
	strs names = { 0 };
	const char *text;

	(void)run;
	if (find(sys, s, &a, &all, e))
		return -1;
	list_each (&all, it)
		if (!it->on_hold)
			list_add(&a, &names, it->name);
	text = preferences(&all, &a);
	/* First the file: a hold of ours that nobody could tell from the user's would stay. */
	if (sys_mkdirs(sys, "etc/apt/preferences.d", 0755, e) ||
	    sys_replace(sys, HELD_FILE, text, strlen(text), NULL, e))
		return -1;
	return mark(sys, "hold", &names, &a, e);
}

static bool listed(const strs *list, const char *word)
{
	list_each (list, one)
		if (str_eq(*one, word))
			return true;
	return false;
}

static int undo(const struct sys *sys, const struct plan_step *s, const char *text,
		const struct step_run *run, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct saved before = { 0 };
	helds all = { 0 };
	strs release = { 0 };

	(void)run;
	if (rec_read(text, strlen(text), "the journal", saved_rows, &before, &a, e) ||
	    find(sys, s, &a, &all, e))
		return -1;
	list_each (&all, it)
		if (it->on_hold && !listed(&before.held, it->name))
			list_add(&a, &release, it->name);
	if (mark(sys, "unhold", &release, &a, e))
		return -1;
	return sys_put_back(sys, HELD_FILE, &before.file, e);
}

const struct step_kind step_hold = {
	.name = "hold",
	.required = (const char *const[]){ "package", NULL },
	.done = done,
	.save = save,
	.apply = apply,
	.undo = undo,
};
