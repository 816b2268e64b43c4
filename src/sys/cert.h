/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in certificates and signatures, by libcrypto, which is loaded when the first one comes.
 * Nothing is verified here. Bytes that cannot be read are an answer: NULL; failing means that
 * libcrypto is not there.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>

/* Common name of a certificate's subject (DER); all of the subject where it has none; else NULL. */
int cert_subject(const void *der, size_t len, struct arena *a, const char **ret, struct err *e);

/*
 * Who signed, by a detached PKCS#7 signature (DER) as the kernel appends it to modules: the common
 * name of the issuer, or the key id in hex.
 */
int cert_signer(const void *der, size_t len, struct arena *a, const char **ret, struct err *e);
