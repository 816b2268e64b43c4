/* SPDX-License-Identifier: Apache-2.0 */
/* What DKMS says of a module that did not compile. */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct sys;

/*
 * dpkg says only that a script ended with a status. When DKMS left the log of a failed build since
 * then (nanoseconds since the epoch), the error gets the kernel, the compiler's last words, and the
 * ways out; else it stays as it is.
 */
void dkms_explain(const struct sys *sys, int64_t since_ns, struct err *e);
