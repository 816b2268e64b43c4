/* SPDX-License-Identifier: Apache-2.0 */
/* Taking away a driver that NVIDIA's .run installed, before one comes by packages. */
#include "steps/step.h"

#include "base/str.h"
#include "runfile/driver_record.h"
#include "runfile/installer.h"
#include "runfile/uninstall.h"
#include "sys/sys.h"

#include <stddef.h>

/* Argument: `version`, as its record says. */

static int done(const struct sys *sys, const struct plan_step *s, bool *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct install_record record = { 0 };
	bool there, begun;

	(void)s;
	if (installer_begun(sys, INSTALLER_DRIVER, &begun, e) ||
	    driver_record_read(sys, &a, &record, &there, e))
		return -1;
	*ret = !there && !begun;
	return 0;
}

static int save(const struct sys *sys, const struct plan_step *s, struct buf *ret, struct err *e)
{
	(void)sys;
	(void)s;
	(void)e;
	buf_adds(ret, "{}");
	return 0;
}

static int apply(const struct sys *sys, const struct plan_step *s, const struct step_run *run,
		 struct err *e)
{
	run->progress(run->ctx, &(struct step_progress){ .what = "uninstalling the driver" });
	return driver_take_away(sys, step_get(s, "version"), e);
}

const struct step_kind step_driver_away = {
	.name = "driver-away",
	.required = (const char *const[]){ "version", NULL },
	.done = done,
	.save = save,
	.apply = apply,
};
