/* SPDX-License-Identifier: Apache-2.0 */
/* Names in certificates and signatures. */
#include "sys/cert.h"

#include "base/buf.h"

#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

static void free_x509(X509 *const *p)
{
	X509_free(*p);
}

static void free_cms(CMS_ContentInfo *const *p)
{
	CMS_ContentInfo_free(*p);
}

static const char *as_text(const ASN1_STRING *s, struct arena *a)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	const char *text = n > 0 ? arena_strn(a, (const char *)utf8, (size_t)n) : NULL;

	OPENSSL_free(utf8);
	return text;
}

/* The common name; "C = x, O = y" when there is none. */
static const char *name_text(const X509_NAME *name, struct arena *a)
{
	int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
	const char *text;
	char *line;

	if (!name)
		return NULL;
	if (at >= 0)
		return as_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), a);
	line = X509_NAME_oneline(name, NULL, 0);
	text = line ? arena_str(a, line) : NULL;
	OPENSSL_free(line);
	return text;
}

const char *cert_subject(const void *der, size_t len, struct arena *a)
{
	const unsigned char *at = der;
	__attribute__((cleanup(free_x509))) X509 *cert =
		len <= LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;

	ERR_clear_error(); /* bytes that are no certificate are an answer */
	return cert ? name_text(X509_get_subject_name(cert), a) : NULL;
}

static const char *hex_text(const ASN1_OCTET_STRING *id, struct arena *a)
{
	auto_buf struct buf text = BUF_TEXT;
	const unsigned char *bytes = ASN1_STRING_get0_data(id);

	for (int i = 0; i < ASN1_STRING_length(id); i++)
		buf_addf(&text, "%02x", bytes[i]);
	return arena_str(a, buf_str(&text));
}

const char *cert_signer(const void *der, size_t len, struct arena *a)
{
	const unsigned char *at = der;
	__attribute__((cleanup(free_cms))) CMS_ContentInfo *cms =
		len <= LONG_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)len) : NULL;
	const STACK_OF(CMS_SignerInfo) *all = cms ? CMS_get0_SignerInfos(cms) : NULL;
	ASN1_OCTET_STRING *id = NULL;
	X509_NAME *issuer = NULL;

	ERR_clear_error(); /* bytes that are no signature are an answer */
	if (!all || sk_CMS_SignerInfo_num(all) < 1 ||
	    CMS_SignerInfo_get0_signer_id(sk_CMS_SignerInfo_value(all, 0), &id, &issuer, NULL) != 1)
		return NULL;
	return issuer ? name_text(issuer, a) : id ? hex_text(id, a) : NULL;
}
