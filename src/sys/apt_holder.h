/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a lock of apt or dpkg, in words. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Another process has a lock on this file: true, and "apt-get install foo (process 4711, for 3
 * min)" into ret. A process that cannot be seen from here is a process of another container.
 */
bool apt_holder(const char *path, struct buf *ret);

#ifdef __cplusplus
}
#endif
