/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot: is it on, which keys would the kernel accept, which key would DKMS sign with. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/cert.h"
#include "sys/sys.h"

#include <string.h>

#define EFIVARS "sys/firmware/efi/efivars"
/* UEFI specification 3.3, global variables: 4 bytes of attributes, 1 of value. */
#define SECURE_BOOT EFIVARS "/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
/* shim mirrors the keys it trusts, its vendor's and the machine owner's; the kernel reads them. */
#define MOK_TABLE "sys/firmware/efi/mok-variables/MokListRT"
#define MOK_VARIABLE EFIVARS "/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"

/* UEFI specification, EFI_SIGNATURE_LIST: type, sizes, then signatures of one size. */
enum { GUID = 16, LIST_HEAD = GUID + 12 };
static const unsigned char cert_x509[GUID] = { 0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
					       0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72 };

static size_t u32(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

static void add_key(struct facts *f, const char *name)
{
	list_each (&f->secure_boot.keys, it)
		if (str_eq(*it, name))
			return;
	if (name)
		list_add(f->a, &f->secure_boot.keys, name);
}

static int take_signatures(struct facts *f, const char *at, size_t len, size_t one, struct err *e)
{
	for (; one > GUID && len >= one; at += one, len -= one) {
		const char *name;

		if (cert_subject(at + GUID, one - GUID, f->a, &name, e))
			return -1;
		add_key(f, name);
	}
	return 0;
}

/* All lists; one that does not fit ends the walk, as it does for the kernel. */
static int take_lists(struct facts *f, const char *at, size_t len, struct err *e)
{
	while (len >= LIST_HEAD) {
		size_t all = u32(at + GUID), head = u32(at + GUID + 4), one = u32(at + GUID + 8);

		if (all < LIST_HEAD || all > len || head > all - LIST_HEAD)
			return 0;
		if (memcmp(at, cert_x509, GUID) == 0 &&
		    take_signatures(f, at + LIST_HEAD + head, all - LIST_HEAD - head, one, e))
			return -1;
		at += all;
		len -= all;
	}
	return 0;
}

static int learn_keys(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	const char *from = MOK_TABLE;
	bool there;

	if (sys_read_if(sys, MOK_TABLE, &b, &there, e))
		return -1;
	if (there) {
		if (take_lists(f, buf_str(&b), b.len, e))
			return -1;
	} else {
		from = MOK_VARIABLE;
		if (sys_read_if(sys, MOK_VARIABLE, &b, &there, e))
			return -1;
		if (there && b.len > 4 && take_lists(f, buf_str(&b) + 4, b.len - 4, e))
			return -1;
	}
	if (there) {
		f->secure_boot.mok_usable = TRI_YES;
		fact_from(f, "secure_boot.keys", from);
	} else {
		f->secure_boot.mok_usable = TRI_NO; /* nothing that takes enrolments started us */
		fact_unknown(f, "secure_boot.keys", "shim left no list of keys (MokListRT)");
	}
	return 0;
}

/* The key that DKMS signs with: Ubuntu's, then the one DKMS makes for itself. */
static int learn_own_key(const struct sys *sys, struct facts *f, struct err *e)
{
	static const char *const places[] = { "var/lib/shim-signed/mok/MOK.der",
					      "var/lib/dkms/mok.pub" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		auto_buf struct buf der = BUF_INIT(64 << 10);
		auto_err ignored = { 0 }; /* the next place */

		if (sys_read(sys, places[i], &der, &ignored))
			continue;
		if (cert_subject(buf_str(&der), der.len, f->a, &f->secure_boot.own_key, e))
			return -1;
		fact_from(f, "secure_boot.own_key", places[i]);
		return 0;
	}
	return 0;
}

static int learn_state(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(64);
	bool there;

	if (sys_read_if(sys, SECURE_BOOT, &b, &there, e))
		return -1;
	if (!there || b.len < 5) {
		fact_unknown(f, "secure_boot.enabled",
			     "the EFI variable SecureBoot is not readable");
		return 0;
	}
	f->secure_boot.enabled = b.data[4] == 1 ? TRI_YES : TRI_NO;
	fact_from(f, "secure_boot.enabled", SECURE_BOOT);
	return learn_keys(sys, f, e);
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	struct sys_stat st;

	if (learn_own_key(sys, f, e))
		return -1;
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
	return learn_state(sys, f, e) ? err_ctx(e, "asking about Secure Boot") : 0;
}

const struct probe probe_firmware = { "firmware", PROBE_NORMAL, run };
