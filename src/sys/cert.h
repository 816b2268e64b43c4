/* SPDX-License-Identifier: Apache-2.0 */
/* Names in certificates and signatures, by libcrypto. Nothing is verified here. */
#pragma once

#include "base/arena.h"

#include <stddef.h>

/* Common name of a certificate's subject (DER); all of the subject where it has none; else NULL. */
const char *cert_subject(const void *der, size_t len, struct arena *a);

/*
 * Who signed, by a detached PKCS#7 signature (DER) as the kernel appends it to modules: the common
 * name of the issuer, or the key id in hex. NULL when it cannot be read.
 */
const char *cert_signer(const void *der, size_t len, struct arena *a);
