/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what .run installers leave: the driver by its own record, a toolkit by its compiler. */
#include "verify/priv.h"

#include "base/str.h"
#include "runfile/driver_record.h"
#include "runfile/runfile.h"
#include "sys/sys.h"

/* Every file that the .run installer put there, by its own record. */
static int check_record(struct checking *c, struct err *e)
{
	struct install_record record = { 0 };
	const char *wrong = NULL;
	bool there;

	if (driver_record_read(c->sys, c->a, &record, &there, e))
		return -1;
	if (!there)
		return conclude(c, false, "/" RECORD_PATH " is not there");
	if (!str_eq(record.version, c->wanted))
		return conclude(c, false, "the record is of %s", record.version);
	if (driver_record_check(c->sys, &record, c->a, &wrong, e))
		return -1;
	return wrong ? conclude(c, false, "%s", wrong) :
		       conclude(c, true, "%zu files and links are as they were installed",
				record.entries.n);
}

static int check_nvcc(struct checking *c, struct err *e)
{
	const char *nvcc = arena_printf(c->a, "/%s/bin/nvcc", c->post->subject);
	const char *const argv[] = { nvcc, "-V", NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 60 };
	struct sys_done done = { 0 };
	struct sys_stat st;
	bool good;

	if (sys_stat(c->sys, nvcc + 1, &st, e))
		return -1;
	if (st.type != SYS_FILE)
		return conclude(c, false, "%s is not there", nvcc);
	if (sys_run(c->sys, &cmd, &done, e))
		return -1;
	good = !done.status && runfile_nvcc_says(buf_str(&done.output), c->wanted);
	buf_release(&done.output);
	return conclude(c, good, "%s -V %s %s", nvcc, good ? "says" : "does not say", c->wanted);
}

const struct check checks_runfile[] = {
	{ "driver-record", check_record },
	{ "nvcc-run", check_nvcc },
	{ NULL, NULL },
};
