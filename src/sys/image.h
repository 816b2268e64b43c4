/* SPDX-License-Identifier: Apache-2.0 */
/* Making an unpacked system good enough for maintainer scripts to run in. */
#pragma once

#include "base/err.h"

/*
 * Give this process a mount namespace of its own and put /proc and a minimal /dev into the image,
 * so that nothing is left mounted however we end. Where namespaces are not allowed (EPERM), the
 * image is used as it is: many scripts need neither.
 */
int image_mounts(const char *root, struct err *e);
