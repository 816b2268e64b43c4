/* SPDX-License-Identifier: Apache-2.0 */
/* Names in certificates and signatures, by libcrypto. */
#include "sys/cert.h"

#include "base/buf.h"

#include <dlfcn.h>
#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/*
 * Most commands see no certificate, and loading libcrypto takes 0.7 ms: a quarter of a small
 * command's processor time.
 */
#define NEEDED                                                                                     \
	X(ASN1_STRING_get0_data)                                                                   \
	X(ASN1_STRING_length)                                                                      \
	X(ASN1_STRING_to_UTF8)                                                                     \
	X(CMS_ContentInfo_free)                                                                    \
	X(CMS_SignerInfo_get0_signer_id)                                                           \
	X(CMS_get0_SignerInfos)                                                                    \
	X(CRYPTO_free)                                                                             \
	X(ERR_clear_error)                                                                         \
	X(OPENSSL_sk_num)                                                                          \
	X(OPENSSL_sk_value)                                                                        \
	X(X509_NAME_ENTRY_get_data)                                                                \
	X(X509_NAME_get_entry)                                                                     \
	X(X509_NAME_get_index_by_NID)                                                              \
	X(X509_NAME_oneline)                                                                       \
	X(X509_free)                                                                               \
	X(X509_get_subject_name)                                                                   \
	X(d2i_CMS_ContentInfo)                                                                     \
	X(d2i_X509)

static struct {
#define X(name) __typeof__(name) *name;
	NEEDED
#undef X
} lib;

static int load(struct err *e)
{
	static bool loaded;
	void *handle;

	if (loaded)
		return 0;
	handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		err_set(e, GP_LIBRARY_MISSING,
			"libcrypto.so.3 cannot be loaded, so signatures cannot be read: %s",
			dlerror());
		err_way(e, "apt-get install libssl3");
		return -1;
	}
#define X(name)                                                                                    \
	lib.name = (__typeof__(name) *)dlsym(handle, #name);                                       \
	if (!lib.name)                                                                             \
		return err_set(e, GP_LIBRARY_MISSING, "libcrypto.so.3 has no " #name);
	NEEDED
#undef X
	loaded = true;
	return 0;
}

static void free_x509(X509 *const *p)
{
	lib.X509_free(*p);
}

static void free_cms(CMS_ContentInfo *const *p)
{
	lib.CMS_ContentInfo_free(*p);
}

static void free_text(void *p)
{
	lib.CRYPTO_free(p, __FILE__, __LINE__);
}

static const char *as_text(const ASN1_STRING *s, struct arena *a)
{
	unsigned char *utf8 = NULL;
	int n = lib.ASN1_STRING_to_UTF8(&utf8, s);
	const char *text = n > 0 ? arena_strn(a, (const char *)utf8, (size_t)n) : NULL;

	free_text(utf8);
	return text;
}

/* The common name; "C = x, O = y" when there is none. */
static const char *name_text(const X509_NAME *name, struct arena *a)
{
	int at = name ? lib.X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
	const char *text;
	char *line;

	if (!name)
		return NULL;
	if (at >= 0)
		return as_text(lib.X509_NAME_ENTRY_get_data(lib.X509_NAME_get_entry(name, at)), a);
	line = lib.X509_NAME_oneline(name, NULL, 0);
	text = line ? arena_str(a, line) : NULL;
	free_text(line);
	return text;
}

int cert_subject(const void *der, size_t len, struct arena *a, const char **ret, struct err *e)
{
	const unsigned char *at = der;

	if (load(e))
		return -1;
	__attribute__((cleanup(free_x509))) X509 *cert =
		len <= LONG_MAX ? lib.d2i_X509(NULL, &at, (long)len) : NULL;
	lib.ERR_clear_error(); /* bytes that are no certificate are an answer */
	*ret = cert ? name_text(lib.X509_get_subject_name(cert), a) : NULL;
	return 0;
}

static const char *hex_text(const ASN1_OCTET_STRING *id, struct arena *a)
{
	auto_buf struct buf text = BUF_TEXT;
	const unsigned char *bytes = lib.ASN1_STRING_get0_data(id);

	for (int i = 0; i < lib.ASN1_STRING_length(id); i++)
		buf_addf(&text, "%02x", bytes[i]);
	return arena_str(a, buf_str(&text));
}

/* Of the first signer; the kernel's signatures have one. */
static const char *signer_of(CMS_ContentInfo *cms, struct arena *a)
{
	const OPENSSL_STACK *all = (const OPENSSL_STACK *)lib.CMS_get0_SignerInfos(cms);
	ASN1_OCTET_STRING *id = NULL;
	X509_NAME *issuer = NULL;

	if (!all || lib.OPENSSL_sk_num(all) < 1 ||
	    lib.CMS_SignerInfo_get0_signer_id(lib.OPENSSL_sk_value(all, 0), &id, &issuer, NULL) !=
		    1)
		return NULL;
	return issuer ? name_text(issuer, a) : id ? hex_text(id, a) : NULL;
}

int cert_signer(const void *der, size_t len, struct arena *a, const char **ret, struct err *e)
{
	const unsigned char *at = der;

	if (load(e))
		return -1;
	__attribute__((cleanup(free_cms))) CMS_ContentInfo *cms =
		len <= LONG_MAX ? lib.d2i_CMS_ContentInfo(NULL, &at, (long)len) : NULL;
	*ret = cms ? signer_of(cms, a) : NULL;
	lib.ERR_clear_error(); /* bytes that are no signature are an answer */
	return 0;
}
