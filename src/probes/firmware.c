/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot. */
#include "probes/probe.h"

#include "sys/sys.h"

#define EFIVARS "sys/firmware/efi/efivars"
/* UEFI specification 3.3, global variables: 4 bytes of attributes, 1 of value. */
#define SECURE_BOOT EFIVARS "/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64);
	struct sys_stat st;
	bool there;

	if (!sys->live) {
		fact_unknown(f, "secure_boot.enabled", "an image has no firmware");
		return 0;
	}
	if (sys_stat(sys, "sys/firmware/efi", &st, e))
		return err_ctx(e, "asking about Secure Boot");
	if (st.type == SYS_ABSENT) {
		f->secure_boot.enabled = TRI_NO;
		fact_from(f, "secure_boot.enabled", "there is no EFI firmware");
		return 0;
	}
	if (sys_read_if(sys, SECURE_BOOT, &b, &there, e))
		return err_ctx(e, "asking about Secure Boot");
	if (!there || b.len < 5) {
		fact_unknown(f, "secure_boot.enabled",
			     "the EFI variable SecureBoot is not readable");
		return 0;
	}
	f->secure_boot.enabled = b.data[4] == 1 ? TRI_YES : TRI_NO;
	fact_from(f, "secure_boot.enabled", SECURE_BOOT);
	return 0;
}

const struct probe probe_firmware = { "firmware", PROBE_NORMAL, run };
