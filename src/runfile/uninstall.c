/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a driver away that a .run installed. */
#include "runfile/uninstall.h"

#include "runfile/driver_record.h"
#include "runfile/installer.h"
#include "sys/sys.h"

int driver_clear(const struct sys *sys, const char *version, struct err *e)
{
	return driver_record_clear(sys, version, e) || installer_end(sys, INSTALLER_DRIVER, e) ?
		       -1 :
		       0;
}

static int uninstall(const struct sys *sys, const struct install_record *record, struct err *e)
{
	static const char *const argv[] = { "/usr/bin/nvidia-installer", "--uninstall", "--silent",
					    NULL };
	const struct sys_cmd cmd = { .argv = argv, .timeout_s = 900, .mounts = true };
	auto_arena struct arena a = { 0 };
	const char *left = NULL;

	/* Cut off in the middle, it leaves a driver that is neither there nor gone. */
	if (installer_begin(sys, INSTALLER_DRIVER, e))
		return -1;
	if (sys_run_ok(sys, &cmd, e)) {
		auto_err late = { 0 }; /* the first reason is the one to report */

		if (installer_end(sys, INSTALLER_DRIVER, &late))
			err_way(e, "what is left is cleared away by the next apply or rollback");
		return err_ctx(e, "uninstalling driver %s", record->version);
	}
	if (installer_end(sys, INSTALLER_DRIVER, e))
		return -1;
	if (driver_record_left(sys, record, &a, &left, e))
		return -1;
	if (!left)
		return 0;
	err_set(e, GP_INSTALLATION_BROKEN, "the driver was uninstalled, but %s is still there",
		left);
	err_way(e, "/var/log/nvidia-uninstall.log says why");
	return -1;
}

int driver_take_away(const struct sys *sys, const char *version, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct install_record record = { 0 };
	struct sys_stat st;
	bool there, begun;

	if (installer_begun(sys, INSTALLER_DRIVER, &begun, e))
		return -1;
	if (begun)
		return driver_clear(sys, version, e);
	if (driver_record_read(sys, &a, &record, &there, e) ||
	    sys_stat(sys, "usr/bin/nvidia-installer", &st, e))
		return -1;
	if (!there)
		return 0;
	return st.type == SYS_FILE ? uninstall(sys, &record, e) : driver_clear(sys, version, e);
}
