/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of a driver that NVIDIA's .run installed, and the version in the installer's record. */
#include "probes/probe.h"

#include "base/str.h"
#include "runfile/record.h"
#include "sys/sys.h"

static int learn_marks(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char *const marks[] = { "usr/bin/nvidia-uninstall", RECORD_PATH,
					     "var/log/nvidia-installer.log" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		struct sys_stat st;

		if (sys_stat(sys, marks[i], &st, e))
			return -1;
		/* The log alone tells of something that was; it stays after uninstalling. */
		if (st.type != SYS_ABSENT && (i < 2 || f->driver.marks.n))
			list_add(f->a, &f->driver.marks, arena_printf(f->a, "/%s", marks[i]));
	}
	return 0;
}

/*
 * Packages of a driver leave this for nvidia-installer, which stops at it. While they are there it
 * is theirs, afterwards it is a mark of what is gone.
 */
static int learn_orphan(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char mark[] = "usr/lib/nvidia/alternate-install-present";
	struct sys_stat st;

	list_each (&f->packages, p)
		if (fact_of_driver(p->name) && !str_eq(p->status, "config-files"))
			return 0;
	if (sys_stat(sys, mark, &st, e))
		return -1;
	if (st.type == SYS_FILE)
		list_add(f->a, &f->driver.marks, arena_printf(f->a, "/%s", mark));
	return 0;
}

/* The record is root's alone; anybody else sees that it is there. */
static int read_record(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(16 << 20);
	auto_err unreadable = { 0 };
	struct install_record record = { 0 };
	bool there;

	(void)e;
	if (sys_read_if(sys, RECORD_PATH, &b, &there, &unreadable) ||
	    (there && record_parse(buf_str(&b), b.len, f->a, &record, &unreadable))) {
		fact_unknown(f, "driver.record", arena_str(f->a, unreadable.text));
		return 0;
	}
	if (!record.version)
		return 0;
	f->driver.version = record.version;
	f->driver.origin = "runfile";
	fact_from(f, "driver.version", RECORD_PATH);
	return 0;
}

/* Installations that gpuprov began and that did not come to their end. */
static int learn_begun(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_err hidden = { 0 };
	strs names = { 0 };

	if (sys_list(sys, FACT_INSTALLING, f->a, &names, &hidden)) {
		/* Our own state is root's alone; anybody else may ask for the rest. */
		if (hidden.code == GP_NO_PERMISSION) {
			fact_unknown(f, "driver.installing", arena_str(f->a, hidden.text));
			return 0;
		}
		err_move(e, &hidden);
		return -1;
	}
	list_each (&names, name) {
		struct fact_file *file = list_push(f->a, &f->files);

		file->path = arena_printf(f->a, FACT_INSTALLING "/%s", *name);
		file->state = "file";
	}
	return 0;
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	if (learn_marks(sys, f, e) || learn_orphan(sys, f, e) || learn_begun(sys, f, e))
		return err_ctx(e, "looking for a driver that a .run installed");
	return f->driver.marks.n ? read_record(sys, f, e) : 0;
}

const struct probe probe_runfile = { "runfile", PROBE_NORMAL, run };
